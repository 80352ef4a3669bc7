"""What boards and figures show, worked out by hand from what every entity has come to; written apart from their SQL.

What each column means is taken from its comment in the data dictionary, and from nothing else.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from cairnfield.prove.naive_rows import naive
from domain.catalogue import ENTITIES
from sync.rows import EventRow

Rows = list[dict[str, Any]]

_BEHIND: Final = (
    *("home_scope", "log_version", "log_position", "created_at", "created_by", "changed_at", "changed_by"),
    *("recorded_at", "conflicts"),
)
"""The columns behind an entity's own fields."""
LAST: Final = datetime.max.replace(tzinfo=UTC)


def naive_views(log: Sequence[EventRow]) -> dict[str, Rows]:
    """Every row of the views that are worked out of several tables, after these events."""
    tables = naive(log)
    things = {
        kind: {row[0]: dict(zip(("id", *ENTITIES[kind].fields, *_BEHIND), row, strict=True)) for row in tables[kind]}
        for kind in ("work_order", "visit", "site", "customer", "person", "part", "part_use")
    }
    jobs = [_job(each, things) for each in things["work_order"].values() if not each["archived"]]
    visits = [_visit(each, things) for each in things["visit"].values() if is_done(each)]
    return {
        "job_facts": jobs,
        "visit_facts": visits,
        "service_levels": _service_levels(jobs),
        "throughput": _throughput(visits),
        "work_board": [
            _on_board(each, things)
            for each in things["work_order"].values()
            if not each["archived"] and each["status"] not in ("closed", "cancelled")
        ],
    }


def is_done(visit: dict[str, Any]) -> bool:
    return visit["status"] == "done" and not visit["archived"]


def when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def seconds(begin: str | None, end: str | None) -> int | None:
    begins, ends = when(begin), when(end)
    return None if begins is None or ends is None else round((ends - begins).total_seconds())


def at_least_none(found: int | None) -> int | None:
    return None if found is None else max(found, 0)


def monday(text: str | None) -> date | None:
    at = when(text)
    return None if at is None else at.date() - timedelta(days=at.weekday())


def added(values: Iterable[Any]) -> Any:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _job(job: dict[str, Any], things: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    visits = [each for each in things["visit"].values() if each["work_order_id"] == job["id"] and is_done(each)]
    visits.sort(key=lambda each: (when(each["finished_at"]) or LAST, each["id"]))
    arrivals = [each["arrived_at"] for each in visits if each["arrived_at"] is not None]
    used = [
        (Decimal(each["quantity"]), things["part"][each["part_id"]])
        for each in things["part_use"].values()
        if each["work_order_id"] == job["id"] and not each["archived"] and each["part_id"] in things["part"]
    ]
    currencies = {part["currency"] for _, part in used if part["currency"] is not None}
    costs = [quantity * Decimal(part["unit_cost"]) for quantity, part in used if part["unit_cost"] is not None]
    arrived, completed, due = min(arrivals, default=None), job["completed_at"], job["due_at"]
    is_over = completed is not None
    return {
        "work_order_id": job["id"],
        "technician_id": visits[0]["assignee_id"] if visits else None,
        **{
            name: job[name] for name in ("kind", "priority", "status", "outcome", "customer_id", "site_id", "opened_at")
        },
        "arrived_at": arrived,
        "completed_at": completed,
        "due_at": due,
        "week": monday(completed),
        "response_s": seconds(job["opened_at"], arrived),
        "completion_s": seconds(job["opened_at"], completed),
        "is_on_time": completed <= due if is_over and due is not None else None,
        "visits_done": len(visits),
        "is_fixed_first_time": job["outcome"] == "resolved" and len(visits) == 1 and job["reopen_reason"] is None
        if is_over
        else None,
        "time_on_site_s": sum(at_least_none(seconds(each["arrived_at"], each["finished_at"])) or 0 for each in visits)
        if visits
        else None,
        "parts_cost": added(costs) if len(currencies) <= 1 else None,
        "currency": next(iter(currencies)) if len(currencies) == 1 else None,
    }


def _visit(visit: dict[str, Any], things: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    job = things["work_order"].get(visit["work_order_id"], {})
    return {
        "visit_id": visit["id"],
        "work_order_id": visit["work_order_id"],
        "kind": job.get("kind"),
        "site_id": job.get("site_id"),
        "technician_id": visit["assignee_id"],
        "outcome": visit["outcome"],
        "finished_at": visit["finished_at"],
        "week": monday(visit["finished_at"]),
        "travel_s": at_least_none(seconds(visit["travel_started_at"], visit["arrived_at"])),
        "time_on_site_s": at_least_none(seconds(visit["arrived_at"], visit["finished_at"])),
    }


def _grouped(facts: Rows, *names: str) -> dict[tuple[Any, ...], Rows]:
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for each in facts:
        groups[tuple(each[name] for name in names)].append(each)
    return groups


def _service_levels(jobs: Rows) -> Rows:
    names = ("week", "kind", "technician_id", "site_id", "currency")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "jobs": len(facts),
            "responded": sum(each["response_s"] is not None for each in facts),
            "due": sum(each["is_on_time"] is not None for each in facts),
            "on_time": sum(each["is_on_time"] is True for each in facts),
            "fixed_first_time": sum(each["is_fixed_first_time"] is True for each in facts),
            **{
                name: added(each[name] for each in facts)
                for name in ("response_s", "completion_s", "time_on_site_s", "parts_cost")
            },
        }
        for key, facts in _grouped([each for each in jobs if each["week"] is not None], *names).items()
    ]


def _throughput(visits: Rows) -> Rows:
    names = ("week", "kind", "technician_id", "site_id")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "visits": len(facts),
            "resolved": sum(each["outcome"] == "resolved" for each in facts),
            "travel_s": added(each["travel_s"] for each in facts),
            "time_on_site_s": added(each["time_on_site_s"] for each in facts),
        }
        for key, facts in _grouped(visits, *names).items()
    ]


def _on_board(job: dict[str, Any], things: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    to_come = [
        each
        for each in things["visit"].values()
        if each["work_order_id"] == job["id"]
        and each["status"] not in ("done", "declined", "cancelled")
        and not each["archived"]
    ]
    first: Callable[[dict[str, Any]], Any] = lambda each: (when(each["planned_start"]) or LAST, each["id"])  # noqa: E731
    visit = min(to_come, key=first, default={})
    customer, site = things["customer"].get(job["customer_id"], {}), things["site"].get(job["site_id"], {})
    return {
        "work_order_id": job["id"],
        "customer_name": customer.get("name"),
        **{name: job[name] for name in ("number", "title", "kind", "priority", "status", "due_at", "opened_at")},
        **{name: job[name] for name in ("customer_id", "site_id", "conflicts", "changed_at", "log_position")},
        **{f"site_{name}": site.get(name) for name in ("name", "address", "position")},
        "visit_id": visit.get("id"),
        "visit_status": visit.get("status"),
        **{name: visit.get(name) for name in ("planned_start", "planned_end", "assignee_id")},
        "assignee_name": things["person"].get(str(visit.get("assignee_id")), {}).get("name"),
    }
