"""What the log stores, row by row: events, what they come to, who may see it, and what waits or was set aside."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class EventRow(NamedTuple):
    """One event in the log: the authored bytes beside the stamps of their acceptance."""

    position: int
    """Dense per tenant, from 1."""
    id: str
    replica: str
    seq: int
    entity_type: str
    entity: str
    version: int
    """Dense per entity, from 1."""
    type: str
    schema_version: int
    scope: str
    effective: str
    """16 hexadecimal characters: the smaller of the author's stamp and the arrival."""
    actor: str
    recorded_at_ms: int
    """Milliseconds since 1970."""
    body: bytes


class EntityRow(NamedTuple):
    """The merged state of one entity, always equal to the fold of its events."""

    entity: str
    type: str
    version: int
    scope: str
    state: bytes


class ReplicaRow(NamedTuple):
    """How far a replica's own log has arrived."""

    replica: str
    person: str
    """Whose replica it is: the only one who may push for it."""
    last_seq: int
    last_hash: str | None


class HeldRow(NamedTuple):
    """An event that waits for others; its seq is used up."""

    replica: str
    seq: int
    id: str
    entity: str
    missing: tuple[tuple[str, int], ...]
    """The dots it waits for."""
    actor: str
    body: bytes


class QuarantinedRow(NamedTuple):
    """An event that a person must look at; its seq is used up and its content kept."""

    replica: str
    seq: int
    id: str | None
    entity: str | None
    code: str
    detail: str
    retryable: bool
    actor: str
    body: bytes


class CaseMoved(NamedTuple):
    """What has become of an event that was set aside, as far as people look for it."""

    replica: str
    seq: int
    state: str
    """A status of `domain.quarantine.Case`."""
    owner: str | None
    """Who looks after it."""


class CaseRow(NamedTuple):
    """An event that was set aside, with what has become of it."""

    aside: QuarantinedRow
    """Its body is empty in a list."""
    recorded_at_ms: int
    """When it was handed in."""
    state: str
    owner: str | None


class TrackedRow(NamedTuple):
    """How far a follower of the log has come."""

    follower: str
    """Who follows, and what: `follower:application`."""
    position: int
    """Position of the last event that it is done with."""


class GrantRow(NamedTuple):
    """Somebody is let into a scope, and into every scope that it leads to."""

    person: str
    scope: str
    via: str
    """The entity that lets them in: a visit that names them, or what they created."""
    position: int
    """Of the event from which on it holds."""


class EndedRow(NamedTuple):
    """A grant holds no longer: of those that began before it, the one that has not ended yet."""

    person: str
    scope: str
    via: str
    position: int
    """Of the event from which on it holds no longer."""


class ScopeLinkRow(NamedTuple):
    """Whoever is let into a scope is let into another as well, such as a job's site."""

    scope: str
    leads_to: str
    position: int
    """Of the event that said so."""


class LaterRow(NamedTuple):
    """What became of an event after its author was answered `held` or `quarantined`."""

    replica: str
    """Whose event it is, and so who is told."""
    seq: int
    id: str | None
    position: int
    """The head when it was decided: a device whose cursor is there already may not have been told yet."""
    verdict: Mapping[str, Any]
    """As `sync.verdict` spells it."""


class ScopeRow(NamedTuple):
    """A scope that somebody may see."""

    scope: str
    since: int
    """Position of the event from which on they may: the earliest, where several grants let them in."""


class AnsweredRow(NamedTuple):
    """What an order over HTTP was answered, so that the same order is answered the same and done once."""

    person: str
    key: str
    """Chosen by who ordered; theirs alone."""
    order_hash: bytes
    """SHA-256 of what was ordered."""
    answer: bytes
    answered_at_ms: int
    """Milliseconds since 1970."""


class Settled(NamedTuple):
    """What became of an event that was handed in before."""

    kind: str
    """`accepted`, `held` or `quarantined`."""
    id: str | None
    replica: str
    seq: int
    hash: str
    position: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    code: str = ""
    detail: str = ""
    retryable: bool = False
    body: bytes = b""
    """What was handed in; told where it is looked up by its id."""
    decided: Mapping[str, Any] | None = None
    """What its author is told of it since somebody has decided: a verdict, as it is sent; None where nobody has."""
