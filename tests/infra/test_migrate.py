"""Migrating: from any start, in any number of processes, to exactly the tables that the metadata describes."""

from __future__ import annotations

import multiprocessing
import threading
import time
import uuid
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from infra.postgres import migrate, roles
from infra.postgres.migrate import (
    DatabaseNewer,
    DatabaseNotUtf8,
    MigrationBusy,
    ServerNotDurable,
    upgrade,
)
from infra.postgres.pool import connect
from infra.postgres.roles import ROLES, AppRoleMissing
from infra.postgres.schema import APP_ROLE, metadata

TABLES = list(metadata.tables)

# Everything that makes a table what it is, apart from the triggers, grants and partitions that test_schema.py looks at.
CATALOG: dict[str, LiteralString] = {
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, co.collname,
               pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_collation co ON co.oid = a.attcollation
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY (%(tables)s) ORDER BY 1, 2""",
    "constraints": """
        SELECT c.relname, r.conname, replace(pg_get_constraintdef(r.oid), %(schema)s || '.', '')
        FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid
        WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY (%(tables)s) AND r.contype <> 'n'
        ORDER BY 1, 2""",
    "indexes": """
        SELECT tablename, indexname, replace(indexdef, %(schema)s || '.', '') FROM pg_indexes
        WHERE schemaname = %(schema)s AND tablename = ANY (%(tables)s) ORDER BY 1, 2""",
    "tables": """
        SELECT relname, relkind, reloptions, pg_get_partkeydef(oid), obj_description(oid, 'pg_class') FROM pg_class
        WHERE relnamespace = %(schema)s::regnamespace AND relname = ANY (%(tables)s) ORDER BY 1""",
}


# What a migration would leave of itself in the catalogue. Vacuuming and analysing write their counts into the same rows
# at any moment, in place: a row that they touched keeps its xmin.
_ROWS_OF_THE_CATALOGUE: LiteralString = "SELECT oid, xmin, relname, relfilenode, relacl FROM pg_class ORDER BY oid"


@contextmanager
def empty_database(beside: str, options: sql.Composable | None = None) -> Generator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    with connect(beside, role=None) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), options or sql.SQL("")))
        try:
            yield make_conninfo(beside, dbname=name)
        finally:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def tables_of(dsn: str) -> set[str]:
    with connect(dsn, role=None) as owner:
        return {str(name) for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_the_migrations_make_what_the_metadata_describes(database: str) -> None:
    with connect(database, role=None, autocommit=False) as owner:
        engine = create_engine("postgresql+psycopg://", creator=lambda: owner, poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE SCHEMA model")
            connection.exec_driver_sql("SET search_path = model")
            metadata.create_all(connection)
            made, described = (
                {
                    part: owner.execute(query, {"schema": schema, "tables": TABLES}).fetchall()
                    for part, query in CATALOG.items()
                }
                for schema in ("public", "model")
            )
            connection.rollback()
    for part, rows in described.items():
        assert made[part] == rows
        assert {row[0] for row in rows} == set(TABLES)


def test_the_migrations_make_no_table_that_the_metadata_does_not_describe(database: str) -> None:
    partitions = {f"event_{number:02}" for number in range(16)}
    assert tables_of(database) == {*TABLES, *partitions, "alembic_version"}


def test_migrating_again_changes_nothing(database: str) -> None:
    with connect(database, role=None) as owner:
        owner.execute("INSERT INTO tenant VALUES (gen_random_uuid(), 'Bergmann', now())")
        before = owner.execute(_ROWS_OF_THE_CATALOGUE).fetchall()
        upgrade(database, allow_unsafe=True)
        assert owner.execute(_ROWS_OF_THE_CATALOGUE).fetchall() == before
        assert owner.execute("SELECT name FROM tenant WHERE name = 'Bergmann'").fetchall() == [("Bergmann",)]


def test_processes_that_start_together_migrate_once(database: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    with empty_database(database) as dsn, ProcessPoolExecutor(3, mp_context=spawn) as processes:
        list(processes.map(tables_of, [database] * 3))  # so that they are up before the race
        for racer in [processes.submit(upgrade, dsn, allow_unsafe=True) for _ in range(3)]:
            racer.result()
        assert tables_of(dsn) == tables_of(database)


def test_threads_of_one_process_migrate_two_databases(database: str) -> None:
    together = threading.Barrier(4)

    def start(dsn: str) -> None:
        together.wait()
        upgrade(dsn, allow_unsafe=True)

    with empty_database(database) as one, empty_database(database) as other, ThreadPoolExecutor(4) as threads:
        list(threads.map(start, [one, other] * 2))
        assert tables_of(one) == tables_of(other) == tables_of(database)


def test_a_migration_that_failed_half_way_leaves_nothing_and_can_be_run_again(database: str) -> None:
    with empty_database(database) as dsn:
        with connect(dsn, role=None) as owner:
            owner.execute("CREATE TABLE tracking (in_the_way int)")
            with pytest.raises(Exception, match='relation "tracking" already exists'):
                upgrade(dsn, allow_unsafe=True)
            assert tables_of(dsn) <= {"tracking", "alembic_version"}
            owner.execute("DROP TABLE tracking")
        upgrade(dsn, allow_unsafe=True)
        assert tables_of(dsn) == tables_of(database)


def test_whoever_waits_too_long_for_a_turn_is_told_so(database: str) -> None:
    with connect(database, role=None) as slow:
        slow.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK_KEY])
        with pytest.raises(MigrationBusy):
            upgrade(database, allow_unsafe=True, turn_wait_s=0.1)
    upgrade(database, allow_unsafe=True, turn_wait_s=5)


def test_a_server_that_may_lose_what_it_confirmed_is_refused(database: str) -> None:
    careless = make_conninfo(database, options="-c synchronous_commit=off")
    with pytest.raises(ServerNotDurable, match="synchronous_commit = off"):
        upgrade(careless)
    upgrade(careless, allow_unsafe=True)
    assert {"fsync", "full_page_writes"} <= set(migrate.MUST_BE_ON)


def test_g3_a_server_that_tries_again_what_the_disk_has_refused_is_refused(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting can be set at a start only; another one, that a connection may switch on, is refused alike."""
    assert migrate.MUST_BE_OFF == ("data_sync_retry",)
    with connect(database, role=None) as owner:
        assert owner.execute("SELECT current_setting('data_sync_retry')").fetchone() == ("off",)
    monkeypatch.setattr(migrate, "MUST_BE_OFF", ("quote_all_identifiers",))
    careless = make_conninfo(database, options="-c quote_all_identifiers=on -c synchronous_commit=off")
    with pytest.raises(ServerNotDurable, match=r"synchronous_commit = off, quote_all_identifiers = on.*on and off"):
        upgrade(careless)
    upgrade(careless, allow_unsafe=True)


def test_a_database_that_does_not_store_utf_8_is_refused(database: str) -> None:
    ascii_only = sql.SQL("ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
    with (
        empty_database(database, ascii_only) as dsn,
        pytest.raises(DatabaseNotUtf8, match="SQL_ASCII"),
    ):
        upgrade(dsn, allow_unsafe=True)


def test_a_database_from_the_future_is_left_alone(database: str) -> None:
    with connect(database, role=None) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseNewer):
        upgrade(database, allow_unsafe=True)


@pytest.fixture
def plain_owner(database: str) -> Generator[str]:
    """A role that owns a database, as managed services hand it out, and may not make roles."""
    name = f"plain_{uuid.uuid4().hex}"
    with connect(database, role=None) as superuser:
        superuser.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_an_owner_who_is_no_superuser_migrates_once_the_role_is_granted(database: str, plain_owner: str) -> None:
    with empty_database(database, sql.SQL("OWNER {}").format(sql.Identifier(plain_owner))) as dsn:
        as_owner = make_conninfo(dsn, options=f"-c role={plain_owner}")
        with pytest.raises(AppRoleMissing, match=f"GRANT {APP_ROLE} TO {plain_owner};"):
            upgrade(as_owner, allow_unsafe=True)
        with connect(database, role=None) as superuser:
            for role in ROLES:
                superuser.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(plain_owner)))
        upgrade(as_owner, allow_unsafe=True)
        assert tables_of(dsn) == tables_of(database)
        with connect(dsn) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DELETE FROM event")


