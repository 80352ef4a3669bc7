"""Event logs for tests: in memory and in Postgres, each with tenants made on demand, and rows to put into them."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from psycopg_pool import ConnectionPool

from domain.catalogue import ON_DEVICES
from infra.memory import MemoryEventLog
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection
from sync import merge, state_codec
from sync.envelope import parse
from sync.log import Changes, EventLog, Known, Wanted
from sync.rows import EntityRow, EventRow, ReplicaRow
from tests.devices import NOON, PERSON_1, PERSON_2, new_id, replica_named

REPLICA: Final = replica_named("ada")
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A tenant with an empty log of its own, two people and one replica."""

    log: EventLog
    tenant: str
    rung: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Tenant and head of every ring of the log's bell."""

    def mint(self, name: str, person: str = PERSON_1) -> str:
        replica = replica_named(name)
        self.log.mint(self.tenant, replica=replica, person=person, name=name, now_ms=NOON)
        return replica

    def store(self, changes: Changes, wanted: Wanted | None = None) -> Known:
        """Append what is given, and return what the decision was shown."""
        return self.log.append(self.tenant, wanted or Wanted(), lambda known: (changes, known), now_ms=NOON)

    def known(self, wanted: Wanted) -> Known:
        return self.store(Changes(), wanted)

    def events(self) -> Sequence[EventRow]:
        return self.log.page(self.tenant, after=0, limit=100_000)

    @property
    def position(self) -> int:
        return self.log.head(self.tenant).position

    def is_whole(self) -> None:
        """Positions and every entity's versions are dense, and every state is the fold of its events."""
        states: dict[str, merge.State] = {}
        events = self.events()
        for row in events:
            state = states.get(row.entity, merge.empty(row.entity_type))
            states[row.entity] = merge.apply(state, parse(row.body), row.effective)
            assert row.version == states[row.entity].version
        assert [row.position for row in events] == list(range(1, self.position + 1))
        folded = {entity: state_codec.encode(state) for entity, state in states.items()}
        for entity, encoded in folded.items():
            kept = self.log.entity(self.tenant, entity)
            assert kept is not None
            assert kept.state == encoded
        sent = [(entity, state) for entity, state in folded.items() if states[entity].type in ON_DEVICES]
        assert state_codec.state_hash(sent) == state_codec.state_hash(self.log.states(self.tenant))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """One kind of log. `new` makes a tenant; `dsn` signs in as the database's owner, and is empty in memory."""

    new: Callable[[], Office]
    dsn: str = ""


def in_memory() -> Offices:
    rung: list[tuple[str, int]] = []
    log = MemoryEventLog(lambda tenant, head: rung.append((tenant, head)))

    def new() -> Office:
        office = Office(log=log, tenant=str(uuid.uuid4()), rung=rung)
        log.add_tenant(office.tenant)
        office.mint("ada")
        return office

    return Offices(new=new)


def in_postgres(pool: ConnectionPool[Connection], dsn: str) -> Offices:
    def new() -> Office:
        rung: list[tuple[str, int]] = []
        log = PostgresEventLog(pool, lambda tenant, head: rung.append((tenant, head)))
        office = Office(log=log, tenant=new_tenant(pool), rung=rung)
        office.mint("ada")
        return office

    return Offices(new=new, dsn=dsn)


def new_tenant(pool: ConnectionPool[Connection]) -> str:
    """A tenant in which PERSON_1 and PERSON_2 may sign in."""
    accounts = PostgresAccounts(pool)
    tenant = accounts.add_tenant("Acme", now_ms=NOON)
    for person in (PERSON_1, PERSON_2):
        accounts.add_person(tenant, person=person, name="Ada", role="dispatcher")
    return tenant


def event(position: int, **other: Any) -> EventRow:
    """An event row whose every value is its own; `other` says some of them otherwise."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "position": position,
        "id": new_id(),
        "replica": REPLICA,
        "seq": position,
        "entity_type": "site",
        "entity": new_id(),
        "version": 1,
        "type": "Edited",
        "schema_version": 1 + number % 100,
        "scope": f"site:{number}",
        "effective": f"{number:016x}",
        "actor": PERSON_1,
        "recorded_at_ms": NOON + number,
        "body": b'{"n":%d}' % number,
    }
    return EventRow(**values | other)


def events(count_: int, *, after: int = 0, **other: Any) -> list[EventRow]:
    return [event(after + number, **other) for number in range(1, count_ + 1)]


def entity(name: str, **other: Any) -> EntityRow:
    values: dict[str, Any] = {"type": "site", "version": 1, "scope": f"site:{name}", "state": b'{"name":"x"}'}
    return EntityRow(entity=name, **values | other)


def at(seq: int, *, replica: str = REPLICA, person: str = PERSON_1, hash_: str = "ab" * 32) -> ReplicaRow:
    """How far a replica has come."""
    return ReplicaRow(replica, person, seq, hash_)
