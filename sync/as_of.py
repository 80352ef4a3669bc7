"""Entities as they were: the fold of their events up to a position."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sync import merge, state_codec
from sync.merge import State
from sync.past import Past
from sync.recorded import read
from sync.rows import EntityRow, EventRow

EVENTS_AT_ONCE_MAX: Final = 1_000
"""So many events of one entity are held in memory while it is folded."""


def entity_as_of(past: Past, entity: str, position: int) -> EntityRow | None:
    """The entity as it was when the log ended at a position; None where nobody had written it yet."""
    return folded(events_until(past, entity, position))


def events_until(past: Past, entity: str, position: int) -> Iterator[EventRow]:
    """All events of an entity up to a position of the log, by version."""
    after = 0
    while True:
        rows = past.history(entity, after=after, until=position, limit=EVENTS_AT_ONCE_MAX)
        yield from rows
        if len(rows) < EVENTS_AT_ONCE_MAX:
            return
        after = rows[-1].version


class Histories(NamedTuple):
    """The whole histories of the first of some entities."""

    of: Sequence[Sequence[EventRow]]
    """Of each that anybody had written by then, its events by version."""
    covered: int
    """How many of the entities that is, also those that nobody had written yet."""


def histories(past: Past, entities: Sequence[str], position: int, *, events_max: int) -> Histories:
    """The histories up to a position of as many entities as have at most so many events together.

    At least one is covered: of the first that has any, all events are told, however many those are.
    """
    rows = past.histories(entities, until=position, limit=events_max)
    found = [list(events) for _, events in groupby(rows, key=lambda row: row.entity)]
    if len(rows) < events_max:
        return Histories(found, len(entities))
    cut = found.pop()[0].entity  # of this one there may be more
    place = entities.index(cut)
    if found:
        return Histories(found, place)
    return Histories([list(events_until(past, cut, position))], place + 1)


def folded(rows: Iterable[EventRow]) -> EntityRow | None:
    """What events of one entity come to, from its first on and by version; None where there are none."""
    state: State | None = None
    last: EventRow | None = None
    for row in rows:
        state = applied(state, row)
        last = row
    if state is None or last is None:
        return None
    return EntityRow(last.entity, last.entity_type, state.version, last.scope, state_codec.encode(state))


def applied(state: State | None, row: EventRow) -> State:
    """The state with one more stored event in it; None where it is the first."""
    return merge.apply(state or merge.empty(row.entity_type), read(row.body), row.effective)
