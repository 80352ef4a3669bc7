"""What a device keeps, and how it edits and takes in: plain functions from one frozen value to the next.

A device is right about three things at any moment: what the server has accepted (`accepted`, up to `cursor`), what it
has written itself and not seen come back (`outbox`), and what both look like together (`shown`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from domain.values import Position
from sync import merge, state_codec
from sync.author import Author, write
from sync.envelope import Event, Tx, parse
from sync.frames import Page
from sync.hybrid_clock import observe
from sync.merge import Dot, State


class Pending(NamedTuple):
    """An own event that has not come back yet."""

    event: Event
    verdict: Literal["", "accepted", "held"] = ""
    """What the server is known to have made of it; empty: it must be handed in."""


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
    epoch: str = ""
    """The server's epoch as last heard; empty before the first answer."""
    accepted: Mapping[str, State] = field(default_factory=dict[str, State])
    """The state of every entity by its id, as the server has accepted it up to `cursor`."""
    outbox: Mapping[str, Pending] = field(default_factory=dict[str, Pending])
    """Own events by their id, in the order of writing."""
    edited: Mapping[str, State] = field(default_factory=dict[str, State])
    """The entities that the outbox touches, with its events on top of what is accepted."""
    quarantined: Mapping[str, Quarantined] = field(default_factory=dict[str, Quarantined])
    """By event id."""
    forked_at: int | None = None
    """From this seq on somebody else writes under our replica id: call `sync.fork.fork` with a new one."""
    elsewhere: Mapping[int, Dot] = field(default_factory=dict[int, Dot])
    """Own events by seq that stand in the log under another dot, because a clone of ours handed them in first."""


def shown(device: Device, entity: str) -> State | None:
    """An entity as this device shows it, its own unsent work included; None where it knows of none."""
    return device.edited.get(entity) or device.accepted.get(entity)


def digest(device: Device) -> str:
    """The hash of all accepted states: equal to the server's at the same position."""
    return state_codec.state_hash((entity, state_codec.encode(state)) for entity, state in device.accepted.items())


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


def apply_page(device: Device, page: Page, *, now_ms: int) -> Device:
    """The device after a page of a pull that began at its cursor: states, outbox and cursor move together.

    `now_ms` is the device's own wall clock. Events that it has are passed over, so a page may come twice.
    """
    accepted, outbox = dict(device.accepted), dict(device.outbox)
    quarantined, elsewhere = dict(device.quarantined), dict(device.elsewhere)
    forked_at, at = device.forked_at, device.author.at
    touched: set[str] = set()
    for position, effective, event in page.events:
        if position <= device.cursor:
            continue
        before = accepted.get(event.entity) or merge.empty(event.entity_type)
        accepted[event.entity] = merge.apply(before, event, effective)
        at = observe(at, event.at, now_ms)
        pending = outbox.pop(event.id, None)
        if event.entity in device.edited:
            touched.add(event.entity)
        if pending is not None:
            if pending.event[1:3] != event[1:3] and pending.event.replica == device.author.replica:
                elsewhere[pending.event.seq] = (event.replica, event.seq)
        elif quarantined.pop(event.id, None) is None and event.replica == device.author.replica:
            forked_at = min(forked_at or event.seq, event.seq)
    cursor = max(device.cursor, page.cursor)
    return replace(
        device,
        author=replace(device.author, at=at, seen=cursor),
        cursor=cursor,
        accepted=accepted,
        outbox=outbox,
        edited=on_top(device, accepted, outbox, touched),
        quarantined=quarantined,
        forked_at=forked_at,
        elsewhere=elsewhere,
    )


def on_top(
    device: Device, accepted: Mapping[str, State], outbox: Mapping[str, Pending], touched: Iterable[str]
) -> dict[str, State]:
    """The edited entities, those that were touched built anew from what is accepted and what is still on its way."""
    edited = dict(device.edited)
    for entity in touched:
        edited.pop(entity, None)
    anew = set(touched)
    for event, _ in outbox.values():
        if event.entity in anew:
            before = edited.get(event.entity) or accepted.get(event.entity) or merge.empty(event.entity_type)
            edited[event.entity] = merge.apply(before, event, event.at)
    return edited
