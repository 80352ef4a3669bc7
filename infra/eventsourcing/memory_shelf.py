"""The shelf in memory: shipped, not mocked; it looks through a whole `MemoryEventLog` for the events of one entity."""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from infra.eventsourcing.office import AGGREGATE, Found, Kept
from infra.memory import MemoryEventLog
from sync.log import Changes, Conflicting, TenantId, Wanted
from sync.rows import EventRow, TrackedRow

_PAGE: Final = 1_000


class MemoryShelf:
    """`Shelf` beside a `MemoryEventLog`; safe to share between threads."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self._lock = threading.RLock()
        self._snapshots: dict[tuple[TenantId, UUID, int], Kept] = {}

    def history(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Found]:
        name = str(entity)
        rows = [row for row in self._rows(tenant, 1) if row.entity == name and after < row.version <= until]
        rows.sort(key=lambda row: row.version, reverse=descending)
        return [_found(row) for row in rows[:limit]]

    def notifications(
        self, tenant: TenantId, *, replica: str, first: int, last: int, topics: Sequence[str], limit: int
    ) -> Sequence[Found]:
        found: list[Found] = []
        for row in self._rows(tenant, first):
            if row.position > last or len(found) >= limit:
                break
            if (row.entity_type != AGGREGATE or row.replica == replica) and (not topics or row.type in topics):
                found.append(_found(row))
        return found

    def _rows(self, tenant: TenantId, first: int) -> Iterator[EventRow]:
        after = max(first, 1) - 1
        while page := self._log.page(tenant, after=after, limit=_PAGE):
            yield from page
            after += len(page)

    def employ(self, tenant: TenantId, *, person: str, name: str) -> None:
        del tenant, person, name  # a log in memory takes everybody's word for who they are

    def keep(self, tenant: TenantId, snapshots: Sequence[Kept]) -> None:
        fresh = {(tenant, each.entity, each.version): each for each in snapshots}
        with self._lock:
            if len(fresh) < len(snapshots) or fresh.keys() & self._snapshots.keys():
                raise Conflicting("a snapshot of that version is kept already")
            self._snapshots |= fresh

    def kept(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Kept]:
        with self._lock:
            kept = [
                each
                for key, each in self._snapshots.items()
                if key[:2] == (tenant, entity) and after < each.version <= until
            ]
        return sorted(kept, key=lambda each: each.version, reverse=descending)[:limit]

    def move(self, tenant: TenantId, follower: str, position: int) -> None:
        row = TrackedRow(follower, position)
        self._log.append(tenant, Wanted(), lambda _: (Changes(tracked=[row]), None), now_ms=0)

    @contextmanager
    def moved(self, tenant: TenantId, follower: str, position: int) -> Generator[None]:
        """Moves the follower when the block has ended well; raises Conflicting before it begins."""
        with self._lock:
            if (self.followed(tenant, follower) or 0) >= position:
                raise Conflicting(f"{follower} has come as far already")
            yield
            self.move(tenant, follower, position)

    def followed(self, tenant: TenantId, follower: str) -> int | None:
        return self._log.tracked(tenant, follower)


def _found(row: EventRow) -> Found:
    return Found(row.position, UUID(row.entity), row.version, row.type, row.body, row.entity_type, row.effective)
