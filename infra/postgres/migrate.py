"""Brings a database up to the schema of this code, once, however many processes start at the same time."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Table, create_engine, text
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import SetColumnComment, SetTableComment

from infra.postgres.pool import connect
from infra.postgres.read_model.versions import prepare
from infra.postgres.roles import hand_over, prepare_roles
from infra.postgres.schema import metadata
from infra.postgres.unfit import DatabaseUnfit

SERVER_VERSION_MIN: Final = 15
DDL_LOCK_TIMEOUT_MS: Final = 5_000
DDL_STATEMENT_TIMEOUT_MS: Final = 600_000
TURN_WAIT_S_MAX: Final = 60.0
TURN_POLL_S: Final = 0.05

LOCK_KEY: Final = int.from_bytes(b"cairnfld")
_ALEMBIC: Final = threading.Lock()  # it keeps what it is doing in module globals, which two threads would share
MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")
MUST_BE_OFF: Final = ("data_sync_retry",)
"""Where the disk refuses to write, the kernel may drop what it could not write, and say yes to whoever tries again."""


class ServerTooOld(DatabaseUnfit):
    """The server is older than SERVER_VERSION_MIN."""


class ServerNotDurable(DatabaseUnfit):
    """The server may lose what it has confirmed."""


class DatabaseNotUtf8(DatabaseUnfit):
    """The database does not store text as UTF-8."""


class DatabaseNewer(DatabaseUnfit):
    """A newer version of this program has migrated the database."""


class MigrationBusy(DatabaseUnfit):
    """Another process is still migrating the database."""


def upgrade(dsn: str, *, allow_unsafe: bool = False, turn_wait_s: float = TURN_WAIT_S_MAX) -> None:
    """Runs the migrations that this database has not seen; does nothing on one that has seen them all.

    The DSN must sign in as the owner of the database, who makes the roles and hands the tables over to one of them.
    Processes that call this at the same time take turns; each waits for `turn_wait_s` at most.
    `allow_unsafe` admits a server that trades durability for speed; it is for tests.
    Raises a DatabaseUnfit, or psycopg.OperationalError if the database cannot be reached.
    """
    with _ALEMBIC, connect(dsn, role=None, application_name="cairn-migrate") as owner:
        _check_server(owner, allow_unsafe=allow_unsafe)
        _take_turn(owner, turn_wait_s)
        prepare_roles(owner)
        hand_over(owner, frozenset(metadata.tables))
        owner.execute("SELECT set_config('lock_timeout', %s, false)", [str(DDL_LOCK_TIMEOUT_MS)])
        owner.execute("SELECT set_config('statement_timeout', %s, false)", [str(DDL_STATEMENT_TIMEOUT_MS)])
        owner.autocommit = False  # what SQLAlchemy expects of a connection
        engine = create_engine("postgresql+psycopg://", creator=lambda: owner, poolclass=NullPool)
        with engine.connect() as connection:
            _run(connection)
            _say_comments(connection)
            with connect(dsn, role=None, application_name="cairn-migrate") as maker:  # while the turn is still ours
                prepare(maker, now_ms=time.time_ns() // 1_000_000)


def _check_server(owner: psycopg.Connection, *, allow_unsafe: bool) -> None:
    if owner.info.server_version < SERVER_VERSION_MIN * 10_000:
        raise ServerTooOld(
            f"PostgreSQL {owner.info.server_version // 10_000} is too old: {SERVER_VERSION_MIN} or newer is needed"
        )
    if _setting(owner, "server_encoding") != "UTF8":
        raise DatabaseNotUtf8(
            f"the database stores text as {_setting(owner, 'server_encoding')}; "
            "create one with: CREATE DATABASE cairn ENCODING 'UTF8' TEMPLATE template0"
        )
    off = [f"{name} = off" for name in MUST_BE_ON if _setting(owner, name) == "off"]
    on = [f"{name} = on" for name in MUST_BE_OFF if _setting(owner, name) == "on"]
    ways = [way for way, wrong in (("on", off), ("off", on)) if wrong]
    if ways and not allow_unsafe:
        raise ServerNotDurable(
            f"the server runs with {', '.join(off + on)} and may lose records that it has confirmed; switch "
            f"{' and '.join(ways)} in postgresql.conf and restart it"
        )


def _setting(owner: psycopg.Connection, name: str) -> str:
    row = owner.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def _take_turn(owner: psycopg.Connection, wait_s: float) -> None:
    # Asked again and again, not waited for in one statement: a statement that waits holds a snapshot, and the process
    # whose turn it is would wait for that one in CREATE INDEX CONCURRENTLY, for ever.
    deadline = time.monotonic() + wait_s
    while owner.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise MigrationBusy(f"another process is still migrating this database after {wait_s:.0f} s")
        time.sleep(TURN_POLL_S)


def _run(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if "Can't locate revision" not in str(error):
            raise
        raise DatabaseNewer("a newer version of this program has migrated this database; run that one") from error
    connection.commit()


def _say_comments(connection: Connection) -> None:
    """Comments are documentation, not schema: they follow the metadata without a migration."""
    said = {
        (str(table), None if column is None else str(column)): comment
        for table, column, comment in connection.execute(
            text(
                "SELECT c.relname, a.attname, d.description FROM pg_description d"
                " JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass"
                " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0"
                " WHERE c.relnamespace = 'public'::regnamespace"
            )
        )
    }
    for table in metadata.sorted_tables:
        _say_table(connection, table, said)
    connection.commit()


def _say_table(connection: Connection, table: Table, said: dict[tuple[str, str | None], str]) -> None:
    if said.get((table.name, None)) != table.comment:
        connection.execute(SetTableComment(table))
    for column in table.columns:
        if said.get((table.name, column.name)) != column.comment:
            connection.execute(SetColumnComment(column))
