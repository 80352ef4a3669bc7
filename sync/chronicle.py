"""The history of one entity, event by event: what each said and changed, and what its author had not seen. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sync import merge, shown
from sync.as_of import events_until, milestone_before
from sync.envelope import Event
from sync.knowledge import Knowledge
from sync.merge import State
from sync.milestones import stand_of
from sync.past import Past
from sync.recorded import read
from sync.rows import EventRow


class Change(NamedTuple):
    """What is shown of a field, before and after; None where nobody had written it."""

    field: str
    was: Any
    now: Any


class Step(NamedTuple):
    """One event of an entity, and what came of it."""

    row: EventRow
    event: Event
    changes: Sequence[Change]
    """Of what is shown: an event that lost changes nothing."""
    opened: Sequence[str]
    """Fields that wait for a person since this event, and did not before."""
    settled: Sequence[str]
    """Fields that waited for a person before this event, and do not any more."""
    unseen: Mapping[str, int]
    """By replica, how many of the events before it in this history its author did not know of; none that are 0."""

    def says(self, field: str) -> bool:
        """Whether it tells this field, changes what is shown of it, or whether a person is asked about it."""
        return (
            field in self.event.data
            or any(change.field == field for change in self.changes)
            or field in self.opened
            or field in self.settled
        )


class Before(NamedTuple):
    """What an entity had come to before the first of the steps that are told."""

    state: State | None
    known: Knowledge
    """Goes on with the steps."""


def chronicle(rows: Iterable[EventRow], before: Before | None = None) -> Iterator[Step]:
    """The steps of an entity by version: from its first event on, or from behind what it had come to."""
    state, known = before or Before(None, Knowledge())
    for row in rows:
        event = read(row.body)
        knew = known.of(event)
        after = merge.apply(state or merge.empty(row.entity_type), event, row.effective)
        waited, waits = open_fields(state), open_fields(after)
        yield Step(
            row,
            event,
            differences(state, after),
            sorted(waits - waited),
            sorted(waited - waits),
            known.unseen(knew),
        )
        state = after
        known.add(event, knew)


class TooFarBehind(Exception):
    """There is no milestone near enough to the steps that are asked for, and too much to fold up to them."""


def steps_behind(past: Past, entity: str, version: int, *, until: int, limit: int, folded_max: int) -> Iterator[Step]:
    """At most `limit` steps of an entity behind a version, up to a position; raises TooFarBehind.

    The same as of the chronicle of all its events, without going through more of them than since the milestone before.
    """
    begun = milestone_before(past, entity, until, version=version)
    first = begun.version if begun else 0
    state = stand_of(begun).state if begun else None
    clock = state.clock if state else {}
    known = Knowledge.decoded(begun.knew) if begun else Knowledge()
    for row in events_until(past, entity, until, after=first, version=version):
        if row.version - first > folded_max:
            raise TooFarBehind
        event = read(row.body)
        state = merge.apply(state or merge.empty(row.entity_type), event, row.effective)
        known.add(event, known.of(event))
    rows = past.history(entity, after=version, until=until, limit=limit)
    least = known.least((read(row.body) for row in rows), clock)
    if begun and least:
        known.tell(past.seqs(entity, version=first, behind=least))
    return chronicle(rows, Before(state, known))


def open_fields(state: State | None) -> frozenset[str]:
    """The fields that wait for a person."""
    return frozenset(each.field for each in shown.conflicts(state)) if state else frozenset()


def differences(before: State | None, after: State | None) -> list[Change]:
    """What is shown otherwise than before, by field; None is an entity that nobody had written."""
    was, now = _values(before), _values(after)
    return [
        Change(field, was.get(field), now.get(field))
        for field in sorted({*was, *now})
        if was.get(field) != now.get(field)
    ]


def _values(state: State | None) -> Mapping[str, Any]:
    return shown.values(state) if state else {}
