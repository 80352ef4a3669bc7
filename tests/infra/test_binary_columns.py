"""Rows as arrays in Postgres' binary form arrive in the real tables as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from infra.postgres import binary_columns, of_tenant
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from tests.devices import new_id
from tests.infra.event_logs import entity, event, new_tenant

ODD_TEXTS = ("", "Größe 💧", "'\"\\\t\n\\N", "x" * 70_000, '{NULL,"a"}')
ODD_BYTES = (b"", b"\x00\xff", b"\\N", b"NULL", b"\xff\xff", bytes(range(256)) * 300)


@contextmanager
def a_tenant(database: str) -> Iterator[tuple[PostgresEventLog, str, Connection]]:
    with open_pool(database, size=2) as pool:
        tenant = new_tenant(pool)
        with of_tenant.transaction(pool, tenant) as connection:
            yield PostgresEventLog(pool), tenant, connection


def test_events_arrive_as_they_were(database: str) -> None:
    rows = [event(n + 1, actor=text, scope=text) for n, text in enumerate(ODD_TEXTS[:3])]
    rows += [event(n + 4, body=body) for n, body in enumerate(ODD_BYTES)]
    rows.append(event(10, seq=2**53 - 1, version=2**53 - 1, schema_version=32_767, recorded_at_ms=0))
    rows.append(event(11, recorded_at_ms=253_402_300_799_999))
    with a_tenant(database) as (log, tenant, connection):
        connection.execute(binary_columns.INSERT_EVENTS, binary_columns.events(tenant, rows))
        connection.commit()
        assert log.page(tenant, after=0, limit=99) == rows


def test_events_arrive_as_much_later_as_they_were_moved(database: str) -> None:
    with a_tenant(database) as (log, tenant, connection):
        connection.execute(binary_columns.INSERT_EVENTS, binary_columns.events(tenant, [event(1)], moved_by=41))
        connection.commit()
        assert [row.position for row in log.page(tenant, after=0, limit=99)] == [42]


def test_entities_arrive_as_they_were(database: str) -> None:
    rows = [entity(new_id(), scope=text) for text in ODD_TEXTS]
    rows += [entity(new_id(), state=state, version=2**53 - 1) for state in ODD_BYTES]
    with a_tenant(database) as (log, tenant, connection):
        connection.execute(binary_columns.INSERT_ENTITIES, binary_columns.entities(tenant, rows))
        connection.commit()
        assert [log.entity(tenant, row.entity) for row in rows] == rows


def test_no_rows_are_no_rows(database: str) -> None:
    with a_tenant(database) as (log, tenant, connection):
        connection.execute(binary_columns.INSERT_EVENTS, binary_columns.events(tenant, []))
        connection.commit()
        assert log.page(tenant, after=0, limit=99) == []


def test_what_the_table_refuses_is_raised_and_nothing_is_kept(database: str) -> None:
    rows = [event(1), event(2, effective="no stamp")]
    with a_tenant(database) as (log, tenant, connection):
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(binary_columns.INSERT_EVENTS, binary_columns.events(tenant, rows))
        connection.rollback()
        assert log.page(tenant, after=0, limit=99) == []
