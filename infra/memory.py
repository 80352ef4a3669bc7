"""The ports in memory: shipped, not mocked; the plainest way to say what the real ones must do."""

import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from infra.memory_past import MemoryPast
from infra.memory_pull import MemoryMoment
from sync.frames import OFFICE_SCOPE
from sync.grants import leading_on
from sync.leaf import leaf_hashes
from sync.limits import ANSWER_KEPT_MS
from sync.log import (
    CasesWanted,
    Changes,
    Conflicting,
    Decision,
    Done,
    Head,
    Known,
    Moved,
    ReplicaTaken,
    Ring,
    TenantId,
    TenantUnknown,
    Wanted,
    WantedGrants,
    nobody_listens,
)
from sync.merkle import appended
from sync.proof_shelf import Anchor
from sync.retelling import settled_as_accepted, settled_as_aside, settled_as_held, settles_its_id, stands_in
from sync.rows import (
    AnsweredRow,
    CaseMoved,
    CaseRow,
    EndedRow,
    EntityRow,
    EventRow,
    GrantRow,
    HeldRow,
    LaterRow,
    ReplicaRow,
    ScopeLinkRow,
    ScopeRow,
    Settled,
)

Answer = TypeVar("Answer")
_ACCEPTED: Final = ("approved", "retried")
"""What has come to be accepted is found among the events."""


@dataclass(slots=True)
class _Tenant:
    """One tenant's tables."""

    epoch: str = field(default_factory=lambda: str(uuid.uuid4()))
    durable: int = 0
    frontier: list[bytes] = field(default_factory=list[bytes])
    events: list[EventRow] = field(default_factory=list[EventRow])
    entities: dict[str, EntityRow] = field(default_factory=dict[str, EntityRow])
    replicas: dict[str, ReplicaRow] = field(default_factory=dict[str, ReplicaRow])
    held: dict[tuple[str, int], HeldRow] = field(default_factory=dict[tuple[str, int], HeldRow])
    cases: dict[tuple[str, int], CaseRow] = field(default_factory=dict[tuple[str, int], CaseRow])
    tracked: dict[str, int] = field(default_factory=dict[str, int])
    granted: dict[GrantRow, int | None] = field(default_factory=dict[GrantRow, int | None])
    """Each grant with the position at which it ended."""
    links: list[ScopeLinkRow] = field(default_factory=list[ScopeLinkRow])
    later: list[LaterRow] = field(default_factory=list[LaterRow])
    answered: dict[tuple[str, str], AnsweredRow] = field(default_factory=dict[tuple[str, str], AnsweredRow])


