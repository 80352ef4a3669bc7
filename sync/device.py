"""What a device keeps, and how it edits and takes in: plain functions from one frozen value to the next.

A device is right about three things at any moment: what the server has accepted (`accepted`, up to `cursor`, as far as
its person may see it), what it has written itself and not seen come back (`outbox`), and what both look like together
(`shown`). Pages are taken in by `sync.taking_in`, events handed in by `sync.handing_in`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from domain.values import Position
from sync import merge, state_codec
from sync.author import Author, write
from sync.envelope import Event, Tx, parse
from sync.frames import EVERYTHING
from sync.merge import Dot, State
from sync.vector_clock import ReplicaId


class Pending(NamedTuple):
    """An own event that has not come back yet."""

    event: Event
    verdict: Literal["", "accepted", "held"] = ""
    """What the server is known to have made of it; empty: it must be handed in."""
    position: int = 0
    """Where it stands in the log, once it is accepted."""


class Kept(NamedTuple):
    """An own event that was settled, kept in case the server comes back from a backup that does not hold it."""

    event: Event
    position: int
    since_ms: int = 0
    """Milliseconds since 1970: the later of what its clock and the server's said when a page first told what the
    server's says; 0 until then."""


class Quarantined(NamedTuple):
    """An own event that the server set aside: no longer shown, kept for whoever decides."""

    event: Event
    case: str
    code: str
    text: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Everything a device stores, in one value; the functions of this module return the next one."""

    author: Author
    cursor: int = 0
    """The log position up to which it has pulled."""
    resume: str = ""
    """Where the next page goes on while one pull takes several; empty: at the cursor."""
    epoch: str = ""
    """The server's epoch as last heard; empty before the first answer."""
    view: str = ""
    """Whose view of the log the cursor counts in, as the server says; empty before the first page."""
    accepted: Mapping[str, State] = field(default_factory=dict[str, State])
    """The state of every entity by its id, as the server has accepted it up to `cursor`."""
    homes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The home scope of every entity that is accepted."""
    entered: Mapping[str, int] = field(default_factory=dict[str, int])
    """The scopes that were entered while one pull takes several pages, each with the position where it opened."""
    stale: frozenset[str] = frozenset()
    """Accepted entities that are shown until a snapshot replaces them, or turns out to be missing."""
    outbox: Mapping[str, Pending] = field(default_factory=dict[str, Pending])
    """Own events by their id, in the order of writing."""
    edited: Mapping[str, State] = field(default_factory=dict[str, State])
    """The entities that the outbox touches, with its events on top of what is accepted."""
    quarantined: Mapping[str, Quarantined] = field(default_factory=dict[str, Quarantined])
    """By event id."""
    kept: Mapping[str, Kept] = field(default_factory=dict[str, Kept])
    """Own events by their id that were accepted, or that somebody has decided about, until a verified backup holds them
    or they have grown old."""
    forked_at: int | None = None
    """From this seq on somebody else writes under our replica id: call `sync.fork.fork` with a new one."""
    elsewhere: Mapping[int, Dot] = field(default_factory=dict[int, Dot])
    """Own events by seq that stand in the log under another dot, because a clone of ours handed them in first."""


def shown(device: Device, entity: str) -> State | None:
    """An entity as this device shows it, its own unsent work included; None where it knows of none."""
    return device.edited.get(entity) or device.accepted.get(entity)


def digest(device: Device) -> str:
    """The hash of all accepted states: equal to the server's at the same position, for whoever sees everything."""
    return state_codec.state_hash((entity, state_codec.encode(state)) for entity, state in device.accepted.items())


def digests(device: Device) -> dict[str, str]:
    """The hash of the accepted states in each scope, as a checkpoint tells them."""
    scopes: dict[str, list[tuple[str, bytes]]] = {}
    for entity, state in device.accepted.items():
        scopes.setdefault(device.homes[entity], []).append((entity, state_codec.encode(state)))
    return {scope: state_codec.state_hash(states) for scope, states in scopes.items()}


def out_of_step(device: Device, told: Mapping[str, str]) -> list[str]:
    """The scopes to refetch, told the digests of a checkpoint that the device has come to; none where all are equal."""
    is_whole = device.view == EVERYTHING and device.accepted
    ours = {EVERYTHING: digest(device)} if is_whole else digests(device)
    return sorted(scope for scope in {*ours, *told} if ours.get(scope) != told.get(scope))


def restart(device: Device, *, epoch: str) -> Device:
    """The device before a server that came back from a backup and may be older than what it told us.

    Everything of its own that the server may have lost is handed in once more, and everything is pulled anew; until a
    snapshot replaces it, what the device knew stays shown.
    """
    ours: Iterable[Kept | Quarantined | Pending]
    ours = [*device.kept.values(), *device.quarantined.values(), *device.outbox.values()]
    outbox = {event.id: Pending(event) for event in _in_order([each.event for each in ours])}
    device = replace(begin_again(device), epoch=epoch, outbox=outbox, kept={}, quarantined={})
    touched = {pending.event.entity for pending in outbox.values()}
    return replace(device, edited=on_top(device, device.accepted, outbox, touched))


def _in_order(events: Sequence[Event]) -> list[Event]:
    """Replica by replica, that of the oldest event first: each is offered as a whole, from its first number on."""
    begins: dict[ReplicaId, str] = {}
    for event in events:
        begins[event.replica] = min(event.at, begins.get(event.replica, event.at))
    return sorted(events, key=lambda event: (begins[event.replica], event.replica, event.seq))


def begin_again(device: Device) -> Device:
    """The device before the first page of all; what it knew stays shown until it is replaced."""
    author = replace(device.author, seen=0)
    return replace(device, author=author, cursor=0, resume="", entered={}, stale=frozenset(device.accepted))


def edit(
    device: Device,
    *,
    id: str,  # noqa: A002  # its name on the wire
    entity_type: str,
    entity: str,
    type: str,  # noqa: A002  # its name on the wire
    data: dict[str, Any],
    now_ms: int,
    tx: Tx | None = None,
    reason: str | None = None,
    geo: Position | None = None,
) -> tuple[Device, Event]:
    """The device after one more event of its own, and that event.

    `id` is a new UUID of version 7, `now_ms` the device's own wall clock. Raises envelope.Unacceptable for data that no
    server would take, and KeyError for an event type that nobody declared: then nothing was written.
    """
    before = shown(device, entity) or merge.empty(entity_type)
    author, raw = write(
        device.author,
        id=id,
        entity_type=entity_type,
        entity=entity,
        type=type,
        data=data,
        clock=before.clock,
        now_ms=now_ms,
        tx=tx,
        reason=reason,
        geo=geo,
    )
    event = parse(raw)
    after = merge.apply(before, event, event.at)
    outbox = {**device.outbox, id: Pending(event)}
    return replace(device, author=author, outbox=outbox, edited={**device.edited, entity: after}), event


def on_top(
    device: Device, accepted: Mapping[str, State], outbox: Mapping[str, Pending], touched: Iterable[str]
) -> dict[str, State]:
    """The edited entities, those that were touched built anew from what is accepted and what is still on its way.

    Unsent edits of an entity that the device may not see any longer are kept, not shown: there is nothing below them.
    """
    edited = dict(device.edited)
    for entity in touched:
        edited.pop(entity, None)
    anew = set(touched)
    for event, *_ in outbox.values():
        if event.entity in anew:
            before = edited.get(event.entity) or accepted.get(event.entity)
            if before is None and event.fact.creates:
                before = merge.empty(event.entity_type)
            if before is not None:
                edited[event.entity] = merge.apply(before, event, event.at)
    return edited
