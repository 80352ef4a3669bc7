"""What the tables promise: keys by tenant, a log that nobody rewrites, rows stored the way they are used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import typer
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout
from sqlalchemy import Table, UniqueConstraint

from cairnfield import generate
from infra.postgres.pool import POOL_WAIT_S_MAX, Connection, connect, open_pool
from infra.postgres.schema import APP_ROLE, EVENT_PARTITIONS, event, metadata

TABLES = list(metadata.tables.values())
PARTITIONS = [f"event_{number:02}" for number in range(EVENT_PARTITIONS)]
EVENT = sql.SQL(
    "INSERT INTO {} (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type,"
    " type, scope, effective, actor, body)"
    " VALUES (%(tenant)s, %(position)s, 0, %(seq)s, '2026-01-01T00:00:00Z', gen_random_uuid(), gen_random_uuid(), 1,"
    " %(replica)s, 'visit', 'VisitFinished', 'visit:1', %(effective)s, 'somebody', '{{}}')"
)
VALID = {"position": 1, "seq": 1, "replica": "rabcdefg23456", "effective": "019000000000000f"}


class Log(NamedTuple):
    """A log of one event, and where that event lies."""

    dsn: str
    tenant: uuid.UUID
    partition: str


def acting(dsn: str, tenant: uuid.UUID) -> Connection:
    """The application at work for one tenant, over as many statements as it likes."""
    app = connect(dsn)
    app.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
    return app


@pytest.fixture
def log(database: str) -> Log:
    tenant = uuid.uuid4()
    with acting(database, tenant) as app:
        app.execute(EVENT.format(sql.Identifier("event")), {"tenant": tenant, **VALID})
        row = app.execute("SELECT tableoid::regclass::text FROM event WHERE tenant = %s", [tenant]).fetchone()
        assert row is not None
    return Log(database, tenant, row[0])


def rewrites(table: str) -> Iterator[sql.Composed]:
    for statement in (
        "UPDATE {} SET actor = 'nobody'",
        "UPDATE {} SET actor = 'nobody' WHERE false",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT DO NOTHING; DELETE FROM ONLY {0}",
    ):
        yield sql.SQL(statement).format(sql.Identifier(table))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_every_key_begins_with_the_tenant(table: Table) -> None:
    keys = [list(table.primary_key.columns), *(list(index.columns) for index in table.indexes)]
    keys += [list(rule.columns) for rule in table.constraints if isinstance(rule, UniqueConstraint)]
    assert [key[0].name for key in keys] == ["tenant"] * len(keys)
    assert all(key.column_keys[0] == "tenant" for key in table.foreign_key_constraints)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_every_table_and_column_says_what_it_means(table: Table) -> None:
    assert table.comment
    assert [column.name for column in table.columns if not column.comment] == []


def test_an_event_lies_in_one_of_sixteen_partitions(log: Log) -> None:
    with connect(log.dsn) as app:
        found = app.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in found] == PARTITIONS
    assert log.partition in PARTITIONS


def test_the_app_role_has_no_right_to_rewrite_the_log(log: Log) -> None:
    with connect(log.dsn) as app:
        for statement in rewrites("event"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                app.execute(statement)


def test_the_app_role_reaches_no_partition_by_itself(log: Log) -> None:
    with connect(log.dsn) as app:
        for statement in (*rewrites(log.partition), sql.SQL("SELECT FROM {}").format(sql.Identifier(log.partition))):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                app.execute(statement)


@pytest.mark.parametrize("replication_role", ["origin", "replica"])
def test_not_even_a_superuser_rewrites_the_log(log: Log, replication_role: str) -> None:
    with connect(log.dsn, role=None) as owner:
        owner.execute(sql.SQL("SET session_replication_role = {}").format(replication_role))
        for statement in (statement for table in ("event", *PARTITIONS) for statement in rewrites(table)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed and never removed"):
                owner.execute(statement)
        assert owner.execute("SELECT actor FROM event").fetchall() == [("somebody",)]


def test_an_upsert_cannot_rewrite_the_log(log: Log) -> None:
    upsert = EVENT.format(sql.Identifier("event")) + sql.SQL(" ON CONFLICT (tenant, position) DO UPDATE SET actor = ''")
    with (
        connect(log.dsn, role=None) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed and never removed"),
    ):
        owner.execute(upsert, {"tenant": log.tenant, **VALID})


MISSHAPEN: list[tuple[dict[str, object], str]] = [
    ({"position": 0}, "event_position_check"),
    ({"seq": 0}, "event_seq_check"),
    ({"replica": "rabcdefg2345"}, "event_replica_check"),
    ({"replica": "rabcdefg23451"}, "event_replica_check"),
    ({"replica": "rABCDEFG23456"}, "event_replica_check"),
    ({"effective": "019000000000000"}, "event_effective_check"),
    ({"effective": "019000000000000F"}, "event_effective_check"),
    ({"effective": "01900000g000000f"}, "event_effective_check"),
]


def test_a_misshapen_event_is_not_stored(log: Log) -> None:
    with acting(log.dsn, log.tenant) as app:
        for broken, constraint in MISSHAPEN:
            row = {"tenant": log.tenant, **VALID, "position": 2, "seq": 2, **broken}
            with pytest.raises(psycopg.errors.CheckViolation) as refusal:
                app.execute(EVENT.format(sql.Identifier("event")), row)
            assert refusal.value.diag.constraint_name == constraint


def test_each_partition_is_packed_and_frozen_early(database: str) -> None:
    wanted = {f"{name}={value}" for name, value in event.info["partition_storage"].items()}
    with connect(database) as app:
        for (options,) in app.execute("SELECT reloptions FROM pg_class WHERE relname = ANY (%s)", [PARTITIONS]):
            assert set(options) == wanted


def test_bytes_are_stored_as_the_metadata_says(database: str) -> None:
    with connect(database) as app:
        has_lz4 = app.execute(
            "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
        ).fetchone() == (True,)
        for name in ("event", *PARTITIONS, "entity", "snapshot"):
            column = next(column for column in metadata.tables[name.split("_")[0]].columns if column.info)
            stored = app.execute(
                "SELECT attstorage, attcompression FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
                [name, column.name],
            ).fetchone()
            compression = "l" if has_lz4 and "compression" in column.info else ""
            assert stored == ({"MAIN": "m", "EXTENDED": "x", "EXTERNAL": "e"}[column.info["storage"]], compression)


def test_a_changed_entity_stays_on_its_page(log: Log) -> None:
    with acting(log.dsn, log.tenant) as app:
        app.execute(
            "INSERT INTO entity VALUES (%s, gen_random_uuid(), 1, 'visit', 'v', convert_to(repeat('x', 300), 'UTF8'))",
            [log.tenant],
        )
        for version in range(2, 6):
            app.execute("UPDATE entity SET version = %s, state = state || '\\x00'", [version])
        app.execute("SELECT pg_stat_force_next_flush()")
        found = app.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'entity'")
        assert found.fetchone() == (4, 4)


def test_the_app_role_may_do_what_the_metadata_says_and_nothing_more(database: str) -> None:
    with connect(database) as app:
        found = app.execute(
            "SELECT t, array_agg(r) FROM unnest(%s::text[]) t, unnest(%s::text[]) r WHERE has_table_privilege(%s, t, r)"
            " GROUP BY t",
            [
                [table.name for table in TABLES],
                ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
                APP_ROLE,
            ],
        ).fetchall()
    rights = {table: set(granted) for table, granted in found}
    assert rights == {table.name: set(table.info["grants"]) for table in TABLES if table.info["grants"]}


def test_every_wait_on_a_connection_has_an_end(database: str) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "plan_cache_mode", "TimeZone")
    endless = make_conninfo(database, options="-c statement_timeout=0")
    with open_pool(endless, size=1) as pool, pool.connection() as app:
        found = [app.execute("SELECT current_setting(%s)", [name]).fetchone() for name in names]
        assert app.execute("SELECT current_user").fetchone() == (APP_ROLE,)
        with pytest.raises(PoolTimeout, match=f"after {POOL_WAIT_S_MAX:.2f} sec"):
            pool.getconn()
    assert found == [("5s",), ("30s",), ("15s",), ("force_custom_plan",), ("UTC",)]


def test_a_pool_survives_the_loss_of_its_connections(database: str) -> None:
    with open_pool(database, size=2) as pool, connect(database, role=None) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        for _ in range(4):
            with pool.connection() as app:
                assert app.execute("SELECT 1").fetchone() == (1,)


def test_the_generated_files_are_as_generated() -> None:
    generate.generate(check=True)


def test_a_stale_or_missing_generated_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "REPOSITORY", tmp_path)
    with pytest.raises(typer.Exit):
        generate.generate(check=True)
    assert list(tmp_path.iterdir()) == []
    generate.generate()
    generate.generate(check=True)
    (tmp_path / "docs/reference/erd.md").write_text("old")
    assert list(generate.drifted(tmp_path)) == ["docs/reference/erd.md"]
