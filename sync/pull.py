"""What a pull sends to whoever asks: the page that says which scopes begin, end and go on for them.

A page leads from its cursor to a position `until`. Scopes that were open all the time send their events in between;
those that opened send what is in them now, and what comes later of that changes nothing; those that closed are told.
So whoever has come to a position holds exactly the scopes that have been open since then without a gap, and that is all
a server needs to know of them: nothing is kept per device.

What opened may be more than a page holds. Then the cursor stays, and `resume` says where the next page goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from domain.grants import EVERYBODYS
from sync.frames import EVERYTHING, line
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from sync.moment import Moment, Span, Tail
from sync.resume import Place, name_of, read, spell
from sync.rows import EntityRow, LaterRow
from sync.scopes import Scopes
from sync.sending import Sending
from sync.together_on_a_page import cut_before, together

CHECKPOINT_BYTES: Final = 4_096
STAMPS_BYTES_MAX: Final = 320
"""Of what a frame says of its event beside the event."""
GROUP_BYTES_MAX: Final = PUSH_BYTES_MAX + EVENTS_PER_PUSH_MAX * STAMPS_BYTES_MAX
"""Of the frames of what was handed in at once."""
LET_IN_BY_MAX: Final = 300
FIRST_SCOPES_MAX: Final = 24
"""So many come first, because `resume` names them."""
_BEGINNING: Final = 1
"""What needs no grant may be seen from the first event on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a pull asks for."""

    cursor: int
    person: str | None
    """Who sees what they are granted; None: whoever asks sees everything."""
    limit: int
    """Events and snapshots of a page."""
    bytes_max: int
    replica: str | None = None
    """Whose later verdicts are told; it belongs to whoever asks."""
    resume: str = ""
    refetch: str = ""
    """A scope to be sent whole once more, with the cursor where it is."""
    digests: bool = False
    history: bool = False
    """Send the log itself from the cursor on, instead of beginning with what is there now."""
    first: Callable[[Sequence[EntityRow]], Sequence[str]] = field(default=lambda _: ())
    """Which scopes a device begins with, told the entities by which they were granted."""


class CursorAhead(ValueError):
    """The cursor is ahead of the log, whose `head` and `epoch` it names: the server may have been restored."""

    def __init__(self, head: int, epoch: str) -> None:
        super().__init__(f"the log ends at {head}")
        self.head, self.epoch = head, epoch


def view_of(person: str | None) -> str:
    """Whose view of the log a cursor counts in: under another view it means nothing."""
    return EVERYTHING if person is None else person


def page(moment: Moment, asked: Asked) -> bytes:
    """The next page. Raises CursorAhead, and resume.ResumeUnknown."""
    if asked.cursor > moment.position:
        raise CursorAhead(moment.position, moment.epoch)
    if asked.history:
        return _history(moment, asked)
    place = None
    if asked.resume:
        place = read(asked.resume, cursor=asked.cursor, epoch=moment.epoch, head=moment.position)
    if asked.refetch or (place and place.refetch):
        return _refetched(moment, asked, place)
    return _next(moment, asked, place)


def _history(moment: Moment, asked: Asked) -> bytes:
    upto, room = moment.position, _room(asked)
    tail = _tail(moment, [EVERYTHING], asked.cursor, upto, limit=asked.limit, bytes_max=room, to_all=False)
    return tail.lines + _checkpoint(moment, asked, tail.last)


def _refetched(moment: Moment, asked: Asked, place: Place | None) -> bytes:
    """One scope whole, whatever the cursor; that it is not theirs any more, where it is not."""
    scope = place.refetch if place else asked.refetch
    since = {scope: _BEGINNING} if asked.person is None else _scopes(moment, asked).since
    if scope not in since:
        return line("leave", scope=scope, position=moment.position) + _checkpoint(moment, asked, asked.cursor)
    sending = Sending(moment, limit=asked.limit, room=_room(asked))
    place = sending.send([scope], since, place or Place(moment.epoch, asked.cursor, asked.cursor, refetch=scope))
    return bytes(sending.lines) + _checkpoint(moment, asked, asked.cursor, resume=place if place.scope else None)


def _next(moment: Moment, asked: Asked, place: Place | None) -> bytes:
    """What opened and closed between the cursor and `until`, and the events of what was open all the time."""
    scopes = _scopes(moment, asked)
    sending = Sending(moment, limit=asked.limit, room=_room(asked))
    for scope, position in scopes.closed_since(place.until if place else asked.cursor):
        sending.add(line("leave", scope=scope, position=position))
    later = moment.later(asked.replica, after=asked.cursor, limit=asked.limit) if asked.replica else ()
    stays = scopes.opened(after=-1, until=asked.cursor)
    tail: Tail | None = None
    if place is None:
        reach, taken = _reach(moment, asked, later, sending.room)
        tail = _tail(moment, stays, asked.cursor, reach, limit=asked.limit, bytes_max=max(0, sending.room - taken))
        place = Place(moment.epoch, asked.cursor, tail.last, tail.events, first=_first(moment, asked, scopes))
        missing = _in_order(scopes, place)
    else:
        missing = _in_order(scopes, place) if place.scope else []
    place = sending.send(missing, scopes.since, place) if missing else place._replace(scope="")
    if place.scope:
        return bytes(sending.lines) + _checkpoint(moment, asked, asked.cursor, resume=place)
    # What was promised on the first page is not cut now: less than that can have become of it, never more.
    tail = tail or _tail(moment, stays, asked.cursor, place.until, limit=place.events + 1, bytes_max=asked.bytes_max)
    rest = tail.lines + b"".join(_verdict(row) for row in _upto(moment, asked, later, place.until))
    if missing and (tail.events > sending.limit or len(rest) > sending.room):
        return bytes(sending.lines) + _checkpoint(moment, asked, asked.cursor, resume=place)
    sending.add(rest)
    digests = _digests(moment, asked, scopes, place.until, sending.room)
    return bytes(sending.lines) + _checkpoint(moment, asked, place.until, digests=digests)


def _scopes(moment: Moment, asked: Asked) -> Scopes:
    if asked.person is None:
        return Scopes([Span(EVERYTHING, _BEGINNING, None, EVERYTHING)])
    everybodys = Span(EVERYBODYS, _BEGINNING, None, EVERYBODYS)
    return Scopes([everybodys, *moment.spans(asked.person, after=asked.cursor)])


def _reach(moment: Moment, asked: Asked, later: Sequence[LaterRow], room: int) -> tuple[int, int]:
    """How far a page may lead, and how many bytes the verdicts up to there take of it: to the head, or to the last
    verdict where there are more than it holds, or where they would leave less than half of it to the events."""
    taken, last = 0, asked.cursor
    for position, rows in groupby(later, key=lambda row: row.position):
        more = sum(len(_verdict(row)) for row in rows)
        if last > asked.cursor and taken + more > room // 2:
            return last, taken
        taken, last = taken + more, position
    is_cut = len(later) >= asked.limit and last > asked.cursor
    return last if is_cut else moment.position, taken


def _upto(moment: Moment, asked: Asked, later: Sequence[LaterRow], until: int) -> list[LaterRow]:
    """Those up to there, all of them where what stands together has led a page further than the last of them."""
    limit = asked.limit
    while asked.replica and len(later) >= limit and later[-1].position < until:
        limit *= 2
        later = moment.later(asked.replica, after=asked.cursor, limit=limit)
    return [row for row in later if row.position <= until]


def _tail(
    moment: Moment,
    scopes: Sequence[str],
    after: int,
    until: int,
    *,
    limit: int,
    bytes_max: int,
    to_all: bool = True,
) -> Tail:
    if not scopes or after == until:
        return Tail(b"", 0, until)
    tail = moment.tail(scopes, after=after, until=until, limit=limit, bytes_max=bytes_max, to_all=to_all)
    begins, ends = together(tail.lines)
    until = moment.position  # `until` may lie amid them: there a verdict was told, and a page holds no more of those
    if ends <= tail.last or tail.last == until:
        return tail
    # What stands or falls together is seen together: on the next page, or where it began this one, all of it here.
    before = cut_before(tail, begins)
    if before.events:
        return before
    rest = moment.tail(
        scopes,
        after=tail.last,
        until=min(ends, until),
        limit=EVENTS_PER_PUSH_MAX,
        bytes_max=GROUP_BYTES_MAX,
        to_all=to_all,
    )
    return Tail(tail.lines + rest.lines, tail.events + rest.events, rest.last)


def _first(moment: Moment, asked: Asked, scopes: Scopes) -> tuple[str, ...]:
    """What a new device begins with; one that knows its jobs already is in no hurry."""
    if asked.person is None or asked.cursor > 0:
        return ()
    granted = asked.first(moment.let_in_by(asked.person, limit=LET_IN_BY_MAX))
    in_order = dict.fromkeys(scope for each in granted for scope in scopes.led_to_by(each))
    return tuple(in_order)[:FIRST_SCOPES_MAX]


def _in_order(scopes: Scopes, place: Place) -> list[str]:
    """What opened, from a place on: what a device needs first, then what everybody needs, then the rest by name."""
    early = (*place.first, EVERYBODYS)

    def rank(scope: str) -> tuple[int, str]:
        return (early.index(scope), "") if scope in early else (len(early), scope)

    opened = sorted(scopes.opened(after=place.cursor, until=place.until), key=rank)
    return [scope for scope in opened if not place.scope or rank(scope) >= rank(place.scope)]


def _verdict(row: LaterRow) -> bytes:
    return line("verdict", **{**row.verdict, "replica": row.replica})


def _digests(moment: Moment, asked: Asked, scopes: Scopes, until: int, room: int) -> list[list[str]] | None:
    """The hash of each scope, where the page leads to the head and they fit into it."""
    if not asked.digests or until != moment.position:
        return None
    digests = [[*each] for each in moment.digests(scopes.opened(after=-1, until=until))]
    return digests if len(line("", digests=digests)) <= room else None


def _checkpoint(
    moment: Moment,
    asked: Asked,
    cursor: int,
    *,
    resume: Place | None = None,
    digests: list[list[str]] | None = None,
) -> bytes:
    told: dict[str, Any] = {"after": asked.cursor, "cursor": cursor, "head": moment.position, "epoch": moment.epoch}
    told |= {"durable": moment.durable, "view": view_of(asked.person)}
    told |= {"resumed": name_of(asked.resume)} if asked.resume else {}
    told |= {"resume": spell(resume)} if resume else {}
    told |= {} if digests is None else {"digests": digests}
    return line("checkpoint", **told)


def _room(asked: Asked) -> int:
    return max(0, asked.bytes_max - CHECKPOINT_BYTES)
