"""A pull reads what it sends and no more, on a log of 20,000 events that nobody has analysed, or that somebody has."""

from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from infra.postgres import pull_statements as statements
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from sync.log import Changes, Wanted
from sync.resume import GREATEST_ID
from sync.rows import GrantRow, LaterRow, ScopeLinkRow
from tests.devices import NOON, PERSON_1, new_id
from tests.infra.event_logs import REPLICA, entity, events, new_tenant

EVENTS: Final = 20_000
SCOPES: Final = 2_000
MINE: Final = [f"work_order:{number}" for number in range(0, SCOPES, 100)]
LIMITS: Final = {"limit": 500, "bytes_max": 10**6, "to_all": True}
ASKED: Final[dict[LiteralString, dict[str, Any]]] = {
    statements.SPANS: {"person": PERSON_1, "after": 100},
    statements.LET_IN_BY: {"person": PERSON_1, "limit": 300},
    statements.TAIL: {"after": 100, "until": EVENTS, **LIMITS},
    statements.TAIL_OF_SCOPES: {"scopes": MINE, "after": 100, "until": EVENTS, **LIMITS},
    statements.SNAPSHOTS: {"before": GREATEST_ID, **LIMITS},
    statements.SNAPSHOTS_OF_SCOPES: {"scopes": MINE, "before": GREATEST_ID, "greatest": GREATEST_ID, **LIMITS},
    statements.LATER: {"replica": REPLICA, "after": 100, "limit": 500},
    statements.DIGESTS: {"scopes": MINE},
}
TABLES: Final = ("event", "entity", "grant_", "scope_link", "later_verdict", "replica")
OTHERS: Final = """
    with people as (
        insert into person (tenant, person, name, role)
        select %(tenant)s, gen_random_uuid(), 'ben', 'technician' from generate_series(1, 2000)
        returning person
    )
    insert into replica (tenant, replica, person, name, minted_at)
    select %(tenant)s, 'rb' || translate(lpad(number::text, 11, '0'), '0123456789', 'abcdefghij'), person, 'ben', now()
    from (select person, row_number() over () as number from people) as owners
"""
"""2,000 other people, each with a device."""


@pytest.mark.parametrize("analysed", [False, True])
def test_a_pull_scans_no_table_and_sees_few_rows(database: str, analysed: bool) -> None:
    with open_pool(database, size=2) as pool:
        tenant = _filled(PostgresEventLog(pool), new_tenant(pool))
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute(OTHERS, {"tenant": tenant})
        if analysed:
            with psycopg.connect(database, autocommit=True) as owner:
                owner.execute("analyze")
        with pool.connection() as connection:
            for statement, asked in ASKED.items():
                plan = _plan(connection, statement, {"tenant": tenant, **asked})
                scans = [(node["Node Type"], node.get("Relation Name")) for node in _nodes(plan)]
                assert not [scan for scan in scans if scan[0] == "Seq Scan" and scan[1]], (statement, scans)
                seen = sum(node["Actual Rows"] * node["Actual Loops"] for node in _nodes(plan) if _reads(node))
                assert seen <= 2_500, (statement, seen, scans)


def test_every_statement_of_a_pull_begins_with_the_tenant() -> None:
    texts = [text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)]
    assert len(texts) > 9
    for text in (text for text in texts if "select" in text and not text.strip().startswith("case")):
        # Every table that is named is asked for this tenant, so that tenants can be spread over a cluster.
        named = sum(text.count(f"from {table} ") + text.count(f"from {table}\n") for table in (*TABLES, "log_head"))
        assert text.count("tenant = %(tenant)s") >= named, text


def _filled(log: PostgresEventLog, tenant: str) -> str:
    rows = [row._replace(scope=f"work_order:{number % SCOPES}") for number, row in enumerate(events(EVENTS))]
    changes = Changes(
        events=rows,
        entities=[entity(row.entity, scope=row.scope, type="visit") for row in rows],
        granted=[
            GrantRow(PERSON_1 if row.scope in MINE else new_id(), row.scope, row.entity, row.position)
            for row in rows[:SCOPES]
        ],
        links=[ScopeLinkRow(row.scope, f"customer:{row.position}", row.position) for row in rows[:SCOPES]],
        later=[LaterRow(REPLICA, row.seq, row.id, row.position, {}) for row in rows],
    )
    log.mint(tenant, replica=REPLICA, person=PERSON_1, name="ada", now_ms=NOON)
    log.append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)
    return tenant


def _plan(connection: Connection, statement: LiteralString, asked: dict[str, Any]) -> dict[str, Any]:
    explained = connection.execute(sql.SQL("explain (analyze, format json) {}").format(sql.SQL(statement)), asked)
    row = explained.fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for each in plan.get("Plans", ()) for node in _nodes(each))]


def _reads(node: dict[str, Any]) -> bool:
    return "Scan" in node["Node Type"] and "Relation Name" in node
