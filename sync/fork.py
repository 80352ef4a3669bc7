"""Mending a fork: a cloned or restored device goes on under a new replica id, and loses nothing.

The events that were never acknowledged are written anew as the first events of the new replica. They keep their ids, so
that what a clone handed in already is known as a duplicate, and their stamps, because they were written when they were
written. Their clocks are moved: what they knew of the old replica's acknowledged events stays, what they knew of events
that move with them is said in the new numbering.
"""

from dataclasses import replace
from typing import NamedTuple

import orjson

from sync import canonical
from sync.author import Author
from sync.device import Device, Pending, on_top
from sync.envelope import Event, hash_of, parse
from sync.vector_clock import ReplicaId, joined


class _Moved(NamedTuple):
    """An event under its new number."""

    seq: int
    clock: dict[str, int]


def fork(device: Device, *, replica: ReplicaId) -> Device:
    """The device under a new replica id, which the server has minted and nobody has used.

    Pull to the head first: what a clone handed in of ours then needs no second telling.
    """
    first = device.forked_at or 1
    old = device.author.replica
    author = Author(replica=replica, at=device.author.at, seen=device.author.seen)
    outbox: dict[str, Pending] = {}
    moved: dict[tuple[str, int], _Moved] = {}
    for id, pending in device.outbox.items():  # noqa: A001
        event = pending.event
        if event.replica != old or pending.verdict or event.seq < first:
            outbox[id] = pending  # the server knows it under its old name
            continue
        clock = _clock(event, device, replica, moved)
        author, again = _written_anew(event, author, clock)
        moved[event.entity, event.seq] = _Moved(again.seq, clock)
        outbox[id] = Pending(again)
    device = replace(device, author=author, outbox=outbox, forked_at=None, elsewhere={})
    entities = {event.entity for event, _ in outbox.values()}
    return replace(device, edited=on_top(device, device.accepted, outbox, entities))


def _clock(
    event: Event, device: Device, replica: ReplicaId, moved: dict[tuple[str, int], _Moved]
) -> dict[ReplicaId, int]:
    """What the author knew, with own events under the names that they have now."""
    old = device.author.replica
    named = event.clock.get(old, 0)
    others = {name: seq for name, seq in event.clock.items() if name != old}
    before = moved.get((event.entity, named))
    if before is not None:
        return joined(joined(others, before.clock), {replica: before.seq})
    if named in device.elsewhere:
        return joined(others, dict([device.elsewhere[named]]))
    return event.clock


def _written_anew(event: Event, author: Author, clock: dict[str, int]) -> tuple[Author, Event]:
    document = orjson.loads(event.raw)
    document |= {"replica": author.replica, "seq": author.seq + 1, "prev": author.prev, "clock": clock}
    raw = canonical.dumps(document)
    return replace(author, seq=author.seq + 1, prev=hash_of(raw)), parse(raw)
