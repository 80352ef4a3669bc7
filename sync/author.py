"""Writing events on a replica: numbered without gaps, chained by hash, stamped by a clock that never runs backwards."""

from dataclasses import dataclass, replace
from typing import Any

from domain.catalogue import FACTS
from domain.values import Position
from sync import hybrid_clock
from sync.envelope import Tx, hash_of, spell
from sync.hybrid_clock import BEGINNING, Stamp
from sync.vector_clock import ReplicaId, VectorClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Where a replica stands: what its next event must follow. A value; `write` returns the next one."""

    replica: ReplicaId
    seq: int = 0
    """Sequence number of its last event; 0 before the first."""
    prev: str | None = None
    """Hash of its last event's bytes; None before the first."""
    at: Stamp = BEGINNING
    """The greatest stamp it has written or followed."""
    seen: int = 0
    """The log position it has pulled."""


def write(
    author: Author,
    *,
    id: str,  # noqa: A002  # its name on the wire
    entity_type: str,
    entity: str,
    type: str,  # noqa: A002  # its name on the wire
    data: dict[str, Any],
    clock: VectorClock,
    now_ms: int,
    tx: Tx | None = None,
    reason: str | None = None,
    geo: Position | None = None,
) -> tuple[Author, bytes]:
    """The author after one more event, and the event's canonical bytes.

    `clock` is the clock of the entity's state as this replica knows it (`State.clock`; empty for a new entity);
    KeyError for an event type that nobody declared for this entity, Unacceptable for a text that no event may hold:
    half a surrogate pair, or NUL.
    What a clone of this replica wrote under numbers that are not used here yet is left out of it: an event cannot have
    seen itself. That is nothing lost, because the fork that must follow gives one of the two another name.
    """
    at = hybrid_clock.tick(author.at, now_ms)
    raw = spell(
        id=id,
        replica=author.replica,
        seq=author.seq + 1,
        prev=author.prev,
        entity_type=entity_type,
        entity=entity,
        type=type,
        v=FACTS[entity_type][type].version,
        clock=_seen_before(author, clock),
        at=at,
        seen=author.seen,
        data=data,
        tx=tx,
        reason=reason,
        geo=geo,
    )
    return replace(author, seq=author.seq + 1, prev=hash_of(raw), at=at), raw


def _seen_before(author: Author, clock: VectorClock) -> dict[ReplicaId, int]:
    known = dict(clock)
    if known.get(author.replica, 0) > author.seq:
        del known[author.replica]
        if author.seq:
            known[author.replica] = author.seq
    return known
