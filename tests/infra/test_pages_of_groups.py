"""No page of a pull is larger than it may be, and none ends amid events that stand together, wherever its edge is."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sync import pull
from sync.limits import EVENT_BYTES_MAX, EVENTS_PER_PUSH_MAX, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PUSH_BYTES_MAX
from sync.log import Changes
from sync.pull import CHECKPOINT_BYTES, STAMPS_BYTES_MAX, Asked
from sync.rows import EventRow
from tests.devices import new_id
from tests.infra.event_logs import Office, event, in_memory

Group = tuple[int, int]
"""How many events stand together, and how many bytes each has."""
LEAST: Final = 120


def most(count: int) -> int:
    """The bytes that each of so many may have, to be handed in at once."""
    return min(EVENT_BYTES_MAX, PUSH_BYTES_MAX // count - 1)


groups = st.integers(1, EVENTS_PER_PUSH_MAX).flatmap(
    lambda count: st.tuples(st.just(count), st.integers(LEAST, most(count)) | st.just(most(count)))
)


def rows_of(stored: Sequence[Group]) -> list[EventRow]:
    rows = [event(1, body=b"{}", scope="catalog")]
    for count, size in stored:
        together = new_id()
        for number in range(1, count + 1):
            tx = b'"tx":{"i":%d,"id":"%b","n":%d}' % (number, together.encode(), count) if count > 1 else b'"tx_":0'
            said = b'{%b,"x":"' % tx
            rows.append(event(len(rows) + 1, body=said + b"x" * (size - len(said) - 2) + b'"}', scope="catalog"))
    return rows


def frames(office: Office, cursor: int, *, limit: int, history: bool) -> tuple[bytes, list[dict[str, Any]]]:
    asked = Asked(cursor=cursor, person=None, limit=limit, bytes_max=PAGE_BYTES_MAX, history=history)
    with office.log.moment(office.tenant) as moment:
        page = pull.page(moment, asked)
    return page, [orjson.loads(line) for line in page.splitlines()]


def pages_keep_to_their_size(office: Office, stored: Sequence[Group], *, limit: int, history: bool) -> None:
    """Page after page from behind the first event to the head."""
    ends, cursor = {1}, 1
    for count, _ in stored:
        ends.add(max(ends) + count)
    sent = list[int]()
    while cursor < max(ends):
        page, told = frames(office, cursor, limit=limit, history=history)
        positions = [frame["position"] for frame in told[:-1]]
        checkpoint, before = told[-1], cursor
        cursor = checkpoint["cursor"]
        assert positions == list(range(before + 1, cursor + 1)), "whatever is next, and something"
        assert cursor in ends, "no group is cut in two"
        is_one_group = not {each for each in ends if before < each < cursor}
        assert len(positions) <= limit or is_one_group
        if is_one_group:
            own = sum(len(orjson.dumps(frame["event"])) + 1 for frame in told[:-1])
            assert own <= max(PUSH_BYTES_MAX, EVENT_BYTES_MAX)
            assert all(len(orjson.dumps({**frame, "event": 0})) <= STAMPS_BYTES_MAX for frame in told[:-1])
            assert len(page) <= own + len(positions) * STAMPS_BYTES_MAX + CHECKPOINT_BYTES
        else:
            assert len(page) <= PAGE_BYTES_MAX
        sent += positions
    assert sent == list(range(2, max(ends) + 1))


LARGEST: Final[Sequence[Group]] = [
    *((1, EVENT_BYTES_MAX), (500, most(500)), (1, LEAST), (16, most(16)), (17, most(17)), (499, LEAST), (2, 40_000)),
    *((1, EVENT_BYTES_MAX - 1), (3, EVENT_BYTES_MAX), (500, LEAST), (500, LEAST), (250, most(250)), (2, LEAST)),
]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(groups, min_size=1, max_size=6),
    st.sampled_from([1, 2, 499, 500, 501, PAGE_EVENTS_MAX]),
    st.booleans(),
)
@example(LARGEST, PAGE_EVENTS_MAX, False)
@example([(2, most(2)), (500, most(500))] * 2, PAGE_EVENTS_MAX, False)
@example([(78, most(78))], 1, True)
@example([(1, LEAST)] * 999 + [(2, LEAST)], PAGE_EVENTS_MAX, True)
def test_law_a_page_is_of_its_size_or_one_group_whole_wherever_its_edge_falls(
    stored: list[Group],
    limit: int,
    history: bool,  # drawn
) -> None:
    office = in_memory().new()
    office.store(Changes(events=rows_of(stored)))
    pages_keep_to_their_size(office, stored, limit=limit, history=history)


@pytest.mark.parametrize("history", [False, True], ids=["replica", "history"])
def test_pages_of_every_log_keep_to_their_size_also_amid_the_largest_groups(office: Office, *, history: bool) -> None:
    rows = rows_of(LARGEST)
    for begin in range(0, len(rows), 400):
        office.store(Changes(events=rows[begin : begin + 400]))
    for limit in (PAGE_EVENTS_MAX, 250):
        pages_keep_to_their_size(office, LARGEST, limit=limit, history=history)


@pytest.mark.parametrize("edge", range(-3, 4))
def test_a_group_that_ends_at_the_edge_of_a_page_is_on_it_and_one_that_passes_it_is_on_the_next(edge: int) -> None:
    """By single bytes: what stands before the group fills all of a page but what the group takes, and `edge` more."""
    office = in_memory().new()
    office.store(Changes(events=rows_of([(16, 60_000), (4, 1_000)])))
    page, told = frames(office, 1, limit=PAGE_EVENTS_MAX, history=False)
    of_events = sum(len(line) + 1 for line in page.splitlines()[:-1])
    size = 1_000 + (PAGE_BYTES_MAX - CHECKPOINT_BYTES - of_events) // 4
    left = (PAGE_BYTES_MAX - CHECKPOINT_BYTES - of_events) % 4
    assert len(told) == 1 + 16 + 4
    other = in_memory().new()
    rows = rows_of([(16, 60_000), (4, size)])
    rows[-1] = rows[-1]._replace(body=rows[-1].body.replace(b'"x":"', b'"x":"' + b"x" * (left + 3)))
    shrunk = 3 - edge
    rows[-1] = rows[-1]._replace(body=rows[-1].body.replace(b'"x":"' + b"x" * shrunk, b'"x":"'))
    other.store(Changes(events=rows))
    page, told = frames(other, 1, limit=PAGE_EVENTS_MAX, history=False)
    assert len(page) <= PAGE_BYTES_MAX
    assert told[-1]["cursor"] in (17, 21)
    assert len(told) - 1 in (16, 20)
    pages_keep_to_their_size(other, [(16, 60_000), (4, size)], limit=PAGE_EVENTS_MAX, history=False)
