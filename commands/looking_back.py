"""What is told of the past of an entity, or of all of them, over HTTP or by a command: the same answers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from commands.as_of import AsOf
from commands.history_document import NameOf, change_document, step_document
from domain.catalogue import ON_DEVICES
from domain.refusals import Refused
from sync.as_of import events_until, stand_at, stands_at
from sync.causal_graph import CausalGraph, causal_graph
from sync.chronicle import Step, TooFarBehind, chronicle, differences, open_fields, steps_behind
from sync.explain import explain
from sync.milestones import Stand
from sync.past import Past
from sync.plan import plan_of
from sync.recorded import read

GRAPH_EVENTS_MAX: Final = 200
"""Events of one graph: what a person can still look at."""
EXPLAINED_EVENTS_MAX: Final = 20_000
"""Events that one explanation goes through: it looks at every write of a field, from the first event on."""
FOLDED_EVENTS_MAX: Final = 20_000
"""Events that are folded up to the page of a history that is asked for, where no milestone is near."""
SCANNED_EVENTS_MAX: Final = 5_000
"""Events that one page looks at to find which entities were written."""
LOOKED_AT_EVENTS_MAX: Final = 1_000
"""Events that one page of a history looks through for those that have to do with a field."""


class PastOf(NamedTuple):
    """The past of one entity up to a position."""

    past: Past
    entity: str
    until: int


class HistoryTooLong(Refused):
    """More has been written of one entity than this question goes through; `hint` says what to ask instead."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.hint = hint


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


def history_of(of: PastOf, *, field: str | None, after: int, limit: int, name_of: NameOf) -> dict[str, Any]:
    """Who wrote what, from behind a version on; `next` is the version behind which there is more. A page of what has to
    do with a field may hold fewer than `limit`. Raises HistoryTooLong."""
    looked_at = limit if field is None else max(limit, LOOKED_AT_EVENTS_MAX)
    items: list[dict[str, Any]] = []
    reached, is_more = after, False
    for count, step in enumerate(_steps(of, after, looked_at + 1)):
        if count == looked_at or len(items) == limit:
            is_more = True
            break
        reached = step.row.version
        if field is None or step.says(field):
            items.append(step_document(step, name_of))
    return {"items": items, "next": reached if is_more else None}


def why(of: PastOf, field: str, name_of: NameOf) -> dict[str, Any] | None:
    """Why a field shows what it shows, and the events that say so; None where nobody had written the entity.

    Raises HistoryTooLong.
    """
    rows = [*islice(events_until(of.past, of.entity, of.until), EXPLAINED_EVENTS_MAX + 1)]
    if len(rows) > EXPLAINED_EVENTS_MAX:
        raise HistoryTooLong(
            f"it was written more than {EXPLAINED_EVENTS_MAX:,} times, and why a field is what it is follows from all "
            "of them",
            f"Read its history with `field={field}`, page by page, or ask why as of before position "
            f"{rows[-1].position}.",
        )
    if not rows:
        return None
    explanation = explain([(read(row.body), row.effective) for row in rows], field)
    steps = {step.row.id: step_document(step, name_of) for step in chronicle(rows) if field in step.event.data}
    events = [steps[name] for name in dict.fromkeys(_events_of(explanation)) if name in steps]
    return {"explanation": explanation, "events": events}


def differences_between(of: PastOf, since: AsOf | None, until: AsOf | None) -> dict[str, Any]:
    """What is shown otherwise at the end of this past than at a moment before."""
    was = stand_at(of.past, of.entity, since.position) if since else None
    now = stand_at(of.past, of.entity, of.until)
    told = {"since": since.told if since else None, "until": until.told if until else None}
    return told | difference_document(was, now)


def difference_document(was: Stand | None, now: Stand | None) -> dict[str, Any]:
    """What is shown otherwise of an entity than before; None is one that nobody had written."""
    before, after = was.state if was else None, now.state if now else None
    return {
        "events": (now.version if now else 0) - (was.version if was else 0),
        "changed": [change_document(change) for change in differences(before, after)],
        "opened": sorted(open_fields(after) - open_fields(before)),
        "settled": sorted(open_fields(before) - open_fields(after)),
    }


class AllChanged(NamedTuple):
    """Entities that were written between two moments, and where the next page begins."""

    items: list[dict[str, Any]]
    following: int | None
    """Position of the log; None: there are no more."""


def all_changed_between(past: Past, begins: int, ends: int, *, after: int, limit: int) -> AllChanged:
    """A page of the entities that were written between two positions, in the order in which they were first.

    It begins behind position `after`, and may hold fewer than `limit`.
    """
    touched = past.touched(after=max(after, begins), until=ends, limit=SCANNED_EVENTS_MAX)
    reached = touched[-1].position if len(touched) == SCANNED_EVENTS_MAX else None
    # An entity is told where it is written for the first time since, so no page tells it again.
    first = [each for each in touched if each.before <= begins and each.entity_type in ON_DEVICES]
    if len(first) > limit:
        first, reached = first[:limit], first[limit - 1].position
    if not first:
        return AllChanged([], reached)
    now = stands_at(past, [each.entity for each in first], ends, events_max=FOLDED_EVENTS_MAX)
    entities = [each.entity for each in first[: now.covered]]
    was = stands_at(past, entities, begins, events_max=FOLDED_EVENTS_MAX)
    before, behind = ({each.entity: each for each in stands.of} for stands in (was, now))
    items = [_changed(before.get(each), behind[each]) for each in entities[: was.covered]]
    return AllChanged(items, reached if was.covered == len(first) else first[was.covered - 1].position)


def _changed(was: Stand | None, now: Stand) -> dict[str, Any]:
    told = {
        "id": now.entity,
        "type": now.state.type,
        "scope": now.scope,
        "is_new": was is None,
        "version": now.version,
        "position": now.position,
    }
    return told | difference_document(was, now)


def graph_of(of: PastOf) -> CausalGraph:
    """Who knew of whom, of the newest events; raises HistoryTooLong."""
    now = stand_at(of.past, of.entity, of.until)
    version = now.version if now else 0
    return causal_graph(_steps(of, max(0, version - GRAPH_EVENTS_MAX), GRAPH_EVENTS_MAX))


def _steps(of: PastOf, after: int, limit: int) -> Iterator[Step]:
    try:
        return steps_behind(of.past, of.entity, after, until=of.until, limit=limit, folded_max=FOLDED_EVENTS_MAX)
    except TooFarBehind:
        raise HistoryTooLong(
            f"more than {FOLDED_EVENTS_MAX:,} events would have to be folded before this one, because its milestones "
            "are not made yet",
            "Ask again in a minute: they are made beside the server.",
        ) from None


def _events_of(explanation: dict[str, Any]) -> Iterator[str]:
    for part in (explanation, *explanation.get("parts", ())):
        yield from (write["event"] for write in part.get("writes", ()))
