"""How every event log is read: pages, frames that are ready to send, entities and their states."""

from itertools import pairwise

import pytest

from sync.frames import event_frame
from sync.log import Changes
from sync.rows import EntityRow
from tests.devices import new_id
from tests.infra.event_logs import Office, entity, events


@pytest.fixture
def full(office: Office) -> Office:
    """A log of forty events; each is larger than the one before."""
    office.store(Changes(events=[row._replace(body=b'"%s"' % (b"x" * row.position * 40)) for row in events(40)]))
    return office


def test_a_page_follows_its_cursor_and_keeps_to_its_limit(full: Office) -> None:
    rows = full.events()
    for after, limit in ((0, 3), (3, 3), (38, 3), (40, 3), (99, 3)):
        assert list(full.log.page(full.tenant, after=after, limit=limit)) == rows[after : after + limit]


@pytest.mark.parametrize("bytes_max", [0, 1, 250, 2_000, 10_000, 10_000_000])
def test_frames_are_those_of_the_rows_within_so_many_bytes_and_never_none(full: Office, bytes_max: int) -> None:
    frames = [event_frame(row) for row in full.events()]
    after, sizes = 0, list[int]()
    while after < len(frames):
        page = full.log.frames(full.tenant, after=after, limit=7, bytes_max=bytes_max)
        assert page.lines == b"".join(frames[after : page.last])
        assert (page.head, 1 <= page.last - after <= 7) == (40, True)
        assert len(page.lines) <= bytes_max or page.last == after + 1
        sizes.append(page.last - after)
        after = page.last
    assert sum(sizes) == len(frames)
    assert max(sizes) == {0: 1, 1: 1, 250: 1}.get(bytes_max, max(sizes))


def test_a_page_of_frames_is_nearly_as_large_as_it_may_be(full: Office) -> None:
    frames = [event_frame(row) for row in full.events()]
    page = full.log.frames(full.tenant, after=0, limit=40, bytes_max=20_000)
    assert 15_000 < len(page.lines) <= 20_000
    assert full.log.frames(full.tenant, after=0, limit=40, bytes_max=10**7).lines == b"".join(frames)


@pytest.mark.parametrize("after", [40, 41, 2**53 - 1])
def test_at_and_after_the_end_there_are_no_frames(full: Office, after: int) -> None:
    assert full.log.frames(full.tenant, after=after, limit=9, bytes_max=999) == (b"", after, 40)


def test_entities_of_a_type_come_by_id_and_page_by_page(office: Office) -> None:
    sites = [entity(new_id()) for _ in range(5)]
    others = [entity(new_id(), type="customer") for _ in range(2)]
    office.store(Changes(entities=[sites[3], others[0], sites[1], sites[0], others[1], sites[4], sites[2]]))
    pages: list[list[EntityRow]] = []
    after = "00000000-0000-0000-0000-000000000000"
    while page := list(office.log.entities(office.tenant, "site", after=after, limit=2)):
        pages.append(page)
        after = page[-1].entity
    assert pages == [sites[:2], sites[2:4], sites[4:]]
    assert list(office.log.entities(office.tenant, "customer", after=others[0].entity, limit=9)) == others[1:]
    assert list(office.log.entities(office.tenant, "visit", after=after, limit=9)) == []


def test_an_entity_is_as_it_was_written_last(office: Office) -> None:
    one, other = entity(new_id()), entity(new_id())
    office.store(Changes(entities=[one, other]))
    later = one._replace(version=2, scope="customer:1", state='{"name":"größer"}'.encode())
    office.store(Changes(entities=[later]))
    assert office.log.entity(office.tenant, one.entity) == later
    assert office.log.entity(office.tenant, new_id()) is None
    assert dict(office.log.states(office.tenant)) == {one.entity: later.state, other.entity: other.state}


def test_all_states_are_read_however_many_there_are(office: Office) -> None:
    rows = [entity(new_id()) for _ in range(2_001)]
    for some in (rows[:1_000], rows[1_000:]):
        office.store(Changes(entities=some))
    states = list(office.log.states(office.tenant))
    assert sorted(states) == [(row.entity, row.state) for row in rows]
    assert all(one != other for one, other in pairwise(sorted(states)))
