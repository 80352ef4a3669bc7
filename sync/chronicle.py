"""The history of one entity, event by event: what each said and changed, and what its author had not seen. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sync import merge, shown
from sync.envelope import Event
from sync.merge import Dot, State
from sync.recorded import read
from sync.rows import EventRow
from sync.vector_clock import VectorClock, joined


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


def chronicle(rows: Iterable[EventRow]) -> Iterator[Step]:
    """The steps of an entity, from all its events by version, the first one included."""
    state: State | None = None
    known = Knowledge()
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


class Knowledge:
    """Who knew what of one entity, while its events are gone through by version."""

    def __init__(self) -> None:
        self._told: dict[str, list[int]] = {}
        """The seqs of each replica's events so far."""
        self._knew: dict[str, VectorClock] = {}

    def of(self, event: Event) -> dict[str, int]:
        """All that the author of an event had merged, their own earlier events included."""
        return {**joined(self._knew.get(event.replica, {}), event.clock), event.replica: event.seq - 1}

    def add(self, event: Event, knew: VectorClock) -> None:
        """Go on behind an event."""
        self._told.setdefault(event.replica, []).append(event.seq)
        self._knew[event.replica] = knew

    def unseen(self, knew: VectorClock) -> dict[str, int]:
        """By replica, how many of the events so far somebody who knew this much did not know of."""
        counts = {replica: len(seqs) - bisect_right(seqs, knew.get(replica, 0)) for replica, seqs in self._told.items()}
        return {replica: count for replica, count in counts.items() if count}

    def newest_seen(self, knew: VectorClock) -> list[Dot]:
        """For each replica, the newest of its events so far that somebody who knew this much knew of."""
        places = {replica: bisect_right(seqs, knew.get(replica, 0)) for replica, seqs in self._told.items()}
        return [(replica, self._told[replica][place - 1]) for replica, place in places.items() if place]


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
