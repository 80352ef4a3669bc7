"""The port of the log: one totally ordered log per tenant, appended to by one decision at a time.

The log takes rows of bytes and, in the same transaction, whatever read state goes with them; it knows nothing of field
service. Whoever appends says what it needs to see (`Wanted`), is shown it under the tenant's lock (`Known`), and
answers with what should be stored (`Changes`): all of it or nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from sync.moment import Moment
from sync.past import Past
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
    QuarantinedRow,
    ReplicaRow,
    ScopeLinkRow,
    ScopeRow,
    Settled,
    TrackedRow,
)

TenantId = str
"""A UUID."""


class CasesWanted(NamedTuple):
    """Which cases to list: those in a state, narrowed by whatever else is told."""

    state: str = "open"
    code: str | None = None
    owner: str | None = None
    replica: str | None = None
    author: str | None = None
    """Who handed it in."""
    entity: str | None = None
    """What it is about."""


class Wanted(NamedTuple):
    """What a decision needs to see."""

    replicas: frozenset[str] = frozenset()
    ids: Sequence[str] = ()
    """Ids of events that may be there already, each as often as it is told."""
    entities: Sequence[str] = ()
    spans: Sequence[tuple[str, int, int]] = ()
    """(replica, first seq, last seq) of each batch, to recognise what was handed in before."""
    grants: Sequence["WantedGrants"] = ()
    """For everybody who is limited to their scopes."""
    answers: Sequence[tuple[str, str]] = ()
    """(person, key) of orders that may have been carried out already."""


class WantedGrants(NamedTuple):
    """What somebody is granted, of the scopes in which these entities live and of these scopes."""

    person: str
    entities: Sequence[str]
    scopes: Sequence[str] = ()
    """Those that are named by what is about to be created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the log shows a decision, under the tenant's lock."""

    position: int
    """The head: the position of the tenant's last event."""
    epoch: str
    """A UUID that changes when the server came back older than its clients."""
    durable: int = 0
    """Up to here a verified backup holds the log."""
    replicas: Mapping[str, ReplicaRow] = field(default_factory=dict[str, ReplicaRow])
    by_id: Mapping[str, Settled] = field(default_factory=dict[str, Settled])
    by_dot: Mapping[tuple[str, int], Settled] = field(default_factory=dict[tuple[str, int], Settled])
    """What became of the wanted spans, by (replica, seq)."""
    entities: Mapping[str, EntityRow] = field(default_factory=dict[str, EntityRow])
    held: Sequence[HeldRow] = ()
    """What waits on the wanted entities, or on others together with something that waits for the replica of a span.
    Their states, and the replicas that they wait for, are shown too."""
    grants: Mapping[tuple[str, str], int | None] = field(default_factory=dict[tuple[str, str], int | None])
    """By (person, scope), where somebody was ever let in, directly or by way of another scope: None while they are,
    else the position from which on they were not any more."""
    ended_at_ms: Mapping[int, int] = field(default_factory=dict[int, int])
    """When the events at those positions were recorded, in milliseconds since 1970."""
    leads_to: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """What the scopes that grants were wanted of lead to, where they lead anywhere."""
    answered: Mapping[tuple[str, str], AnsweredRow] = field(default_factory=dict[tuple[str, str], AnsweredRow])
    """By (person, key); those that are too old to count may be among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a decision wants stored: all of it or nothing."""

    events: Sequence[EventRow] = ()
    """With positions that follow the head without a gap."""
    entities: Sequence[EntityRow] = ()
    replicas: Sequence[ReplicaRow] = ()
    held: Sequence[HeldRow] = ()
    released: Sequence[tuple[str, int]] = ()
    """(replica, seq) of events that need not be held any longer."""
    quarantined: Sequence[QuarantinedRow] = ()
    tracked: Sequence[TrackedRow] = ()
    """Followers that these changes bring forward; Conflicting where one has come as far already."""
    granted: Sequence[GrantRow] = ()
    ended: Sequence[EndedRow] = ()
    links: Sequence[ScopeLinkRow] = ()
    later: Sequence[LaterRow] = ()
    cases: Sequence[CaseMoved] = ()
    answered: Sequence[AnsweredRow] = ()
    """Kept for ANSWER_KEPT_MS; Conflicting where another was answered under that key of that person."""


class Head(NamedTuple):
    """Where a tenant's log ends."""

    position: int
    epoch: str
    """A UUID that changes when the server came back older than its clients."""
    durable: int
    """Up to here a verified backup holds the log: devices need not keep their accepted events any longer."""


Answer = TypeVar("Answer")
Decision = Callable[[Known], tuple[Changes, Answer]]
Ring = Callable[[TenantId, int], None]
"""Told, after the commit and never within it, how far an append has moved the head of a tenant's log."""
Done = Callable[[Any, Exception | None], None]
"""Told once what an append came to: its answer, or why there is none."""
Moved = Callable[[Answer, int], Answer]
"""How an answer reads when its events went in so many positions later than the decision reckoned."""


