"""A database from before is brought up to date: its states are folded anew, and its log tells who may see what."""

import re
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import orjson
import psycopg
import pytest
from psycopg import sql

from commands.cases import with_cases
from infra.postgres import refold
from infra.postgres.migrate import upgrade
from infra.postgres.pool import connect, open_pool
from infra.postgres.refold import LogUnreadable
from infra.postgres.schema import metadata
from sync.log import Changes, Known, Wanted
from sync.merge import State
from sync.office import office_of
from sync.rows import QuarantinedRow
from sync.state_codec import decode
from tests.devices import NOON, PERSON_1, PERSON_2, new_id
from tests.infra.event_logs import Office, in_postgres
from tests.infra.pushing import device, pushed

FIRST_STEP: Final = "infra.postgres.migrations.versions.0001_the_log"
FIRST_TABLES: Final = set(re.findall(r"CREATE TABLE (\w+)", import_module(FIRST_STEP).TABLES))
LATER_TABLES: Final = sorted(set(metadata.tables) - FIRST_TABLES)
BACK_TO_0001: Final = """
    alter table person drop column authority;
    drop index quarantine_tenant_id_idx;
    drop index replica_tenant_person_idx;
    drop index quarantine_tenant_state_recorded_at_replica_seq_idx;
    alter table quarantine drop column owner;
    alter table log_head drop column durable;
    drop index entity_tenant_scope_entity_idx;
    update alembic_version set version_num = '0001';
"""
GRANTS: Final = "select tenant, person, scope, via, from_position, to_position from grant_ order by 1, 2, 3, 4, 5"
LINKS: Final = "select tenant, scope, leads_to, position from scope_link order by 1, 2, 3"
STATES: Final = "select tenant, entity, version, scope, state from entity order by 1, 2"
FIRST: Final = "00000000-0000-0000-0000-000000000000"
OTHERS: Final = ("work_order:1", b"\x00 not even JSON")


def as_spelled_before(state: State) -> bytes:
    """A state as it was stored when 0001 was new: the writes by number in a table of their own."""
    told: dict[str, Any] = {
        "clock": sorted(map(list, state.clock.items())),
        "fields": {name: [[0, "x"]] for name in state.cells},
        "type": state.type,
        "version": state.version,
        "writes": [[0, 1, "019b76da80000000"]],
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


@pytest.fixture
def offices(database: str) -> Iterator[list[Office]]:
    """Two tenants with some history, of which one knows nothing of the other."""
    with open_pool(database, size=2) as pool:
        kind = in_postgres(pool, database)
        made = [kind.new(), kind.new()]
        with connect(database, role=None) as owner:
            owner.execute("update person set role = 'technician' where person = %s", [PERSON_2])
        for office in made:
            some_history(office)
        yield made


def some_history(office: Office) -> None:
    """Jobs and visits that are planned, reassigned and taken up by two, one of them by people who met in passing."""
    imke, otto, ada = device(office, "imke"), device(office, "otto"), device(office, "ada2", PERSON_2)
    job, visit, own = new_id(), new_id(), new_id()
    raws = [
        imke.create("work_order", job),
        imke.create("visit", visit, {"work_order_id": job, "assignee_id": PERSON_2}),
    ]
    pushed(office, raws)
    otto.see(*raws)
    pushed(office, [imke.tell("visit", visit, "VisitReassigned", {"assignee_id": PERSON_1})])
    pushed(office, [otto.tell("visit", visit, "VisitReassigned", {"assignee_id": PERSON_2})])
    pushed(office, [imke.tell("visit", visit, "Edited", {"crew": {"add": [PERSON_2, new_id()]}})])
    otto.see(*(row.body for row in office.events()))
    pushed(office, [otto.tell("visit", visit, "VisitReassigned", {"assignee_id": None})])
    pushed(office, [ada.create("work_order", own)], role="technician", person=PERSON_2)
    pushed(office, [ada.tell("work_order", own, "Edited", {"title": "x"})], role="technician", person=PERSON_2)
    open_a_case(office, QuarantinedRow(imke.replica, 99, None, None, "bad_data", "/data", False, PERSON_1, b"{}"))


def open_a_case(office: Office, row: QuarantinedRow) -> None:
    ours, now_ms = office_of(office.tenant), NOON
    office.log.mint(office.tenant, replica=ours.replica, person=PERSON_1, name="office", now_ms=now_ms)

    def decide(known: Known) -> tuple[Changes, None]:
        return with_cases(Changes(quarantined=[row]), known, office=ours, now_ms=now_ms), None

    office.log.append(office.tenant, Wanted(replicas=frozenset({ours.replica})), decide, now_ms=now_ms)


def age(dsn: str) -> None:
    """Let the database be one of before: without what 0002 and later ones add, and with states in the old spelling."""
    with connect(dsn, role=None) as owner, owner.transaction():
        for table in LATER_TABLES:
            owner.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(table)))
        owner.execute(BACK_TO_0001)
        states = owner.execute("select tenant, entity, state from entity where type <> %s", [OTHERS[0]])
        for tenant, entity, state in states.fetchall():
            old = as_spelled_before(decode(state))
            owner.execute("update entity set state = %s where tenant = %s and entity = %s", [old, tenant, entity])


