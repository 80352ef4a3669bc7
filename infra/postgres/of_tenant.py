"""Statements in the name of one tenant: without one, row-level security shows no row and takes none.

The tenant is set for the length of a transaction, never of a connection, so that nobody who borrows the connection
next inherits it, also behind a pooler. It travels in front of the first statement, in the same go: no round trip more.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.log import TenantId

BEGIN: Final[LiteralString] = "begin"
ONE_MOMENT: Final[LiteralString] = "begin isolation level repeatable read read only"
"""Everything in the transaction is read as of its first statement."""
SET_TENANT: Final[LiteralString] = "select set_config('app.tenant', %(tenant)s, true)"
SET_TENANT_TO_LOOK_UP: Final[LiteralString] = """
    select set_config('app.tenant', %(tenant)s, true), set_config('plan_cache_mode', 'force_generic_plan', true),
           set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
           set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_material', 'off', true), set_config('enable_sort', 'off', true)
"""
"""What finds rows by their keys takes less time than to plan it: of single events planning was half of what Postgres
did, of batches of 500 a third. So it is planned once for a connection, and as walks along indexes only: at that time a
table may be empty, and any plan looks as good as another."""


def rows(
    pool: ConnectionPool[Connection],
    statement: LiteralString,
    asked: Mapping[str, Any],
    *,
    binary: bool = True,
    looks_up: bool = False,
) -> list[tuple[Any, ...]]:
    """What one statement finds, or returns of what it writes, for the tenant that `asked` names.

    `looks_up` as `set_tenant` takes it.

    Raises Conflicting and LogUnavailable as `told_as_ours` says.
    """
    with told_as_ours(), pool.connection() as connection:
        # What is sent up to the end of a pipeline is one transaction.
        with connection.pipeline():
            set_tenant(connection, asked["tenant"], looks_up=looks_up)
            cursor = connection.cursor(binary=binary).execute(statement, asked)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def transaction(
    pool: ConnectionPool[Connection], tenant: TenantId, *, opened_by: LiteralString = BEGIN
) -> Generator[Connection]:
    """A transaction of this tenant's: committed at the end of the block, or undone if that raises.

    Raises Conflicting and LogUnavailable as `told_as_ours` says.
    """
    with told_as_ours(), pool.connection() as connection:
        begin(connection, tenant, opened_by=opened_by)
        try:
            yield connection
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise
        connection.commit()


def begin(connection: Connection, tenant: TenantId, *, opened_by: LiteralString = BEGIN) -> None:
    """Open a transaction of this tenant's on a connection that has none, in one round trip."""
    with connection.pipeline():
        connection.execute(opened_by)
        set_tenant(connection, tenant)


def set_tenant(connection: Connection, tenant: TenantId, *, looks_up: bool = False) -> None:
    """Whose rows the rest of the transaction may see and write; raises nothing by itself inside a pipeline.

    `looks_up`: whether its statements find rows by their keys, however many, so that none need be planned each time.
    """
    connection.execute(SET_TENANT_TO_LOOK_UP if looks_up else SET_TENANT, {"tenant": tenant})
