"""The read model in memory: `projections.store.Store` in dictionaries over the log in memory, gone with the process."""

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from infra.failpoints import hit
from infra.memory import MemoryEventLog
from projections.folding import Changes, Poisoned
from projections.projection import Key, OfReplicas, Projection, Row, Subject
from projections.store import Parked, RowsRefused, Standing
from sync.log import Conflicting, TenantId
from sync.rows import EventRow

Rows = Mapping[Key, Row]


@dataclass(frozen=True, slots=True)
class _Tables:
    """One tenant's tables at one moment: never changed, but replaced as a whole."""

    position: int = 0
    tables: Mapping[str, Rows] = field(default_factory=dict[str, Rows])
    subjects: Mapping[str, Subject] = field(default_factory=dict[str, Subject])
    parked: Mapping[str, Parked] = field(default_factory=dict[str, Parked])


_EMPTY = _Tables()


class MemoryStore:
    """One version's tables for the tenants of a log in memory; safe to share between threads."""

    def __init__(self, log: MemoryEventLog, tenants: Sequence[TenantId], projections: Sequence[Projection]) -> None:
        self.log, self._tenants = log, list(tenants)
        self.projections = {each.name: each for each in projections}
        self._lock = threading.Lock()
        self._held: dict[TenantId, threading.Lock] = {}
        self._tables: dict[TenantId, _Tables] = {}

    def tenants(self) -> Sequence[TenantId]:
        return [*self._tenants]

    @contextmanager
    def claim(self, tenant: TenantId, *, wait: bool = False) -> Generator["MemoryClaim | None"]:
        with self._lock:
            held = self._held.setdefault(tenant, threading.Lock())
        if not held.acquire(blocking=wait):
            yield None
            return
        try:
            claim = MemoryClaim(self, tenant, self._tables.get(tenant, _EMPTY))
            yield claim
            hit("projector.before_commit")
            self._tables[tenant] = claim.now
            hit("projector.committed")
        finally:
            held.release()

    def standing(self, tenant: TenantId, *, now_ms: int) -> Standing:
        now, head = self._tables.get(tenant, _EMPTY), self.log.head(tenant).position
        first = self.log.page(tenant, after=now.position, limit=1)
        behind_ms = max(0, now_ms - first[0].recorded_at_ms) if first else 0
        return Standing(now.position, head, behind_ms, len(now.parked))

    def all_parked(self, tenant: TenantId) -> Sequence[Parked]:
        return sorted(self._tables.get(tenant, _EMPTY).parked.values(), key=lambda each: each.position)

    def rows(self, tenant: TenantId, table: str) -> Iterator[Row]:
        rows = self._tables.get(tenant, _EMPTY).tables.get(table, {})
        yield from (rows[key] for key in sorted(rows))


class MemoryClaim:
    """`projections.store.Claim`: what is written is kept apart until the claim ends well."""

    def __init__(self, store: MemoryStore, tenant: TenantId, now: _Tables) -> None:
        self._store, self._tenant, self.now = store, tenant, now

    @property
    def position(self) -> int:
        return self.now.position

    def page(self, limit: int) -> Sequence[EventRow]:
        return self._store.log.page(self._tenant, after=self.position, limit=limit)

    def history(self, entity: str, *, after: int, limit: int) -> Sequence[EventRow]:
        found = self._store.log.page(self._tenant, after=0, limit=self.position)
        return [row for row in found if row.entity == entity and row.version > after][:limit]

    def known(self, entities: Sequence[str]) -> Mapping[str, Subject]:
        return {each: self.now.subjects[each] for each in entities if each in self.now.subjects}

    def parked(self) -> Set[str]:
        return self.now.parked.keys()

    def write(self, changes: Changes, subjects: Sequence[Subject] = ()) -> None:
        tables = {name: dict(rows) for name, rows in self.now.tables.items()}
        for name, keys in changes.gone.items():
            for key in keys:
                tables.get(name, {}).pop(key, None)
        for name, rows in changes.added.items():
            _check_new(self._store.projections[name], rows, tables.get(name, {}))
        for name, rows in (*changes.added.items(), *changes.written.items()):
            projection = self._store.projections[name]
            _check(projection, rows)
            there = tables.setdefault(name, {})
            for row in rows:
                key = projection.key_of(row)
                if not isinstance(projection, OfReplicas) or projection.replaces(row, there.get(key)):
                    there[key] = row
        remembered = {**self.now.subjects, **{each.id: each for each in subjects}}
        self.now = replace(self.now, tables=tables, subjects=remembered)

    def park(self, poisoned: Sequence[Poisoned], *, now_ms: int) -> None:
        parked = {**self.now.parked}
        for each in poisoned:
            since_ms = parked[each.entity].parked_at_ms if each.entity in parked else now_ms
            parked[each.entity] = Parked(each.entity, each.position, each.why, since_ms)
        self.now = replace(self.now, parked=parked)

    def unpark(self, entity: str) -> None:
        self.now = replace(self.now, parked={name: each for name, each in self.now.parked.items() if name != entity})

    def move(self, position: int) -> None:
        if position <= self.position:
            raise Conflicting(f"these tables hold the log up to {self.position} already")
        self.now = replace(self.now, position=position)


def _check_new(projection: Projection, rows: Sequence[Row], there: Rows) -> None:
    for row in rows:
        if projection.key_of(row) in there:
            raise RowsRefused(f"{projection.name} has a row {projection.key_of(row)} already")


def _check(projection: Projection, rows: Sequence[Row]) -> None:
    for row in rows:
        for column, value in zip(projection.columns, row, strict=True):
            if value is None and not column.nullable:
                raise RowsRefused(f"{projection.name}.{column.name} is never null")
