"""Why a value is what it is: the writes that were considered, who knew of whom, what stood, what lost, who is asked.

An explanation is a document of canonical JSON, worked out from the events alone and the same in whatever order they
came. It repeats the merge the slow way: every write of the field is looked at, not only those that are kept.
docs/reference/explanations.md says every member.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, assert_never

from domain.lifecycle import Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum
from sync import merge, shown
from sync.envelope import Event
from sync.merge import State, Write
from sync.plan import EntityPlan, Kind, plan_of
from sync.vector_clock import VectorClock, covers, joined

_Object = dict[str, Any]


class _Act(NamedTuple):
    """What one event says of a field, or of one element or key of it."""

    event: Event
    effective: str
    knew: VectorClock
    """All that its author had merged, the author's own earlier events included."""
    value: Any

    @property
    def write(self) -> Write:
        return Write(self.event.replica, self.event.seq, self.effective, self.value)


def explain(told: Iterable[tuple[Event, str]], field: str) -> dict[str, Any]:
    """Why the field of an entity shows what it shows.

    `told` is every event of that one entity, at least one, with its effective stamp, in any causal order; an event that
    is there twice counts once. KeyError for a field that nobody declared. `shown` is what `shown.values` gives for the
    field (null, or an empty list for sets and maps, where that gives nothing), `asks` what `shown.conflicts` gives.
    """
    state, acts = _read(told, field)
    plan = plan_of(state.type)
    nothing: list[Any] | None = [] if acts and plan.kinds[field] in (Kind.SET, Kind.MAP) else None
    return {
        "asks": _asks(state, field),
        "field": field,
        "policy": _policy(plan.policies[field]),
        "shown": shown.values(state).get(field, nothing),
        **(_why(acts, field, plan, state) if acts else {"rule": "unwritten", "writes": []}),
    }


def _why(acts: list[_Act], field: str, plan: EntityPlan, state: State) -> _Object:
    match plan.kinds[field]:
        case Kind.REGISTER if field == "archived":
            return _archived(acts, shown.values(state)[field])
        case Kind.REGISTER:
            return _register(acts, plan.policies[field], plan.lifecycle)
        case Kind.SUM:
            return {"rule": "added_up", "writes": _writes(acts, {}, "counted")}
        case Kind.SET:
            return {"parts": list(_elements(acts)), "rule": "each_element"}
        case Kind.MAP:
            return {"parts": list(_keys(acts, plan.policies[field])), "rule": "each_key"}


def _read(told: Iterable[tuple[Event, str]], field: str) -> tuple[State, list[_Act]]:
    """The state that the events make, and what they say of the field, oldest first."""
    state: State | None = None
    acts: list[_Act] = []
    knowing: dict[str, dict[str, int]] = {}
    for event, effective in told:
        state = state or merge.empty(event.entity_type)
        if merge.knows(state, event.replica, event.seq):
            continue
        state = merge.apply(state, event, effective)
        knew = {**joined(knowing.get(event.replica, {}), event.clock), event.replica: event.seq - 1}
        knowing[event.replica] = knew
        said = {**event.data, **dict(plan_of(event.entity_type).implied[event.type])}
        if field in said:
            acts.append(_Act(event, effective, knew, said[field]))
    assert state is not None, "an entity of which nothing was told has no values to explain"
    return state, sorted(acts, key=lambda act: (act.effective, act.event.replica, act.event.seq))


def _policy(policy: MergePolicy) -> str:
    return "EachKey" if policy == Latest(each_key=True) else type(policy).__name__


def _asks(state: State, field: str) -> list[_Object]:
    return [
        {"dots": [list(dot) for dot in each.dots], "reason": each.reason, "values": list(each.values)}
        for each in shown.conflicts(state)
        if each.field == field
    ]


def _register(acts: list[_Act], policy: MergePolicy, lifecycle: Lifecycle | None) -> _Object:
    replaced_by = _replaced_by(acts)
    alive = [act.write for act in acts if not replaced_by[act.write[:2]]]
    stands = shown.standing(policy, tuple(alive), lifecycle)
    agreed = all(write.value == stands.value for write in alive)
    return {
        "rule": "nobody_disagrees" if agreed else _rule(policy),
        "writes": _writes(acts, replaced_by, "kept", stands),
    }


def _rule(policy: MergePolicy) -> str:
    match policy:
        case Latest() | Ask() | Server():
            return "newest"
        case Once() | Log() | Ref():
            return "earliest"
        case Advance():
            return "highest_move"
        case AddWins() | Sum():
            raise AssertionError("a set or a sum has no one write that stands")
    assert_never(policy)


