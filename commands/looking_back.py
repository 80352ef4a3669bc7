"""What is told of the past of an entity to whoever asks for it, over HTTP or by a command: the same answers."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from commands.as_of import AsOf
from commands.history_document import NameOf, change_document, step_document
from domain.refusals import Refused
from sync.as_of import applied
from sync.causal_graph import CausalGraph, causal_graph
from sync.chronicle import chronicle, differences, open_fields
from sync.explain import explain
from sync.merge import State
from sync.plan import plan_of
from sync.recorded import read
from sync.rows import EventRow

GRAPH_EVENTS_MAX: Final = 200
"""Events of one graph: what a person can still look at."""


class FieldUnknown(Refused):
    """What is asked about is no field of that type."""

    def __init__(self, entity_type: str, field: str, fields: list[str]) -> None:
        super().__init__(f"a {entity_type} has no field {field}")
        self.fields = fields


def check_field(entity_type: str, field: str | None) -> None:
    """Raises FieldUnknown."""
    known = sorted(plan_of(entity_type).kinds)
    if field is not None and field not in known:
        raise FieldUnknown(entity_type, field, known)


def history_of(
    rows: Iterable[EventRow], *, field: str | None, after: int, limit: int, name_of: NameOf
) -> dict[str, Any]:
    """Who wrote what, from behind a version on; `next` is the version behind which there is more."""
    steps = (step for step in chronicle(rows) if step.row.version > after and (field is None or step.says(field)))
    found = list(islice(steps, limit + 1))
    items = [step_document(step, name_of) for step in found[:limit]]
    return {"items": items, "next": found[limit - 1].row.version if len(found) > limit else None}


def why(rows: list[EventRow], field: str, name_of: NameOf) -> dict[str, Any]:
    """Why a field shows what it shows, and the events that say so."""
    explanation = explain([(read(row.body), row.effective) for row in rows], field)
    steps = {step.row.id: step_document(step, name_of) for step in chronicle(rows) if field in step.event.data}
    events = [steps[name] for name in dict.fromkeys(_events_of(explanation)) if name in steps]
    return {"explanation": explanation, "events": events}


def differences_between(rows: Iterable[EventRow], since: AsOf | None, until: AsOf | None) -> dict[str, Any]:
    """What is shown otherwise at the end of these events than at a moment before."""
    was, now, events = _at_both(rows, since.position if since else 0)
    return {
        "since": since.told if since else None,
        "until": until.told if until else None,
        "events": events,
        "changed": [change_document(change) for change in differences(was, now)],
        "opened": sorted(open_fields(now) - open_fields(was)),
        "settled": sorted(open_fields(was) - open_fields(now)),
    }


def graph_of(rows: Iterable[EventRow]) -> CausalGraph:
    """Who knew of whom, of the newest events."""
    return causal_graph(list(chronicle(rows))[-GRAPH_EVENTS_MAX:])


def _at_both(rows: Iterable[EventRow], position: int) -> tuple[State | None, State | None, int]:
    """The state up to a position and up to the end, and how many events lie between."""
    was: State | None = None
    now: State | None = None
    events = 0
    for row in rows:
        now = applied(now, row)
        if row.position <= position:
            was = now
        else:
            events += 1
    return was, now, events


def _events_of(explanation: dict[str, Any]) -> Iterator[str]:
    for part in (explanation, *explanation.get("parts", ())):
        yield from (write["event"] for write in part.get("writes", ()))
