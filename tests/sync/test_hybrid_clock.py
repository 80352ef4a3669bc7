"""The hybrid logical clock never runs backwards and is not dragged into the future."""

from hypothesis import given
from hypothesis import strategies as st

from sync.hybrid_clock import BEGINNING, latest_at, ms_of, observe, stamp, tick
from sync.limits import CLOCK_DRIFT_MS_MAX
from tests.devices import NOON

moments = st.integers(0, 2**48 - 1)
stamps = st.builds(stamp, moments, st.integers(0, 0xFFFF))


@given(stamps, stamps)
def test_law_later_stamps_are_greater_texts(one: str, other: str) -> None:
    assert (one < other) == ((ms_of(one), int(one[12:], 16)) < (ms_of(other), int(other[12:], 16)))


@given(st.lists(moments, min_size=2, max_size=30))
def test_law_each_edit_is_stamped_after_the_one_before_whatever_the_wall_clock_does(walls: list[int]) -> None:
    last = BEGINNING
    for wall in walls:
        following = tick(last, min(wall, 2**48 - 1_000))
        assert following > last
        last = following


def test_a_wall_clock_that_goes_on_is_followed() -> None:
    assert tick(stamp(NOON, 7), NOON + 1) == stamp(NOON + 1)


def test_a_wall_clock_that_stands_still_or_goes_back_leaves_the_counter() -> None:
    assert tick(stamp(NOON, 7), NOON) == stamp(NOON, 8)
    assert tick(stamp(NOON, 7), NOON - 60_000) == stamp(NOON, 8)


def test_a_counter_that_is_full_goes_on_in_the_next_millisecond() -> None:
    assert tick(stamp(NOON, 0xFFFF), NOON) == stamp(NOON + 1)


def test_a_clock_at_its_very_end_stays_there() -> None:
    assert tick("f" * 16, NOON) == "f" * 16


@given(stamps, stamps, moments)
def test_a10_law_a_stranger_pulls_a_clock_at_most_as_far_as_the_drift(last: str, seen: str, now_ms: int) -> None:
    following = observe(last, seen, now_ms)
    assert following >= last
    assert following in (last, seen)
    assert following == last or ms_of(following) <= now_ms + CLOCK_DRIFT_MS_MAX


def test_a_stamp_within_the_drift_is_followed_and_one_beyond_is_not() -> None:
    near, far = stamp(NOON + CLOCK_DRIFT_MS_MAX), stamp(NOON + CLOCK_DRIFT_MS_MAX + 1)
    assert observe(stamp(NOON), near, NOON) == near
    assert observe(stamp(NOON), far, NOON) == stamp(NOON)


def test_moments_outside_the_form_are_brought_to_its_ends() -> None:
    assert stamp(-5) == BEGINNING
    assert stamp(2**60) == "ffffffffffff0000"


def test_an_arrival_is_no_earlier_than_any_honest_stamp_of_its_millisecond() -> None:
    assert latest_at(NOON) == stamp(NOON, 0xFFFF)
    assert stamp(NOON, 0xFFFF) < stamp(NOON + 1)
