"""A server in memory behind the decisions of the real one, and devices that are brought to rest with it."""

from dataclasses import asdict
from typing import Any, Final

from commands.judge import judge_for
from domain.people import Role
from infra.memory import MemoryEventLog
from sync import pull as pulling
from sync import push
from sync.author import Author
from sync.device import Device
from sync.fork import fork
from sync.frames import Page, read_page
from sync.handing_in import next_batch, settle
from sync.limits import PAGE_BYTES_MAX
from sync.log import Changes, EventRow, Known
from sync.pull import Asked
from sync.state_codec import state_hash
from sync.taking_in import apply_page
from tests.devices import NOON, PERSON_1, replica_named

TENANT: Final = "t"


class Server:
    """The log in memory behind the decisions of the real one."""

    def __init__(self, role: Role = "supervisor") -> None:
        self.log, self.role, self.now_ms = MemoryEventLog(), role, NOON
        self.log.add_tenant(TENANT)
        self.minted = 0

    def mint(self) -> str:
        self.minted += 1
        replica = replica_named("".join("bcdefghijk"[int(digit)] for digit in str(self.minted)))
        self.log.mint(TENANT, replica=replica, person=PERSON_1, name="", now_ms=NOON)
        return replica

    def push(self, body: bytes) -> dict[str, Any]:
        self.now_ms += 1_000
        batch = [push.receive(raw) for raw in body.split(b"\n")]

        def decide(known: Known) -> tuple[Changes, push.Answer]:
            return push.decide(batch, known, judge=judge_for(self.role), actor=PERSON_1, now_ms=self.now_ms)

        return asdict(self.log.append(TENANT, push.wanted(batch), decide, now_ms=self.now_ms))

    def pull(self, device: Device, limit: int = 1_000, *, now_ms: int | None = None) -> Device:
        while True:
            page = self.page(device, limit=limit)
            device = apply_page(device, page, now_ms=self.now_ms if now_ms is None else now_ms)
            if not device.resume:
                return device

    def page(self, device: Device, *, limit: int = 1_000, person: str | None = None, **asked: Any) -> Page:
        """What the server sends next; to `person` only what they are granted."""
        told = Asked(
            cursor=device.cursor,
            person=person,
            replica=device.author.replica,
            resume=device.resume,
            limit=limit,
            bytes_max=PAGE_BYTES_MAX,
            **asked,
        )
        with self.log.moment(TENANT) as moment:
            return read_page(pulling.page(moment, told))

    def digest(self) -> str:
        return state_hash(self.log.states(TENANT))

    def device(self) -> Device:
        return Device(author=Author(replica=self.mint()))

    def accepted(self) -> list[EventRow]:
        return [*self.log.page(TENANT, after=0, limit=100_000)]

    def set_aside(self) -> set[str]:
        """The ids of what is in quarantine."""
        return {row.aside.id for row in self.log._tenants[TENANT].cases.values() if row.aside.id}


def settled(server: Server, device: Device) -> Device:
    """The device once everything is handed in and pulled, its forks mended on the way."""
    while True:
        device = server.pull(device)
        if device.forked_at is not None:
            device = fork(device, replica=server.mint())
        body = next_batch(device)
        if not body:
            return server.pull(device)
        device = settle(device, server.push(body))
