"""Mending a fork: a cloned or restored device goes on under a new replica id, and loses nothing.

The events that were never acknowledged are written anew as the first events of the new replica. They keep their ids, so
that what a clone handed in already is known as a duplicate, and their stamps, because they were written when they were
written. Their clocks are moved: what they knew of the old replica's acknowledged events stays, what they knew of events
that move with them is said in the new numbering.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import orjson

from sync import canonical
from sync.author import Author
from sync.device import Device, Pending, on_top
from sync.envelope import Event, hash_of, parse
from sync.merge import Dot
from sync.vector_clock import ReplicaId, joined


class _Moved(NamedTuple):
    """An event under its new number."""

    seq: int
    clock: dict[str, int]


def fork(device: Device, *, replica: ReplicaId) -> Device:
    """The device under a new replica id, which the server has minted and nobody has used.

    Pull to the head first: what a clone handed in of ours then needs no second telling.
    """
    author = Author(replica=replica, at=device.author.at, seen=device.author.seen)
    outbox: dict[str, Pending] = {}
    moved: dict[tuple[str, Dot], _Moved] = {}
    for name, pending in device.outbox.items():
        event = pending.event
        if pending.verdict:
            outbox[name] = pending  # the server knows it under the number that it has
            continue
        clock = _clock(event, device, replica, moved)
        author, again = _written_anew(event, author, clock)
        moved[event.entity, (event.replica, event.seq)] = _Moved(again.seq, clock)
        outbox[name] = Pending(again)
    device = replace(device, author=author, outbox=outbox, forked_at=None, elsewhere={})
    entities = {event.entity for event, *_ in outbox.values()}
    return replace(device, edited=on_top(device, device.accepted, outbox, entities))


def _clock(
    event: Event, device: Device, replica: ReplicaId, moved: Mapping[tuple[str, Dot], _Moved]
) -> dict[ReplicaId, int]:
    """What the author knew, with own events under the names that they have now."""
    clock: dict[ReplicaId, int] = {}
    for dot in event.clock.items():
        before = moved.get((event.entity, dot))
        if before is not None:
            clock = joined(joined(clock, before.clock), {replica: before.seq})
        elif dot[0] == device.author.replica and dot[1] in device.elsewhere:
            clock = joined(clock, dict([device.elsewhere[dot[1]]]))
        else:
            clock = joined(clock, dict([dot]))
    return clock


def _written_anew(event: Event, author: Author, clock: dict[str, int]) -> tuple[Author, Event]:
    document = orjson.loads(event.raw)
    document |= {"replica": author.replica, "seq": author.seq + 1, "prev": author.prev, "clock": clock}
    raw = canonical.dumps(document)
    return replace(author, seq=author.seq + 1, prev=hash_of(raw)), parse(raw)
