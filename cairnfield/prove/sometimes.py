"""What a proof must have met to be worth its name: every fact, every policy among writes made apart, and so on.

A generator that has grown narrow proves less and less and says so nowhere; so what it met is counted, and a proof of
the usual size that never met one of these fails.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

from cairnfield.prove.convergence import Agreed
from cairnfield.prove.history import Told
from domain.catalogue import ENTITIES, FACTS, ON_DEVICES
from domain.facts import lifecycles_of
from domain.lifecycle import CLASHES
from domain.merge_policy import AddWins, Advance, Latest, MergePolicy, Server, Sum
from sync.hybrid_clock import ms_of
from sync.merge import State, Write

REASONS = ("values_differ", "moves_clash", "contested", "reassigned_under_way")


def expected() -> frozenset[str]:
    """Everything that a proof of the usual size must have met."""
    named = {f"fact: {entity} {fact}" for entity in ON_DEVICES for fact in FACTS[entity]}
    policies = {_apart(field.policy) for each in ON_DEVICES.values() for field in each.fields.values()}
    moves = {
        _met(name, one, other)
        for name, lifecycle in lifecycles_of(ON_DEVICES).items()
        for one, other in combinations_with_replacement(sorted(lifecycle.moves), 2)
    }
    clashes = {f"clash: {entity} {move}" for entity, rule in CLASHES.items() for move in rule.moves}
    server_only = _apart(Server())  # no event of a device writes these fields, nor does any other yet
    return frozenset({*named, *policies, *moves, *clashes, *map(_asked, REASONS), *_OTHERS} - {server_only})


_OTHERS = (
    "apart: the same value twice",
    "apart: the same effective stamp",
    "apart: an element kept by an addition that its removal had not seen",
    "apart: the key of a map written and removed",
    "undisturbed: one write in every field",
    "archived: contested, and so not archived",
    "clock: ahead, brought to its arrival",
    "clock: behind 1971",
    "created: by two who did not know of each other",
    "settled: one write that had seen several",
    "sum: below nothing",
)


def reached(agreed: Agreed) -> Counter[str]:
    """What one history met."""
    found = Counter(f"fact: {each.event.entity_type} {each.event.type}" for each in agreed.told)
    by_entity: dict[str, list[Told]] = {}
    for each in agreed.told:
        by_entity.setdefault(each.event.entity, []).append(each)
        if each.event.at > each.effective:
            found["clock: ahead, brought to its arrival"] += 1
        if ms_of(each.effective) < 365 * 86_400_000:
            found["clock: behind 1971"] += 1
    for entity, told in by_entity.items():
        found.update(_of_entity(told, agreed.states[entity], agreed.documents[entity]))
    return found


def _apart(policy: MergePolicy) -> str:
    each_key = " each key" if isinstance(policy, Latest) and policy.each_key else ""
    return f"apart: {type(policy).__name__}{each_key}"


def _met(lifecycle: str, one: str, other: str) -> str:
    return f"moves: {lifecycle} {' ∥ '.join(sorted((one, other)))}"


def _asked(reason: str) -> str:
    return f"asked: {reason}"


def _of_entity(told: Sequence[Told], state: State, seen: Mapping[str, Any]) -> Iterator[str]:
    siblings = False
    for name, cell in state.cells.items():
        for each in _of_field(told, name, ENTITIES[state.type].fields[name].policy, cell):
            siblings = siblings or each.startswith("apart:")
            yield each
    if not siblings:
        yield "undisturbed: one write in every field"
    for conflict in seen["conflicts"]:
        yield _asked(conflict["reason"])
        if conflict["reason"] == "reassigned_under_way":
            yield f"clash: {state.type} {conflict['values'][1]}"
        if conflict["reason"] == "contested" and conflict["field"] == "archived":
            yield "archived: contested, and so not archived"
    if sum(each.event.fact.creates for each in told) > 1:
        yield "created: by two who did not know of each other"


def _of_field(told: Sequence[Told], name: str, policy: MergePolicy, cell: Any) -> Iterator[str]:
    match policy:
        case Sum():
            yield from (_apart(policy) for _ in range(len({each.event.replica for each in told}) > 1))
            if cell < 0:
                yield "sum: below nothing"
        case AddWins():
            yield from _of_set(told, name, cell)
        case Latest(each_key=True):
            for writes in cell.values():
                if len(writes) > 1:
                    yield _apart(policy)
                    if any(write.value is None for write in writes):
                        yield "apart: the key of a map written and removed"
        case _:
            yield from _of_register(told, policy, cell)


def _of_set(told: Sequence[Told], name: str, cell: Mapping[str, Sequence[Write]]) -> Iterator[str]:
    if any(len(writes) > 1 for writes in cell.values()):
        yield _apart(AddWins())
    for each in told:
        removed: Sequence[str] = each.event.data.get(name, {}).get("remove", ())
        for write in (write for element in removed for write in cell.get(element, ())):
            if write.replica != each.event.replica and each.event.clock.get(write.replica, 0) < write.seq:
                yield "apart: an element kept by an addition that its removal had not seen"


def _of_register(told: Sequence[Told], policy: MergePolicy, writes: Sequence[Write]) -> Iterator[str]:
    if len(writes) == 1:
        (write,) = writes
        author = next(each.event for each in told if each.event[1:3] == write[:2])
        if len(author.clock) > 2:
            yield "settled: one write that had seen several"
        return
    yield _apart(policy)
    for one, other in combinations(writes, 2):
        if one.value == other.value:
            yield "apart: the same value twice"
        if one.effective == other.effective:
            yield "apart: the same effective stamp"
        if isinstance(policy, Advance):
            yield _met(policy.lifecycle, one.value, other.value)
