"""The history of an entity as it is told: who, what, when by both clocks, where, and with what before their eyes."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from commands.moments import instant
from sync.causal_graph import CausalGraph, Node
from sync.chronicle import Change, Step
from sync.hybrid_clock import ms_of

NameOf = Callable[[str], str | None]
"""What people call somebody, by their id; None where they are not known any more."""


def step_document(step: Step, name_of: NameOf) -> dict[str, Any]:
    """One event and what came of it."""
    row, event = step.row, step.event
    written = orjson.loads(row.body)
    return {
        "version": row.version,
        "position": row.position,
        "event": row.id,
        "type": row.type,
        "actor": {"id": row.actor, "name": name_of(row.actor)},
        "replica": row.replica,
        "seq": row.seq,
        "written_at": instant(ms_of(event.at)),
        "recorded_at": instant(row.recorded_at_ms),
        "effective_at": instant(ms_of(row.effective)),
        "place": written.get("geo"),
        "reason": written.get("reason"),
        "together": event.tx,
        "had_pulled": event.seen,
        "knew": dict(event.clock),
        "did_not_know": dict(step.unseen),
        "said": event.data,
        "changed": [change_document(change) for change in step.changes],
        "opened": list(step.opened),
        "settled": list(step.settled),
    }


def change_document(change: Change) -> dict[str, Any]:
    """What is shown of a field, before and after."""
    return {"field": change.field, "was": change.was, "now": change.now}


def graph_document(graph: CausalGraph, name_of: NameOf) -> dict[str, Any]:
    """The causal graph as data: lanes, and events with what each followed from and what it was concurrent with."""
    actors: Mapping[str, str] = {node.dot[0]: node.step.row.actor for node in graph.nodes}
    return {
        "lanes": [
            {"replica": replica, "actor": {"id": actors[replica], "name": name_of(actors[replica])}}
            for replica in graph.lanes
        ],
        "events": [_node(node, name_of) for node in graph.nodes],
    }


def _node(node: Node, name_of: NameOf) -> dict[str, Any]:
    told = step_document(node.step, name_of)
    kept = ("version", "position", "event", "type", "actor", "replica", "seq", "written_at", "recorded_at", "changed")
    return {name: told[name] for name in kept} | {
        "causes": [list(dot) for dot in node.causes],
        "concurrent": [list(dot) for dot in node.concurrent],
    }
