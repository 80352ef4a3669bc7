"""A server in memory behind the decisions of the real one, and devices that are brought to rest with it."""

import uuid
from collections import Counter
from copy import deepcopy
from dataclasses import asdict, replace
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
from sync.log import Changes, Known
from sync.pull import Asked
from sync.rows import EventRow
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
        self.owners: dict[str, str] = {}
        """By replica the technician whose it is; all others belong to somebody in the server's role."""

    def mint(self, technician: str | None = None) -> str:
        self.minted += 1
        replica = replica_named("".join("bcdefghijk"[int(digit)] for digit in str(self.minted)))
        self.log.mint(TENANT, replica=replica, person=technician or PERSON_1, name="", now_ms=NOON)
        if technician:
            self.owners[replica] = technician
        return replica

    def register(self, replica: str) -> None:
        """Let a replica be known again that a restore has forgotten."""
        if self.log.replica(TENANT, replica) is None:
            person = self.owners.get(replica, PERSON_1)
            self.log.mint(TENANT, replica=replica, person=person, name="", now_ms=NOON)

    def push(self, body: bytes) -> dict[str, Any]:
        self.now_ms += 1_000
        batch = [push.receive(raw) for raw in body.split(b"\n")]
        technician = self.owners.get(batch[0].link.replica)
        judge = judge_for("technician" if technician else self.role)

        def decide(known: Known) -> tuple[Changes, push.Answer]:
            return push.decide(batch, known, judge=judge, actor=technician or PERSON_1, now_ms=self.now_ms)

        return asdict(self.log.append(TENANT, push.wanted(batch, limited_to=technician), decide, now_ms=self.now_ms))

    def pull(self, device: Device, limit: int = 1_000, *, now_ms: int | None = None) -> Device:
        while True:
            page = self.page(device, limit=limit)
            device = apply_page(device, page, now_ms=self.now_ms if now_ms is None else now_ms)
            if not device.resume:
                return device

    def page(self, device: Device, **asked: Any) -> Page:
        """What the server sends next; to a technician's device only what they are granted."""
        return read_page(self.sent(device, **asked))

    def sent(self, device: Device, *, limit: int = 1_000, **asked: Any) -> bytes:
        """The same, as it is sent."""
        told = Asked(
            cursor=device.cursor,
            person=self.owners.get(device.author.replica),
            replica=device.author.replica,
            limit=limit,
            **{"resume": device.resume, "bytes_max": PAGE_BYTES_MAX, **asked},
        )
        with self.log.moment(TENANT) as moment:
            return pulling.page(moment, told)

    def digest(self) -> str:
        return state_hash(self.log.states(TENANT))

    def device(self, technician: str | None = None) -> Device:
        return Device(author=Author(replica=self.mint(technician)))

    def seen_by(self, device: Device) -> dict[str, bytes]:
        """The stored states of everything that whoever has this device may see."""
        person = self.owners.get(device.author.replica)
        scopes = {row.scope for row in self.log.scopes(TENANT, person, at=self.head)} if person else set()
        rows = [self.log.entity(TENANT, entity) for entity, _ in self.log.states(TENANT)]
        return {
            row.entity: row.state
            for row in rows
            if row and (not person or row.scope == "catalog" or row.scope in scopes)
        }

    @property
    def head(self) -> int:
        return self.log.head(TENANT).position

    def backup(self) -> Any:
        return deepcopy(self.log._tenants[TENANT])

    def restore(self, backup: Any) -> None:
        """Come back as of a backup, in an epoch of its own."""
        self.log._tenants[TENANT] = replace(deepcopy(backup), epoch=str(uuid.uuid4()))

    def accepted(self) -> list[EventRow]:
        return [*self.log.page(TENANT, after=0, limit=100_000)]

    def set_aside(self) -> set[str]:
        """The ids of what is in quarantine."""
        return {row.aside.id for row in self.log._tenants[TENANT].cases.values() if row.aside.id}

    def ends(self) -> Counter[str]:
        """How often each id is found where events end: in the log, or as a case."""
        aside = (row.aside.id for row in self.log._tenants[TENANT].cases.values() if row.aside.id)
        return Counter([*(row.id for row in self.accepted()), *aside])


def settled(server: Server, device: Device) -> Device:
    """The device once everything is handed in and pulled, its forks mended on the way."""
    while True:
        device = server.pull(device)
        if device.forked_at is not None:
            device = fork(device, replica=server.mint(server.owners.get(device.author.replica)))
        body = next_batch(device)
        if not body:
            return server.pull(device)
        device = settle(device, server.push(body))
