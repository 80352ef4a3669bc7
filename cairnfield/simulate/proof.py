"""The proof at the end of the day: everything counted twice, by ways that know nothing of each other."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from infra.http_client import SyncClient
from sync import merge, shown, state_codec
from sync.device import Device, digest
from sync.frames import EventFrame, read_page
from sync.merge import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was counted; `faults` says in sentences what does not fit, and is empty when all of it does."""

    authored: int
    accepted: int
    quarantined: int
    held: int
    on_device: int
    conflicts_open: int
    positions: int
    state_hash: str
    faults: Sequence[str] = field(default=())

    @property
    def holds(self) -> bool:
        return not self.faults


def prove(client: SyncClient, devices: Sequence[Device], authored: Set[str]) -> Proof:
    """Count what was `authored` (event ids), and compare the devices with the server and with a fold from scratch."""
    events = _whole_log(client)
    states = _folded(events)
    state_hash = state_codec.state_hash((entity, state_codec.encode(state)) for entity, state in states.items())
    accepted = authored & {frame.event.id for frame in events}
    quarantined = authored & {each for device in devices for each in device.quarantined}
    pending = {each: held.verdict for device in devices for each, held in device.outbox.items() if each in authored}
    return Proof(
        authored=len(authored),
        accepted=len(accepted),
        quarantined=len(quarantined),
        held=sum(verdict == "held" for verdict in pending.values()),
        on_device=len(pending),
        conflicts_open=sum(len(shown.conflicts(state)) for state in states.values()),
        positions=len(events),
        state_hash=state_hash,
        faults=(
            *_uncounted(authored, accepted, quarantined, pending.keys()),
            *_not_dense(events),
            *_unequal(client, devices, len(events), state_hash),
        ),
    )


def _whole_log(client: SyncClient) -> list[EventFrame]:
    events: list[EventFrame] = []
    cursor = 0
    while True:
        page = read_page(client.page(cursor))
        events += page.events
        cursor = page.cursor
        if cursor >= page.head:
            return events


def _folded(events: Sequence[EventFrame]) -> dict[str, State]:
    states: dict[str, State] = {}
    for _, effective, event in events:
        before = states.get(event.entity) or merge.empty(event.entity_type)
        states[event.entity] = merge.apply(before, event, effective)
    return states


def _uncounted(authored: Set[str], accepted: Set[str], quarantined: Set[str], pending: Set[str]) -> list[str]:
    places = Counter([*accepted, *quarantined, *pending])
    lost = [event for event in authored if event not in places]
    twice = [event for event, count in places.items() if count > 1]
    faults = [f"{len(lost)} events are nowhere, such as {min(lost)}"] if lost else []
    return faults + ([f"{len(twice)} events are in two places, such as {min(twice)}"] if twice else [])


def _not_dense(events: Sequence[EventFrame]) -> list[str]:
    for expected, frame in enumerate(events, 1):
        if frame.position != expected:
            return [f"position {expected} is missing: {frame.position} came in its place"]
    return []


def _unequal(client: SyncClient, devices: Sequence[Device], positions: int, state_hash: str) -> list[str]:
    head, stored = client.digest()
    faults = [f"the server is at {head}, its log ended at {positions}"] if head != positions else []
    if stored != state_hash:
        faults.append(f"the server stores {stored}, its log folds to {state_hash}")
    for number, device in enumerate(devices):
        if device.cursor != positions:
            faults.append(f"device {number} stands at {device.cursor} of {positions}")
        elif digest(device) != state_hash:
            faults.append(f"device {number} has {digest(device)}, the log folds to {state_hash}")
    return faults
