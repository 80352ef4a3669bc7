"""How a device hands in what it wrote, and heeds what it is answered.

An event leaves the outbox when it comes back in a pull, which may be before its verdict arrives, when the server sets
it aside, or when it was accepted at a position that has been pulled: so an answer that is lost, late or doubled costs
nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sync.device import Device, Kept, Pending, Quarantined, on_top, restart
from sync.envelope import Event
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from sync.vector_clock import ReplicaId


def next_batch(device: Device) -> bytes:
    """What to hand in next, one event per line; empty when there is nothing, or when a fork must be mended first.

    It is a run of one replica without gaps, within the limits of a push; a `tx` is never cut in two.
    """
    if device.forked_at is not None:
        return b""
    lines: list[bytes] = []
    size = 0
    for group in _groups(_unsent_run(device.outbox.values())):
        size += sum(len(event.raw) + 1 for event in group)
        if lines and (len(lines) + len(group) > EVENTS_PER_PUSH_MAX or size > PUSH_BYTES_MAX):
            break
        lines += [event.raw for event in group]
    return b"\n".join(lines)


def offered(device: Device) -> ReplicaId:
    """Whose events come next: this device's own, or those of a name that it had before."""
    unsent = (each.event.replica for each in device.outbox.values() if not each.verdict)
    return next(unsent, device.author.replica)


def _unsent_run(outbox: Iterable[Pending]) -> Iterator[Event]:
    last: Event | None = None
    for pending in outbox:
        event = pending.event
        if last is None and pending.verdict:
            continue
        if last is not None and (pending.verdict or event[1:3] != (last.replica, last.seq + 1)):
            return
        yield event
        last = event


def _groups(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Single events, and the events of one `tx` together."""
    group: list[Event] = []
    for event in events:
        if group and not (event.tx and group[0].tx and event.tx["id"] == group[0].tx["id"]):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def settle(device: Device, answer: Mapping[str, Any]) -> Device:
    """The device after the answer to a push, as the server sends it; the same answer twice changes nothing."""
    replica = offered(device)
    if device.epoch and answer["epoch"] != device.epoch:
        device = restart(device, epoch=answer["epoch"])
    device = replace(device, epoch=answer["epoch"])
    match answer["batch"]:
        case "gap":
            return _resend(device, replica, answer["expected"])
        case "forked":
            return replace(device, forked_at=answer["seq"])
        case _:
            return heed(device, answer["verdicts"])


def ask_again(device: Device, *, verdicts: Iterable[str] = ("held",)) -> Device:
    """Let events with these verdicts be handed in once more, to hear what has become of them.

    So is what was set aside under a name that the device had before: the pulls before a fork name no
    replica, so they tell nothing of what people had decided by then. It counts as unsent until it is answered.
    """
    asked, ours = set(verdicts), device.author.replica
    aside = [each.event for each in device.quarantined.values() if each.event.replica != ours]
    before = {event.id: Pending(event) for event in sorted(aside, key=lambda event: (event.replica, event.seq))}
    outbox = before | {
        name: pending._replace(verdict="") if pending.verdict in asked else pending
        for name, pending in device.outbox.items()
    }
    if not before:
        return replace(device, outbox=outbox)
    return replace(
        device,
        outbox=outbox,
        quarantined={name: each for name, each in device.quarantined.items() if name not in before},
        edited=on_top(device, device.accepted, outbox, {event.entity for event in aside}),
    )


def heed(device: Device, verdicts: Iterable[Mapping[str, Any]]) -> Device:
    """The device after verdicts on its events, whether a push was answered with them or a pull told them later."""
    outbox, quarantined, kept = dict(device.outbox), dict(device.quarantined), dict(device.kept)
    settled: set[str] = set()
    for verdict in verdicts:
        name = verdict["id"]
        pending = outbox.get(name) or quarantined.get(name)
        if pending is None:
            continue  # it came back before its verdict did
        match verdict["verdict"]:
            case "accepted" | "duplicate" if verdict["position"] > device.cursor:
                outbox[name] = Pending(pending.event, "accepted", verdict["position"])
            case "held":
                outbox[name] = Pending(pending.event, "held")
            case "quarantined":
                told = (verdict["case"], verdict["code"], verdict["text"], verdict["retryable"])
                quarantined[name] = Quarantined(pending.event, *told)
                outbox.pop(name, None)
                settled.add(pending.event.entity)
                continue
            case "accepted" | "duplicate":  # at a position that we have passed: whoever may see it has it
                outbox.pop(name, None)
                kept[name] = Kept(pending.event, verdict["position"])
                settled.add(pending.event.entity)
            case _:  # somebody has decided; a server that forgets it is offered it again, for what comes after it
                outbox.pop(name, None)
                kept[name] = Kept(pending.event, device.cursor)
                settled.add(pending.event.entity)
        if quarantined.pop(name, None):
            settled.add(pending.event.entity)
    edited = on_top(device, device.accepted, outbox, settled)
    return replace(device, outbox=outbox, quarantined=quarantined, kept=kept, edited=edited)


def _resend(device: Device, replica: ReplicaId, expected: int) -> Device:
    """Offer everything of a replica from a seq on; what we no longer have makes our numbering a dead end, which a fork
    mends."""
    back = {
        name: each
        for name, each in device.quarantined.items()
        if each.event.replica == replica and each.event.seq >= expected
    }
    kept = {
        name: each for name, each in device.kept.items() if each.event.replica == replica and each.event.seq >= expected
    }
    ours = [Pending(each.event) for each in back.values()]
    ours += [Pending(each.event) for each in kept.values()]
    ours += [
        each if each.event.seq < expected else Pending(each.event)
        for each in device.outbox.values()
        if each.event.replica == replica
    ]
    others = {name: each for name, each in device.outbox.items() if each.event.replica != replica}
    outbox = others | {each.event.id: each for each in sorted(ours, key=lambda each: each.event.seq)}
    has_expected = any(each.event.seq == expected for each in ours)
    return replace(
        device,
        outbox=outbox,
        quarantined={name: each for name, each in device.quarantined.items() if name not in back},
        kept={name: each for name, each in device.kept.items() if name not in kept},
        edited=on_top(device, device.accepted, outbox, {each.event.entity for each in ours}),
        forked_at=device.forked_at if has_expected else expected,
    )
