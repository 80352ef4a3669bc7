"""How a device takes in a page of a pull: states, outbox and cursor move together, or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, assert_never, cast

from sync import merge
from sync.device import Device, Kept, begin_again, on_top, restart
from sync.envelope import Event
from sync.frames import (
    EVERYTHING,
    EnterFrame,
    EventFrame,
    Frame,
    LeaveFrame,
    Page,
    SnapshotFrame,
    VerdictFrame,
)
from sync.handing_in import heed
from sync.hybrid_clock import Stamp, observe
from sync.limits import DAY_MS, KEPT_DAYS_MAX
from sync.merge import State, Write
from sync.resume import name_of


def apply_page(device: Device, page: Page, *, now_ms: int) -> Device:
    """The device after a page of a pull.

    `now_ms` is the device's own wall clock. A page that was not asked for where the device stands, because it comes
    twice or late, changes nothing. One of another epoch, or of somebody else's view, is not taken in: the device begins
    again at the beginning, and what it knew stays shown until it is replaced.
    """
    if (page.after, page.resumed) != (device.cursor, name_of(device.resume)):
        return device
    if device.epoch and page.epoch != device.epoch:
        return restart(device, epoch=page.epoch)
    if device.view and page.view != device.view:
        return replace(begin_again(device), view=page.view)
    taking = _Taking(device, now_ms)
    if not page.resumed:
        taking.give_up_what_was_unfinished()
    for frame in page.frames:
        taking.take(frame)
    return taking.done(page)


class _Taking:
    """What the device becomes, frame by frame."""

    def __init__(self, device: Device, now_ms: int) -> None:
        self.device, self.now_ms = device, now_ms
        self.accepted, self.homes, self.stale = dict(device.accepted), dict(device.homes), set(device.stale)
        self.outbox, self.quarantined, self.kept = dict(device.outbox), dict(device.quarantined), dict(device.kept)
        self.elsewhere, self.forked_at, self.at = dict(device.elsewhere), device.forked_at, device.author.at
        self.entered = dict(device.entered)
        self.touched: set[str] = set()
        self.verdicts: list[VerdictFrame] = []

    def give_up_what_was_unfinished(self) -> None:
        """Nobody resumed the pull before this one: what it had let in goes unless it comes again, the rest stays."""
        for scope, position in self.entered.items():
            if position > self.device.cursor:
                self.stale |= self._living_in(scope)
            else:
                self.stale -= self._living_in(scope)
        self.entered = {}

    def take(self, frame: Frame) -> None:
        """Take in one frame of the page."""
        match frame:
            case EventFrame():
                self._event(frame)
            case SnapshotFrame():
                self._snapshot(frame)
            case EnterFrame(scope, position):
                self.entered[scope] = position
                self.stale |= self._living_in(scope)
            case LeaveFrame(scope):
                self.entered.pop(scope, None)
                self._evict(self._living_in(scope))
            case VerdictFrame():
                self.verdicts.append(frame)
            case _:
                assert_never(frame)

    def _living_in(self, scope: str) -> set[str]:
        if scope == EVERYTHING:
            return set(self.homes)
        return {entity for entity, home in self.homes.items() if home == scope}

    def _evict(self, entities: set[str]) -> None:
        for entity in entities:
            del self.accepted[entity], self.homes[entity]
            self._touch(entity)
        self.stale -= entities

    def _touch(self, entity: str) -> None:
        if entity in self.device.edited:
            self.touched.add(entity)

    def _snapshot(self, frame: SnapshotFrame) -> None:
        before = self.accepted.get(frame.entity)
        if before is not None and frame.entity not in self.stale and before.version >= frame.state.version:
            return
        self.accepted[frame.entity], self.homes[frame.entity] = frame.state, frame.scope
        self.stale.discard(frame.entity)
        self._touch(frame.entity)
        self.at = observe(self.at, max(_stamps(frame.state), default=self.at), self.now_ms)

    def _event(self, frame: EventFrame) -> None:
        if frame.position <= self.device.cursor:
            return
        event = frame.event
        before = self.accepted.get(event.entity) or merge.empty(event.entity_type)
        self.accepted[event.entity] = merge.apply(before, event, frame.effective)
        self.homes[event.entity] = frame.scope
        self.at = observe(self.at, event.at, self.now_ms)
        self._touch(event.entity)
        self._recognise(event, frame.position)

    def _recognise(self, event: Event, position: int) -> None:
        """Take back what is our own; somebody else's under our name is a fork."""
        pending = self.outbox.pop(event.id, None) or self.quarantined.pop(event.id, None)
        if pending is not None:
            self.kept[event.id] = Kept(pending.event, position)
            if pending.event[1:3] != event[1:3] and pending.event.replica == self.device.author.replica:
                self.elsewhere[pending.event.seq] = (event.replica, event.seq)
        elif event.id not in self.kept and event.replica == self.device.author.replica:
            self.forked_at = min(self.forked_at or event.seq, event.seq)

    def done(self, page: Page) -> Device:
        """The device once everything on the page is taken in."""
        if not page.resume:
            self._evict(set(self.stale))
        self._settle(page.cursor)
        device = replace(
            self.device,
            author=replace(self.device.author, at=self.at, seen=page.cursor),
            cursor=page.cursor,
            resume=page.resume,
            epoch=page.epoch,
            view=page.view,
            accepted=self.accepted,
            homes=self.homes,
            entered=self.entered if page.resume else {},
            stale=frozenset(self.stale),
            outbox=self.outbox,
            edited=on_top(self.device, self.accepted, self.outbox, self.touched),
            quarantined=self.quarantined,
            kept=self.kept,
            forked_at=self.forked_at,
            elsewhere=self.elsewhere,
        )
        device = heed(device, [frame.verdict for frame in self.verdicts])
        return replace(device, kept=_worth_keeping(device.kept, page, self.now_ms))

    def _settle(self, cursor: int) -> None:
        """Let go what was accepted by now and did not come back as an event: it is in a snapshot, or was left."""
        for name, (event, verdict, position) in [*self.outbox.items()]:
            if verdict == "accepted" and position <= cursor:
                del self.outbox[name]
                self.kept[name] = Kept(event, position)
                self._touch(event.entity)


def _worth_keeping(kept: Mapping[str, Kept], page: Page, now_ms: int) -> Mapping[str, Kept]:
    """What a server may still forget. One clock may jump by years, the device's or the server's: so what is kept is old
    where both say so."""
    server_ms = max((frame.recorded_at_ms for frame in page.events), default=0)
    since_ms, oldest_ms = max(now_ms, server_ms), min(now_ms, server_ms) - KEPT_DAYS_MAX * DAY_MS
    return {
        name: each if each.since_ms or not server_ms else each._replace(since_ms=since_ms)
        for name, each in kept.items()
        if each.position > page.durable and (not each.since_ms or each.since_ms >= oldest_ms)
    }


def _stamps(state: State) -> Iterator[Stamp]:
    """The effective stamps of everything that is left in a state."""
    for cell in state.cells.values():
        if isinstance(cell, tuple):
            yield from (write.effective for write in cast("tuple[Write, ...]", cell))
        elif isinstance(cell, dict):
            for writes in cast("dict[Any, tuple[Write, ...]]", cell).values():
                yield from (write.effective for write in writes)
