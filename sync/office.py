"""The office is a replica too: what the server itself says is authored and chained as on a device, and stored in the
append that it belongs to."""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sync import merge
from sync.author import Author, write
from sync.desk import Desk, Judge
from sync.envelope import Event, Unacceptable, parse
from sync.log import Changes, Known, TenantId
from sync.merge import State
from sync.rows import ReplicaRow
from sync.verdict import Verdict

OFFICE: Final = "office"
"""The name of the application whose replica speaks for a tenant."""
NUMBERS_SKIPPED: Final = 1_000_000_000
"""How many numbers a replica of the server leaves out when the server came back older: more than it can have used since
the backup, and few enough for nine million epochs."""
OFFICES_REMEMBERED: Final = 1_000
"""Each push asks for its tenant's, and hashing for it took 5% of one that holds a single event."""


class Office(NamedTuple):
    """Who speaks where the server speaks for a tenant: the same replica in every process."""

    replica: str
    person: str
    """Who answers for what the office says of itself; a UUID."""


class OfficeUnknown(LookupError):
    """The office has a replica from the first time on that it has something to say: mint it, and decide again."""


@lru_cache(OFFICES_REMEMBERED)
def office_of(tenant: TenantId) -> Office:
    """The office of a tenant."""
    return Office(replica_of(tenant, OFFICE), person_of(tenant, OFFICE))


def replica_of(tenant: TenantId, application: str) -> str:
    """The replica of an application in a tenant: always the same, so that every process writes on with one chain."""
    digest = hashlib.sha256(f"{tenant} {application}".encode()).digest()
    return "r" + base64.b32encode(digest).decode().lower()[:12]


def person_of(tenant: TenantId, application: str) -> str:
    """Who answers for what an application says of itself."""
    return str(uuid.uuid5(uuid.UUID(tenant), f"application {application}"))


@dataclass(frozen=True, slots=True)
class Saying:
    """A fact that the office tells about an entity, which is new where the fact creates it."""

    entity_type: str
    entity: str
    type: str
    data: Mapping[str, Any]
    reason: str | None = None
    id: str = ""
    """A UUID of version 7 where the event must be known by it; else it is made from its place in the office's chain."""


class Obstacle(NamedTuple):
    """What keeps an event from being taken in as it is, and is no fault of its author's."""

    code: str
    """`dot_taken`, `already_told`, `still_waits` or `overtaken`."""
    detail: str


class OfficeDesk(Desk):
    """A desk at which the office writes, and takes in what somebody has decided about; raises OfficeUnknown."""

    def __init__(self, known: Known, office: Office, judge: Judge, actor: str, now_ms: int) -> None:
        super().__init__(known, judge, actor, now_ms)
        row = known.replicas.get(office.replica)
        if row is None:
            raise OfficeUnknown(office.replica)
        self.row = row
        # Its last stamp is not asked for: among its own events seq decides, and the wall clock stamps the rest.
        self.author = Author(replica=row.replica, seq=row.last_seq, prev=row.last_hash, seen=known.position)

    def state(self, entity: str) -> State | None:
        """An entity with everything in it that was decided here."""
        found = self._state(entity)
        return found[0] if found else None

    def authored(self, saying: Saying) -> Event:
        """The office's next event; nobody has taken it in yet. Raises envelope.Unacceptable."""
        known = self.state(saying.entity)
        for replica, seq in known.clock.items() if known else ():
            # Whatever is in a state has arrived, though nobody asked the log how far its author has come.
            self.last_seq[replica] = max(seq, self.last_seq.get(replica, 0))
        after, raw = write(
            self.author,
            id=saying.id or id_from(f"{self.author.replica} {self.author.seq + 1}", self.now_ms),
            entity_type=saying.entity_type,
            entity=saying.entity,
            type=saying.type,
            data=dict(saying.data),
            clock=known.clock if known else {},
            now_ms=self.now_ms,
            reason=saying.reason,
        )
        event = parse(raw)
        self.author = after
        return event

    def take_in(self, event: Event, actor: str, *, effective: str | None = None) -> Verdict:
        """Accept an event that was judged already."""
        if event.replica == self.author.replica:
            self.last_seq[event.replica] = event.seq
        verdict = self._accept(event, actor, effective=effective)
        if (event.replica, event.seq) in self.awaited:
            self._release()
        return verdict

    def tell(self, saying: Saying, actor: str) -> Verdict:
        """Say something that nobody needs to judge; `actor` is who answers for it."""
        return self.take_in(self.authored(saying), actor)

    def in_the_way(self, event: Event) -> Unacceptable | Obstacle | None:
        """What keeps an event from being taken in now, as the desk's judge and the log see it."""
        settled = self.known.by_dot.get((event.replica, event.seq))
        if settled is not None and settled.kind != "quarantined":
            return Obstacle("dot_taken", f"/seq: {event.replica} has told another event {event.seq} here")
        twin = self._twin(event.id)
        if twin is not None and twin.kind != "quarantined":
            return Obstacle("already_told", "/id: an event with that id was handed in another time")
        fault = self.judge.may_tell(event, self.actor) or self._out_of_scope(event)
        if fault is not None:
            return fault
        missing = self._missing(event)
        if missing:
            dots = ", ".join(f"{replica}-{seq}" for replica, seq in missing[:3])
            return Obstacle("still_waits", f"/clock: it was written on top of {dots}, and that is not here")
        state = self.state(event.entity)
        if state is not None and merge.knows(state, event.replica, event.seq):
            told = f"/seq: its author has told later events of that {event.entity_type}, which are in"
            return Obstacle("overtaken", told)
        return self._fault(event)

    def decided(self) -> Changes:
        """Everything that was written and taken in, as rows."""
        moved = self.author.seq > self.row.last_seq
        return self._changes(
            [ReplicaRow(self.row.replica, self.row.person, self.author.seq, self.author.prev)] if moved else []
        )


def id_from(named: str, at_ms: int) -> str:
    """A UUID of version 7 for what this names: the same at every try, so that a decision may be made again."""
    drawn = int.from_bytes(hashlib.sha256(named.encode()).digest()[:10])
    head = (at_ms & 0xFFFF_FFFF_FFFF) << 80 | 7 << 76 | (drawn >> 62 & 0xFFF) << 64 | 2 << 62
    return str(uuid.UUID(int=head | drawn & (1 << 62) - 1))
