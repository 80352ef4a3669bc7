"""A moment is mapped to one position of the log, also where the server's clock went back."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from sync.past import crossing

TIMES = st.lists(st.integers(0, 30), max_size=40)


def position_at(recorded: list[int], at_ms: int) -> int:
    return crossing(lambda position: recorded[position - 1] if 1 <= position <= len(recorded) else None, at_ms)


@given(TIMES, st.integers(-1, 31))
def test_where_the_clock_never_went_back_it_is_the_last_event_recorded_by_then(recorded: list[int], at_ms: int) -> None:
    recorded.sort()
    assert position_at(recorded, at_ms) == bisect_right(recorded, at_ms)


@given(TIMES, st.integers(-1, 31))
def test_the_event_there_was_recorded_by_then_and_the_next_one_later(recorded: list[int], at_ms: int) -> None:
    position = position_at(recorded, at_ms)
    assert position == 0 or recorded[position - 1] <= at_ms
    assert position == len(recorded) or recorded[position] > at_ms


@given(TIMES, st.integers(-1, 31), st.lists(st.integers(32, 60), max_size=20))
def test_it_stays_the_same_while_the_log_grows(recorded: list[int], at_ms: int, later: list[int]) -> None:
    assert position_at(recorded + later, at_ms) == position_at(recorded, at_ms)


def test_it_takes_few_looks_however_long_the_log() -> None:
    looks: list[int] = []

    def recorded_at_ms(position: int) -> int | None:
        looks.append(position)
        return position if position <= 10**12 else None

    assert crossing(recorded_at_ms, 123_456_789_012) == 123_456_789_012
    assert len(looks) == 53
