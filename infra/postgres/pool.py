"""Connections to the database: every wait on one has an end, and none of them may rewrite the log."""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.postgres.binary_columns import let_connections_send_them
from infra.postgres.schema import APP_ROLE
from infra.postgres.trouble import told_as_ours
from infra.postgres.unfit import DatabaseUnfit
from sync.log import LogUnavailable

CONNECT_TIMEOUT_S: Final = 5
LOCK_TIMEOUT_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = 15_000
NETWORK_SILENCE_MS_MAX: Final = 30_000
POOL_OPEN_S_MAX: Final = 15.0
POOL_WAIT_S_MAX: Final = 2.0
POOL_WAITING_MAX: Final = 200
UNCHECKED_S_MAX: Final = 1.0

APPLICATION_NAME: Final = "cairn"

PREPARE_THRESHOLD: Final = 0
"""In a pool, a statement is prepared when it is first run. psycopg looks whether that went well only then: one that
reaches a threshold in a pipeline that fails is taken for prepared, and fails on that connection for ever after."""

Connection = psycopg.Connection[TupleRow]

let_connections_send_them()


class PassesByTheWall(DatabaseUnfit):
    """A connection that would see every tenant's rows: nothing is served over it."""


def connect(
    dsn: str, *, autocommit: bool = True, role: str | None = APP_ROLE, application_name: str = APPLICATION_NAME
) -> Connection:
    """One connection, for a process that needs no pool.

    It acts as `role`, which may add events but never change them; None keeps what the DSN signs in as, for migrations.
    Raises psycopg.OperationalError if the server does not answer within CONNECT_TIMEOUT_S or the role does not exist.
    """
    return psycopg.connect(_conninfo(dsn, role, application_name), autocommit=autocommit)


def open_pool(
    dsn: str, *, size: int, role: str | None = APP_ROLE, application_name: str = APPLICATION_NAME
) -> ConnectionPool[Connection]:
    """A pool of exactly `size` autocommit connections like those of `connect`, open when it returns.

    Raises psycopg_pool.PoolTimeout if they are not all open within POOL_OPEN_S_MAX, and PassesByTheWall if they turn
    out to work as somebody else, or as somebody who need not heed row-level security.
    Whoever gets no connection within POOL_WAIT_S_MAX is told so (psycopg_pool.PoolTimeout), and whoever finds
    POOL_WAITING_MAX others waiting is told at once (TooManyRequests): a full server says no, it does not pile up.
    """
    wall = _Wall(role or APP_ROLE)
    pool = ConnectionPool(
        _conninfo(dsn, role, application_name),
        connection_class=Connection,
        kwargs={"autocommit": True, "prepare_threshold": PREPARE_THRESHOLD},
        min_size=size,
        max_size=size,
        timeout=POOL_WAIT_S_MAX,
        max_waiting=POOL_WAITING_MAX,
        # After a restart of the server the first ones to ask would otherwise get connections that are dead.
        check=_check_if_rested,
        reset=_note_use,
        configure=wall.look,
        name=application_name,
        open=False,
    )
    pool.open(wait=True, timeout=POOL_OPEN_S_MAX)
    if wall.passed_by:
        pool.close()
        raise PassesByTheWall(wall.passed_by)
    return pool


def answers(pool: ConnectionPool[Connection]) -> bool:
    """Whether the database answers and has our tables; how many tenants there are is nobody's business here."""
    try:
        with told_as_ours(), pool.connection() as connection:
            connection.execute("select from tenant limit 1")
    except LogUnavailable:
        return False
    return True


class _Wall:
    """As whom the connections of a pool work: a pooler in between may leave out the role that a session asks for."""

    def __init__(self, role: str) -> None:
        self._role = role
        self.passed_by = ""
        """What is wrong, in words for whoever looks after the database; empty where nothing is."""

    def look(self, connection: Connection) -> None:
        """Ask a new connection; what is wrong is noted, because an exception here would only be tried again."""
        found = connection.execute(
            "select current_user::text, rolsuper or rolbypassrls from pg_roles where rolname = current_user"
        ).fetchone()
        assert found is not None
        who, passes_by = found
        if passes_by or who != self._role:
            self.passed_by = (
                f"connections work as {who}{', who passes by row-level security' if passes_by else ''}; they must work "
                f"as {self._role}. Let nothing between here and the server drop the option `-c role={self._role}`, and "
                f"take SUPERUSER and BYPASSRLS from {self._role} if it was given them"
            )


_last_use_s: Final[WeakKeyDictionary[Connection, float]] = WeakKeyDictionary()


def _note_use(connection: Connection) -> None:
    _last_use_s[connection] = time.monotonic()


def _check_if_rested(connection: Connection) -> None:
    """Ask the server for a sign of life, unless it gave one a moment ago: a round trip that a busy pool can save."""
    if time.monotonic() - _last_use_s.get(connection, 0.0) > UNCHECKED_S_MAX:
        ConnectionPool[Connection].check_connection(connection)


def _conninfo(dsn: str, role: str | None, application_name: str) -> str:
    settings = {
        "lock_timeout": LOCK_TIMEOUT_MS,
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        # A generic plan, which psycopg's prepared statements end in, locks every partition of the log. What is done
        # with a few rows is planned once all the same: `of_tenant.SET_TENANT_TO_LOOK_UP`.
        "plan_cache_mode": "force_custom_plan",
        # Disks that do not seek. At the default of 4, a page of a log that nobody has analysed yet is planned as a
        # bitmap of the whole rest and a sort: 98 ms instead of 0.2 at 150,000 events.
        "random_page_cost": 1.1,
        # No statement here runs long enough to earn back what compiling it costs: seen, 36 ms beside 3.
        "jit": "off",
        "search_path": "public",
        "TimeZone": "UTC",
        **({} if role is None else {"role": role}),
    }
    given = conninfo_to_dict(dsn)
    # Ours come last and so win: a DSN may say where the database is, not that waits there have no end.
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return make_conninfo(
        dsn,
        options=f"{given.get('options') or ''} {ours}".strip(),
        application_name=application_name,
        client_encoding="UTF8",
        connect_timeout=given.get("connect_timeout") or CONNECT_TIMEOUT_S,
        tcp_user_timeout=given.get("tcp_user_timeout") or NETWORK_SILENCE_MS_MAX,
    )
