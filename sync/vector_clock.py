"""Who had seen what: for each replica, the highest sequence number of its events that an author had merged.

A clock is per entity and names only replicas that wrote that entity, so it stays small. Because every event carries
its dot (replica, seq), happened-before is one look-up, however many entries a clock has (dotted version vectors:
Preguiça et al., 2010).
"""

from collections.abc import Mapping
from typing import Any

from domain.values import Pattern

ReplicaId = str
"""`r` and 12 characters of lower-case base32, minted by the server."""

REPLICA = Pattern(r"^r[a-z2-7]{12}$")

VectorClock = Mapping[ReplicaId, int]


def covers(clock: VectorClock, replica: ReplicaId, seq: int) -> bool:
    """Whether an author with this clock had seen the event with that dot."""
    return clock.get(replica, 0) >= seq


def missing(clock: VectorClock, known: Mapping[ReplicaId, Any]) -> list[tuple[ReplicaId, int]]:
    """What a clock names that is not known yet, as dots, sorted."""
    return sorted((replica, seq) for replica, seq in clock.items() if known.get(replica, 0) < seq)


def joined(one: VectorClock, other: VectorClock) -> dict[ReplicaId, int]:
    """The clock of somebody who has seen all that both have seen."""
    return {replica: max(one.get(replica, 0), other.get(replica, 0)) for replica in {*one, *other}}
