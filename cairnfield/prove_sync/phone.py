"""One device of a run, in a process of its own that may be killed, stopped, cloned or put back at any moment.

Whatever it does it tells the history, before and after. What it keeps is in one file; what it is told from outside is
in another: whether to work, to come to rest or to stop, and by how much its wall clock is wrong.
"""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar

import httpx
import orjson

from cairnfield.ids import uuid7
from cairnfield.prove_sync.decider import Decider, Decides
from cairnfield.prove_sync.hints import Hints
from cairnfield.prove_sync.history import Recorder
from cairnfield.prove_sync.last_year import a_checklist, in_last_years_words
from cairnfield.prove_sync.overreach import OVERREACHES, of_the_office
from cairnfield.prove_sync.sighting import Sighting, as_told
from cairnfield.prove_sync.store import Disk, Kept, Own, open_disk
from cairnfield.simulate.office import Dispatcher, Supervisor
from cairnfield.simulate.technician import OVER, Technician
from cairnfield.simulate.world import Deed, Scene, World
from domain.people import Role
from infra.http_client import OfflineError, ServerRefused, SyncClient
from infra.pinned_log import Pinned, checked
from sync.author import Author
from sync.checkpoint import Origin
from sync.device import Device, digest, edit, out_of_step, restart
from sync.device import shown as state_of
from sync.envelope import Event, Tx, hash_of
from sync.fork import fork
from sync.frames import read_page
from sync.handing_in import ask_again, next_batch, settle
from sync.merge import knows
from sync.taking_in import apply_page