class EventLog(Protocol):
    """One log per tenant. Implemented by `infra.postgres.log.PostgresEventLog` and `infra.memory.MemoryEventLog`."""

    def append(
        self,
        tenant: TenantId,
        wanted: Wanted,
        decide: Decision[Answer],
        *,
        now_ms: int,
        moved: Moved[Answer] | None = None,
    ) -> Answer:
        """Lock the tenant's head, show what is wanted, store what is decided and return the decision's answer.

        `decide` may be called again when the database asked for another try, so it must be pure. With `moved` it may
        also be called before the lock is had, as long as what it was shown is confirmed under the lock; and it may be
        shown more than it wants, because it shares a commit with others that came at the same time.
        Raises TenantUnknown; LogUnavailable when it is not certain that all of it is stored.
        """
        ...

    def append_soon(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int, done: Done
    ) -> None:
        """Append something small and return at once: `done` is told later what `append` would have answered or raised.

        It is called in whichever thread, must be quick and raises nothing. `decide` is called as if `moved` had been
        said: it shares a commit with others. Raises LogUnavailable when too many wait already.
        """
        ...

    def head(self, tenant: TenantId) -> Head:
        """The head of a tenant's log; raises TenantUnknown."""
        ...

    def begin_epoch(self, tenant: TenantId, epoch: str, *, skipping: Mapping[str, int] | None = None) -> Head:
        """Tell whoever speaks with this log that it came back older than they knew it; raises TenantUnknown.

        `epoch` is a new UUID. `skipping` says how many numbers which replicas leave out from here on: those that only
        this server wrote, whose lost events nobody hands in again. Of a replica that it does not know nothing is left
        out. The durable mark stays: what the log holds, it held before at the same positions.
        """
        ...

    def mark_durable(self, tenant: TenantId, position: int) -> Head:
        """Devices need not keep what they know accepted up to `position`: a verified backup holds it.

        The mark never goes back, and never past the head. Raises TenantUnknown.
        """
        ...

    def page(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[EventRow]:
        """At most `limit` events with a position greater than `after`, in order."""
        ...

    def moment(self, tenant: TenantId) -> AbstractContextManager[Moment]:
        """The log as it is at one moment, for as long as the block; raises TenantUnknown and LogUnavailable."""
        ...

    def past(self, tenant: TenantId) -> Past:
        """What the log said up to any position of it."""
        ...

    def entity(self, tenant: TenantId, entity: str) -> EntityRow | None:
        """The merged state of one entity, or None where nobody wrote it."""
        ...

    def entities(
        self, tenant: TenantId, entity_type: str, *, after: str, limit: int, scopes: Sequence[str] | None = None
    ) -> Sequence[EntityRow]:
        """At most `limit` entities of a type whose id is greater than `after`, by id; of these scopes, or of all."""
        ...

    def states(self, tenant: TenantId) -> Iterator[tuple[str, bytes]]:
        """(id, encoded state) of every entity of a tenant, in any order."""
        ...

    def scopes(self, tenant: TenantId, person: str, *, at: int) -> Sequence[ScopeRow]:
        """What somebody could see by grants when the log ended at `at`, by scope; what is everybody's is not among it.

        Cost follows what they were ever granted, never the tenant.
        """
        ...

    def case(self, tenant: TenantId, replica: str, seq: int) -> CaseRow | None:
        """What was set aside under that seq, with its body; None where nothing was."""
        ...

    def cases(
        self, tenant: TenantId, wanted: CasesWanted, *, after: tuple[int, str, int], limit: int
    ) -> Sequence[CaseRow]:
        """At most `limit` cases whose (recorded_at_ms, replica, seq) is greater than `after`, in that order."""
        ...

    def mint(self, tenant: TenantId, *, replica: str, person: str, name: str, now_ms: int) -> None:
        """Make a new replica known; raises ReplicaTaken when the id is in use."""
        ...

    def replica(self, tenant: TenantId, replica: str) -> ReplicaRow | None:
        """How far a replica has come, or None where nobody minted it."""
        ...

    def unread(self, tenant: TenantId, *, after: tuple[str, int], limit: int) -> Sequence[HeldRow]:
        """At most `limit` events that wait for a server that can read them, by (replica, seq), from that one on."""
        ...

    def tracked(self, tenant: TenantId, follower: str) -> int | None:
        """How far a follower has come, or None where it has not begun."""
        ...


def nobody_listens(tenant: TenantId, head: int) -> None:
    """What a log rings where nobody waits for its news."""


class TenantUnknown(LookupError):
    """No tenant of that id has a log here."""


class ReplicaTaken(ValueError):
    """A replica of that id was minted before."""


class LogUnavailable(RuntimeError):
    """The log could not store or read now, and the same call may be made again.

    All of it is stored or nothing: all, where the connection broke after the commit and before its answer; events are
    then known by their ids, so the same call ends with one copy.
    """


class Conflicting(ValueError):
    """A key that must be unique is taken: another event has that version, id or seq. Nothing was stored."""
