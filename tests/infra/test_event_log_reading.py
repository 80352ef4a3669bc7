"""How every event log is read: pages, frames that are ready to send, entities and their states."""

from itertools import pairwise

import pytest

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
