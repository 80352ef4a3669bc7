"""The ports of what proves a log or an audit: its anchor, the tiles of its tree and its signed checkpoints."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sync.audit_leaf import PlacedEntry
from sync.checkpoint import Stream
from sync.log import TenantId
from sync.rows import EventRow
from sync.tiles import Tile


class Anchor(NamedTuple):
    """Where a tenant's log, or its audit, ends, and what its tree is there."""

    position: int
    epoch: str
    durable: int
    frontier: Sequence[bytes]


class SignedRow(NamedTuple):
    """A checkpoint that was signed, as it is kept."""

    epoch: str
    size: int
    root: bytes
    signed_at_ms: int
    """Milliseconds since 1970."""
    note: bytes


class TreeShelf(Protocol):
    """What keeps the trees of one stream; everything raises LogUnavailable where the database does not answer."""

    @property
    def stream(self) -> Stream:
        """What it is that is proven."""
        ...

    def tenants(self) -> Sequence[TenantId]:
        """Whose logs there are."""
        ...

    def anchor(self, tenant: TenantId) -> Anchor:
        """The end of a log and its frontier, of one moment; raises TenantUnknown."""
        ...

    def leaf_hashes(self, tenant: TenantId, *, after: int, upto: int) -> Sequence[bytes]:
        """The hashes of the leaves at these positions as the log has them now, up to the first that is missing."""
        ...

    def tiled(self, tenant: TenantId) -> int:
        """How many leaves the tiles hold."""
        ...

    def tile(self, tenant: TenantId, level: int, number: int) -> bytes:
        """The hashes of a tile so far; empty where there is none."""
        ...

    def keep_tiles(self, tenant: TenantId, tiles: Sequence[Tile]) -> None:
        """Store tiles; one that is there already only grows."""
        ...

    def newest(self, tenant: TenantId, epoch: str) -> SignedRow | None:
        """The largest checkpoint of an epoch."""
        ...

    def signed(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[SignedRow]:
        """`limit` checkpoints of more than `after` events, by size, of all epochs.

        And whatever others are of the size of the last of them: so whoever asks on behind it misses none.
        """
        ...

    def keep_signed(self, tenant: TenantId, row: SignedRow) -> None:
        """Store a checkpoint; one that is there already stays as it is."""
        ...


class ProofShelf(TreeShelf, Protocol):
    """Of the logs: implemented by `infra.postgres.proof_shelf.PostgresProofShelf` and
    `infra.memory_proof_shelf.MemoryProofShelf`."""

    def event(self, tenant: TenantId, id: str) -> EventRow | None:  # noqa: A002  # its name everywhere
        """One event by its id."""
        ...

    def events_of_scope(self, tenant: TenantId, scope: str, *, upto: int, limit: int) -> Sequence[EventRow]:
        """At most `limit` events of everything that lives in a scope, by position."""
        ...


class AuditShelf(TreeShelf, Protocol):
    """Of the audits: implemented by `infra.postgres.proof_shelf.PostgresAuditShelf`."""

    def entries(self, tenant: TenantId, *, after: int, upto: int, limit: int) -> Sequence[PlacedEntry]:
        """At most `limit` entries at these positions, by position."""
        ...

    def entries_of(self, tenant: TenantId, person: str | None, *, upto: int, limit: int) -> Sequence[PlacedEntry]:
        """At most `limit` entries about somebody and of what they did, or of everybody, by position."""
        ...

    def entry(self, tenant: TenantId, *, position: int | None, entry: str | None) -> PlacedEntry | None:
        """One entry that has its place, by that or by its id."""
        ...
