"""Taking in what another hub has accepted: a page of its log, of whichever replicas wrote there.

Pure. The other hub has judged, ordered and stamped these events, so nothing is judged or held again here, and an event
takes effect when the other hub said: two hubs that hold the same events show the same states. How far its log was
taken in is stored with the events, so nothing is skipped and nothing need be remembered elsewhere.

A relayed replica's seqs have holes, because what the other hub set aside never comes, and what it held comes late. So
`prev` is not looked at: an event is known by its id, its dot is taken once, and the replica stands at its greatest seq.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, cast

import orjson

from domain.values import INTEGER_MAX
from sync import hybrid_clock
from sync.desk import SAYS_OTHERWISE, Desk, Judge, is_retold
from sync.envelope import Event, Unacceptable, Unreadable
from sync.frames import is_the_offices_own
from sync.limits import CLOCK_DRIFT_MS_MAX
from sync.log import Changes, Known, Wanted
from sync.push import receive
from sync.rows import LaterRow, Settled, TrackedRow
from sync.verdict import Received, Verdict, verdict_again

_STAMP: Final = re.compile(r"[0-9a-f]{16}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class OtherHub(NamedTuple):
    """Another hub's log: one that was restored from a backup has a new epoch, and is another log."""

    tenant: str
    """A UUID: what its hello calls `tenant`."""
    epoch: str
    """A UUID."""

    @property
    def follower(self) -> str:
        """The name under which this hub keeps how far it has taken that log in."""
        return f"relay:{self.tenant}:{self.epoch}"

    @property
    def stand_in(self) -> str:
        """The replica under whose name we keep what that hub accepted and we cannot."""
        digest = hashlib.sha256(f"cairnfield {self.follower}".encode()).digest()
        return "r" + base64.b32encode(digest).decode().lower()[:12]


class Relayed(NamedTuple):
    """One event as the other hub tells it."""

    position: int
    """Where it stands there."""
    effective: str
    actor: str
    """Who handed it in there; a UUID."""
    received: Received


class Page(NamedTuple):
    """A page of the other hub's log."""

    frames: Sequence[Relayed]
    cursor: int
    """How far it goes; it may end with positions that have no frame."""
    epoch: str
    """The epoch that it was sent in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a relay is answered. `batch` is `taken`, `gap`, or `stopped` before an event that we cannot read."""

    batch: str
    position: int
    """How far the other hub's log has been taken in: where the next relay begins."""
    verdicts: Sequence[Verdict] = ()
    code: str = ""
    text: str = ""


def read(body: bytes) -> Page:
    """A page as the other hub's pull sends it; raises envelope.Unreadable, also for a page without its end."""
    *lines, end = body.removesuffix(b"\n").split(b"\n")
    told = _stamps(end)
    if told.get("frame") != "checkpoint" or not _is_position(told.get("cursor")):
        raise Unreadable("a page ends with its checkpoint; this one was cut off")
    frames = [_frame(line) for line in lines if not is_the_offices_own(line)]
    positions = [frame.position for frame in frames]
    if positions != sorted(set(positions)) or positions[-1:] > [told["cursor"]]:
        raise Unreadable("the frames of a page stand in the order of their positions, up to its cursor")
    return Page(frames, told["cursor"], str(told.get("epoch", "")))


def _frame(line: bytes) -> Relayed:
    stamps, found, rest = line.partition(b',"event":')
    told = _stamps(stamps + b"}" if found else line)
    if told.get("frame") != "event" or not found or not rest.endswith(b"}"):
        raise Unreadable("a relay holds event frames and one checkpoint")
    stamped = _spells(_STAMP, told.get("effective")) and _spells(_UUID, told.get("actor"))
    if not (_is_position(told.get("position")) and stamped):
        raise Unreadable("an event frame tells position, effective and actor")
    return Relayed(told["position"], told["effective"], told["actor"], receive(rest[:-1]))


