"""How each event type touches the fields of its entity, worked out once from the declarations."""

from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import NamedTuple, assert_never

from domain.catalogue import ENTITIES
from domain.entity import EntityType
from domain.facts import Fact, facts_of, status_of
from domain.lifecycle import CLASHES, LIFECYCLES, Clash, Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum


class Kind(IntEnum):
    """How a field is kept: what `sync.merge` needs to know of a policy on the hot path."""

    REGISTER = 1
    SET = 2
    SUM = 3
    MAP = 4


Implied = tuple[tuple[str, bool | str], ...]
"""Fields and what is written to them."""


class EntityPlan(NamedTuple):
    """What merging needs to know of one type of entity."""

    kinds: Mapping[str, Kind]
    policies: Mapping[str, MergePolicy]
    status: str | None
    lifecycle: Lifecycle | None
    contested_moves: frozenset[str]
    """Moves that any concurrent event contests."""
    clash: Clash | None
    implied: Mapping[str, Implied]
    """By event type, what an event writes besides its data: its move, and what its type alone says."""


def kind_of(policy: MergePolicy) -> Kind:
    """How a field with this policy is kept."""
    match policy:
        case AddWins():
            return Kind.SET
        case Sum():
            return Kind.SUM
        case Latest(each_key=True):
            return Kind.MAP
        case Latest() | Ask() | Advance() | Once() | Log() | Ref() | Server():
            return Kind.REGISTER
    assert_never(policy)


@cache
def plan_of(entity: str) -> EntityPlan:
    """The plan of a declared entity; KeyError for any other."""
    return plan_for(ENTITIES[entity])


def plan_for(declared: EntityType) -> EntityPlan:
    """The plan that follows from a declaration, registered or not."""
    status = status_of(declared)
    lifecycle = LIFECYCLES[status[1]] if status else None
    moves = lifecycle.moves.items() if lifecycle else ()
    return EntityPlan(
        kinds={name: kind_of(field.policy) for name, field in declared.fields.items()},
        policies={name: field.policy for name, field in declared.fields.items()},
        status=status[0] if status else None,
        lifecycle=lifecycle,
        contested_moves=frozenset(name for name, move in moves if move.contested_by_any),
        clash=CLASHES.get(declared.name),
        implied={name: _implied(fact, status) for name, fact in facts_of(declared).items()},
    )


def _implied(fact: Fact, status: tuple[str, str] | None) -> Implied:
    return (*fact.sets, (status[0], fact.move)) if status and fact.move else fact.sets
