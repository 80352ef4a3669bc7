"""The office: where an application of the library works, which is one tenant's log and what lies beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from infra.eventsourcing.doorbell import Doorbell
from infra.eventsourcing.identity import now_ms
from sync.log import EventLog, TenantId

AGGREGATE: Final = "aggregate"
"""The entity type of what the library's aggregates say; no entity of field service is called that."""

VERSION_MAX: Final = 2**63 - 1


class Found(NamedTuple):
    """What the library asks of an event in the log."""

    position: int
    entity: UUID
    version: int
    type: str
    body: bytes
    entity_type: str
    effective: str


class Kept(NamedTuple):
    """A snapshot: a shortcut to one version of an aggregate."""

    entity: UUID
    version: int
    type: str
    state: bytes


class Shelf(Protocol):
    """What the library reads and keeps beside `EventLog`.

    Implemented by `PostgresShelf` and `MemoryShelf`; raises LogUnavailable and Conflicting as the log does.
    """

    def history(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Found]:
        """The events of one entity with `after` < version <= `until`, by version."""
        ...

    def notifications(
        self, tenant: TenantId, *, replica: str, first: int, last: int, topics: Sequence[str], limit: int
    ) -> Sequence[Found]:
        """At most `limit` events with `first` <= position <= `last`, in order: all that field service says, and of
        aggregates what this replica wrote. `topics` narrows them to these types; empty: all."""
        ...

    def employ(self, tenant: TenantId, *, person: str, name: str) -> None:
        """Let a person be known who owns an application's replica; knowing them already changes nothing."""
        ...

    def keep(self, tenant: TenantId, snapshots: Sequence[Kept]) -> None:
        """Store snapshots, all or none; raises Conflicting for a version that is kept already."""
        ...

    def kept(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Kept]:
        """The snapshots of one entity with `after` < version <= `until`, by version."""
        ...

    def move(self, tenant: TenantId, follower: str, position: int) -> None:
        """Note that a follower has come to a position; raises Conflicting if it had come as far."""
        ...

    def followed(self, tenant: TenantId, follower: str) -> int | None:
        """How far a follower has come, or None where it has not begun."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What every recorder of one application shares."""

    tenant: TenantId
    log: EventLog
    shelf: Shelf
    doorbell: Doorbell
    lease: object = None
    """Whatever must live as long as a recorder does, such as the lease of a pool."""
    now_ms: Callable[[], int] = field(default=now_ms)
