"""Reading once more what came from a newer client than this server was: after an update it is taken in by itself.

An event whose fact or version nobody here knows waits as `held`, and with it whatever its author tells of the same
entity afterwards, so that all of it is merged in the order in which it was written. Pure: told what waits, `read_again`
returns what should be stored.
"""

from typing import NamedTuple

from sync.desk import Desk, Judge, home_of, told_aside
from sync.envelope import Event, Link, Unacceptable, parse
from sync.log import Changes, Known, Wanted, WantedGrants
from sync.rows import HeldRow, LaterRow, Settled
from sync.verdict import FROM_THE_FUTURE, Received, Verdict, verdict_again


class Readable(NamedTuple):
    """What waited until it could be read, and can be now: an event, or what is wrong with it after all."""

    row: HeldRow
    event: Event | None
    fault: Unacceptable | None


def readable(row: HeldRow) -> Readable | None:
    """None where this server cannot read it either."""
    try:
        return Readable(row, parse(row.body), None)
    except Unacceptable as why:
        return None if why.code in FROM_THE_FUTURE else Readable(row, None, why)


def wanted(waiting: Readable, judge: Judge) -> Wanted:
    """What `read_again` needs to see."""
    row, event = waiting.row, waiting.event
    asked = Wanted(replicas=frozenset({row.replica}), ids=[row.id], entities=[row.entity], spans=[(row.replica, 1, 0)])
    if event is None:
        return asked
    asked = asked._replace(replicas=frozenset({row.replica, *event.clock}))
    if judge.is_limited:
        homes = [home_of(event)] if event.fact.creates else []
        asked = asked._replace(grants=[WantedGrants(row.actor, [row.entity], homes)])
    return asked


def read_again(waiting: Readable, known: Known, *, judge: Judge, now_ms: int) -> Changes:
    """What should be stored; nothing where somebody was quicker. `judge` is that of whoever handed it in."""
    row = waiting.row
    if row not in known.held:
        return Changes()
    desk = _SecondReading(known, judge, row.actor, now_ms)
    desk.settle(waiting)
    return desk.decided()


class _SecondReading(Desk):
    """A desk at which one event is taken that waited until it could be read."""

    def settle(self, waiting: Readable) -> None:
        row, event = waiting.row, waiting.event
        dot = row.replica, row.seq
        twin = self.ids.get(row.id)
        fault = waiting.fault
        if event is not None and (twin is None or twin.kind == "held"):
            fault = self.judge.may_tell(event, self.actor) or self._out_of_scope(event)
            missing = self._missing(event) if fault is None else []
            if missing:
                self.held[dot] = self.newly_held[dot] = row._replace(missing=tuple(missing))
                return
            fault = fault or self._fault(event)
        self._wait_no_longer(dot)
        verdict = self._verdict(waiting, fault, twin)
        self.later.append(LaterRow(row.replica, row.seq, row.id, self.known.position + len(self.events), verdict))
        self._release()

    def _verdict(self, waiting: Readable, fault: Unacceptable | None, twin: Settled | None) -> Verdict:
        row = waiting.row
        link = Link(row.replica, row.seq, None, row.id, row.entity)
        if twin is not None and twin.kind != "held":  # it came under another name of its device
            return verdict_again(Received(link, row.body, "", None, None), twin)
        if fault is not None:
            return told_aside(link, self._set_aside(link, row.body, fault, row.actor))
        assert waiting.event is not None
        return self._accept(waiting.event, row.actor)

    def decided(self) -> Changes:
        """Everything that was decided, as rows; no replica has told anything more by it."""
        return self._changes([])
