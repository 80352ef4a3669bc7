"""What people should see and be asked, worked out the slow way: from every event and all that its author knew.

Written apart from the merge and shares nothing with it but the declarations: no clocks, no state, no order of arrival.
An event is a cause of another when the author of the other had heard of it; what nobody knew of stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from cairnfield.prove.history import Told
from domain.catalogue import ENTITIES
from domain.facts import status_of
from domain.lifecycle import CLASHES, LIFECYCLES, Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Sum

Document = dict[str, Any]


class Writing(NamedTuple):
    """One value that one event gave to a field."""

    told: Told
    value: Any

    @property
    def dot(self) -> tuple[str, int]:
        return self.told.event.replica, self.told.event.seq

    @property
    def age(self) -> tuple[str, str, int]:
        return self.told.effective, self.told.event.replica, self.told.event.seq


def answer(told: Sequence[Told]) -> Document:
    """What people see of an entity after these events: `values` by field, and `conflicts` in any order."""
    writes = _writes(told)
    alive = {name: standing(written) for name, written in writes.items()}
    return {
        "values": {name: value for name in writes for value in _values(told, name, writes[name], alive[name])},
        "conflicts": [*_asks(told, alive), *_clashing(told, alive)],
    }


def _values(told: Sequence[Told], name: str, writes: Sequence[Writing], alive: Sequence[Writing]) -> Iterator[Any]:
    """The value of a field; none where nothing is left of it."""
    match _policy(told, name):
        case AddWins():
            elements = _elements(writes)
            if elements:
                yield elements
        case Sum():
            yield _plain(sum((Decimal(write.value) for write in writes), Decimal(0)))
        case Latest(each_key=True):
            pairs = _pairs(writes)
            if pairs:
                yield [pair for pair in pairs if pair[1] is not None]
        case _:
            yield _shown(told, name, alive)


def _asks(told: Sequence[Told], standing_writes: Mapping[str, Sequence[Writing]]) -> Iterator[Document]:
    for name, alive in standing_writes.items():
        if _are_at_odds(_policy(told, name), alive):
            yield _at_odds(told, name, alive)
        for write in alive:
            contesting = _contesting(told, name, write, alive)
            if contesting:
                yield _ask(name, "contested", [write.value], [write.dot, *contesting], _shown(told, name, alive))


def _at_odds(told: Sequence[Told], name: str, alive: Sequence[Writing]) -> Document:
    """The question that writes put which nobody has reconciled."""
    reason = "moves_clash" if _lifecycle_of(told, name) else "values_differ"
    ordered = sorted(alive, key=lambda write: write.dot)
    dots, said = [write.dot for write in ordered], [write.value for write in ordered]
    return _ask(name, reason, said, dots, _shown(told, name, alive))


def _ask(name: str, reason: str, said: list[Any], dots: list[tuple[str, int]], shown: Any) -> Document:
    return {"field": name, "reason": reason, "values": said, "dots": [list(dot) for dot in dots], "shown": shown}


def _writes(told: Sequence[Told]) -> dict[str, list[Writing]]:
    """All that was ever written, by field: what an event says, and what its type says."""
    found: dict[str, list[Writing]] = {}
    status = status_of(ENTITIES[told[0].event.entity_type])
    for each in told:
        fact = each.event.fact
        moved = {status[0]: fact.move} if status and fact.move else {}
        for name, value in {**each.event.data, **dict(fact.sets), **moved}.items():
            found.setdefault(name, []).append(Writing(each, value))
    return found


def standing(writes: Sequence[Writing]) -> list[Writing]:
    """The writes that no author of another had heard of."""
    known = 0
    for write in writes:
        known |= write.told.knew
    return [write for write in writes if not known >> write.told.place & 1]


def _elements(writes: Sequence[Writing]) -> list[str]:
    """An element is in when somebody added it and no later edit of that element knew of that."""
    touched = {element for write in writes for side in write.value.values() for element in side}
    found: list[str] = []
    for element in touched:
        edits = [write for write in writes if any(element in side for side in write.value.values())]
        if any(element in write.value.get("add", ()) for write in standing(edits)):
            found.append(element)
    return sorted(found)


def _pairs(writes: Sequence[Writing]) -> list[list[Any]]:
    """Each key on its own: the newest of what stands, also when it says that there is nothing."""
    keys = sorted({key for write in writes for key, _ in write.value})
    found: list[list[Any]] = []
    for key in keys:
        edits = [Writing(write.told, dict(write.value)[key]) for write in writes if key in dict(write.value)]
        found.append([key, max(standing(edits), key=lambda write: write.age).value])
    return found


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount else "0"


def _policy(told: Sequence[Told], name: str) -> MergePolicy:
    return ENTITIES[told[0].event.entity_type].fields[name].policy


def _lifecycle_of(told: Sequence[Told], name: str) -> Lifecycle | None:
    policy = _policy(told, name)
    return LIFECYCLES[policy.lifecycle] if isinstance(policy, Advance) else None


def _shown(told: Sequence[Told], name: str, alive: Sequence[Writing]) -> Any:
    lifecycle = _lifecycle_of(told, name)
    if lifecycle is not None:
        highest = max(alive, key=lambda write: lifecycle.moves[write.value].rank)
        return lifecycle.moves[highest.value].leads_to
    if name == "archived":  # only when everybody wants it so, and nobody went on working meanwhile
        return all(write.value and not _contesting(told, name, write, alive) for write in alive)
    is_first_kept = isinstance(_policy(told, name), Once | Log | Ref)
    return (min if is_first_kept else max)(alive, key=lambda write: write.age).value


def _are_at_odds(policy: MergePolicy, alive: Sequence[Writing]) -> bool:
    match policy:
        case Ask() | Once() | Ref() | Log():
            return any(write.value != alive[0].value for write in alive)
        case Advance(lifecycle=lifecycle):
            pairs = LIFECYCLES[lifecycle].asks
            return any(
                frozenset({one.value, other.value}) == pair for one in alive for other in alive for pair in pairs
            )
        case _:
            return False


def _contesting(told: Sequence[Told], name: str, write: Writing, alive: Sequence[Writing]) -> list[tuple[str, int]]:
    """For each replica its last event that neither knew of this write nor was known to it, unless it wrote alike."""
    lifecycle = _lifecycle_of(told, name)
    is_watched = lifecycle.moves[write.value].contested_by_any if lifecycle else name == "archived" and write.value
    if not is_watched:
        return []
    last = {each.event.replica: each.event.seq for each in told if _is_concurrent(each, write.told)}
    agreeing = {other.dot for other in alive if other.value == write.value}
    return [dot for dot in sorted(last.items()) if dot not in agreeing]


def _is_concurrent(one: Told, other: Told) -> bool:
    return one.place != other.place and not (one.knew >> other.place & 1 or other.knew >> one.place & 1)


def _clashing(told: Sequence[Told], alive: Mapping[str, Sequence[Writing]]) -> Iterator[Document]:
    """The writes of two different fields that must be looked at together."""
    rule = CLASHES.get(told[0].event.entity_type)
    if rule is None:
        return
    names = alive.get(rule.field, ())
    for one in names:
        for other in alive.get(rule.status, ()):
            if other.value in rule.moves and _is_concurrent(one.told, other.told):
                said, dots = [one.value, other.value], [one.dot, other.dot]
                yield _ask(rule.field, "reassigned_under_way", said, dots, _shown(told, rule.field, names))
