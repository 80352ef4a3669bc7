"""How a device hands in what it wrote, and heeds what it is answered.

An event leaves the outbox only when it comes back in a pull, which may be before its verdict arrives, or when the
server sets it aside: so an answer that is lost, late or doubled costs nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sync.device import Device, Pending, Quarantined, on_top
from sync.envelope import Event
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX


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
    if device.epoch and answer["epoch"] != device.epoch:
        # The server may be older than what it told us: offer everything that has not come back once more.
        device = ask_again(device, verdicts=("accepted", "held"))
    device = replace(device, epoch=answer["epoch"])
    match answer["batch"]:
        case "gap":
            return _resend(device, answer["expected"])
        case "forked":
            return replace(device, forked_at=answer["seq"])
        case _:
            return _heed(device, answer["verdicts"])


def ask_again(device: Device, *, verdicts: Iterable[str] = ("held",)) -> Device:
    """Let events with these verdicts be handed in once more, to hear what has become of them."""
    asked = set(verdicts)
    outbox = {
        name: pending._replace(verdict="") if pending.verdict in asked else pending
        for name, pending in device.outbox.items()
    }
    return replace(device, outbox=outbox)


def _heed(device: Device, verdicts: Iterable[Mapping[str, Any]]) -> Device:
    outbox, quarantined = dict(device.outbox), dict(device.quarantined)
    rolled_back: set[str] = set()
    for verdict in verdicts:
        pending = outbox.get(verdict["id"])
        if pending is None:
            continue  # it came back before its verdict did
        match verdict["verdict"]:
            case "accepted" | "duplicate" if verdict["position"] > device.cursor:
                outbox[verdict["id"]] = pending._replace(verdict="accepted")
            case "held":
                outbox[verdict["id"]] = pending._replace(verdict="held")
            case "quarantined":
                told = (verdict["case"], verdict["code"], verdict["text"], verdict["retryable"])
                quarantined[verdict["id"]] = Quarantined(pending.event, *told)
                del outbox[verdict["id"]]
                rolled_back.add(pending.event.entity)
            case _:  # taken in at a position that we have passed: it is among the accepted already
                del outbox[verdict["id"]]
                rolled_back.add(pending.event.entity)
    return replace(
        device, outbox=outbox, quarantined=quarantined, edited=on_top(device, device.accepted, outbox, rolled_back)
    )


def _resend(device: Device, expected: int) -> Device:
    """Offer everything from a seq on; what we no longer have makes our numbering a dead end, which a fork mends."""
    replica = device.author.replica
    back = {
        name: each
        for name, each in device.quarantined.items()
        if each.event.replica == replica and each.event.seq >= expected
    }
    ours = [Pending(each.event) for each in back.values()]
    ours += [
        Pending(each.event, each.verdict if each.event.seq < expected else "")
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
        edited=on_top(device, device.accepted, outbox, {each.event.entity for each in back.values()}),
        forked_at=device.forked_at if has_expected else expected,
    )
