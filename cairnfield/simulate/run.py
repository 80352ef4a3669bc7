"""The day itself: one loop in virtual time, over real HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Final, Protocol

from cairnfield.simulate.office import Dispatcher, Supervisor
from cairnfield.simulate.plan import LOST_ANSWERS, PREPARING_MS, RESTORED_AT, Plan, Role
from cairnfield.simulate.technician import Technician
from cairnfield.simulate.world import Deed, Ref, Scene, World
from infra.http_client import SyncClient
from infra.pinned_log import Pinned, checked
from sync.author import Author
from sync.checkpoint import Origin
from sync.device import Device, edit
from sync.fork import fork
from sync.frames import EventFrame, read_event, read_page
from sync.handing_in import ask_again, next_batch, settle
from sync.taking_in import apply_page

FRAMES_REMEMBERED: Final = 100_000
_ROUNDS_MAX: Final = 10_000


class Watcher(Protocol):
    """Somebody who looks on."""

    def look(self, run: "Run", ms: int) -> None:
        """Told after each waking, with the virtual milliseconds since the start."""
        ...


class Run:
    """Everything that one simulation keeps."""

    def __init__(self, plan: Plan, clients: Mapping[Role, SyncClient], *, start_ms: int) -> None:
        self.plan, self.start_ms = plan, start_ms
        self.clients = [clients[device.role] for device in plan.devices]
        # Every replica reads the same frames: reading each once keeps the day short.
        self._read = lru_cache(FRAMES_REMEMBERED)(read_event)
        self.pinned: list[Pinned | None] = [None for _ in plan.devices]
        self.proofs = 0
        """How often a device was shown that the log still begins with what it had seen of it."""
        self.devices = [self._begin(number) for number in range(len(plan.devices))]
        head = self.devices[0].cursor
        # The head is part of the seed of ids: a second day on the same tenant must not repeat those of the first.
        self.world = World(start_ms=start_ms, ids=Random(f"{plan.seed}/ids/{head}"))  # noqa: S311
        self.world.meet((state.type, entity) for entity, state in self.devices[0].accepted.items())
        self._dice = [Random(f"{plan.seed}/dice/{number}") for number in range(len(plan.devices))]  # noqa: S311
        self._people = list(self._everybody())
        self.authored: set[str] = set()
        self.told: list[Mapping[str, str]] = []
        """What the server told each device in the evening that it should have, by scope."""
        self.lost_answers = self.forks = 0
        self._backup: Device | None = None

    def _begin(self, number: int) -> Device:
        device = Device(author=Author(replica=self._mint(number)))
        return self._pulled(number, device, 0)

    def _mint(self, number: int) -> str:
        return self.clients[number].mint(f"simulated {self.plan.devices[number].role} {number}")

    def _everybody(self) -> Iterable[Dispatcher | Supervisor | Technician]:
        person = self._signed_in("technician")
        others = [ref for ref in self._technicians() if ref != person]
        people = [*others, *[person] * max(1, 2 * len(others))]
        for device in self.plan.devices:
            match device.role:
                case "dispatcher":
                    yield Dispatcher(people)
                case "supervisor":
                    yield Supervisor()
                case "technician":
                    yield Technician(person)

    def _signed_in(self, role: Role) -> Ref:
        """Whom a role's devices speak for, who need not be among the tenant's entities."""
        number = next(each for each, device in enumerate(self.plan.devices) if device.role == role)
        return self.world.named("person", str(self.clients[number].hello()["person"]))

    def _technicians(self) -> list[Ref]:
        scene = Scene(world=self.world, device=self.devices[0], random=self._dice[0], ms=0)
        sees = ((ref, scene.sees(ref)) for ref in self.world.by_type.get("person", []))
        return [ref for ref, values in sees if values and values.get("role") == "technician"]

    def live(self, watcher: Watcher) -> None:
        """Let the day pass, and in the evening let everybody come home and hand in."""
        for ms, number in self.plan.wakes:
            self._wake(number, ms)
            watcher.look(self, ms)
        for number in range(len(self.devices)):
            self._hand_in(number, self.plan.end_ms, may_lose=False)
        for number in range(len(self.devices)):
            self._pull(number, self.plan.end_ms)
        self.told = [self._digests(number) for number in range(len(self.devices))]
        watcher.look(self, self.plan.end_ms)

    def _wake(self, number: int, ms: int) -> None:
        dice, is_online = self._dice[number], self.plan.devices[number].is_online(ms)
        self._back_up_or_restore(number, ms)
        if is_online and dice.random() < 0.5:
            self._hand_in(number, ms)
            self._pull(number, ms)
        scene = Scene(world=self.world, device=self.devices[number], random=dice, ms=ms)
        for deed in self._people[number].decide(scene):
            self._tell(number, deed, ms)
        if is_online:
            self._hand_in(number, ms)
            self._pull(number, ms)

    def _tell(self, number: int, deed: Deed, ms: int) -> None:
        self.devices[number], event = edit(
            self.devices[number],
            id=self.world.new_id(ms),
            entity_type=deed.entity_type,
            entity=self.world.id_of(deed.entity),
            type=deed.type,
            data=self.world.spelled(deed.data),
            now_ms=self.start_ms + ms,
        )
        self.authored.add(event.id)
        self.world.remember(number, deed)

    def _back_up_or_restore(self, number: int, ms: int) -> None:
        """The last device is restored from a backup of the morning, once everything it had written is handed in."""
        if number != len(self.devices) - 1:
            return
        device = self.devices[number]
        if self._backup is None and not device.outbox and ms < self.plan.end_ms * RESTORED_AT:
            self._backup = device
        elif self._backup and not device.outbox and not self.forks and ms > self.plan.end_ms * RESTORED_AT:
            self.devices[number] = replace(self._backup, quarantined=device.quarantined)

    def _hand_in(self, number: int, ms: int, *, may_lose: bool = True) -> None:
        if not may_lose:
            self.devices[number] = ask_again(self.devices[number])
        for _ in range(_ROUNDS_MAX):
            body = next_batch(self.devices[number])
            if not body and self.devices[number].forked_at is None:
                return
            if body:
                answer = self.clients[number].push(body)
                if may_lose and self._dice[number].random() < LOST_ANSWERS:
                    self.lost_answers += 1
                    return  # the server has it, but its answer never came
                self.devices[number] = settle(self.devices[number], answer)
            self._mend(number, ms)
        raise AssertionError("handing in does not end")

    def _mend(self, number: int, ms: int) -> None:
        if self.devices[number].forked_at is None:
            return
        self.devices[number] = self._pulled(number, self.devices[number], ms)
        self.devices[number] = fork(self.devices[number], replica=self._mint(number))
        self.forks += 1

    def _pull(self, number: int, ms: int) -> None:
        self.devices[number] = self._pulled(number, self.devices[number], ms)

    def _pulled(self, number: int, device: Device, ms: int) -> Device:
        self._check_history(number)
        while True:
            lines = self.clients[number].page(device.cursor, resume=device.resume, replica=device.author.replica)
            page = read_page(lines, read=self._read_frame)
            device = apply_page(device, page, now_ms=self.start_ms + ms)
            if page.cursor >= page.head and not page.resume:
                return device

    def _check_history(self, number: int) -> None:
        """Before anything is taken: the log still begins with what was seen of it. Raises HistoryRewritten."""
        told = self.clients[number].hello()
        before = self.pinned[number]
        self.pinned[number] = checked(before, self.clients[number].consistency, Origin(told["tenant"], told["epoch"]))
        self.proofs += before is not None

    def _digests(self, number: int) -> Mapping[str, str]:
        return read_page(self.clients[number].page(self.devices[number].cursor, digests=True)).digests or {}

    def _read_frame(self, frame: bytes) -> EventFrame:
        return self._read(frame)


def start_of(plan: Plan, *, now_ms: int) -> int:
    """When a day must have begun to be over now: later stamps would all be taken as the moment of their arrival."""
    return now_ms - plan.end_ms - PREPARING_MS
