"""What moves a group's tables along the log, page by page, and what it does when an event cannot be taken in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.failpoints import hit
from projections.folding import Changes, Folded, Group, Poisoned, by_entity, fold, of_replicas
from projections.projection import Subject
from projections.store import Claim, RowsRefused, Store
from sync.log import TenantId
from sync.rows import EventRow

NO_CHANGES: Final = Changes()
PAGE_EVENTS: Final = 5_000
"""So many where so many are behind: whoever lags catches up the faster, and a page is still done within a second."""
HISTORY_EVENTS: Final = 1_000


class ProjectionPoisoned(RuntimeError):
    """An event that cannot be taken in where nothing may be left out: the message names it."""

    def __init__(self, tenant: TenantId, poisoned: Poisoned) -> None:
        super().__init__(tenant, poisoned)  # as they were given, so that it can travel between processes
        self.tenant, self.poisoned = tenant, poisoned

    def __str__(self) -> str:
        entity, position, why = self.poisoned
        return f"tenant {self.tenant}: event {position} of entity {entity} cannot be taken in: {why}"


class LogHasGap(RuntimeError):
    """A position of the log is missing: an incident, and never passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one page came to."""

    events: int
    """How many were read; 0: the tables hold the whole log."""
    position: int
    parked: int = 0
    """How many entities were parked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projector:
    """Moves the tables of one store along; many may work on the same store, in any process."""

    store: Store
    group: Group
    now_ms: Callable[[], int]
    is_strict: bool = False
    """Raise ProjectionPoisoned in place of parking."""
    page_events: int = PAGE_EVENTS

    def step(self, tenant: TenantId) -> Step | None:
        """Take in one page; None where somebody else is at it.

        Raises LogUnavailable, ProjectionPoisoned (`is_strict`), LogHasGap; then nothing has changed.
        """
        with self.store.claim(tenant) as claim:
            if claim is None:
                return None
            page = claim.page(self.page_events)
            hit("projector.read")
            if not page:
                return Step(events=0, position=claim.position)
            _check_dense(page, claim.position, tenant)
            poisoned = self._take_in(claim, page)
            if poisoned and self.is_strict:
                raise ProjectionPoisoned(tenant, min(poisoned, key=lambda each: each.position))
            if poisoned:
                claim.park(poisoned, now_ms=self.now_ms())
            claim.move(page[-1].position)
            hit("projector.applied")
            return Step(events=len(page), position=claim.position, parked=len(poisoned))

    def retry(self, tenant: TenantId) -> int:
        """Let every parked entity go on as far as it can now; how many have come to stand where all others do."""
        freed = 0
        for each in self.store.all_parked(tenant):
            with self.store.claim(tenant, wait=True) as claim:
                assert claim is not None, "it was waited for"
                if each.entity in claim.parked() and self._catch_up(claim, each.entity):
                    freed += 1
        return freed

    def _catch_up(self, claim: Claim, entity: str) -> bool:
        while True:
            known = claim.known([entity])
            after = known[entity].changed.version if known else -1
            page = claim.history(entity, after=after, limit=HISTORY_EVENTS)
            if not page:
                claim.unpark(entity)
                return True
            poisoned = self._one_by_one(claim, page, known)
            if poisoned:
                claim.park([poisoned], now_ms=self.now_ms())
                return False

    def _take_in(self, claim: Claim, page: Sequence[EventRow]) -> Sequence[Poisoned]:
        rows = by_entity(page, claim.parked())
        known = claim.known([entity for entity, each in rows.items() if each[0].version > 1])
        folded, replicas = fold(rows, self.group, known=known), of_replicas(self.group, page)
        try:
            _keep(claim, folded, replicas)
        except RowsRefused:
            claim.write(replicas)
            return self._by_halves(claim, rows, known)
        return folded.poisoned

    def _by_halves(
        self, claim: Claim, rows: Mapping[str, Sequence[EventRow]], known: Mapping[str, Subject]
    ) -> Sequence[Poisoned]:
        """Write what follows from these entities' events where the tables refused it: by halves, down to the event."""
        if len(rows) == 1:
            poisoned = self._one_by_one(claim, next(iter(rows.values())), known)
            return [poisoned] if poisoned else []
        found, entities, half = list[Poisoned](), [*rows], len(rows) // 2
        for some in (entities[:half], entities[half:]):
            part = {each: rows[each] for each in some}
            folded = fold(part, self.group, known=known)
            try:
                _keep(claim, folded)
            except RowsRefused:
                found += self._by_halves(claim, part, known)
            else:
                found += folded.poisoned
        return found

    def _one_by_one(self, claim: Claim, rows: Sequence[EventRow], known: Mapping[str, Subject]) -> Poisoned | None:
        """Take in one entity's events as far as that goes; the first that cannot be."""
        entity = rows[0].entity
        for row in rows:
            folded = fold({entity: [row]}, self.group, known=known)
            if folded.poisoned:
                return folded.poisoned[0]
            try:
                _keep(claim, folded)
            except RowsRefused as why:
                return Poisoned(entity, row.position, str(why))
            known = folded.subjects
        return None


def _keep(claim: Claim, folded: Folded, also: Changes = NO_CHANGES) -> None:
    """Write all of it at once; `also` speaks of other tables."""
    folded.changes.written.update(also.written)
    claim.write(folded.changes, [*folded.subjects.values()])


def _check_dense(page: Sequence[EventRow], after: int, tenant: TenantId) -> None:
    if page[0].position != after + 1 or page[-1].position != after + len(page):
        found = next((at, row.position) for at, row in enumerate(page, start=after + 1) if row.position != at)
        raise LogHasGap(f"tenant {tenant}: where the log should hold position {found[0]}, it holds {found[1]}")
