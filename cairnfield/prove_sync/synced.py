"""A device of a run as scripts have theirs: an `infra.sync_client.SyncedDevice`, watched from outside.

It has its own file, tries again and forks by itself, and knows nothing of a run. What the history must be told of it is
read where anybody could: from what goes over its line (`watched_client`), and from the value that it shows.
"""

import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, Final, Self

from cairnfield.prove_sync.history import Recorder, read_history
from cairnfield.prove_sync.own import Own, Owned, as_answered, as_renamed, as_seen, with_one_more
from cairnfield.prove_sync.part import Part, Phase
from cairnfield.prove_sync.sighting import Sighting
from cairnfield.prove_sync.testimony import Testimony, named, written
from cairnfield.prove_sync.user import RETRY_S, User
from cairnfield.prove_sync.watched_client import WatchedClient
from cairnfield.simulate.world import Deed
from infra.http_client import OfflineError, ServerRefused
from infra.sync_client import SyncedDevice
from sync.device import Device, edit, out_of_step
from sync.envelope import Event, Tx
from sync.frames import Page

TRIES_MAX: Final = 3
PAUSE_S_MAX: Final = 0.5
"""Short, as everything in a run is."""


class Synced:
    """A SyncedDevice between its user and its server, and whoever watches it."""

    def __init__(self, part: Part, recorder: Recorder) -> None:
        self._part, self._note = part, recorder.note
        self._dice = Random(f"{part.seed}/{part.name}")  # noqa: S311
        self._testimony = Testimony(part, recorder.note)
        self.user = User(part, self._dice, recorder.note)
        self._own: Owned = dict[str, Own]()
        self._names = _names_told(part)
        self._writes_at_ms: int | None = None
        self._has_page = False
        self._synced = self._opened(WatchedClient(part, recorder.note, self, self._dice))

    @classmethod
    @contextmanager
    def of(cls, part: Part) -> Generator[Self]:
        """A device with its pen and its line."""
        with Recorder(part.history, part.name) as recorder:
            watched = cls(part, recorder)
            with watched._synced:
                yield watched
            watched.user.leave()

    def _opened(self, client: WatchedClient) -> SyncedDevice:
        """On its file, which the server must name a replica for while it is new."""
        while True:
            try:
                return SyncedDevice(
                    self._part.disk, client, name=self._part.name, now_ms=self._now_ms, sleep=_wait_a_little
                )
            except (OfflineError, ServerRefused):
                time.sleep(RETRY_S)

    @property
    def device(self) -> Device:
        return self._synced.device

    def open(self) -> None:
        """Say how it begins."""
        self._testimony.opened(self.device)
        self.user.take_up(self.device)

    def _now_ms(self) -> int:
        return self.user.now_ms() if self._writes_at_ms is None else self._writes_at_ms

    def tell(self, deed: Deed, tx: Tx | None) -> None:
        """Write an event, which the history hears of first, as the rules of a device say that it will be."""
        world, event_id = self.user.world, self.user.new_id()
        entity, data = world.id_of(deed.entity), world.spelled(deed.data)
        self._writes_at_ms = now_ms = self.user.now_ms()
        _, expected = edit(
            self.device,
            id=event_id,
            entity_type=deed.entity_type,
            entity=entity,
            type=deed.type,
            data=data,
            now_ms=now_ms,
            tx=tx,
        )
        self._note("invoke", "write", **written(expected))
        self._names.add(_name(expected))
        event = self._synced.edit(deed.entity_type, entity, deed.type, data, id=event_id, tx=tx)
        self._writes_at_ms = None
        self._note("ok", "write", **written(event))
        self._own = with_one_more(self._own, event)

    def sync(self, phase: Phase) -> bool:
        """As a script does, which tries again; and when all is calm, as one that is in no hurry."""
        try:
            if phase == "calm":
                self._synced.sync()
            else:
                self._synced.sync_patiently(tries_max=TRIES_MAX)
            if self._dice.random() < 0.15:
                self._synced.check()
        except (OfflineError, ServerRefused):
            time.sleep(RETRY_S * self._dice.random())
            return False
        finally:
            self.before_asking()
        if self._dice.random() < 0.3:
            self._testimony.read(self.device, self._own)
        return phase == "calm" and self._testimony.rests(self.device, self._own)

    def before_asking(self) -> None:
        """See what became of the answer before: the page that it brought is stored by now, or never will be."""
        if self._has_page:
            self._note("ok", "apply", epoch=self.device.epoch or None, cursor=self.device.cursor)
            self._has_page = False
        if self._own:  # nothing was written, and there may be no device yet, while it asks for its name
            self._own = as_renamed(self._own, (pending.event for pending in self.device.outbox.values()))

    def handed_in(self, events: Iterable[Event]) -> None:
        """See under which names it hands in what it wrote: a fork gives it others."""
        anew = [event for event in events if _name(event) not in self._names]
        if anew:
            self._note("info", "fork", renamed=[named(event) for event in anew])
            self._names.update(map(_name, anew))

    def answered(self, answer: Mapping[str, Any]) -> None:
        """See what it is told of that."""
        self._own = as_answered(self._own, answer)

    def told(self, seen: Sighting) -> None:
        """See a page that it was sent, whole."""
        self.user.meet(seen.entities)
        self._own = as_seen(self._own, seen.dots)
        self._has_page = True

    def compared(self, page: Page) -> None:
        """See the server's digests that it was sent."""
        device = self.device
        is_here = (page.epoch, page.view, page.cursor) == (device.epoch, device.view, device.cursor)
        if page.digests is not None and not page.frames and is_here:  # else something came in between
            differing = out_of_step(device, page.digests)
            self._note("ok", "check", epoch=page.epoch, cursor=page.cursor, differing=differing)


def _wait_a_little(seconds: float) -> None:
    time.sleep(min(seconds, PAUSE_S_MAX))


Name = tuple[str, str, int]
"""An event's id, and its replica and number."""


def _name(event: Event) -> Name:
    return event.id, event.replica, event.seq


def _names_told(part: Part) -> set[Name]:
    """The names that the history knows of events by now: also of those that were written by the device in an earlier
    life, or before it was cloned."""
    names = set[Name]()
    for op in read_history(part.history.read_bytes().split(b"\n")):
        if op.f == "write":
            names.add((op.value["id"], op.value["replica"], op.value["seq"]))
        elif op.f == "fork":
            names.update((event, replica, seq) for event, replica, seq, _ in op.value["renamed"])
    return names
