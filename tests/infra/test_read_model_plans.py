"""What the runner asks of a log is found by an index, in a log of 20,000 events that nobody has analysed yet."""

from typing import Any, Final, LiteralString

from psycopg import sql

from infra.postgres import of_tenant
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from infra.postgres.read_model import store
from infra.postgres.roles import PROJECTOR
from sync.log import Changes, Wanted
from tests.devices import NOON
from tests.infra.event_logs import entity, events, new_tenant

EVENTS: Final = 20_000


def test_whoever_moves_the_read_model_along_goes_through_no_log(database: str) -> None:
    with open_pool(database, size=2) as pool:
        log, tenant = PostgresEventLog(pool), new_tenant(pool)
        rows = events(EVENTS)
        changes = Changes(events=rows, entities=[entity(row.entity) for row in rows])
        log.append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)
    asked: dict[str, Any] = {
        "tenant": tenant,
        "follower": store.follower_of(1),
        "version": 1,
        "now_ms": NOON,
        "entity": rows[7].entity,
        "entities": [row.entity for row in rows[: store.FOLDED_AT_ONCE]],
        "most": store.FOLDED_AGAIN_MAX,
        "after": EVENTS // 2,
        "until": EVENTS,
        "limit": 500,
    }
    looked_for: dict[LiteralString, str] = {
        store.STANDING: '"position" = ',
        store.PAGE: '"position" > ',
        store.HISTORY: "entity = ",
        store.AGAIN: "entity = ",
    }
    with open_pool(database, size=1, role=PROJECTOR) as pool, of_tenant.transaction(pool, tenant) as connection:
        for statement, by in looked_for.items():
            explained = sql.SQL("explain {}").format(sql.SQL(statement))
            plan = [line for (line,) in connection.execute(explained, asked).fetchall()]
            scan = next(number for number, line in enumerate(plan) if " on event_" in line)
            assert "Index Scan using" in plan[scan], plan
            assert by in next(line for line in plan[scan:] if "Index Cond: " in line), plan
