"""The read model the slow way: every row from all events and nothing else, written apart from projections and merge.

What an entity has become is asked of the oracle that the merge itself is proven by (`cairnfield.prove.oracle`).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cairnfield.prove.history import Told
from cairnfield.prove.oracle import answer
from domain.catalogue import ENTITIES
from sync.envelope import parse
from sync.rows import EventRow

UNSAID: Final[dict[str, Any]] = {
    "archived": False,
    "custom": [],
    "priority": "none",
    "requires_signature": False,
    "visibility": "internal",
    "active": True,
}
"""What a field shows that nobody wrote, where that is not nothing."""
SETS: Final = {
    *("tags", "assets", "required_skills", "checklist_templates", "crew", "hazards", "contacts", "comms_opt_out"),
    *("annotations", "barcode", "skills"),
}


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def naive(log: Sequence[EventRow]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table after these events, by table, sorted."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ENTITIES}
    found |= {
        name: [] for name in ("open_conflict", "work_order_asset", "visit_person", "audit_trail", "replica_heard")
    }
    for entity in dict.fromkeys(row.entity for row in log):
        _show([row for row in log if row.entity == entity], found)
    heard: dict[str, EventRow] = {}
    for row in log:
        found["audit_trail"].append(_told(row))
        if row.replica not in heard or heard[row.replica].seq < row.seq:
            heard[row.replica] = row
    for row in heard.values():
        body = json.loads(row.body)
        at = int(body["at"][:12], 16)
        found["replica_heard"].append(
            (
                *(row.replica, row.actor, row.seq, row.position, moment(at), moment(row.recorded_at_ms)),
                *(row.recorded_at_ms - at, body["seen"]),
            )
        )
    return {name: sorted(rows, key=lambda row: str(row[:5])) for name, rows in found.items()}


def _told(row: EventRow) -> tuple[Any, ...]:
    body = json.loads(row.body)
    at = int(body["at"][:12], 16)
    return (
        *(row.position, body["id"], body["type"], body["entity"]["type"], body["entity"]["id"], row.version),
        *(sorted(body["data"]), row.actor, body["replica"], body["seq"], row.scope),
        *(moment(at), moment(row.recorded_at_ms), row.recorded_at_ms - at, body["seen"]),
    )


def _history(rows: Sequence[EventRow]) -> list[Told]:
    bodies = [json.loads(row.body) for row in rows]
    knew = [
        sum(
            1 << place
            for place, other in enumerate(bodies)
            if (other["replica"] == body["replica"] and other["seq"] < body["seq"])
            or body["clock"].get(other["replica"], 0) >= other["seq"]
        )
        for body in bodies
    ]
    return [
        Told(place=place, event=parse(row.body), effective=row.effective, knew=knew[place])
        for place, row in enumerate(rows)
    ]


def _show(rows: Sequence[EventRow], found: dict[str, list[tuple[Any, ...]]]) -> None:
    told = answer(_history(rows))
    first, last, kind = rows[0], rows[-1], rows[0].entity_type
    values = {
        name: told["values"].get(name, [] if name in SETS else UNSAID.get(name)) for name in ENTITIES[kind].fields
    }
    conflicts = told["conflicts"]
    found[kind].append(
        (
            *(first.entity, *values.values(), last.scope, len(rows), last.position),
            *(moment(int(first.effective[:12], 16)), first.actor, moment(int(last.effective[:12], 16)), last.actor),
            *(moment(last.recorded_at_ms), len(conflicts)),
        )
    )
    written = {(row.replica, row.seq): int(row.effective[:12], 16) for row in rows}
    for each in conflicts:
        sides = [f"{replica}/{seq}" for replica, seq in each["dots"]]
        began = written[tuple(each["dots"][0])]
        if each["reason"] != "contested":
            began = sorted(written[replica, seq] for replica, seq in each["dots"])[1]
        found["open_conflict"].append(
            (
                *(first.entity, each["field"], each["reason"], *sides[:2], kind, last.scope, moment(began), sides),
                *(each["shown"], each["values"]),
            )
        )
    if kind == "work_order":
        found["work_order_asset"] += [(first.entity, asset) for asset in values["assets"]]
    if kind == "visit":
        named = dict.fromkeys(values["crew"], "crew")
        if values["assignee_id"]:
            named[values["assignee_id"]] = "assignee"
        found["visit_person"] += [(first.entity, *each, values["planned_start"]) for each in named.items()]
