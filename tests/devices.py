"""Devices for tests: replicas that author real events, and what they need to say about every kind of thing."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final

import orjson

from sync import canonical, merge
from sync.author import Author, write
from sync.envelope import Tx, hash_of, parse
from sync.hybrid_clock import stamp
from sync.merge import State
from sync.vector_clock import joined

NOON: Final = 1_767_268_800_000
"""2026-01-01T12:00:00Z."""
MINUTE: Final = 60_000
PERSON_1: Final = "01900000-0000-7000-8000-00000000a001"
PERSON_2: Final = "01900000-0000-7000-8000-00000000a002"
ELSEWHERE: Final = "01900000-0000-7000-8000-00000000b000"
HASH: Final = "ab" * 32
MORNING: Final = "2026-01-01T08:00:00.000Z"

_numbers = count(1)


def new_id() -> str:
    """A UUID of version 7 that no other call returns."""
    return f"01900000-0000-7000-9000-{next(_numbers):012x}"


def replica_named(name: str) -> str:
    """A replica id that a reader of a failure recognises."""
    return "r" + name.ljust(12, "a")


CREATED: Final[Mapping[str, Mapping[str, Any]]] = {
    "customer": {"name": "Harbour Mill"},
    "contact": {"customer_id": ELSEWHERE, "name": "Mia"},
    "site": {"customer_id": ELSEWHERE, "name": "Mill, east gate"},
    "asset": {"site_id": ELSEWHERE},
    "meter_reading": {
        "asset_id": ELSEWHERE,
        "site_id": ELSEWHERE,
        "meter": "hours",
        "value": "12.5",
        "read_at": MORNING,
    },
    "work_order": {"customer_id": ELSEWHERE, "site_id": ELSEWHERE, "kind": "repair", "title": "Pump leaks"},
    "visit": {"work_order_id": ELSEWHERE},
    "checklist_template": {
        "key": "pump",
        "template_version": 1,
        "title": "Pump",
        "items": [{"id": "tight", "kind": "yes_no", "text": "Is it tight?", "required": True}],
    },
    "checklist_answer": {
        "work_order_id": ELSEWHERE,
        "visit_id": ELSEWHERE,
        "template_id": ELSEWHERE,
        "item_id": "tight",
    },
    "note": {
        "home": f"work_order:{ELSEWHERE}",
        "body": "Bring the long ladder",
        "target": {"type": "work_order", "id": ELSEWHERE},
    },
    "attachment": {
        "home": f"work_order:{ELSEWHERE}",
        "sha256": HASH,
        "mime": "image/jpeg",
        "size": 1,
        "target": {"type": "work_order", "id": ELSEWHERE},
    },
    "signature": {"work_order_id": ELSEWHERE, "visit_id": ELSEWHERE, "document_hash": HASH},
    "time_entry": {
        "work_order_id": ELSEWHERE,
        "visit_id": ELSEWHERE,
        "person_id": PERSON_1,
        "kind": "work",
        "started_at": MORNING,
    },
    "part": {"sku": "V-12", "name": "Valve"},
    "stock_location": {"name": "Van 3", "kind": "van"},
    "part_use": {"work_order_id": ELSEWHERE, "part_id": ELSEWHERE, "quantity": "2"},
    "person": {"name": "Ada", "role": "technician"},
    "device": {"owner_id": PERSON_1, "name": "Ada's phone"},
    "case": {
        "replica": "rabcdefabcdef",
        "seq": 1,
        "author_id": PERSON_1,
        "code": "not_allowed",
        "text": "whoever is technician does not tell WorkOrderClosed of a work_order",
    },
}
"""For every entity, the least that its creation says."""


class Device:
    """A replica: it numbers, chains and stamps what it tells, and remembers what it has seen of each entity."""

    def __init__(self, name: str, *, now_ms: int = NOON) -> None:
        self.author = Author(replica=replica_named(name))
        self.now_ms = now_ms
        self.clocks: dict[str, dict[str, int]] = {}

    @property
    def replica(self) -> str:
        return self.author.replica

    def tell(
        self,
        entity_type: str,
        entity: str,
        event_type: str,
        data: Mapping[str, Any] | None = None,
        *,
        clock: Mapping[str, int] | None = None,
        tx: Tx | None = None,
        event_id: str | None = None,
        now_ms: int | None = None,
    ) -> bytes:
        """The bytes of this replica's next event; `clock` says another thing than what it has seen."""
        self.now_ms = now_ms or self.now_ms + 1
        known = self.clocks.setdefault(entity, {})
        self.author, raw = write(
            self.author,
            id=event_id or new_id(),
            entity_type=entity_type,
            entity=entity,
            type=event_type,
            data=dict(data or {}),
            clock=dict(known if clock is None else clock),
            now_ms=self.now_ms,
            tx=tx,
        )
        known[self.replica] = self.author.seq
        return raw

    def create(self, entity_type: str, entity: str, data: Mapping[str, Any] | None = None) -> bytes:
        """The event that brings an entity into being, with the least that must be said and `data`."""
        return self.tell(entity_type, entity, "Created", {**CREATED[entity_type], **(data or {})})

    def retell(self, raw: bytes, *, clock: Mapping[str, int] | None = None) -> bytes:
        """This replica's next event: what another name of the same device has said, as a fork writes it anew."""
        document = orjson.loads(raw)
        anew = {"replica": self.replica, "seq": self.author.seq + 1, "prev": self.author.prev}
        return self.chain(canonical.dumps(document | anew | ({} if clock is None else {"clock": dict(clock)})))

    def see(self, *raws: bytes) -> None:
        """Merge what others told."""
        for raw in raws:
            event = parse(raw)
            seen = joined(event.clock, {event.replica: event.seq})
            self.clocks[event.entity] = joined(self.clocks.get(event.entity, {}), seen)

    def chain(self, raw: bytes) -> bytes:
        """Take bytes that somebody made by hand as this replica's next event."""
        self.author = Author(
            replica=self.replica, seq=self.author.seq + 1, prev=hash_of(raw), at=self.author.at, seen=self.author.seen
        )
        return raw

    def hand_made(self, **members: Any) -> bytes:
        """This replica's next event with some members said otherwise, in a spelling that JSON's own writer gives."""
        raw = self.tell("customer", new_id(), "Created", CREATED["customer"])
        return self.spoilt(raw, **members)

    def spoilt(self, raw: bytes, **members: Any) -> bytes:
        """The last event with some members said otherwise; the chain goes on from the new bytes."""
        return self.respelled(json.dumps({**orjson.loads(raw), **members}, sort_keys=True, separators=(",", ":")))

    def respelled(self, text: str | bytes) -> bytes:
        """The last event in other bytes; the chain goes on from these."""
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        self.author = Author(
            replica=self.replica, seq=self.author.seq, prev=hash_of(raw), at=self.author.at, seen=self.author.seen
        )
        return raw


def fold(raws: Iterable[bytes]) -> State:
    """The state that these events of one entity make, in this order, each as of its own stamp."""
    state: State | None = None
    for raw in raws:
        event = parse(raw)
        state = merge.apply(state or merge.empty(event.entity_type), event, event.at)
    assert state is not None
    return state


def at(minutes: int) -> str:
    """The stamp of a moment so many minutes after noon."""
    return stamp(NOON + minutes * MINUTE)


def devices(*names: str) -> Iterator[Device]:
    """Devices with these names."""
    yield from map(Device, names)