class MemoryEventLog:
    """`sync.log.EventLog` in dictionaries; safe to share between threads, gone with the process."""

    def __init__(self, ring: Ring = nobody_listens) -> None:
        self._tenants: dict[TenantId, _Tenant] = {}
        self._lock = threading.RLock()
        self._ring = ring

    def add_tenant(self, tenant: TenantId) -> None:
        """Begin an empty log."""
        self._tenants[tenant] = _Tenant()

    def append(
        self,
        tenant: TenantId,
        wanted: Wanted,
        decide: Decision[Answer],
        *,
        now_ms: int,
        moved: Moved[Answer] | None = None,
    ) -> Answer:
        del moved  # nobody decides before the lock
        with self._lock:
            kept = self._tenant(tenant)
            changes, answer = decide(_known(kept, wanted))
            _refuse_doubles(kept, changes)
            _store(kept, changes, now_ms)
            head = len(kept.events)
        if changes.events:
            self._ring(tenant, head)
        return answer

    def append_soon(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int, done: Done
    ) -> None:
        try:
            answer = self.append(tenant, wanted, decide, now_ms=now_ms)
        except Exception as failure:  # raised again where the answer is awaited
            done(None, failure)
        else:
            done(answer, None)

    def _tenant(self, tenant: TenantId) -> _Tenant:
        try:
            return self._tenants[tenant]
        except KeyError:
            raise TenantUnknown(tenant) from None

    def head(self, tenant: TenantId) -> Head:
        kept = self._tenant(tenant)
        return Head(len(kept.events), kept.epoch, kept.durable)

    def anchor(self, tenant: TenantId) -> Anchor:
        """Where the log ends, and the frontier of its Merkle tree there."""
        with self._lock:
            kept = self._tenant(tenant)
            return Anchor(len(kept.events), kept.epoch, kept.durable, kept.frontier)

    def tenants(self) -> Sequence[TenantId]:
        """Whose logs there are."""
        return sorted(self._tenants)

    def begin_epoch(self, tenant: TenantId, epoch: str, *, skipping: Mapping[str, int] | None = None) -> Head:
        with self._lock:
            kept = self._tenant(tenant)
            kept.epoch = epoch
            for replica, numbers in (skipping or {}).items():
                row = kept.replicas.get(replica)
                if row is not None:
                    kept.replicas[replica] = row._replace(last_seq=row.last_seq + numbers)
            return self.head(tenant)

    def mark_durable(self, tenant: TenantId, position: int) -> Head:
        with self._lock:
            kept = self._tenant(tenant)
            kept.durable = max(kept.durable, min(position, len(kept.events)))
            return self.head(tenant)

    def page(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[EventRow]:
        return self._tenant(tenant).events[after : after + limit]

    @contextmanager
    def moment(self, tenant: TenantId) -> Generator[MemoryMoment]:
        with self._lock:
            kept = self._tenant(tenant)
            yield MemoryMoment(
                position=len(kept.events),
                epoch=kept.epoch,
                durable=kept.durable,
                events=kept.events,
                entities=kept.entities.values(),
                granted=kept.granted,
                links=kept.links,
                told_later=kept.later,
                people={name: row.person for name, row in kept.replicas.items()},
            )

    def past(self, tenant: TenantId) -> MemoryPast:
        with self._lock:
            kept = self._tenant(tenant)
            return MemoryPast(events=[*kept.events], entities=[*kept.entities.values()])

    def entity(self, tenant: TenantId, entity: str) -> EntityRow | None:
        return self._tenant(tenant).entities.get(entity)

    def entities(
        self, tenant: TenantId, entity_type: str, *, after: str, limit: int, scopes: Sequence[str] | None = None
    ) -> Sequence[EntityRow]:
        with self._lock:  # a dictionary that grows cannot be walked
            rows = [*self._tenant(tenant).entities.values()]
        found = [row for row in rows if row.type == entity_type and row.entity > after]
        return sorted(row for row in found if scopes is None or row.scope in scopes)[:limit]

    def states(self, tenant: TenantId) -> Iterator[tuple[str, bytes]]:
        with self._lock:
            rows = [*self._tenant(tenant).entities.values()]
        yield from ((row.entity, row.state) for row in rows if row.scope != OFFICE_SCOPE)

    def scopes(self, tenant: TenantId, person: str, *, at: int) -> Sequence[ScopeRow]:
        with self._lock:
            kept = self._tenant(tenant)
            held = [
                row
                for row, ended in kept.granted.items()
                if row.person == person and row.position <= at and (ended is None or ended > at)
            ]
            links = [link for link in kept.links if link.position <= at]
        since: dict[str, int] = {}
        for row in held:
            led_to = [(link.leads_to, max(row.position, link.position)) for link in links if link.scope == row.scope]
            for scope, position in ((row.scope, row.position), *led_to):
                since[scope] = min(position, since.get(scope, position))
        return [ScopeRow(*each) for each in sorted(since.items())]

    def case(self, tenant: TenantId, replica: str, seq: int) -> CaseRow | None:
        return self._tenant(tenant).cases.get((replica, seq))

    def cases(
        self, tenant: TenantId, wanted: CasesWanted, *, after: tuple[int, str, int], limit: int
    ) -> Sequence[CaseRow]:
        with self._lock:
            rows = [*self._tenant(tenant).cases.values()]
        found = [row for row in rows if _is_wanted(row, wanted) and _place(row) > after]
        return [row._replace(aside=row.aside._replace(body=b"")) for row in sorted(found, key=_place)[:limit]]

    def mint(self, tenant: TenantId, *, replica: str, person: str, name: str, now_ms: int) -> None:
        del name, now_ms
        with self._lock:
            replicas = self._tenant(tenant).replicas
            if replica in replicas:
                raise ReplicaTaken(replica)
            replicas[replica] = ReplicaRow(replica, person, 0, None)

    def replica(self, tenant: TenantId, replica: str) -> ReplicaRow | None:
        return self._tenant(tenant).replicas.get(replica)

    def unread(self, tenant: TenantId, *, after: tuple[str, int], limit: int) -> Sequence[HeldRow]:
        with self._lock:
            rows = [row for dot, row in self._tenant(tenant).held.items() if not row.missing and dot > after]
        return sorted(rows)[:limit]

    def tracked(self, tenant: TenantId, follower: str) -> int | None:
        return self._tenant(tenant).tracked.get(follower)


def _known(kept: _Tenant, wanted: Wanted) -> Known:
    firsts_last = sorted(kept.held.values(), key=lambda row: not stands_in(row, kept.held))
    settled = [*map(settled_as_accepted, kept.events), *map(settled_as_held, firsts_last)]
    ids, authors = set(wanted.ids), {replica for replica, _, _ in wanted.spans}
    entities = {*wanted.entities, *(row.entity for row in kept.held.values() if authors & set(dict(row.missing)))}
    held = [row for row in kept.held.values() if row.entity in entities]
    replicas = {*wanted.replicas, *(name for row in held for name, _ in row.missing)}
    aside = [
        settled_as_aside(row.aside, _decided(kept, row)) for row in kept.cases.values() if row.state not in _ACCEPTED
    ]
    handed_in = [*settled, *aside]
    return Known(
        position=len(kept.events),
        epoch=kept.epoch,
        durable=kept.durable,
        replicas={name: row for name, row in kept.replicas.items() if name in replicas},
        by_id={each.id: each for each in (*filter(settles_its_id, aside), *settled) if each.id in ids},
        by_dot={(each.replica, each.seq): each for each in handed_in if _is_within(wanted.spans, each)},
        entities={name: kept.entities[name] for name in entities if name in kept.entities},
        held=sorted(held),
        grants=(granted := _granted(kept, wanted)),
        ended_at_ms={end: kept.events[end - 1].recorded_at_ms for end in granted.values() if end is not None},
        leads_to=_leads_to(kept, wanted),
        answered={key: kept.answered[key] for key in wanted.answers if key in kept.answered},
    )


def _scopes_asked(kept: _Tenant, asked: WantedGrants) -> set[str]:
    return {kept.entities[name].scope for name in asked.entities if name in kept.entities}.union(asked.scopes)


def _leads_to(kept: _Tenant, wanted: Wanted) -> Mapping[str, frozenset[str]]:
    scopes = {scope for asked in wanted.grants for scope in _scopes_asked(kept, asked)}
    return leading_on({}, [link for link in kept.links if link.scope in scopes])


def _granted(kept: _Tenant, wanted: Wanted) -> dict[tuple[str, str], int | None]:
    found: dict[tuple[str, str], int | None] = {}
    for asked in wanted.grants:
        for scope in _scopes_asked(kept, asked):
            ways_in = {scope, *(link.scope for link in kept.links if link.leads_to == scope)}
            ends = [end for row, end in kept.granted.items() if row.person == asked.person and row.scope in ways_in]
            if ends:
                found[asked.person, scope] = None if None in ends else max(end for end in ends if end is not None)
    return found


def _place(row: CaseRow) -> tuple[int, str, int]:
    return row.recorded_at_ms, row.aside.replica, row.aside.seq


def _is_wanted(row: CaseRow, wanted: CasesWanted) -> bool:
    aside = row.aside
    found = CasesWanted(row.state, aside.code, row.owner, aside.replica, aside.actor, aside.entity)
    return all(asked is None or asked == is_ for asked, is_ in zip(wanted, found, strict=True))


def _is_within(spans: Sequence[tuple[str, int, int]], each: Settled) -> bool:
    return any(each.replica == replica and first <= each.seq <= last for replica, first, last in spans)


def _decided(kept: _Tenant, case: CaseRow) -> Mapping[str, Any] | None:
    """What its author was told last of a case that is not open any more."""
    if case.state == "open":
        return None
    dot = case.aside.replica, case.aside.seq
    return next((row.verdict for row in reversed(kept.later) if (row.replica, row.seq) == dot), None)


def _refuse_doubles(kept: _Tenant, changes: Changes) -> None:
    """What the unique keys of the event table refuse."""
    keys: tuple[Callable[[EventRow], object], ...] = (
        lambda row: (row.replica, row.seq),
        lambda row: (row.entity, row.version),
        lambda row: row.id,
    )
    for key in keys:
        taken = {key(row) for row in kept.events}
        fresh = [key(row) for row in changes.events]
        if len(set(fresh)) < len(fresh) or taken & set(fresh):
            raise Conflicting("an event with that replica and seq, entity and version, or id is there already")
    for order in changes.answered:
        if _is_answered(kept, order):
            raise Conflicting("an order with that key is answered already")
    for row in changes.tracked:
        if kept.tracked.get(row.follower, -1) >= row.position:
            raise Conflicting(f"{row.follower} has come to {kept.tracked[row.follower]} already")


def _is_answered(kept: _Tenant, row: AnsweredRow) -> bool:
    before = kept.answered.get((row.person, row.key))
    return before is not None and before.answered_at_ms >= row.answered_at_ms - ANSWER_KEPT_MS


def _store(kept: _Tenant, changes: Changes, now_ms: int) -> None:
    expected = list(range(len(kept.events) + 1, len(kept.events) + len(changes.events) + 1))
    assert [row.position for row in changes.events] == expected, "positions follow the head without a gap"
    kept.frontier = appended(len(kept.events), kept.frontier, leaf_hashes(changes.events))
    kept.events += changes.events
    kept.entities |= {row.entity: row for row in changes.entities}
    kept.replicas |= {row.replica: row for row in changes.replicas}
    for dot in changes.released:
        del kept.held[dot]
    kept.held |= {(row.replica, row.seq): row for row in changes.held}
    kept.cases |= {(row.replica, row.seq): CaseRow(row, now_ms, "open", None) for row in changes.quarantined}
    for moved in changes.cases:
        _move_case(kept, moved)
    kept.tracked |= {row.follower: row.position for row in changes.tracked}
    kept.granted |= dict.fromkeys(changes.granted)
    for row in sorted(changes.ended, key=lambda row: row.position):
        _end(kept, row)
    kept.links += changes.links
    kept.later += changes.later
    kept.answered |= {(row.person, row.key): row for row in changes.answered}


def _move_case(kept: _Tenant, moved: CaseMoved) -> None:
    dot = moved.replica, moved.seq
    if dot in kept.cases:
        kept.cases[dot] = kept.cases[dot]._replace(state=moved.state, owner=moved.owner)


def _end(kept: _Tenant, ended: EndedRow) -> None:
    for row, end in kept.granted.items():
        if end is None and row[:3] == ended[:3] and row.position < ended.position:
            kept.granted[row] = ended.position
