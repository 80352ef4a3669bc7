"""The read model is kept up with the log by itself, whoever wrote and whichever version is the right one."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from psycopg import sql

from infra.doorbell import ProcessDoorbell
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.read_model import store
from infra.postgres.read_model.choosing import Chooser
from infra.postgres.read_model.reading import ReadModel
from infra.postgres.read_model.rebuild import go_back, rebuild
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.tables import KEPT
from infra.postgres.read_model.verify import Difference, verify
from infra.postgres.read_model.versions import (
    MayMakeNoSchemas,
    Version,
    VersionInUse,
    VersionUnknown,
    drop,
    make,
    prepare,
    versions,
)
from infra.postgres.roles import PROJECTOR
from infra.projector import ProjectionPoisoned
from infra.read_model_service import ReadModelService
from projections.folding import Poisoned
from projections.read_model import PROJECTIONS, fingerprint
from sync.log import LogUnavailable, TenantUnknown
from tests.devices import PERSON_1, new_id
from tests.infra.event_logs import Office, in_postgres
from tests.infra.pushing import device, pushed
from tests.infra.read_models import catch_up, is_right, projector
from tests.infra.towns import Town
from tests.workers import until

PATIENCE_S: Final = 30.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A database of its own, with its office, its reading and its runner."""

    dsn: str
    new: Callable[[], Office]
    reading: ReadModel
    chooser: Callable[[], Chooser]

    def versions(self) -> list[Version]:
        with connect(self.dsn, role=PROJECTOR) as connection:
            return [*versions(connection)]

    def state(self, number: int) -> str:
        return next(each.state for each in self.versions() if each.number == number)

    @contextmanager
    def store(self, number: int) -> Iterator[PostgresStore]:
        with open_pool(self.dsn, size=1, role=PROJECTOR) as pool:
            yield PostgresStore(pool, number, PROJECTIONS)


@pytest.fixture
def place(embedded_database: str) -> Iterator[Place]:
    dsn = embedded_database
    with connect(dsn, role=None) as owner:
        prepare(owner, now_ms=now_ms())  # a database that was copied has lost the right to make schemas
    with open_pool(dsn, size=2) as pool, open_pool(dsn, size=2, role=PROJECTOR) as projecting:
        yield Place(
            dsn,
            in_postgres(pool, dsn).new,
            ReadModel(pool),
            lambda: Chooser(projecting, dsn, now_ms=now_ms, look_every_s=0),
        )


@contextmanager
def serving(place: Place, *, sweep_s: float = 0.1) -> Iterator[ProcessDoorbell]:
    doorbell = ProcessDoorbell()
    service = ReadModelService(place.chooser(), doorbell, sweep_s=sweep_s)
    service.start()
    try:
        yield doorbell
    finally:
        service.stop()


def test_whoever_has_written_finds_it_in_the_tables_a_moment_later(place: Place) -> None:
    office = place.new()
    town = Town(office, 1)
    with serving(place, sweep_s=60) as doorbell:
        until(lambda: place.reading.wait_for(office.tenant, 3).position == 3, within_s=PATIENCE_S)
        for _ in range(3):
            town.live(1)
            doorbell.ring(office.tenant, office.position)
            reached = place.reading.wait_for(office.tenant, office.position)
            assert reached.position == reached.head == office.position
    with place.store(1) as store:
        is_right(store, office)


def test_what_no_bell_told_of_is_found_all_the_same(place: Place) -> None:
    office = place.new()
    with serving(place):
        pushed(office, [device(office, "ben").create("site", new_id())])
        assert place.reading.wait_for(office.tenant, 1).position == 1


def test_what_stood_still_is_tried_again_when_a_program_starts(place: Place) -> None:
    office = place.new()
    Town(office, 1).live(2)
    with place.store(1) as store:
        catch_up(store, office)
        entity = office.events()[0].entity
        with store.claim(office.tenant) as claim:
            assert claim is not None
            claim.park([Poisoned(entity, office.position + 1, "a mistake that this program does not make")], now_ms=0)
        with serving(place):
            until(lambda: not store.all_parked(office.tenant), within_s=PATIENCE_S)
        is_right(store, office)


