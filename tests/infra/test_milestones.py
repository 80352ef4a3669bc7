"""Milestones in Postgres: made once and by themselves, used while they are true, and nothing is lost without them."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from cairnfield.wiring import now_ms
from infra import failpoints
from infra.doorbell import ProcessDoorbell
from infra.failpoints import FailedOnPurpose
from infra.milestones import Milestones
from infra.postgres import milestones as keeping
from infra.postgres import of_tenant
from infra.postgres.milestones import PostgresMilestones, forget
from infra.postgres.pool import Connection, open_pool
from infra.postgres.refold import refold
from infra.postgres.roles import PROJECTOR
from sync import milestones
from sync.as_of import applied, entity_as_of, stands_at
from sync.chronicle import chronicle, steps_behind
from sync.log import TenantUnknown
from sync.merge import State
from sync.milestones import way_of_folding
from sync.state_codec import encode
from tests.conftest import TestServer
from tests.infra.event_logs import in_postgres
from tests.infra.long_lives import milestone_every
from tests.infra.tampering import tamper
from tests.infra.towns import Town

EVERY: Final = 3
WAIT_S: Final = 30.0
EPOCH: Final = "01900000-0000-4000-8000-00000000e001"
KEPT: Final = "select entity::text, version, position, state from milestone where tenant = %s order by 1, 2"


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    with milestone_every(EVERY):
        yield
    failpoints.arm({})


class Place:
    """A tenant whose milestones are kept up."""

    def __init__(self, dsn: str, pool: ConnectionPool[Connection], projecting: ConnectionPool[Connection]) -> None:
        self.dsn, self.office = dsn, in_postgres(pool, dsn).new()
        self.keeper, self.projecting = PostgresMilestones(pool=projecting), projecting

    def live(self, seed: int, rounds: int = 4) -> None:
        Town(self.office, seed).live(rounds)

    def keep_up(self) -> int:
        """Until nothing is left; how many stretches that took."""
        count = 1
        while self.keeper.keep_up(self.office.tenant):
            count += 1
        return count

    def kept(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as superuser:
            return superuser.execute(KEPT, [self.office.tenant]).fetchall()

    def change(self, statement: str) -> None:
        with psycopg.connect(self.dsn) as superuser:
            superuser.execute(statement, {"tenant": self.office.tenant})

    def expected(self) -> list[tuple[Any, ...]]:
        """Worked out from the log by hand."""
        states, found = dict[str, State](), list[tuple[Any, ...]]()
        for row in self.office.events():
            states[row.entity] = applied(states.get(row.entity), row)
            if row.version % EVERY == 0:
                found.append((row.entity, row.version, row.position, encode(states[row.entity])))
        return sorted(found)

    def is_shown_right(self, folded_max: int = EVERY) -> None:
        """Every entity at every position, alone, in a list and step by step."""
        events, past = self.office.events(), self.office.log.past(self.office.tenant)
        entities = sorted({row.entity for row in events})
        states: dict[str, State] = {}
        for row in events:
            states[row.entity] = applied(states.get(row.entity), row)
            listed = {each.entity: each.row for each in stands_at(past, entities, row.position, events_max=9_999).of}
            assert listed.keys() == states.keys()
            for entity, state in states.items():
                then = entity_as_of(past, entity, row.position)
                assert then == listed[entity]
                assert then is not None
                assert (then.version, then.state) == (state.version, encode(state))
        for entity in entities:
            whole = [*chronicle(row for row in events if row.entity == entity)]
            for version in range(0, len(whole), 2):
                assert [*steps_behind(past, entity, version, until=len(events), limit=3, folded_max=folded_max)] == (
                    whole[version : version + 3]
                )


@pytest.fixture
def place(embedded_server: TestServer) -> Iterator[Place]:
    with (
        embedded_server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        yield Place(dsn, pool, projecting)


def test_each_stands_after_every_so_many_events_of_an_entity(place: Place) -> None:
    place.live(1)
    assert place.keep_up() == 1
    assert len(place.kept()) > 5
    assert place.kept() == place.expected()
    place.is_shown_right()
    place.live(2)
    place.keep_up()
    assert place.kept() == place.expected()


@pytest.mark.parametrize(("positions", "at_once"), [(7, 16), (50_000, 1), (5, 2)])
def test_a_long_log_is_gone_through_in_stretches(
    place: Place, monkeypatch: pytest.MonkeyPatch, positions: int, at_once: int
) -> None:
    monkeypatch.setattr(keeping, "POSITIONS_PER_STEP", positions)
    monkeypatch.setattr(keeping, "MILESTONES_PER_STEP", at_once)
    place.live(3)
    assert place.keep_up() > 3
    assert place.kept() == place.expected()


def test_whoever_is_interrupted_leaves_nothing_behind_and_the_next_one_goes_on(place: Place) -> None:
    place.live(4)
    for where, is_kept in (("before_commit", False), ("committed", True)):
        failpoints.arm({"CAIRN_FAILPOINTS": f"milestones.{where}=raise", "CAIRN_TESTING": "1"})
        with pytest.raises(FailedOnPurpose):
            place.keeper.keep_up(place.office.tenant)
        assert bool(place.kept()) == is_kept
    place.live(5)
    place.keep_up()
    assert place.kept() == place.expected()


def test_while_one_is_at_it_others_let_it_be(place: Place) -> None:
    place.live(4)
    place.keep_up()
    place.live(5)
    before = place.kept()
    with of_tenant.transaction(place.projecting, place.office.tenant) as connection:
        connection.execute("select from tracking where tenant = %s for update", [place.office.tenant])
        assert place.keeper.keep_up(place.office.tenant) is False
        assert place.kept() == before
    place.keep_up()
    assert place.kept() == place.expected()


def test_taken_away_nothing_is_answered_otherwise_and_they_are_made_again(place: Place) -> None:
    place.live(1)
    place.keep_up()
    place.change("delete from milestone where tenant = %(tenant)s")
    events, past = place.office.events(), place.office.log.past(place.office.tenant)
    assert past.milestones(sorted({row.entity for row in events}), until=99_999) == []
    for row in events:
        if row.version % EVERY == 0:
            then = entity_as_of(past, row.entity, row.position)
            assert then is not None
            assert (then.entity, then.version, row.position, then.state) in place.expected()
    with of_tenant.transaction(place.projecting, place.office.tenant) as connection:
        forget(connection, place.office.tenant)
    place.keep_up()
    assert place.kept() == place.expected()


def test_in_a_new_epoch_those_of_before_are_not_looked_at_and_are_made_anew(place: Place) -> None:
    office = place.office
    place.live(1)
    place.keep_up()
    entities = sorted({row.entity for row in office.events()})
    place.change("update milestone set state = 'not even JSON' where tenant = %(tenant)s")  # who looks at one, fails
    office.log.begin_epoch(office.tenant, EPOCH)
    past = office.log.past(office.tenant)
    assert past.milestones(entities, until=99_999) == []
    place.is_shown_right(folded_max=9_999)
    place.keep_up()
    assert place.kept() == place.expected()
    assert len(past.milestones(entities, until=99_999)) > 3
    with psycopg.connect(place.dsn) as superuser:
        left = superuser.execute("select application from tracking where tenant = %s", [office.tenant]).fetchall()
    assert [EPOCH in name for (name,) in left] == [True]


def test_those_that_were_made_in_another_way_are_not_looked_at_and_are_made_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.live(1)
    place.keep_up()
    place.change("update milestone set state = 'not even JSON' where tenant = %(tenant)s")
    monkeypatch.setattr(milestones, "MERGING", milestones.MERGING + 1)
    way_of_folding.cache_clear()
    place.is_shown_right(folded_max=9_999)
    place.keep_up()
    assert place.kept() == place.expected()
    place.is_shown_right()


def test_one_that_stands_at_no_event_of_the_log_is_none(place: Place) -> None:
    place.live(1)
    place.keep_up()
    place.change("update milestone set state = 'x', position = position + 1 where tenant = %(tenant)s")
    place.is_shown_right(folded_max=9_999)


def test_where_states_are_spelled_anew_they_are_made_anew(place: Place) -> None:
    place.live(1)
    place.keep_up()
    place.change("update milestone set state = 'as it was spelled before' where tenant = %(tenant)s")
    with psycopg.connect(place.dsn) as superuser, superuser.transaction():
        superuser.execute("delete from grant_")
        superuser.execute("delete from scope_link")
        superuser.execute("set local role cairn_migrator")
        refold(superuser)
    assert place.kept() == []
    place.keep_up()
    assert place.kept() == place.expected()


def test_an_entity_that_cannot_be_folded_has_none_and_all_others_do(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.live(1)
    rows = place.office.events()
    poisoned = next(row for row in rows if row.version == 2 and sum(each.entity == row.entity for each in rows) > EVERY)
    assert tamper(place.dsn, "update event set body = '{}' where id = %s", [poisoned.id]) == 1
    with caplog.at_level(logging.ERROR):
        place.keep_up()
    assert f"no milestone of entity {poisoned.entity}" in caplog.text
    kept = place.kept()
    assert {row[0] for row in kept} == {row.entity for row in rows if row.version == EVERY} - {poisoned.entity}


def test_a_log_that_there_is_not_has_none(place: Place) -> None:
    with pytest.raises(TenantUnknown):
        place.keeper.keep_up("01900000-0000-4000-8000-0000000000ff")


def test_they_are_made_by_themselves_when_a_log_has_grown(place: Place) -> None:
    bell, office = ProcessDoorbell(), place.office
    running = Milestones(place.keeper, bell, now_ms=now_ms, pause_s=0.01)
    place.live(1)
    running.start()
    try:
        eventually(lambda: place.kept() == place.expected())
        place.live(2)
        bell.ring(office.tenant, office.position)
        eventually(lambda: place.kept() == place.expected())
    finally:
        running.stop()


def test_what_goes_wrong_is_said_and_tried_again(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.live(1)
    place.change("alter table milestone rename to elsewhere")
    running = Milestones(place.keeper, ProcessDoorbell(), now_ms=now_ms, sweep_s=0.05, pause_s=0.01)
    running.start()
    try:
        eventually(lambda: f"no milestones of the log of tenant {place.office.tenant}" in caplog.text)
        place.change("alter table elsewhere rename to milestone")
        eventually(lambda: place.kept() == place.expected())
    finally:
        running.stop()


def eventually(what: Callable[[], bool]) -> None:
    give_up = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.05)