def _stamps(line: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise Unreadable(f"not JSON: {fault.msg}") from None
    if not isinstance(told, dict):
        raise Unreadable("a frame is a JSON object")
    return cast("dict[str, Any]", told)


def _is_position(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INTEGER_MAX


def _spells(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def replicas(page: Page, hub: OtherHub) -> frozenset[str]:
    """The replicas that must be known here before the page is taken in."""
    return frozenset({hub.stand_in, *(frame.received.link.replica for frame in page.frames)})


def wanted(page: Page, hub: OtherHub) -> Wanted:
    """What `decide` needs to see for this page."""
    links = [frame.received.link for frame in page.frames]
    return Wanted(
        replicas=replicas(page, hub),
        ids=[link.id for link in links if link.id],
        entities=[*dict.fromkeys(link.entity for link in links if link.entity)],
        spans=_spans({(link.replica, link.seq) for link in links}),
    )


def _spans(dots: set[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Runs without gaps: what was released late lies far from the rest of its replica."""
    spans: list[tuple[str, int, int]] = []
    for replica, seq in sorted(dots):
        if spans and spans[-1][0] == replica and spans[-1][2] == seq - 1:
            spans[-1] = (replica, spans[-1][1], seq)
        else:
            spans.append((replica, seq, seq))
    return spans


def decide(
    page: Page,
    known: Known,
    *,
    hub: OtherHub,
    ours: frozenset[str],
    after: int,
    taken: int,
    judge: Judge,
    now_ms: int,
) -> tuple[Changes, Answer]:
    """What should be stored of a page that begins after `after`, where the log was taken in up to `taken`.

    `ours` are the replicas that hand in here themselves: no other hub brings anything new of them, so whoever has its
    token cannot write in the name of our people. `judge` is asked only about events of our own that waited for what the
    page brings.
    """
    if after > taken:
        return Changes(), Answer(batch="gap", position=taken)
    desk = _RelayDesk(known, judge, hub, ours, now_ms)
    verdicts: list[Verdict] = []
    for frame in page.frames:
        if frame.received.fault is not None:
            upto = max(taken, frame.position - 1)
            code, text = frame.received.fault.code, frame.received.fault.detail
            stopped = Answer(batch="stopped", position=upto, verdicts=verdicts, code=code, text=text)
            return desk.changes_upto(upto, taken), stopped
        verdicts.append(desk.relay(frame))
    upto = max(taken, page.cursor)
    return desk.changes_upto(upto, taken), Answer(batch="taken", position=upto, verdicts=verdicts)


class _RelayDesk(Desk):
    """The desk at which another hub's page is worked through."""

    def __init__(self, known: Known, judge: Judge, hub: OtherHub, ours: frozenset[str], now_ms: int) -> None:
        super().__init__(known, judge, known.replicas[hub.stand_in].person, now_ms)
        self.hub, self.ours = hub, ours
        self.heads = {replica: known.replicas[replica] for replica in known.replicas}
        self.dots: dict[tuple[str, int], Settled] = dict(known.by_dot)
        self.together: list[Received] = []
        self.latest_taken = hybrid_clock.latest_at(now_ms + CLOCK_DRIFT_MS_MAX)

    def relay(self, frame: Relayed) -> Verdict:
        received, event = frame.received, frame.received.event
        assert event is not None, "what cannot be read ends a relay"
        verdict = self._relay(frame, received, event)
        if event.replica not in self.ours:
            self._move_head(event.replica, event.seq, received.hash)
        self.together.append(received)
        if event.tx is None or event.tx["i"] == event.tx["n"]:
            self._release_what_waited()
        return {"replica": event.replica, **verdict}

    def _release_what_waited(self) -> None:
        """Not before the last of those that stand together, or it would come to stand amid them."""
        self._release_after(self.together)
        self.together = []

    def _relay(self, frame: Relayed, received: Received, event: Event) -> Verdict:
        twin = self._twin(event.id) or self.dots.get((event.replica, event.seq))
        is_known = twin is not None and twin.id == event.id
        if twin is not None and is_known and not is_retold(received, twin):
            return self._keep_aside(received, event, SAYS_OTHERWISE)
        if twin is not None and is_known and twin.kind != "held":
            return verdict_again(received, twin)
        waited = is_known
        if event.replica in self.ours and not (twin is not None and twin.hash == received.hash):
            why = f"/replica: {event.replica} hands in here itself, and has not said this here"
            return self._keep_aside(received, event, Unacceptable("not_relayed", why))
        if waited:
            assert twin is not None
            self._let_go((twin.replica, twin.seq))
        fault = self._in_the_way(event)
        if fault is not None:
            return self._keep_aside(received, event, fault)
        verdict = self._accept(event, frame.actor, effective=self._effective(event, frame.effective))
        self.dots[event.replica, event.seq] = Settled("accepted", event.id, event.replica, event.seq, received.hash)
        if waited:
            self.later.append(LaterRow(event.replica, event.seq, event.id, verdict["position"], verdict))
        return verdict

    def _effective(self, event: Event, told: str) -> str:
        """As the other hub said; one whose clock runs far ahead of ours wins nothing by it."""
        effective = min(event.at, told)
        return effective if effective <= self.latest_taken else self.arrival

    def _let_go(self, dot: tuple[str, int]) -> None:
        """It waits here for what was known there."""
        for each in (dot, *self.stand_ins.get(dot, ())):
            self.dots.pop(each, None)
        self._wait_no_longer(dot)

    def _in_the_way(self, event: Event) -> Unacceptable | None:
        """What this hub holds already and cannot hold beside the event; nothing else is a reason to set it aside."""
        if (event.replica, event.seq) in self.dots:
            return Unacceptable("dot_taken", f"/seq: {event.replica} has told another event {event.seq} here")
        found = self._state(event.entity)
        if found is None:
            told = f"/entity/id: no {event.entity_type} of that id is known here"
            return None if event.fact.creates else Unacceptable("unknown_entity", told)
        if found[0].type != event.entity_type:
            return Unacceptable("other_entity_type", f"/entity/type: that id belongs to a {found[0].type}")
        if found[0].clock.get(event.replica, 0) >= event.seq:
            told = f"/seq: {event.replica} has told later events of that {event.entity_type} here"
            return Unacceptable("dot_taken", told)
        return None

    def _keep_aside(self, received: Received, event: Event, why: Unacceptable) -> Verdict:
        """Its own dot may be another's here, so it is kept under one of the replica that stands for the other hub."""
        stand_in = self.heads[self.hub.stand_in]
        link = event._replace(replica=stand_in.replica, seq=stand_in.last_seq + 1)
        self._move_head(link.replica, link.seq, received.hash)
        verdict = self._quarantine(received._replace(link=link), why)
        return {**verdict, "seq": event.seq}

    def _move_head(self, replica: str, seq: int, digest: str) -> None:
        row = self.heads[replica]
        self.last_seq[replica] = max(row.last_seq, seq)
        if seq > row.last_seq:
            self.heads[replica] = row._replace(last_seq=seq, last_hash=digest)

    def changes_upto(self, upto: int, taken: int) -> Changes:
        """Everything that was decided, and how far that brings us."""
        self._release_what_waited()
        moved = [row for name, row in self.heads.items() if row != self.known.replicas[name]]
        tracked = [TrackedRow(self.hub.follower, upto)] if upto > taken else []
        return replace(self._changes(moved), tracked=tracked)
