"""What the merge should say, worked out the slow way: from every event and all that its author had merged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.merge_policy import Advance, Ask, Log, Once, Ref
from sync.envelope import Event
from sync.merge import Dot
from sync.plan import EntityPlan, Kind, plan_of
from tests.sync.histories import Told

Asked = tuple[str, str, frozenset[Dot]]
"""Field, reason, and the dots of the writes that are at odds."""


def said(event: Event) -> dict[str, Any]:
    """What an event writes: what it says, and what its type says."""
    return {**event.data, **dict(plan_of(event.entity_type).implied[event.type])}


def standing(told: Sequence[Told], name: str) -> dict[int, Any]:
    """The writes of a field, by their place in the history, that no author of another had seen."""
    writes = {place: said(each.event)[name] for place, each in enumerate(told) if name in said(each.event)}
    return {place: value for place, value in writes.items() if not any(place in told[each].knew for each in writes)}


def elements(told: Sequence[Told], name: str, writes: Sequence[int]) -> list[str]:
    """What is in an observed-remove set: what was added by somebody whom no later edit of that element had seen."""
    found = set[str]()
    for place in writes:
        for element in told[place].event.data[name].get("add", ()):
            touched = [
                other
                for other in writes
                if element
                in (*told[other].event.data[name].get("add", ()), *told[other].event.data[name].get("remove", ()))
            ]
            if not any(place in told[other].knew for other in touched):
                found.add(element)
    return sorted(found)


def asked(told: Sequence[Told]) -> set[Asked]:
    """Everything that a person must be asked."""
    plan = plan_of(told[0].event.entity_type)
    names = [name for name, kind in plan.kinds.items() if kind is Kind.REGISTER]
    return {each for name in names for each in (*_at_odds(told, name, plan), *_contested(told, name, plan))} | {
        *_clashing(told, plan)
    }


def _at_odds(told: Sequence[Told], name: str, plan: EntityPlan) -> Iterator[Asked]:
    writes = standing(told, name)
    dots, values = frozenset(_dot(told, place) for place in writes), list(writes.values())
    match plan.policies[name]:
        case Ask() | Once() | Ref() | Log() if any(value != values[0] for value in values):
            yield name, "values_differ", dots
        case Advance():
            assert plan.lifecycle is not None
            if any(frozenset({one, other}) in plan.lifecycle.asks for one in values for other in values):
                yield name, "moves_clash", dots
        case _:
            pass


def _contested(told: Sequence[Told], name: str, plan: EntityPlan) -> Iterator[Asked]:
    writes = standing(told, name)
    for place, value in writes.items():
        if not (value is True if name == "archived" else name == plan.status and value in plan.contested_moves):
            continue
        latest = {told[each].event.replica: _dot(told, each) for each in _concurrent_with(told, place)}
        contesting = set(latest.values()) - {_dot(told, each) for each, other in writes.items() if other == value}
        if contesting:
            yield name, "contested", frozenset({_dot(told, place), *contesting})


def _clashing(told: Sequence[Told], plan: EntityPlan) -> Iterator[Asked]:
    if plan.clash is not None:
        moves: Mapping[int, str] = standing(told, plan.clash.status)
        for one in standing(told, plan.clash.field):
            for other in _concurrent_with(told, one):
                if moves.get(other) in plan.clash.moves:
                    yield plan.clash.field, "reassigned_under_way", frozenset({_dot(told, one), _dot(told, other)})


def _concurrent_with(told: Sequence[Told], place: int) -> list[int]:
    return [
        other
        for other, each in enumerate(told)
        if other != place and other not in told[place].knew and place not in each.knew
    ]


def _dot(told: Sequence[Told], place: int) -> Dot:
    return told[place].event.replica, told[place].event.seq
