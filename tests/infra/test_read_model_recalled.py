"""A runner that remembers nothing goes on all the same: from what was kept of long stories, and from the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from infra.postgres.pool import connect, open_pool
from infra.postgres.read_model import store
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.folding import Poisoned
from projections.read_model import LOGIC, PROJECTIONS
from tests.devices import NOON
from tests.infra.event_logs import Office, in_postgres
from tests.infra.read_models import is_right, projector
from tests.infra.towns import Town

SHORT: Final = 3
"""Of the town's stories many are shorter, and many are longer."""


@pytest.fixture
def office(embedded_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(store, "FOLDED_AGAIN_MAX", SHORT)
    with open_pool(embedded_database, size=2) as pool:
        yield in_postgres(pool, embedded_database).new()


def test_tables_that_keep_other_entities_are_made_anew() -> None:
    """Whoever changes the one number raises the other, and both here."""
    assert (store.FOLDED_AGAIN_MAX, LOGIC) == (16, 5)


@contextmanager
def forgetful(dsn: str) -> Iterator[PostgresStore]:
    """A store that has just begun, as after a start, or where another process was at the tables meanwhile."""
    with open_pool(dsn, size=1, role=PROJECTOR) as pool:
        yield PostgresStore(pool, 1, PROJECTIONS)


def step(dsn: str, office: Office, page: int) -> int:
    with forgetful(dsn) as begun:
        step = projector(begun, page=page).step(office.tenant)
    assert step is not None
    return step.events


def test_who_remembers_nothing_goes_on_from_what_was_kept_and_from_the_log(
    embedded_database: str, office: Office
) -> None:
    Town(office, 5).live(12)
    while step(embedded_database, office, page=29):
        pass
    with forgetful(embedded_database) as begun:
        is_right(begun, office)
    versions = {row.entity: row.version for row in office.events()}
    with connect(embedded_database, role=None) as owner:
        kept = {entity for (entity,) in owner.execute("select entity from rpt_v1.entity_state").fetchall()}
    assert kept == {entity for entity, version in versions.items() if version > SHORT}
    assert 0 < len(kept) < len(versions)


@pytest.mark.parametrize("events", [1, SHORT, SHORT + 2])
def test_what_stands_still_is_folded_again_up_to_where_it_stands(
    embedded_database: str, office: Office, events: int
) -> None:
    """The log holds more of it by then, and none of that is in the tables."""
    town = Town(office, 3)
    town.live(12)
    told = [row for row in office.events() if row.entity_type == "visit"]
    entity = next(row.entity for row in told if sum(other.entity == row.entity for other in told) > SHORT + 3)
    position = next(row.position for row in told if row.entity == entity and row.version == events)
    step(embedded_database, office, page=position)
    stops_at = next(row.position for row in told if row.entity == entity and row.version == events + 1)
    with forgetful(embedded_database) as begun:
        with begun.claim(office.tenant) as claim:
            assert claim is not None
            claim.park([Poisoned(entity, stops_at, "a mistake that was mended since")], now_ms=NOON)
        while step(embedded_database, office, page=50):
            pass
        assert [each.entity for each in begun.all_parked(office.tenant)] == [entity]
    with forgetful(embedded_database) as begun:
        assert projector(begun).retry(office.tenant) == 1
        is_right(begun, office)
