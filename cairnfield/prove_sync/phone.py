"""One device of a run, in a process of its own that may be killed, stopped, cloned or put back at any moment.

Whatever it does it tells the history, before and after. What it keeps is in one file; what it is told from outside is
in another: whether to work, to come to rest or to stop, and by how much its wall clock is wrong.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, Self, TypeVar

import orjson

from cairnfield.prove_sync.history import Recorder
from cairnfield.prove_sync.last_year import in_last_years_words
from cairnfield.prove_sync.own import Owned, as_answered, as_renamed, as_seen, with_one_more
from cairnfield.prove_sync.part import PAGES, Impatient, Part, Phase
from cairnfield.prove_sync.sighting import Sighting
from cairnfield.prove_sync.store import Disk, Kept, open_disk
from cairnfield.prove_sync.testimony import Testimony, answered, named, written
from cairnfield.prove_sync.user import RETRY_S, User
from cairnfield.simulate.world import Deed, Scene
from infra.http_client import OfflineError, ServerRefused, SyncClient
from infra.pinned_log import Pinned, checked
from sync.author import Author
from sync.checkpoint import Origin
from sync.device import Device, edit, out_of_step, restart
from sync.envelope import Tx
from sync.fork import fork
from sync.frames import read_page
from sync.handing_in import ask_again, next_batch, settle
from sync.taking_in import apply_page

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """What came back is not of our server, or nothing came: whether it did what was asked is not known."""


class Phone:
    """A device between its user and its server."""

    def __init__(self, part: Part, recorder: Recorder, client: SyncClient, disk: Disk) -> None:
        self._part, self._note, self._client, self._disk = part, recorder.note, client, disk
        self._dice = Random(f"{part.seed}/{part.name}")  # noqa: S311
        self._testimony = Testimony(part, recorder.note)
        self.user = User(part, self._dice, recorder.note)
        self._kept = Kept(device=Device(author=Author(replica="")))
        self._pinned: Pinned | None = None

    @classmethod
    @contextmanager
    def of(cls, part: Part) -> Generator[Self]:
        """A phone with its pen and its line."""
        with (
            Recorder(part.history, part.name) as recorder,
            SyncClient(part.url, part.token, transport=Impatient()) as client,
            open_disk(part.disk, is_lasting=part.is_lasting) as disk,
        ):
            phone = cls(part, recorder, client, disk)
            yield phone
            phone.user.leave()

    @property
    def device(self) -> Device:
        return self._kept.device

    def _keep(self, device: Device, own: Owned | None = None) -> None:
        self._kept = Kept(device=device, own=self._kept.own if own is None else own)
        self._disk.save(self._kept)

    def open(self) -> None:
        """Take up what is on the disk, or begin."""
        found = self._disk.load()
        if found is None:
            while not self._begun():
                time.sleep(RETRY_S)
        else:
            self._kept = found
        self._testimony.opened(self.device)
        self.user.take_up(self.device)

    def found(self, decide: Callable[[Scene], list[Deed]]) -> None:
        """Tell what a run begins with, hand it in, and be gone."""
        self.open()
        self.user.found(self, decide)
        self._hand_in()
        self._pull_all()
        assert not self.device.outbox, "the town is founded before the blows begin"
        assert not self.device.quarantined, [each.text for each in self.device.quarantined.values()]
        self._note("ok", "close")

    def _begun(self) -> bool:
        try:
            self._keep(Device(author=Author(replica=self._client.mint(self._part.name))))
        except (OfflineError, ServerRefused, ValueError):
            return False
        return True

    def sync(self, phase: Phase) -> bool:
        """Hand in and take in as somebody does who has other things to do, or who has time once all is calm."""
        try:
            return self._sync(phase)
        except NoAnswer:
            time.sleep(RETRY_S * self._dice.random())
            return False

    def _sync(self, phase: Phase) -> bool:
        if phase == "calm" or self._dice.random() < 0.1:
            self._keep(ask_again(self.device))
        if phase == "calm" or self._dice.random() < 0.2:
            self._say_hello()
        self._hand_in()
        self._pull_all()
        if self._dice.random() < 0.3:
            self._testimony.read(self.device, self._kept.own)
        is_at_rest = phase == "calm" and self._testimony.rests(self.device, self._kept.own)
        if self._dice.random() < 0.15:
            self._compare()
        return is_at_rest

    def tell(self, deed: Deed, tx: Tx | None) -> None:
        """Write an event, and keep it."""
        world = self.user.world
        device, event = edit(
            self.device,
            id=self.user.new_id(),
            entity_type=deed.entity_type,
            entity=world.id_of(deed.entity),
            type=deed.type,
            data=world.spelled(deed.data),
            now_ms=self.user.now_ms(),
            tx=tx,
        )
        if self._part.is_old:
            device, event = in_last_years_words(device, event)
        self._note("invoke", "write", **written(event))
        self._keep(device, with_one_more(self._kept.own, event))
        self._note("ok", "write", **written(event))

    def _hand_in(self) -> None:
        while self.device.forked_at is not None or next_batch(self.device):
            if self.device.forked_at is not None:
                self._mend()
                continue
            body = next_batch(self.device)
            self._note("invoke", "push", ids=[orjson.loads(line)["id"] for line in body.split(b"\n")])
            answer = self._asked("push", partial(self._client.push, body))
            self._note("ok", "push", **answered(answer))
            self._keep(settle(self.device, answer), as_answered(self._kept.own, answer))

    def _mend(self) -> None:
        """Go on under a new replica, as somebody whose phone was cloned or restored."""
        self._pull_all()
        replica = self._asked("mint", lambda: self._client.mint(self._part.name))
        device = fork(self.device, replica=replica)
        moved = [each.event for each in device.outbox.values() if each.event.replica == replica]
        self._note("invoke", "fork", renamed=[named(event) for event in moved])
        self._keep(device, as_renamed(self._kept.own, moved))
        self._note("ok", "fork", renamed=[named(event) for event in moved])

    def _say_hello(self) -> None:
        replica = self.device.author.replica if self.device.forked_at is None else None
        self._note("invoke", "hello")
        told = self._asked("hello", lambda: self._client.hello(replica))
        # A history that was rewritten ends the phone, and so the run.
        origin = Origin(told["tenant"], told["epoch"])
        self._pinned = self._asked("hello", lambda: checked(self._pinned, self._client.consistency, origin))
        self._note("ok", "hello", epoch=told["epoch"], head=told["head"])

    def _compare(self) -> None:
        """Hold what is accepted to the server's digests, and fetch again what differs; now and then what does not."""
        device = self.device
        self._note("invoke", "check")
        lines = self._asked("check", lambda: self._client.page(device.cursor, digests=True))
        page = self._asked("check", lambda: read_page(lines))
        is_here = (page.epoch, page.view, page.cursor) == (device.epoch, device.view, device.cursor)
        if page.digests is None or page.frames or not is_here:
            return  # something came in between
        differing = out_of_step(device, page.digests)
        self._note("ok", "check", epoch=page.epoch, cursor=page.cursor, differing=differing)
        scopes = sorted({*device.homes.values()})
        for scope in differing or self._dice.sample(scopes, min(1, len(scopes))):
            self._pull(refetch=scope)
            while self.device.resume:
                self._pull(refetch=scope)

    def _pull_all(self) -> None:
        while not self._pull():
            pass

    def _pull(self, *, refetch: str = "") -> bool:
        """Take one page; whether it was the last."""
        device = self.device
        limit = self._dice.choice(PAGES)
        self._note("invoke", "pull", asked=device.cursor)
        replica = device.author.replica if device.forked_at is None else None
        lines = self._asked(
            "pull",
            lambda: self._client.page(
                device.cursor, limit=limit, resume=device.resume, replica=replica, refetch=refetch
            ),
        )
        page = self._asked("pull", lambda: read_page(lines))
        seen = Sighting.of(lines)
        self._note("ok", "pull", asked=device.cursor, **seen.told())
        self.user.meet(seen.entities)
        self._keep(apply_page(device, page, now_ms=self.user.now_ms()), as_seen(self._kept.own, seen.dots))
        self._note("ok", "apply", epoch=self.device.epoch or None, cursor=self.device.cursor)
        return seen.cursor >= seen.head and not self.device.resume

    def _asked(self, f: str, ask: Callable[[], Answer]) -> Answer:
        """An answer of ours, or NoAnswer with what is known of it in the history."""
        try:
            return ask()
        except OfflineError as why:
            self._note("info", f, why=str(why)[:200])
            raise NoAnswer from why
        except ServerRefused as refusal:
            self._note("fail" if refusal.status < 500 else "info", f, why=str(refusal)[:300])
            self._heed(refusal.problem)
            raise NoAnswer from refusal
        except ValueError as why:
            self._note("info", f, why=f"not an answer of ours: {why}"[:200])
            raise NoAnswer from why

    def _heed(self, problem: dict[str, Any]) -> None:
        """What the protocol asks of a device that hears this of a server which came back older than it was."""
        match problem.get("code"):
            case "cursor_ahead":
                self._keep(restart(self.device, epoch=problem["epoch"]))
            case "replica_not_yours" if self.device.forked_at is None:  # minted after the backup
                self._register_again()
            case "resume_unknown":
                self._keep(replace(self.device, resume=""))
            case _:
                pass

    def _register_again(self) -> None:
        """Let the server know again of every name under which we have something to hand in; else take another."""
        device = self.device
        for replica in sorted({device.author.replica, *(each.event.replica for each in device.outbox.values())}):
            try:
                self._client.register(replica, self._part.name)
            except ServerRefused as refusal:
                if refusal.problem.get("code") == "replica_not_yours":
                    self._keep(replace(device, forked_at=1))
                return
            except (OfflineError, ValueError):
                return  # the next moment asks again
            self._note("ok", "register", replica=replica)
