"""Whether everybody who holds the same events sees the same: the comparison of one history with itself."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import orjson

from cairnfield.prove import oracle
from cairnfield.prove.fold import Unsteady, Way, document, folded, newest_first, stored_and_repeated
from cairnfield.prove.history import History, Told
from sync import state_codec
from sync.merge import State


class Difference(NamedTuple):
    """Two answers that should have been one."""

    what: str
    """Which law is broken: `order`, `repeat`, `stored`, `values`, `asks`, `typescript state` and the like."""
    entity: str
    field: str
    one: Any
    other: Any


class Agreed(NamedTuple):
    """What all ways came to, of one history."""

    told: Sequence[Told]
    states: dict[str, State]
    encoded: dict[str, bytes]
    documents: dict[str, dict[str, Any]]
    """What people see, by entity."""


def agreed(history: History, told: Sequence[Told]) -> Agreed | Difference:
    """What every replica, every other order and the oracle say alike; the first difference where they do not."""
    states, encoded, documents = dict[str, State](), dict[str, bytes](), dict[str, dict[str, Any]]()
    for entity, (events, heard) in _orders(history, told).items():
        state = states[entity] = folded(events)
        spelled = encoded[entity] = state_codec.encode(state)
        seen = documents[entity] = document(state)
        difference = _differing(entity, events, heard, spelled, seen)
        if difference is not None:
            return difference
    return Agreed(told, states, encoded, documents)


def _orders(history: History, told: Sequence[Told]) -> dict[str, tuple[list[Told], list[list[Told]]]]:
    """For each entity its events, and the different orders in which replicas heard of them, alike ones side by side."""
    by_entity: dict[str, list[Told]] = {}
    for each in told:
        by_entity.setdefault(each.event.entity, []).append(each)
    heard: dict[str, set[tuple[int, ...]]] = {entity: set() for entity in by_entity}
    for order in history.heard:
        mine: dict[str, list[int]] = {}
        for place in order:
            mine.setdefault(told[place].event.entity, []).append(place)
        for entity, places in mine.items():
            heard[entity].add(tuple(places))
    return {
        entity: (events, [[told[place] for place in order] for order in sorted(heard[entity])])
        for entity, events in by_entity.items()
    }


def _differing(
    entity: str, events: list[Told], heard: list[list[Told]], spelled: bytes, seen: dict[str, Any]
) -> Difference | None:
    way = Way(events[0].event.entity_type)
    for order in heard:
        other = state_codec.encode(way.folded(order))
        if other != spelled:
            return first_difference("order", entity, orjson.loads(spelled), orjson.loads(other))
    half = len(heard[-1]) // 2
    try:
        stored = stored_and_repeated(heard[0])
    except Unsteady as which:
        return Difference("repeat", entity, "", str(which), "an event that is in already changes nothing")
    return (
        _unlike("order", entity, folded(newest_first(events)), spelled, seen)
        or _unlike("stored", entity, stored, spelled, seen)
        or _otherwise(entity, events, seen)
        # Somebody who has heard half of it is shown what follows from that half.
        or (_otherwise(entity, heard[-1][:half], document(way.states[half])) if half else None)
    )


def _unlike(what: str, entity: str, state: State, spelled: bytes, seen: dict[str, Any]) -> Difference | None:
    other = state_codec.encode(state)
    if other != spelled:
        return first_difference(what, entity, orjson.loads(spelled), orjson.loads(other))
    if document(state) != seen:
        return first_difference(what, entity, seen, document(state))
    return None


def _otherwise(entity: str, told: Sequence[Told], seen: dict[str, Any]) -> Difference | None:
    """Where the oracle says otherwise."""
    expected = oracle.answer(told)
    if seen["values"] != expected["values"]:
        return first_difference("values", entity, expected["values"], seen["values"])
    asked, asks = sorted(seen["conflicts"], key=_spelled), sorted(expected["conflicts"], key=_spelled)
    if asked != asks:
        return first_difference("asks", entity, asks, asked)
    return None


def _spelled(each: dict[str, Any]) -> str:
    return orjson.dumps(each, option=orjson.OPT_SORT_KEYS).decode()


def first_difference(what: str, entity: str, one: Any, other: Any) -> Difference:
    """Where two documents part for the first time."""
    where, one, other = next(_parting(one, other, ""), ("", one, other))
    return Difference(what, entity, where, one, other)


def _parting(one: Any, other: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    ours, theirs = _members(one), _members(other)
    if ours is None or theirs is None:
        if one != other:
            yield where, one, other
        return
    for name in sorted({*ours, *theirs}):
        yield from _parting(ours.get(name), theirs.get(name), f"{where}/{name}")


def _members(value: Any) -> dict[str, Any] | None:
    match value:
        case dict():
            return cast("dict[str, Any]", value)
        case list():
            return {f"{place:02}": each for place, each in enumerate(cast("list[object]", value))}
        case _:
            return None