def _archived(acts: list[_Act], value: bool) -> _Object:
    """Archived is what everybody agrees on and nobody contests; anything else stays in sight."""
    replaced_by = _replaced_by(acts)
    alive = [act.write for act in acts if not replaced_by[act.write[:2]]]
    stands = next((write for write in reversed(alive) if write.value is value), None)
    contested = not value and any(write.value for write in alive)
    return {
        "rule": "in_sight_while_contested" if contested else "nobody_disagrees",
        "writes": _writes(acts, replaced_by, "kept", stands),
    }


def _elements(acts: list[_Act]) -> Iterator[_Object]:
    """For every element that anybody added or removed, whether it is in the set and why."""
    edits = [(act, set(act.value.get("add", ())), set(act.value.get("remove", ()))) for act in acts]
    for element in sorted({each for _, added, removed in edits for each in added | removed}):
        said = [
            act._replace(value="added" if element in added else "removed")
            for act, added, removed in edits
            if element in added or element in removed
        ]
        yield {"of": element} | _element(said)


def _element(acts: list[_Act]) -> _Object:
    replaced_by = _replaced_by(acts)
    last = {act.value for act in acts if not replaced_by[act.write[:2]]}
    rule = "removed" if "added" not in last else "add_wins" if "removed" in last else "added"
    writes = _writes(acts, replaced_by, "shown")
    # Nothing is kept of a removal: it took the additions that its author had seen, and is over.
    spent: list[_Object] = [
        {**write, "became": "spent", "replaced_by": []} if write["value"] == "removed" else write for write in writes
    ]
    return {"rule": rule, "shown": rule != "removed", "writes": spent}


def _keys(acts: list[_Act], policy: MergePolicy) -> Iterator[_Object]:
    """For every key that anybody wrote, what it says and why; null where it says nothing any more."""
    for key in sorted({pair[0] for act in acts for pair in act.value}):
        said = [act._replace(value=dict(act.value)[key]) for act in acts if key in dict(act.value)]
        told = _register(said, policy, None)
        value = next(write["value"] for write in told["writes"] if write["became"] == "shown")
        yield {"of": key, "shown": value} | told


def _replaced_by(acts: list[_Act]) -> dict[merge.Dot, list[merge.Dot]]:
    """For each write, who replaced it: the first that knew of it, or several where they did not know of each other."""
    histories = _by_replica(acts)
    return {act.write[:2]: _first_that_knew(act, histories) for act in acts}


def _first_that_knew(act: _Act, histories: Mapping[str, list[_Act]]) -> list[merge.Dot]:
    replica, seq = act.event.replica, act.event.seq
    firsts: list[_Act] = []
    for acts in histories.values():
        place = bisect_left(acts, seq, key=lambda later: later.knew.get(replica, 0))
        firsts += acts[place : place + 1]
    return sorted(
        one.write[:2]
        for one in firsts
        if not any(covers(one.knew, other.event.replica, other.event.seq) for other in firsts)
    )


def _by_replica(acts: Iterable[_Act]) -> dict[str, list[_Act]]:
    """The writes of each replica in its order; what an author knew only grows along it."""
    histories: dict[str, list[_Act]] = {}
    for act in sorted(acts, key=lambda act: act.event.seq):
        histories.setdefault(act.event.replica, []).append(act)
    return histories


def _writes(
    acts: list[_Act],
    replaced_by: Mapping[merge.Dot, list[merge.Dot]],
    unless_replaced: str,
    stands: Write | None = None,
) -> list[_Object]:
    histories = _by_replica(acts)
    return [
        _told(act, histories)
        | {
            "became": "replaced"
            if replaced_by.get(act.write[:2])
            else "shown"
            if stands and stands[:2] == act.write[:2]
            else unless_replaced,
            "replaced_by": [list(dot) for dot in replaced_by.get(act.write[:2], ())],
        }
        for act in acts
    ]


def _told(act: _Act, histories: Mapping[str, list[_Act]]) -> _Object:
    event = act.event
    return {
        "at": event.at,
        "effective": act.effective,
        "event": event.id,
        "replica": event.replica,
        "saw": [list(dot) for dot in _saw(act, histories)],
        "seq": event.seq,
        "type": event.type,
        "value": act.value,
    }


def _saw(act: _Act, histories: Mapping[str, list[_Act]]) -> Iterator[merge.Dot]:
    """For each replica, the last of its writes that the author had merged; those before it are seen with it."""
    for replica, acts in sorted(histories.items()):
        place = bisect_right(acts, act.knew.get(replica, 0), key=lambda earlier: earlier.event.seq)
        if place:
            yield acts[place - 1].write[:2]
