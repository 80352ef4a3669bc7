"""Entities as they were: the fold of their events up to a position, begun at the nearest milestone."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from domain.values import INTEGER_MAX
from sync import merge
from sync.merge import State
from sync.milestones import MILESTONE_EVERY, Milestone, Stand, stand_of
from sync.past import Past
from sync.recorded import read
from sync.rows import EntityRow, EventRow

EVENTS_AT_ONCE_MAX: Final = 1_000
"""So many events of one entity are held in memory while it is folded."""


def entity_as_of(past: Past, entity: str, position: int) -> EntityRow | None:
    """The entity as it was when the log ended at a position; None where nobody had written it yet."""
    stand = stand_at(past, entity, position)
    return stand.row if stand else None


def stand_at(
    past: Past, entity: str, position: int = INTEGER_MAX, *, version: int = INTEGER_MAX, newest: int = INTEGER_MAX
) -> Stand | None:
    """The entity up to a position and a version; None where nobody had written it yet.

    `newest` is its version now, where that is known: of what was written a few times there is no milestone.
    """
    begun = milestone_before(past, entity, position, version=version, newest=newest)
    after = begun.version if begun else 0
    rows = events_until(past, entity, position, after=after, version=version)
    return folded(rows, stand_of(begun) if begun else None)


def milestone_before(
    past: Past, entity: str, position: int, *, version: int = INTEGER_MAX, newest: int = INTEGER_MAX
) -> Milestone | None:
    """The nearest milestone up to a position and a version."""
    if min(version, newest) < MILESTONE_EVERY:
        return None
    return next(iter(past.milestones([entity], until=position, version=version)), None)


def events_until(
    past: Past, entity: str, position: int, *, after: int = 0, version: int = INTEGER_MAX
) -> Iterator[EventRow]:
    """All events of an entity behind a version, up to a position of the log and up to a version, by version."""
    while after < version:
        limit = min(EVENTS_AT_ONCE_MAX, version - after)
        rows = past.history(entity, after=after, until=position, limit=limit)
        yield from rows
        if len(rows) < limit:
            return
        after = rows[-1].version


class Stands(NamedTuple):
    """The first of some entities, as they were."""

    of: Sequence[Stand]
    """Without those that nobody had written yet."""
    covered: int
    """How many of the entities that is, also those that nobody had written yet."""
    folded: int
    """How many events that took."""


def stands_at(
    past: Past, entities: Sequence[str], position: int, *, events_max: int, newest: int = INTEGER_MAX
) -> Stands:
    """As many of these entities, in the order given, as it takes at most so many events to fold up to a position.

    At least one is covered, however many events that takes. `newest` is the greatest version of any of them now.
    """
    found = past.milestones(entities, until=position) if newest >= MILESTONE_EVERY else ()
    begun = {each.entity: stand_of(each) for each in found}
    behind = [begun[each].version if each in begun else 0 for each in entities]
    rows = past.histories(entities, behind=behind, until=position, limit=events_max)
    events = {entity: [*some] for entity, some in groupby(rows, key=lambda row: row.entity)}
    covered = len(entities)
    if rows and len(rows) >= events_max:  # of the last of them there may be more
        cut = rows[-1].entity
        covered = entities.index(cut)
        del events[cut]
        if covered == 0:
            events[cut] = [*events_until(past, cut, position, after=behind[0])]
            covered = 1
    stands = [folded(events.get(each, ()), begun.get(each)) for each in entities[:covered]]
    return Stands([each for each in stands if each], covered, sum(map(len, events.values())))


def folded(rows: Iterable[EventRow], begun: Stand | None = None) -> Stand | None:
    """What events of one entity come to, by version, from its first on or from behind where it stood; None where there
    is nothing."""
    state = begun.state if begun else None
    last: EventRow | None = None
    for row in rows:
        state = applied(state, row)
        last = row
    if last is None or state is None:
        return begun
    return Stand(last.entity, last.version, last.position, last.scope, state)


def applied(state: State | None, row: EventRow) -> State:
    """The state with one more stored event in it; None where it is the first."""
    return merge.apply(state or merge.empty(row.entity_type), read(row.body), row.effective)
