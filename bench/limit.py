"""The limit: how fast raw COPY moves the very same rows in and out of the very same table."""

import time
import uuid
from typing import Final, LiteralString

import psycopg

ROWS_MAX: Final = 40_000

_OUT: Final[LiteralString] = """
    copy (select %s::uuid, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type, type,
                 scope, effective, actor, body
          from event where tenant = %s and position > %s and position <= %s order by position)
    to stdout (format binary)
"""
_IN: Final[LiteralString] = """
    copy event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type, type,
                scope, effective, actor, body)
    from stdin (format binary)
"""


def copied_in_per_s(dsn: str, tenant: str, *, batch: int) -> float:
    """Rows per second that binary COPY brings into the event table, with a durable commit per batch.

    The rows are the tenant's own newest ones, made ready as bytes before the clock starts.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        head = _head(connection, tenant)
        first, other = max(0, head - ROWS_MAX), str(uuid.uuid4())
        batches = [_rows(connection, other, tenant, at, min(at + batch, head)) for at in range(first, head, batch)]
        began = time.perf_counter()
        for rows in batches:
            with connection.transaction(), connection.cursor().copy(_IN) as copy:
                copy.write(rows)
        return (head - first) / (time.perf_counter() - began)


def copied_out_per_s(dsn: str, tenant: str) -> float:
    """Rows per second that binary COPY reads out of the tenant's log, in order, and nobody looks at."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        head = _head(connection, tenant)
        began = time.perf_counter()
        _rows(connection, tenant, tenant, 0, head)
        return head / (time.perf_counter() - began)


def _rows(connection: psycopg.Connection, owner: str, tenant: str, after: int, last: int) -> bytes:
    with connection.cursor().copy(_OUT, [owner, tenant, after, last]) as copy:
        return b"".join(map(bytes, copy))


def _head(connection: psycopg.Connection, tenant: str) -> int:
    row = connection.execute("select position from log_head where tenant = %s", [tenant]).fetchone()
    assert row
    return int(row[0])
