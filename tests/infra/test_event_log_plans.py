"""What an append looks up is found by an index, on a log of 20,000 events that nobody has analysed yet."""

from typing import Any, LiteralString

import orjson
from psycopg import sql

from infra.postgres import statements
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync.log import Changes, Wanted
from sync.retelling import UNSETTLED
from sync.rows import GrantRow, ScopeLinkRow
from tests.devices import NOON, PERSON_1
from tests.infra.event_logs import REPLICA, entity, events, new_tenant

EVENTS = 20_000


def test_an_append_scans_no_table(database: str) -> None:
    with open_pool(database, size=2) as pool:
        log, tenant = PostgresEventLog(pool), new_tenant(pool)
        rows = events(EVENTS)
        changes = Changes(events=rows, entities=[entity(row.entity) for row in rows])
        log.append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)
        asked: dict[LiteralString, dict[str, Any]] = {
            statements.SETTLED_BY_ID: {"ids": [row.id for row in rows[:500]], "unsettled": [*UNSETTLED]},
            statements.ENTITIES: {"entities": [row.entity for row in rows[:500]], "for_replicas": ['[["r"]]']},
            statements.SETTLED_BY_DOT: {"spans": orjson.dumps([[REPLICA, 1, 500], [REPLICA, 501, 509]]).decode()},
        }
        with pool.connection() as connection:
            for statement, values in asked.items():
                found = connection.execute(
                    sql.SQL("explain {}").format(sql.SQL(statement)), {"tenant": tenant, **values}
                ).fetchall()
                plan = "\n".join(line for (line,) in found)
                for table in ("event", "entity"):
                    assert f"Seq Scan on {table}" not in plan, plan
                assert "Index Scan using" in plan, plan


def test_who_may_see_what_is_found_without_a_scan(database: str) -> None:
    with open_pool(database, size=2) as pool:
        log, tenant = PostgresEventLog(pool), new_tenant(pool)
        rows = events(EVENTS)
        log.append(
            tenant,
            Wanted(),
            lambda _: (
                Changes(
                    events=rows,
                    entities=[entity(row.entity) for row in rows],
                    granted=[GrantRow(PERSON_1, row.scope, row.entity, row.position) for row in rows],
                    links=[ScopeLinkRow(row.scope, f"customer:{row.position}", row.position) for row in rows],
                ),
                None,
            ),
            now_ms=NOON,
        )
        batch = [row.entity for row in rows[:500]]
        ended = {"person": PERSON_1, "scope": rows[0].scope, "via": rows[0].entity, "position": EVENTS + 1}
        wanted = {
            "by_scope": orjson.dumps([[PERSON_1, f"customer:{position}"] for position in range(500)]).decode(),
            "by_entity": orjson.dumps([[PERSON_1, entity] for entity in batch]).decode(),
        }
        asked: dict[LiteralString, dict[str, Any]] = {
            statements.GRANTS: wanted,
            statements.LEADS_TO: wanted,
            statements.SCOPES: {"person": PERSON_1, "at": EVENTS},
            statements.END_GRANTED: ended,
        }
        with pool.connection() as connection:
            for statement, values in asked.items():
                found = connection.execute(
                    sql.SQL("explain {}").format(sql.SQL(statement)), {"tenant": tenant, **values}
                ).fetchall()
                plan = "\n".join(line for (line,) in found)
                assert "Seq Scan" not in plan, plan
                assert "Bitmap" not in plan, plan
                if statement not in (statements.SCOPES, statements.LEADS_TO):  # which read all of somebody, or nobody
                    assert "scope = " in next(line for line in plan.splitlines() if "person = " in line), plan