DEEDS_AT_ONCE_MAX: Final = 6
"""What somebody wrote at most while their phone waited for an answer."""
ANSWER_S_MAX: Final = 2.0
"""Short, so that an answer that is withheld becomes one that nobody knows of, many times in a run."""
RETRY_S: Final = 0.1
PAGES: Final = (None, None, 1, 3, 50)
"""How many events and snapshots a page may hold, if it is said."""
FLIPPED_MAX: Final = 6
"""How many visits are given to others at one moment."""
TOGETHER: Final = 0.5
"""How often what is told at one moment stands or falls together."""
Answer = TypeVar("Answer")
Phase = Literal["work", "calm", "stop"]
Why = Literal["started", "killed", "rolled_back", "cloned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a process must know to be a device."""

    name: str
    role: Role
    token: str
    url: str
    folder: Path
    history: Path
    seed: str
    why: Why = "started"
    person: str | None = None
    """Whose grants limit what it sees; None for those who see everything."""
    is_old: bool = False
    """Whether it runs last year's version, and says some things in last year's words."""
    is_lasting: bool = False
    """Whether it keeps itself as `infra.device_file` does."""
    listens: bool = False
    """Whether it listens for hints; everybody else pulls when they think of it."""
    decides: Decides | None = None
    """As whom its user works at what was set aside, where they do."""
    pause_s: float = 0.25
    """About how long its user waits between two deeds, whatever becomes of what they handed in."""

    @property
    def disk(self) -> Path:
        return self.folder / f"{self.name}.disk"

    @property
    def is_open(self) -> Path:
        """Is there once the process has said in the history how it began."""
        return self.folder / f"{self.name}.open"

    @property
    def orders(self) -> Path:
        return self.folder / f"{self.name}.orders"


class Orders(NamedTuple):
    """What a device is told from outside."""

    phase: Phase = "work"
    wrong_by_ms: int = 0
    flips: int = 0
    """How often visits were to be given to others."""


class NoAnswer(Exception):
    """What came back is not of our server, or nothing came: whether it did what was asked is not known."""


class Impatient(httpx.HTTPTransport):
    """Waits for an answer no longer than somebody with a phone in the hand."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_S_MAX)
        request.extensions = {**request.extensions, "timeout": limits}
        return super().handle_request(request)


def live(part: Part) -> None:
    """Be a device until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which then stops us
    with part.folder.joinpath(f"{part.name}.log").open("ab") as log:
        os.dup2(log.fileno(), 2)
    with Phone.of(part) as phone:
        phone.open()
        while (orders := _orders(part)).phase != "stop":
            phone.pass_a_moment(orders)


def _orders(part: Part) -> Orders:
    return Orders(*orjson.loads(part.orders.read_bytes()))


class Phone:
    """A device between its user and its server."""

    def __init__(self, part: Part, recorder: Recorder, client: SyncClient, disk: Disk) -> None:
        self._part, self._note, self._client, self._disk = part, recorder.note, client, disk
        born = (
            f"{part.seed}/{part.name}/{time.time_ns()}"  # ids must differ from those of an earlier life, and a twin's
        )
        self._dice, self._ids = Random(f"{part.seed}/{part.name}"), Random(born)  # noqa: S311
        self._kept = Kept(device=Device(author=Author(replica="")))
        self._start_ms = time.time_ns() // 1_000_000
        self._world = World(start_ms=self._start_ms, ids=self._ids)
        self._wrong_by_ms = 0
        self._at_rest: Any = None
        self._pinned: Pinned | None = None
        self._flips: int | None = None
        self._works_at = time.monotonic()
        self._hints = Hints(part.url, part.token, lambda head: self._note("ok", "hint", told=head))
        self._decider = Decider(part.url, part.token, part.decides, self._dice, self._note) if part.decides else None

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
            phone._hints.end()
            if phone._decider is not None:
                phone._decider.close()

    @property
    def _device(self) -> Device:
        return self._kept.device

    def _keep(self, device: Device, own: Mapping[str, Own] | None = None) -> None:
        self._kept = Kept(device=device, own=self._kept.own if own is None else own)
        self._disk.save(self._kept)

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._wrong_by_ms

    def open(self) -> None:
        """Take up what is on the disk, or begin."""
        found = self._disk.load()
        if found is None:
            while not self._begun():
                time.sleep(RETRY_S)
        else:
            self._kept = found
        device = self._device
        self._world.meet((state.type, entity) for entity, state in device.accepted.items())
        self._note(
            "ok",
            "open",
            why=self._part.why,
            person=self._part.person,
            cursor=device.cursor,
            epoch=device.epoch or None,
            outbox=list(device.outbox),
            quarantined=list(device.quarantined),
            versions={entity: state.version for entity, state in device.accepted.items()},
        )
        self._part.is_open.touch()
        if self._part.listens:
            self._hints.listen(device.author.replica)

    def found(self, decide: Callable[[Scene], list[Deed]]) -> None:
        """Tell what a run begins with, hand it in, and be gone."""
        self.open()
        scene = Scene(world=self._world, device=self._device, random=self._dice, ms=0)
        for deed in decide(scene):
            self._tell(deed, None)
        self._hand_in()
        self._pull_all()
        assert not self._device.outbox, "the town is founded before the blows begin"
        assert not self._device.quarantined, [each.text for each in self._device.quarantined.values()]
        self._note("ok", "close")

    def _begun(self) -> bool:
        try:
            self._keep(Device(author=Author(replica=self._client.mint(self._part.name))))
        except (OfflineError, ServerRefused, ValueError):
            return False
        return True

    def pass_a_moment(self, orders: Orders) -> None:
        """What a user and their phone do in one moment."""
        self._wrong_by_ms = orders.wrong_by_ms
        if orders.phase == "work":
            self._at_rest = None
            is_news = self._hints.wait(self._part.pause_s * (0.5 + self._dice.random()))
            if "person" in self._world.by_type:
                self._work_as_told(orders)
            if self._dice.random() < 0.2 and not is_news:
                return
        else:
            time.sleep(RETRY_S)
        try:
            self._sync(orders.phase)
        except NoAnswer:
            time.sleep(RETRY_S * self._dice.random())

    def _work_as_told(self, orders: Orders) -> None:
        if orders.flips > (orders.flips if self._flips is None else self._flips):
            self._give_visits_to_others()
        for _ in range(self._deeds_due()):
            self._work()
        self._flips = orders.flips
        if self._decider is not None and self._dice.random() < 0.4:
            self._decider.decide()

    def _deeds_due(self) -> int:
        """How many deeds it is time for: who waits for an answer goes on working."""
        now, due = time.monotonic(), 0
        while self._works_at <= now and due < DEEDS_AT_ONCE_MAX:
            self._works_at += self._part.pause_s * (0.5 + self._dice.random())
            due += 1
        self._works_at = max(self._works_at, now)
        return due

    def _give_visits_to_others(self) -> None:
        """Whoever had them is let out, and whoever has them now is let in."""
        scene = Scene(world=self._world, device=self._device, random=self._dice, ms=self._now_ms() - self._start_ms)
        seen = ((ref, scene.sees(ref)) for ref in self._world.by_type.get("visit", ()))
        visits = [ref for ref, values in seen if values is not None and values["status"] not in OVER]
        for visit in self._dice.sample(visits, min(FLIPPED_MAX, len(visits))):
            assignee = self._dice.choice(self._world.by_type["person"])
            self._tell(Deed("visit", visit, "VisitReassigned", {"assignee_id": assignee}), None)

    def _sync(self, phase: Phase) -> None:
        if phase == "calm" or self._dice.random() < 0.1:
            self._keep(ask_again(self._device))
        if phase == "calm" or self._dice.random() < 0.2:
            self._say_hello()
        self._hand_in()
        self._pull_all()
        if self._dice.random() < 0.3:
            self._read("read")
        if phase == "calm":
            self._rest()
        if self._dice.random() < 0.15:
            self._compare()

    def _work(self) -> None:
        scene = Scene(world=self._world, device=self._device, random=self._dice, ms=self._now_ms() - self._start_ms)
        deeds = self._user().decide(scene)
        if self._part.is_old and self._dice.random() < 0.2:
            deeds = [a_checklist(scene)]
        if self._part.role == "technician" and self._dice.random() < OVERREACHES:
            deeds = of_the_office(scene)
        together = len(deeds) > 1 and self._dice.random() < TOGETHER
        tx = uuid7(self._now_ms(), self._ids)
        for number, deed in enumerate(deeds, 1):
            self._tell(deed, Tx(id=tx, i=number, n=len(deeds)) if together else None)

    def _user(self) -> Dispatcher | Supervisor | Technician:
        """Who holds the device at this moment; in a small company the office goes out to work, too."""
        people = self._world.by_type["person"]
        match self._part.role:
            case "dispatcher" if self._dice.random() < 0.7:
                return Dispatcher(people)
            case "supervisor" if self._dice.random() < 0.5:
                return Supervisor()
            case _:
                return Technician(self._world.ref_of(self._part.person) or self._dice.choice(people))

    def _tell(self, deed: Deed, tx: Tx | None) -> None:
        device, event = edit(
            self._device,
            id=uuid7(self._now_ms(), self._ids),
            entity_type=deed.entity_type,
            entity=self._world.id_of(deed.entity),
            type=deed.type,
            data=self._world.spelled(deed.data),
            now_ms=self._now_ms(),
            tx=tx,
        )
        if self._part.is_old:
            device, event = in_last_years_words(device, event)
        told = {"id": event.id, "hash": hash_of(event.raw), "replica": event.replica, "seq": event.seq}
        self._note("invoke", "write", **told)
        self._keep(device, self._kept.with_own(event.id, Own(event.entity, event.replica, event.seq)))
        self._note("ok", "write", **told)

    def _hand_in(self) -> None:
        while self._device.forked_at is not None or next_batch(self._device):
            if self._device.forked_at is not None:
                self._mend()
                continue
            body = next_batch(self._device)
            self._note("invoke", "push", ids=[orjson.loads(line)["id"] for line in body.split(b"\n")])
            answer = self._asked("push", partial(self._client.push, body))
            verdicts = [as_told(each) for each in answer["verdicts"]]
            told = {"epoch": answer["epoch"], "head": answer["head"], "batch": answer["batch"], "verdicts": verdicts}
            self._note("ok", "push", **told, codes={each["id"]: each.get("code") for each in answer["verdicts"]})
            known = {each["id"] for each in answer["verdicts"] if each["verdict"] == "duplicate"}
            # A twin told it before us, under a number that only the event itself would say.
            own = {event: where for event, where in self._kept.own.items() if not (where.is_moved and event in known)}
            self._keep(settle(self._device, answer), own)

    def _mend(self) -> None:
        """Go on under a new replica, as somebody whose phone was cloned or restored."""
        self._pull_all()
        replica = self._asked("mint", lambda: self._client.mint(self._part.name))
        device = fork(self._device, replica=replica)
        moved = [each.event for each in device.outbox.values() if each.event.replica == replica]
        own = dict(self._kept.own)
        for event in moved:
            if event.id in own:
                own[event.id] = Own(event.entity, event.replica, event.seq, is_moved=True)
        self._note("invoke", "fork", renamed=[_named(event) for event in moved])
        self._keep(device, own)
        self._note("ok", "fork", renamed=[_named(event) for event in moved])

    def _say_hello(self) -> None:
        replica = self._device.author.replica if self._device.forked_at is None else None
        self._note("invoke", "hello")
        told = self._asked("hello", lambda: self._client.hello(replica))
        # A history that was rewritten ends the phone, and so the run.
        origin = Origin(told["tenant"], told["epoch"])
        self._pinned = self._asked("hello", lambda: checked(self._pinned, self._client.consistency, origin))
        self._note("ok", "hello", epoch=told["epoch"], head=told["head"])

    def _compare(self) -> None:
        """Hold what is accepted to the server's digests, and fetch again what differs; now and then what does not."""
        device = self._device
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
            while self._device.resume:
                self._pull(refetch=scope)

    def _pull_all(self) -> None:
        while not self._pull():
            pass

    def _pull(self, *, refetch: str = "") -> bool:
        """Take one page; whether it was the last."""
        device = self._device
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
        self._world.meet(each for each in seen.entities if self._world.ref_of(each[1]) is None)
        self._keep(apply_page(device, page, now_ms=self._now_ms()), self._own_as_of(seen))
        self._note("ok", "apply", epoch=self._device.epoch or None, cursor=self._device.cursor)
        return seen.cursor >= seen.head and not self._device.resume

    def _own_as_of(self, seen: Sighting) -> dict[str, Own]:
        """Own events that came back; under another number if a twin handed them in first."""
        own = dict(self._kept.own)
        for event, where in seen.dots.items():
            if event in own:
                own[event] = where
        return own

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
                self._keep(restart(self._device, epoch=problem["epoch"]))
            case "replica_not_yours" if self._device.forked_at is None:  # minted after the backup
                self._register_again()
            case "resume_unknown":
                self._keep(replace(self._device, resume=""))
            case _:
                pass

    def _register_again(self) -> None:
        """Let the server know again of every name under which we have something to hand in; else take another."""
        device = self._device
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

    def _read(self, f: str) -> dict[str, Any]:
        device = self._device
        held = {entity: sorted(state.clock.items()) for entity, state in device.accepted.items()}
        applied = hashlib.sha256(orjson.dumps(sorted(held.items()))).hexdigest()
        own = list(self._kept.own.items())[-5:]
        told: dict[str, Any] = {
            "epoch": device.epoch or None,
            "applied": applied,
            "state_hash": digest(device),
            "shown": [[event, self._shows(where)] for event, where in own if self._must_show(event, where)],
        }
        if f == "read":
            self._note("ok", f, **told)
        return told

    def _must_show(self, event: str, own: Own) -> bool:
        """Whether it must be shown: not what was taken from somebody's view, nor an edit of what is not there now.

        After a restore an entity may be missing until whoever created it has handed it in again.
        """
        if state_of(self._device, own.entity) is not None:
            return True
        return self._part.person is None and event not in self._device.outbox

    def _shows(self, own: Own) -> bool:
        state = state_of(self._device, own.entity)
        return state is not None and knows(state, own.replica, own.seq)

    def _rest(self) -> None:
        """Say how it stands, whenever that has changed."""
        device = self._device
        stands = (device.cursor, tuple(device.outbox), tuple(device.quarantined))
        if stands == self._at_rest:
            return
        self._at_rest = stands
        told = {"cursor": device.cursor, "outbox": list(device.outbox), "quarantined": list(device.quarantined)}
        self._note("ok", "rest", **told, **self._read("rest"))


def _named(event: Event) -> list[Any]:
    return [event.id, event.replica, event.seq, hash_of(event.raw)]


def order(part: Part, orders: Orders) -> None:
    """Tell a device something; it hears of it at its next moment."""
    fresh = part.orders.with_suffix(".next")
    fresh.write_bytes(orjson.dumps([*orders]))
    fresh.replace(part.orders)


def twin_of(part: Part, name: str, why: Why) -> Part:
    """The part of a process that begins with another's disk, or its own of another day."""
    return replace(part, name=name, why=why)
