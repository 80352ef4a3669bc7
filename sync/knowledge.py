"""Who knew what of one entity, while its events are gone through by version."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

import orjson

from sync import canonical
from sync.envelope import Event
from sync.merge import Dot
from sync.vector_clock import VectorClock, joined


class Knowledge:
    """What the authors of the events so far had merged, and which events there were."""

    def __init__(self, knew: Mapping[str, VectorClock] | None = None) -> None:
        """From the first event on; or, with what `encoded` gave, from behind the last of those, without their seqs."""
        self._told: dict[str, list[int]] = {}
        """The seqs of each replica's events so far."""
        self._knew: dict[str, VectorClock] = dict(knew or {})

    @staticmethod
    def decoded(raw: bytes) -> "Knowledge":
        """What `encoded` wrote, without the seqs of the events up to there: `tell` them where somebody asks."""
        return Knowledge(orjson.loads(raw))

    @property
    def encoded(self) -> bytes:
        """What each author knew, as canonical bytes."""
        return canonical.dumps({replica: dict(clock) for replica, clock in self._knew.items()})

    def of(self, event: Event) -> dict[str, int]:
        """All that the author of an event had merged, their own earlier events included."""
        return {**joined(self._knew.get(event.replica, {}), event.clock), event.replica: event.seq - 1}

    def add(self, event: Event, knew: VectorClock) -> None:
        """Go on behind an event."""
        self._told.setdefault(event.replica, []).append(event.seq)
        self._knew[event.replica] = knew

    def tell(self, earlier: Mapping[str, Sequence[int]]) -> None:
        """Say which events there were before the first that was added: their seqs by replica, in order."""
        for replica, seqs in earlier.items():
            self._told[replica] = [*seqs, *self._told.get(replica, ())]

    def least(self, events: Iterable[Event], clock: VectorClock) -> dict[str, int]:
        """Of each replica of a clock, the least that an author of these next events knew; none that they all knew so
        far."""
        least = dict(clock)
        going_on = Knowledge(self._knew)
        for event in events:
            knew = going_on.of(event)
            going_on.add(event, knew)
            for replica, seq in least.items():
                if knew.get(replica, 0) < seq:
                    least[replica] = knew.get(replica, 0)
        return {replica: seq for replica, seq in least.items() if seq < clock[replica]}

    def unseen(self, knew: VectorClock) -> dict[str, int]:
        """By replica, how many of the events so far somebody who knew this much did not know of."""
        counts = {replica: len(seqs) - bisect_right(seqs, knew.get(replica, 0)) for replica, seqs in self._told.items()}
        return {replica: count for replica, count in counts.items() if count}

    def newest_seen(self, knew: VectorClock) -> list[Dot]:
        """For each replica, the newest of its events so far that somebody who knew this much knew of."""
        places = {replica: bisect_right(seqs, knew.get(replica, 0)) for replica, seqs in self._told.items()}
        return [(replica, self._told[replica][place - 1]) for replica, place in places.items() if place]
