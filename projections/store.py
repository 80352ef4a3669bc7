"""The port of the place where a group's tables lie: claimed by one runner at a time, tenant by tenant, all or nothing.

What a claim writes and how far it has come are one commit, so that no event is taken in twice and none is passed over,
whoever dies in between.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from projections.folding import Changes, Poisoned
from projections.projection import Row, Subject
from sync.log import TenantId
from sync.rows import EventRow


class Parked(NamedTuple):
    """An entity that stands still in the tables, because one of its events cannot be taken in."""

    entity: str
    position: int
    """Of the event."""
    why: str
    parked_at_ms: int


class Standing(NamedTuple):
    """How far a tenant's tables have come."""

    position: int
    head: int
    """Of the log."""
    behind_ms: int
    """How long ago the first event was recorded that is not in them; 0 where all are."""
    parked: int
    """How many entities stand still."""

    @property
    def behind(self) -> int:
        """How many events are not in them."""
        return self.head - self.position


class RowsRefused(ValueError):
    """The tables do not take these rows; nothing of them was written."""


class Claim(Protocol):
    """One tenant's tables while nobody else may write them."""

    @property
    def position(self) -> int:
        """Up to where the tables hold the log."""
        ...

    def page(self, limit: int) -> Sequence[EventRow]:
        """At most `limit` events after `position`, in order, and not many megabytes."""
        ...

    def history(self, entity: str, *, after: int, limit: int) -> Sequence[EventRow]:
        """At most `limit` events of one entity with a version greater than `after`, up to `position`, by version."""
        ...

    def known(self, entities: Sequence[str]) -> Mapping[str, Subject]:
        """These entities as the tables hold them; what they do not hold is left out."""
        ...

    def parked(self) -> Set[str]:
        """The entities that stand still."""
        ...

    def write(self, changes: Changes, subjects: Sequence[Subject] = ()) -> None:
        """Write rows, take rows away, and remember entities as they are now.

        Raises RowsRefused and is as before.
        """
        ...

    def park(self, poisoned: Sequence[Poisoned], *, now_ms: int) -> None:
        """Let these entities stand still."""
        ...

    def unpark(self, entity: str) -> None:
        """Let an entity go on."""
        ...

    def move(self, position: int) -> None:
        """The tables hold the log up to there now; it is later than `position`."""
        ...


class Store(Protocol):
    """One version of a group's tables, for all tenants.

    Implemented by `infra.postgres.read_model.store.PostgresStore` and `infra.memory_read_model.MemoryStore`.
    """

    def tenants(self) -> Sequence[TenantId]:
        """Everybody who has a log."""
        ...

    def claim(self, tenant: TenantId, *, wait: bool = False) -> AbstractContextManager[Claim | None]:
        """The tenant's tables for the length of the block, committed at its end or undone if it raises.

        None where another has them; with `wait` they are waited for. Raises LogUnavailable.
        """
        ...

    def standing(self, tenant: TenantId, *, now_ms: int) -> Standing:
        """How far the tables have come; raises TenantUnknown and LogUnavailable."""
        ...

    def all_parked(self, tenant: TenantId) -> Sequence[Parked]:
        """What stands still, by position."""
        ...

    def rows(self, tenant: TenantId, table: str) -> Iterator[Row]:
        """Every row of one table, by its key, as it was written; all of one moment, with the position of that."""
        ...
