"""Tiles and checkpoints in memory: shipped, not mocked; gone with the process."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from infra.memory import MemoryEventLog
from sync.leaf import leaf_hashes
from sync.log import TenantId
from sync.merkle import HASH_BYTES
from sync.proof_shelf import Anchor, SignedRow
from sync.rows import EventRow
from sync.tiles import Tile


class MemoryProofShelf:
    """`sync.proof_shelf.ProofShelf` beside a log in memory."""

    stream: Final = "events"

    def __init__(self, log: MemoryEventLog) -> None:
        self._log, self._lock = log, threading.Lock()
        self._tiles: dict[TenantId, dict[tuple[int, int], bytes]] = defaultdict(dict)
        self._signed: dict[TenantId, list[SignedRow]] = defaultdict(list)

    def tenants(self) -> Sequence[TenantId]:
        return self._log.tenants()

    def anchor(self, tenant: TenantId) -> Anchor:
        return self._log.anchor(tenant)

    def leaf_hashes(self, tenant: TenantId, *, after: int, upto: int) -> Sequence[bytes]:
        return leaf_hashes(self._log.page(tenant, after=after, limit=upto - after))

    def tiled(self, tenant: TenantId) -> int:
        with self._lock:
            return sum(len(hashes) for (level, _), hashes in self._tiles[tenant].items() if level == 0) // HASH_BYTES

    def tile(self, tenant: TenantId, level: int, number: int) -> bytes:
        with self._lock:
            return self._tiles[tenant].get((level, number), b"")

    def keep_tiles(self, tenant: TenantId, tiles: Sequence[Tile]) -> None:
        with self._lock:
            for level, number, hashes in tiles:
                if len(hashes) > len(self._tiles[tenant].get((level, number), b"")):
                    self._tiles[tenant][level, number] = hashes

    def newest(self, tenant: TenantId, epoch: str) -> SignedRow | None:
        with self._lock:
            rows = [row for row in self._signed[tenant] if row.epoch == epoch]
        return max(rows, key=lambda row: row.size, default=None)

    def signed(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[SignedRow]:
        with self._lock:
            rows = [row for row in self._signed[tenant] if row.size > after]
        rows.sort(key=lambda row: (row.size, row.signed_at_ms))
        return [row for row in rows if row.size <= rows[min(limit, len(rows)) - 1].size]

    def keep_signed(self, tenant: TenantId, row: SignedRow) -> None:
        with self._lock:
            if not any((kept.epoch, kept.size) == (row.epoch, row.size) for kept in self._signed[tenant]):
                self._signed[tenant].append(row)

    def event(self, tenant: TenantId, id: str) -> EventRow | None:  # noqa: A002  # its name everywhere
        rows = self._log.page(tenant, after=0, limit=self._log.head(tenant).position)
        return next((row for row in rows if row.id == id), None)

    def events_of_scope(self, tenant: TenantId, scope: str, *, upto: int, limit: int) -> Sequence[EventRow]:
        return [row for row in self._log.page(tenant, after=0, limit=upto) if row.scope == scope][:limit]