def test_an_owner_without_the_right_is_told_what_an_administrator_should_run(database: str, plain_owner: str) -> None:
    advice = f"CREATE ROLE cairn_new NOLOGIN; GRANT cairn_new TO {plain_owner};"
    as_owner = make_conninfo(database, options=f"-c role={plain_owner}")
    with connect(as_owner, role=None) as owner, pytest.raises(AppRoleMissing, match=advice):
        roles.prepare_role(owner, "cairn_new")


def test_an_owner_who_may_make_roles_makes_this_one_and_may_act_as_it(database: str, plain_owner: str) -> None:
    with connect(database, role=None, autocommit=False) as superuser:
        superuser.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(plain_owner)))
        superuser.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(plain_owner)))
        roles.prepare_role(superuser, "cairn_new")
        member = superuser.execute("SELECT pg_has_role(%s, 'cairn_new', 'MEMBER')", [plain_owner]).fetchone()
        superuser.rollback()
    assert member == (True,)


def test_a_role_that_another_database_makes_at_the_same_moment_is_taken_as_made(database: str) -> None:
    with (
        connect(database, role=None, autocommit=False) as other,
        connect(database, role=None) as owner,
        ThreadPoolExecutor(1) as thread,
    ):
        other.execute("CREATE ROLE cairn_new NOLOGIN")
        late = thread.submit(roles.prepare_role, owner, "cairn_new")
        waiting = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
        while not late.done() and not other.execute(waiting, [owner.info.backend_pid]).fetchall():
            time.sleep(0.01)
        other.commit()
        try:
            late.result()
        finally:
            owner.execute("DROP ROLE cairn_new")
