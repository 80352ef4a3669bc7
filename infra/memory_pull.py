"""What a pull reads of the log in memory, said in the plainest way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync import state_codec
from sync.frames import EVERYTHING, OFFICE_SCOPE, event_frame, snapshot_frame
from sync.moment import Snapshots, Span, Tail
from sync.rows import EntityRow, EventRow, GrantRow, LaterRow, ScopeLinkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMoment:
    """`sync.moment.Moment` over the rows of a tenant, which nobody changes meanwhile."""

    position: int
    epoch: str
    durable: int
    events: Sequence[EventRow]
    entities: Iterable[EntityRow]
    granted: Mapping[GrantRow, int | None]
    """Each grant with the position at which it ended."""
    links: Sequence[ScopeLinkRow]
    told_later: Sequence[LaterRow]
    people: Mapping[str, str]
    """Whose each replica is."""

    def spans(self, person: str, *, after: int) -> Sequence[Span]:
        granted = [
            Span(row.scope, row.position, ends, row.scope)
            for row, ends in self.granted.items()
            if row.person == person and (ends is None or ends > after)
        ]
        led_to = [
            Span(link.leads_to, max(span.begins, link.position), span.ends, span.scope)
            for span in granted
            for link in self.links
            if link.scope == span.scope and (span.ends is None or span.ends > link.position)
        ]
        return granted + led_to

    def tail(
        self, scopes: Sequence[str], *, after: int, until: int, limit: int, bytes_max: int, to_all: bool = True
    ) -> Tail:
        wanted = [row for row in self.events[after:until] if _is_in(scopes, row.scope)]
        frames = _fitting([event_frame(row, to_all=to_all) for row in wanted[:limit]], bytes_max)
        last = until if len(frames) == len(wanted) else wanted[len(frames) - 1].position
        return Tail(b"".join(frames), len(frames), last)

    def snapshots(self, scopes: Sequence[str], *, before: str, limit: int, bytes_max: int) -> Snapshots:
        living = sorted(self.entities, key=lambda row: row.entity, reverse=True)
        rows = [
            (scope, row.entity, snapshot_frame(row))
            for place, scope in enumerate(scopes)
            for row in living
            if _is_in([scope], row.scope) and row.scope != OFFICE_SCOPE and (place > 0 or row.entity < before)
        ]
        sent = len(_fitting([frame for _, _, frame in rows[:limit]], bytes_max))
        return Snapshots(rows[:sent], sent == len(rows))

    def let_in_by(self, person: str, *, limit: int) -> Sequence[EntityRow]:
        newest: dict[str, int] = {}
        for row, ends in self.granted.items():
            if row.person == person and ends is None:
                newest[row.via] = max(row.position, newest.get(row.via, 0))
        by_id = {row.entity: row for row in self.entities}
        via = sorted(newest, key=lambda each: (-newest[each], each))[:limit]
        return [by_id[each] for each in via if each in by_id]

    def later(self, replica: str, *, after: int, limit: int) -> Sequence[LaterRow]:
        person = self.people.get(replica)
        theirs = [row for row in self.told_later if person is not None and self.people[row.replica] == person]
        told = sorted(theirs, key=lambda row: (row.position, row.replica, row.seq))
        coming = [row for row in told if row.position > after]
        last = coming[limit - 1].position if len(coming) >= limit else self.position
        return [row for row in told if after <= row.position <= last]

    def digests(self, scopes: Sequence[str]) -> Sequence[tuple[str, str]]:
        states: dict[str, list[tuple[str, bytes]]] = {}
        for row in self.entities:
            for scope in scopes:
                if _is_in([scope], row.scope) and row.scope != OFFICE_SCOPE:
                    states.setdefault(scope, []).append((row.entity, row.state))
        return sorted((scope, state_codec.state_hash(each)) for scope, each in states.items())


def _is_in(scopes: Sequence[str], scope: str) -> bool:
    return scope in scopes or EVERYTHING in scopes


def _fitting(frames: Sequence[bytes], bytes_max: int) -> Sequence[bytes]:
    """As many of them as fit, and the first in any case."""
    size = 0
    for number, frame in enumerate(frames):
        size += len(frame)
        if number and size > bytes_max:
            return frames[:number]
    return frames
