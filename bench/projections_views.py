"""How long people wait for what they look at, in a company with half of all events."""

import time
from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from bench.projections_place import Place
from infra.postgres import of_tenant
from infra.postgres.pool import Connection, open_pool

TURNS: Final = 60
QUICK_TURNS: Final = 10

ASKED: Final[dict[str, LiteralString]] = {
    "work_board": "select * from rpt_in_full.work_board where tenant = %(tenant)s order by due_at limit 100",
    "technician_day": """
        select * from rpt_in_full.technician_day where tenant = %(tenant)s and person_id = %(person)s
        and planned_start >= %(start)s::timestamptz and planned_start < %(start)s::timestamptz + interval '1 day'
    """,
    "asset_history": """
        select * from rpt_in_full.asset_history where tenant = %(tenant)s and asset_id = %(asset)s
        order by position desc limit 100
    """,
    "conflict_inbox": "select * from rpt_in_full.conflict_inbox where tenant = %(tenant)s order by began_at limit 100",
    "quarantine": "select * from rpt_in_full.quarantine where tenant = %(tenant)s and status = 'open' limit 100",
    "sync_health": "select * from rpt_in_full.sync_health where tenant = %(tenant)s order by recorded_at limit 100",
    "job_facts": "select * from rpt_in_full.job_facts where tenant = %(tenant)s and work_order_id = %(job)s",
    "service_levels": """
        select week, kind, sum(jobs), sum(response_s) / nullif(sum(responded), 0) from rpt.service_levels
        where tenant = %(tenant)s group by week, kind
    """,
    "throughput": """
        select week, technician_id, sum(visits), sum(time_on_site_s) from rpt.throughput
        where tenant = %(tenant)s group by week, technician_id
    """,
}


def measured(place: Place) -> dict[str, float]:
    """The median and the 99th percentile of each view, in milliseconds."""
    tenant, found = place.tenants[0], dict[str, float]()
    with open_pool(place.dsn, size=1) as pool:
        (asset, job, start) = of_tenant.rows(
            pool,
            "select (select max(id) from rpt_in_full.asset), (select max(id) from rpt_in_full.work_order),"
            " (select max(planned_start) from rpt_in_full.visit)::date::text"
            " where %(tenant)s::uuid is not null",
            {"tenant": tenant},
        )[0]
        asked = {"tenant": tenant, "person": place.towns[0].people[0], "asset": asset, "job": job, "start": start}
        for name, statement in ASKED.items():
            place.say(f"asking for {name}")
            took = sorted(_took_ms(pool, statement, asked) for _ in range(QUICK_TURNS if place.quick else TURNS))
            found[f"{name}_p50_ms"] = took[len(took) // 2]
            found[f"{name}_p99_ms"] = took[int(len(took) * 0.99)]
    return found


def _took_ms(pool: ConnectionPool[Connection], statement: LiteralString, asked: dict[str, str]) -> float:
    began_s = time.perf_counter()
    of_tenant.rows(pool, statement, asked)
    return (time.perf_counter() - began_s) * 1_000
