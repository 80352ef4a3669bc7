"""Rows in Postgres' binary COPY form arrive in the real tables as they were."""

import psycopg
import pytest

from infra.postgres import binary_copy
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from tests.devices import new_id
from tests.infra.event_logs import entity, event, new_tenant

ODD_TEXTS = ("", "Größe 💧", "'\"\\\t\n\\N", "x" * 70_000)
ODD_BYTES = (b"", b"\x00\xff", b"\\N", b"PGCOPY\n\xff\r\n\x00", b"\xff\xff", bytes(range(256)) * 300)


def test_events_arrive_as_they_were(database: str) -> None:
    rows = [event(n + 1, actor=text, scope=text) for n, text in enumerate(ODD_TEXTS[:3])]
    rows += [event(n + 4, body=body) for n, body in enumerate(ODD_BYTES)]
    rows.append(event(10, seq=2**53 - 1, version=2**53 - 1, schema_version=32_767, recorded_at_ms=0))
    rows.append(event(11, recorded_at_ms=253_402_300_799_999))
    with open_pool(database, size=1) as pool:
        tenant = new_tenant(pool)
        with pool.connection() as connection:
            binary_copy.copy(connection, binary_copy.COPY_EVENTS, binary_copy.events(tenant, rows))
        assert PostgresEventLog(pool).page(tenant, after=0, limit=99) == rows


def test_entities_arrive_as_they_were(database: str) -> None:
    rows = [entity(new_id(), scope=text) for text in ODD_TEXTS]
    rows += [entity(new_id(), state=state, version=2**53 - 1) for state in ODD_BYTES]
    with open_pool(database, size=1) as pool:
        tenant = new_tenant(pool)
        with pool.connection() as connection:
            binary_copy.copy(connection, binary_copy.COPY_ENTITIES, binary_copy.entities(tenant, rows))
        log = PostgresEventLog(pool)
        assert [log.entity(tenant, row.entity) for row in rows] == rows


def test_what_the_table_refuses_is_raised_and_nothing_is_kept(database: str) -> None:
    rows = [event(1), event(2, effective="no stamp")]
    with open_pool(database, size=1) as pool:
        tenant = new_tenant(pool)
        with pool.connection() as connection, pytest.raises(psycopg.errors.CheckViolation):
            binary_copy.copy(connection, binary_copy.COPY_EVENTS, binary_copy.events(tenant, rows))
        assert PostgresEventLog(pool).page(tenant, after=0, limit=99) == []
