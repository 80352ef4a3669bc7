"""An office behind HTTP for tests: a tenant with people, their tokens, and devices that hand in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import httpx

from commands.authority import Principal
from domain.people import Role
from infra.memory_accounts import MemoryAccounts
from infra.postgres.accounts import PostgresAccounts
from sync import state_codec
from sync.log import EventLog
from tests.devices import CREATED, NOON, Device, new_id

NOW: Final = NOON + 3_600_000
NDJSON: Final = "application/x-ndjson"
PROBLEMS: Final = "/problems/"
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass
class Clock:
    """The wall clock of a server under test."""

    ms: int = NOW


@dataclass
class Office:
    """One tenant: somebody in each role, their tokens, and a client without any."""

    client: httpx.Client
    log: EventLog
    accounts: MemoryAccounts | PostgresAccounts
    clock: Clock
    tenant: str
    people: dict[Role, Principal] = field(default_factory=dict[Role, Principal])
    tokens: dict[Role, str] = field(default_factory=dict[Role, str])

    def staff(self) -> "Office":
        """Let somebody in each role sign in."""
        for role in ROLES:
            person = new_id()
            self.accounts.add_person(self.tenant, person=person, name=f"A {role}", role=role)
            self.people[role] = Principal(tenant=self.tenant, person=person, name=f"A {role}", role=role)
            self.tokens[role] = self.accounts.issue(self.tenant, person, now_ms=self.clock.ms)
        return self

    def bearer(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def device(self, name: str, role: Role = "dispatcher") -> Device:
        """A replica of whoever has that role."""
        device = Device(name)
        person = self.people[role].person
        self.log.mint(self.tenant, replica=device.replica, person=person, name=name, now_ms=self.clock.ms)
        return device

    def get(self, path: str, *, role: Role = "dispatcher", **query: Any) -> httpx.Response:
        return self.client.get(path, headers=self.bearer(role), params=query)

    def post(self, path: str, document: Any, *, role: Role = "dispatcher") -> httpx.Response:
        return self.client.post(path, headers=self.bearer(role), json=document)

    def push(self, *raws: bytes, role: Role = "dispatcher", headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.send(b"\n".join(raws), role=role, headers=headers)

    def send(
        self, body: bytes, *, role: Role = "dispatcher", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Any body to the push route."""
        told = {"Content-Type": NDJSON, **self.bearer(role), **(headers or {})}
        return self.client.post("/v1/sync/push", content=body, headers=told)

    def verdicts(self, *raws: bytes, role: Role = "dispatcher") -> list[dict[str, Any]]:
        """What became of events that are taken as a batch."""
        response = self.push(*raws, role=role)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["batch"] == "taken", answer
        found: list[dict[str, Any]] = answer["verdicts"]
        assert len(found) == len(raws)
        return found

    def standing(self, *devices: Device) -> tuple[object, ...]:
        """Everything that a half-stored push would have changed."""
        states = state_codec.state_hash(self.log.states(self.tenant))
        return (self.log.head(self.tenant), states, *(self.log.replica(self.tenant, each.replica) for each in devices))

    def still_works(self, device: Device, *, role: Role = "dispatcher") -> None:
        """A good event of this device is taken, whatever came before."""
        before = self.log.head(self.tenant).position
        (verdict,) = self.verdicts(device.create("customer", new_id()), role=role)
        assert verdict["verdict"] == "accepted"
        assert verdict["position"] == before + 1


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The body of an answer that must be a whole problem (RFC 9457) of that kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == PROBLEMS + kind
    assert document["status"] == status
    assert all(isinstance(document[name], str) and document[name] for name in ("title", "detail", "hint", "code"))
    assert isinstance(document["retryable"], bool)
    assert "Traceback" not in response.text
    return document


def customers(device: Device, count: int) -> Sequence[bytes]:
    """So many creations of customers."""
    return [device.create("customer", new_id(), CREATED["customer"]) for _ in range(count)]
