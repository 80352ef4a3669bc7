"""Events are appended by look-ups in the right indexes, few or many, also if planned when all was empty."""

from typing import Final, LiteralString

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from domain.people import Role
from infra.postgres.log import ROWS_WORTH_COLUMNS, PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from sync.log import Changes, Wanted
from sync.rows import GrantRow, ScopeLinkRow
from tests.devices import NOON, PERSON_1, Device, new_id
from tests.infra.event_logs import Office, entity, events, new_tenant
from tests.infra.pushing import device, pushed, verdicts
from tests.infra.test_checkpoints import until

EVENTS: Final = 20_000
REPLICAS: Final = 2_000
READ_MAX: Final = 150
"""Rows, for a push of one entity's events: any scan of what grows reads thousands more."""

_MINT: Final[LiteralString] = """
    insert into replica (tenant, replica, person, name, minted_at)
    select %s, 'r' || translate(lpad(number::text, 12, '0'), '0123456789', 'abcdefghij'), %s, 'one of many', now()
    from generate_series(1, %s) as number
"""
_OTHERS: Final[LiteralString] = """
    select count(*)::int from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
"""
_READ: Final[LiteralString] = """
    select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint from pg_stat_all_tables
    where schemaname = 'public' and relname ~ '^(event_|entity$|replica$|quarantine$|grant_$|scope_link$)'
"""


def rows_read(pool: ConnectionPool[Connection], dsn: str) -> int:
    """How many rows all connections have read by now; that of the pool, its only one, says first what it has read."""
    with pool.connection() as connection:
        connection.execute("select pg_stat_force_next_flush()")
    with psycopg.connect(dsn, autocommit=True) as owner:
        row = owner.execute(_READ).fetchone()
    assert row
    return int(row[0])


def grown(dsn: str, tenant: str) -> None:
    """Fill the tables that a push looks into."""
    with open_pool(dsn, size=1) as pool:
        before = PostgresEventLog(pool).head(tenant).position
        rows = [row._replace(seq=row.position, replica="raaaaaaaaaaab") for row in events(EVENTS, after=before)]
        changes = Changes(
            events=rows,
            entities=[entity(row.entity) for row in rows],
            granted=[GrantRow(PERSON_1, row.scope, row.entity, row.position) for row in rows],
            links=[ScopeLinkRow(row.scope, f"customer:{row.position}", row.position) for row in rows],
        )
        PostgresEventLog(pool).append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)
    with psycopg.connect(dsn) as owner:
        owner.execute("select set_config('app.tenant', %s, false)", [tenant])
        owner.execute(_MINT, [tenant, PERSON_1, REPLICAS])
    with psycopg.connect(dsn, autocommit=True) as owner:  # whoever is gone has said what they had read
        until(lambda: owner.execute(_OTHERS).fetchone() == (1,))


@pytest.mark.parametrize("is_vacuumed", [False, True], ids=["as_made", "vacuumed"])
@pytest.mark.parametrize("role", ["dispatcher", "technician"])
@pytest.mark.parametrize("number", [3, 500])
def test_what_is_planned_while_everything_is_empty_scans_nothing_later(
    database: str, role: Role, number: int, *, is_vacuumed: bool
) -> None:
    if is_vacuumed:
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute("vacuum (analyze)")
    with open_pool(database, size=1) as pool:
        office = Office(log=PostgresEventLog(pool), tenant=new_tenant(pool))
        phone, job = device(office, "ada"), new_id()
        created = phone.create("work_order", job)
        first = [created, *edits(phone, job, number - 1)]
        assert verdicts(pushed(office, first, role=role)) == ["accepted"] * number
        grown(database, office.tenant)
        before = rows_read(pool, database)
        assert verdicts(pushed(office, edits(phone, job, number), role=role)) == ["accepted"] * number
        assert rows_read(pool, database) - before < READ_MAX + (number if number >= ROWS_WORTH_COLUMNS else 0)


def edits(phone: Device, job: str, number: int) -> list[bytes]:
    """So many edits of one job."""
    return [phone.tell("work_order", job, "Edited", {"title": f"Pump {each}"}) for each in range(number)]