def add_what_the_library_keeps(dsn: str, office: Office) -> None:
    with connect(dsn, role=None) as owner:
        told = [office.tenant, uuid.uuid4(), *OTHERS]
        owner.execute("insert into entity values (%s, %s, 1, %s, 'office', %s)", told)
        owner.execute(
            "insert into event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica,"
            " entity_type, type, scope, effective, actor, body) values (%s, 100, 1, 100, now(), %s, %s, 1, %s,"
            " 'account', 'topic', 'office', '019b76da80000000', 'library', %s)",
            [office.tenant, uuid.uuid4(), uuid.uuid4(), "raaaaaaaaaaaa", OTHERS[1]],
        )


def kept(dsn: str) -> list[list[tuple[Any, ...]]]:
    with connect(dsn, role=None) as owner:
        return [owner.execute(query).fetchall() for query in (GRANTS, LINKS, STATES)]


@pytest.mark.parametrize("rows_per_write", [1, 1_000])
def test_a_database_from_before_ends_as_one_that_was_never_older(
    database: str, offices: list[Office], rows_per_write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refold, "ROWS_PER_WRITE_MAX", rows_per_write)
    monkeypatch.setattr(refold, "EVENTS_PER_FETCH", 2)
    add_what_the_library_keeps(database, offices[0])
    before = kept(database)
    ends = [row[-1] for row in before[0]]
    assert (len(ends), sum(end is None for end in ends), len(before[1])) == (10, 6, 8)
    age(database)
    with pytest.raises(KeyError):
        decode(offices[1].log.entities(offices[1].tenant, "visit", after=FIRST, limit=1)[0].state)
    upgrade(database, allow_unsafe=True)
    assert kept(database) == before
    offices[1].is_whole()


def test_an_aged_log_goes_on(database: str, offices: list[Office]) -> None:
    age(database)
    upgrade(database, allow_unsafe=True)
    office = offices[0]
    job = office.log.entities(office.tenant, "work_order", after=FIRST, limit=1)[0].entity
    imke = device(office, "imkeb")
    imke.see(*(row.body for row in office.events()))
    pushed(office, [imke.tell("work_order", job, "Edited", {"title": "y"})])
    office.is_whole()


def test_an_event_that_nobody_can_read_any_more_is_named_and_nothing_is_changed(
    database: str, offices: list[Office]
) -> None:
    age(database)
    with connect(database, role=None) as owner:
        owner.execute("alter table event disable trigger all")
        partition = owner.execute("select distinct tableoid::regclass::text from event").fetchall()
        for (name,) in partition:
            owner.execute(f"alter table {name} disable trigger all")
        owner.execute("update event set body = '{}' where tenant = %s and position = 3", [offices[0].tenant])
    with pytest.raises(LogUnreadable, match="event 3 of entity"):
        upgrade(database, allow_unsafe=True)
    with connect(database, role=None) as owner, pytest.raises(psycopg.errors.UndefinedTable):
        owner.execute("select from grant_")