def test_an_entity_that_another_process_let_go_on_is_not_gone_on_with_from_memory(place: Place) -> None:
    office = place.new()
    ada, site = device(office, "adab"), new_id()
    pushed(office, [ada.create("site", site)])
    with place.store(1) as here, place.store(1) as there:
        catch_up(here, office)
        with here.claim(office.tenant) as claim:
            assert claim is not None
            claim.park([Poisoned(site, 2, "a mistake that another program does not make")], now_ms=0)
        pushed(office, [ada.tell("site", site, "Edited", {"directions": "left"})])
        catch_up(here, office)
        assert projector(there).retry(office.tenant) == 1
        pushed(office, [ada.tell("site", site, "Edited", {"name": "North gate"})])
        catch_up(here, office)
        assert here.all_parked(office.tenant) == []
        is_right(here, office)


def test_whoever_finds_no_version_of_its_own_looks_again_until_there_is_one(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    office = place.new()
    Town(office, 1)
    with connect(place.dsn, role=PROJECTOR) as maker:
        maker.execute("update rpt.read_model_version set fingerprint = 'another'")
        with serving(place):
            until(lambda: "cannot look for logs" in caplog.text, within_s=PATIENCE_S)
            maker.execute("update rpt.read_model_version set fingerprint = %s", [fingerprint()])
            assert place.reading.wait_for(office.tenant, office.position, at_most_s=PATIENCE_S).position > 0


def test_waiting_has_an_end(place: Place) -> None:
    office = place.new()
    began_s = time.monotonic()
    assert place.reading.wait_for(office.tenant, 1, at_most_s=0.1) == (1, 0, 0)
    assert time.monotonic() - began_s < PATIENCE_S
    with pytest.raises(TenantUnknown):
        place.reading.wait_for(new_id(), 1)


def test_a_version_that_a_new_program_made_is_built_in_full_and_shown_then(place: Place) -> None:
    office = place.new()
    Town(office, 2).live(3)
    with connect(
        place.dsn, role=PROJECTOR
    ) as maker:  # what an upgrade leaves behind: the old one is of another program
        made = make(maker, now_ms=now_ms())
        maker.execute("update rpt.read_model_version set fingerprint = 'another' where version = 1")
    with serving(place):
        until(lambda: place.state(made) == "shown", within_s=PATIENCE_S)
    assert place.state(1) == "kept"
    assert place.reading.reached(office.tenant) == (made, office.position, office.position)
    with place.store(made) as store:
        is_right(store, office)


def test_a_version_that_is_being_built_is_gone_on_with_as_long_as_there_is_it(place: Place) -> None:
    Town(place.new(), 1)
    with connect(place.dsn, role=PROJECTOR) as maker:
        maker.execute("update rpt.read_model_version set fingerprint = 'another'")
        begun, chooser = make(maker, now_ms=now_ms()), place.chooser()

        def chosen() -> int:
            store = chooser().store
            assert isinstance(store, PostgresStore)
            return store.version

        assert chosen() == begun
        by_hand = make(maker, now_ms=now_ms())
        assert chosen() == begun
        drop(maker, begun)
        assert chosen() == by_hand


def test_whoever_shows_a_version_waits_for_another_who_brings_it_along(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = place.new()
    Town(office, 1)
    with place.store(1) as store, ExitStack() as held:
        assert held.enter_context(store.claim(office.tenant)) is not None
        monkeypatch.setattr("infra.postgres.read_model.rebuild.sleep", lambda _: held.close())
        go_back(place.dsn, 1, now_ms=now_ms)
        assert store.standing(office.tenant, now_ms=now_ms()).behind == 0
        assert held.enter_context(store.claim(office.tenant)) is not None
        monkeypatch.setattr("infra.postgres.read_model.rebuild.sleep", lambda _: None)
        with pytest.raises(LogUnavailable, match="run this again"):
            go_back(place.dsn, 1, now_ms=now_ms)


def test_whoever_may_not_let_schemas_be_made_is_told_what_to_run(place: Place) -> None:
    with connect(place.dsn, role=None) as owner:
        named = owner.execute("select current_database()").fetchone()
        assert named is not None
        grants = sql.SQL("revoke create on database {0} from {1}").format(*map(sql.Identifier, (named[0], PROJECTOR)))
        owner.execute(grants)
        owner.execute(sql.SQL("set role {}").format(sql.Identifier(PROJECTOR)))
        with pytest.raises(MayMakeNoSchemas, match=f"grant create on database .*{named[0]}.* to .*{PROJECTOR}"):
            prepare(owner, now_ms=now_ms())


def test_two_programs_side_by_side_do_not_take_turns(place: Place) -> None:
    """The one that runs already goes on with its own tables, and does not show them again."""
    place.new()
    old = place.chooser()
    old()
    with connect(place.dsn, role=PROJECTOR) as maker:
        maker.execute("update rpt.read_model_version set state = 'kept'")
    old()
    assert place.state(1) == "kept"
    newly_started = place.chooser()
    newly_started()
    assert place.state(1) == "shown"


def test_a_rebuild_while_people_write_and_read_loses_and_doubles_nothing(place: Place) -> None:
    office, other = place.new(), place.new()
    town = Town(office, 3)
    town.live(6)
    Town(other, 4).live(2)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        town.live(1)
        told.append((done, total))

    with serving(place):
        place.reading.wait_for(office.tenant, office.position)
        made = rebuild(place.dsn, now_ms=now_ms, processes=2, progress=progress)
        assert place.reading.reached(office.tenant).version == made
        town.live(1)
        assert place.reading.wait_for(office.tenant, office.position).position == office.position
    assert (made, place.state(1), place.state(made)) == (2, "kept", "shown")
    assert told
    assert all(done <= total for done, total in told)
    with place.store(made) as store:
        is_right(store, office)
        is_right(store, other)
    go_back(place.dsn, 1, now_ms=now_ms)
    assert (place.state(1), place.state(made)) == ("shown", "kept")
    with place.store(1) as store:
        is_right(store, office)
    with connect(place.dsn, role=PROJECTOR) as maker:
        with pytest.raises(VersionInUse):
            drop(maker, 1)
        drop(maker, made)
        with pytest.raises(VersionUnknown):
            drop(maker, made)
    assert [each.number for each in place.versions()] == [1]
    with connect(place.dsn, role=None) as owner:
        left = owner.execute("select count(*) from tracking where application like 'rpt_v2%'").fetchone()
        schemas = owner.execute("select count(*) from pg_namespace where nspname = 'rpt_v2'").fetchone()
    assert (left, schemas) == ((0,), (0,))


def test_readers_never_see_half_a_table(place: Place) -> None:
    """Whoever reads meanwhile finds as many rows as before, or waits for the new ones; never fewer."""
    office = place.new()
    Town(office, 5).live(4)
    with serving(place):
        place.reading.wait_for(office.tenant, office.position)
    seen: set[tuple[int, int]] = set()

    def look(*_: int) -> None:
        with connect(place.dsn, autocommit=False) as reader:
            reader.execute("select set_config('app.tenant', %s, true)", [office.tenant])
            found = reader.execute(
                "select (select count(*) from rpt_in_full.audit_trail), (select count(*) from rpt_in_full.visit)"
            ).fetchone()
            assert found is not None
            seen.add((found[0], found[1]))

    rebuild(place.dsn, now_ms=now_ms, processes=1, progress=look)
    look()
    visits = len({row.entity for row in office.events() if row.entity_type == "visit"})
    assert seen == {(office.position, visits)}


def test_a_rebuild_lets_the_planner_know_how_large_the_tables_are_before_anybody_asks_them(place: Place) -> None:
    Town(place.new(), 5).live(2)
    made = rebuild(place.dsn, now_ms=now_ms, processes=1, progress=lambda *_: None)
    with connect(place.dsn, role=None) as owner:
        counted: list[tuple[str, float]] = owner.execute(
            "select relname, reltuples from pg_class where relnamespace = %s::regnamespace and relkind = 'r'",
            [f"rpt_v{made}"],
        ).fetchall()
    assert {name for name, rows in counted if rows >= 0} >= {each.name for each in PROJECTIONS}  # -1: never looked at
    assert ("audit_trail", 0.0) not in counted


def test_a_rebuild_leaves_nothing_out_and_nothing_behind(place: Place) -> None:
    office = place.new()
    ada = device(office, "ben")
    pushed(office, [ada.create("site", new_id())])
    with connect(place.dsn, role=None) as owner:
        owner.execute(
            "insert into event select tenant, position + 1, version, seq + 1, recorded_at, gen_random_uuid(),"
            " gen_random_uuid(), schema_version, replica, entity_type, type, scope, effective, actor, '{' from event"
        )
        owner.execute("update log_head set position = 2 where tenant = %s", [office.tenant])
    with pytest.raises(ProjectionPoisoned, match="event 2 of entity"):
        rebuild(place.dsn, now_ms=now_ms, processes=1, progress=lambda *_: None)
    assert [each.number for each in place.versions()] == [1]
    assert place.state(1) == "shown"


def test_a_page_ends_where_it_has_become_large(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    office = place.new()
    ada = device(office, "adab")
    pushed(office, [ada.create("site", new_id()) for _ in range(7)])
    monkeypatch.setattr(store, "EVENTS_PER_FETCH", 2)
    for bytes_max, events in ((1, [2, 2, 2, 1, 0]), (10**9, [5, 2, 0])):
        monkeypatch.setattr(store, "PAGE_BYTES_MAX", bytes_max)
        with connect(place.dsn, role=None) as owner:
            owner.execute("truncate tracking, rpt_v1.entity_state, rpt_v1.site, rpt_v1.audit_trail")
        with place.store(1) as tables:
            runner = projector(tables, page=5)
            steps = [runner.step(office.tenant) for _ in events]
        assert [step.events for step in steps if step] == events
    with place.store(1) as tables:
        is_right(tables, office)


def test_a_site_in_a_time_zone_that_there_is_not_spoils_nobodys_day(place: Place) -> None:
    """Days are asked for by moments in UTC and nothing is reckoned in a site's zone, whose name is told as it is."""
    office = place.new()
    ada, site, job = device(office, "adab"), new_id(), new_id()
    sent = {"work_order_id": job, "assignee_id": PERSON_1, "planned_start": "2026-01-01T08:00:00.000Z"}
    created = [
        ada.create("site", site, {"timezone": "Mars/Olympus_Mons"}),
        ada.create("work_order", job, {"site_id": site}),
        ada.create("visit", new_id(), sent),
    ]
    pushed(office, created)
    with place.store(1) as store:
        catch_up(store, office)
        assert store.all_parked(office.tenant) == []
    with connect(place.dsn, autocommit=False) as reader:
        reader.execute("select set_config('app.tenant', %s, true)", [office.tenant])
        day = reader.execute(
            "select person_id, site_timezone from rpt_in_full.technician_day"
            " where planned_start >= '2026-01-01' and planned_start < '2026-01-02'"
        ).fetchall()
        figures = reader.execute("select count(*) from rpt_in_full.job_facts").fetchone()
    assert (day, figures) == ([(PERSON_1, "Mars/Olympus_Mons")], (1,))


def test_verify_finds_every_kind_of_difference(place: Place) -> None:
    office = place.new()
    Town(office, 6).live(5)
    with serving(place):
        place.reading.wait_for(office.tenant, office.position)
    with open_pool(place.dsn, size=1, role=PROJECTOR) as pool, connect(place.dsn, role=None) as owner:

        def found() -> Difference | None:
            return verify(pool, office.tenant, 1).difference

        verified = verify(pool, office.tenant, 1)
        assert verified.difference is None
        assert (verified.position, verified.events) == (office.position, office.position)
        with place.store(1) as store:
            assert verified.rows == sum(len([*store.rows(office.tenant, each.name)]) for each in PROJECTIONS)
        spoilt = (
            (
                "update rpt_v1.visit set status = 'lost' where id = (select min(id) from rpt_v1.visit)",
                "visit",
                "status",
            ),
            ("delete from rpt_v1.audit_trail where position = 3", "audit_trail", ""),
            ("update rpt_v1.replica_heard set last_seq = 99", "replica_heard", "last_seq"),
            ("insert into rpt_v1.work_order_asset select tenant, 'x', 'y' from log_head", "work_order_asset", ""),
            ("update rpt_v1.visit_person set part = 'boss'", "visit_person", "part"),
        )
        for statement, table, column in spoilt:
            owner.execute(statement)
            difference = found()
            assert difference is not None, statement
            assert (difference.table, difference.column) == (table, column)
            anew(place, owner, office)
        assert found() is None


def anew(place: Place, owner: Connection, office: Office) -> None:
    """Let the tables be empty and fill them once more."""
    for name in [*(each.name for each in PROJECTIONS), KEPT]:
        owner.execute(sql.SQL("truncate {}").format(sql.Identifier("rpt_v1", name)))
    owner.execute("delete from tracking")
    with place.store(1) as store:
        catch_up(store, office)
