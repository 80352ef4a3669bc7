"""Folding one entity's events in a given order, with everything on the way that must not matter."""

from collections.abc import Sequence
from typing import Any, Final

from cairnfield.prove.history import Told
from sync import merge, shown, state_codec
from sync.merge import State

STORED_EACH: Final = 7
REPEATED_EACH: Final = 3


class Unsteady(Exception):
    """An event that was in already changed something; the text says which."""


def folded(order: Sequence[Told]) -> State:
    """The state after these events, as a device folds them."""
    state = merge.empty(order[0].event.entity_type)
    for each in order:
        state = merge.apply(state, each.event, each.effective)
    return state


class Way:
    """Folds order after order of one entity, going back only as far as to where they part."""

    def __init__(self, entity_type: str) -> None:
        self.order: list[Told] = []
        self.states = [merge.empty(entity_type)]
        """After none, one, two ... events of the last order."""

    def folded(self, order: Sequence[Told]) -> State:
        parting = next(
            (i for i, (one, other) in enumerate(zip(self.order, order, strict=False)) if one is not other), 0
        )
        del self.states[parting + 1 :]
        for each in order[parting:]:
            self.states.append(merge.apply(self.states[-1], each.event, each.effective))
        self.order = list(order)
        return self.states[-1]


def stored_and_repeated(order: Sequence[Told]) -> State:
    """The state after these events, stored and read now and then as a server does, old events coming again.

    Raises Unsteady.
    """
    state = merge.empty(order[0].event.entity_type)
    for number, each in enumerate(order):
        state = merge.apply(state, each.event, each.effective)
        if number % STORED_EACH == STORED_EACH // 2:
            state = state_codec.decode(state_codec.encode(state))
        if number % REPEATED_EACH == 0:
            again = order[number * number % (number + 1) if number % 2 else number // 2]
            if merge.apply(state, again.event, again.effective) != state:
                raise Unsteady(f"{again.event.type} {again.event.replica} {again.event.seq}")
    return state


def newest_first(told: Sequence[Told]) -> list[Told]:
    """The order in which the last event comes as early as it can, after nothing but what its author knew."""
    order: list[Told] = []
    done = 0
    for late in reversed(told):
        for each in told:
            if (each is late or late.knew >> each.place & 1) and not done >> each.place & 1:
                done |= 1 << each.place
                order.append(each)
    return order


def document(state: State) -> dict[str, Any]:
    """What people see of a state, as JSON: the values, and what waits for a person."""
    return {"values": shown.values(state), "conflicts": [_ask(each) for each in shown.conflicts(state)]}


def _ask(conflict: shown.Conflict) -> dict[str, Any]:
    return {
        "field": conflict.field,
        "reason": conflict.reason,
        "values": list(conflict.values),
        "dots": [list(dot) for dot in conflict.dots],
        "shown": conflict.shown,
    }
