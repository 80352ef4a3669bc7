"""The proof at the end of the day: everything counted twice, by ways that know nothing of each other."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from infra.http_client import SyncClient
from sync import merge, shown, state_codec
from sync.device import Device, digest, digests, out_of_step
from sync.frames import EVERYTHING, EventFrame, read_page
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


def prove(
    client: SyncClient, devices: Sequence[Device], authored: Set[str], told: Sequence[Mapping[str, str]]
) -> Proof:
    """Count what was `authored` (event ids), and compare the devices with the server and with a fold from scratch.

    `client` speaks for somebody who sees everything; `told` are the digests that the server told each device.
    """
    events, head = _whole_log(client)
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
        positions=head,
        state_hash=state_hash,
        faults=(
            *_uncounted(authored, accepted, quarantined, pending.keys()),
            *_not_dense(events),
            *_unequal(client, head, state_hash),
            *_out_of_step(devices, told, head, _hashes(events, states)),
        ),
    )


def _whole_log(client: SyncClient) -> tuple[list[EventFrame], int]:
    """Every event that is sent, and where the log ends; what the office writes for itself has positions in between."""
    events: list[EventFrame] = []
    cursor = 0
    while True:
        page = read_page(client.page(cursor, history=True))
        events += page.events
        cursor = page.cursor
        if cursor >= page.head:
            return events, page.head


def _folded(events: Sequence[EventFrame]) -> dict[str, State]:
    states: dict[str, State] = {}
    for _, effective, event, *_ in events:
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
    last: dict[str, int] = {}
    for frame in events:
        entity, expected = frame.event.entity, last.get(frame.event.entity, 0) + 1
        if frame.version != expected:
            return [f"version {expected} of {entity} is missing: {frame.version} came in its place"]
        last[entity] = expected
    return []


def _unequal(client: SyncClient, positions: int, state_hash: str) -> list[str]:
    head, stored = client.digest()
    faults = [f"the server is at {head}, its log ended at {positions}"] if head != positions else []
    if stored != state_hash:
        faults.append(f"the server stores {stored}, its log folds to {state_hash}")
    return faults


def _hashes(events: Sequence[EventFrame], states: Mapping[str, State]) -> dict[str, str]:
    """The hash of each scope, and of everything, as the log folds to."""
    scopes: dict[str, dict[str, bytes]] = {}
    for frame in events:
        entity = frame.event.entity
        for scope in (EVERYTHING, frame.scope):
            scopes.setdefault(scope, {})[entity] = state_codec.encode(states[entity])
    return {scope: state_codec.state_hash(each.items()) for scope, each in scopes.items()}


def _out_of_step(
    devices: Sequence[Device], told: Sequence[Mapping[str, str]], positions: int, folded: Mapping[str, str]
) -> list[str]:
    faults: list[str] = []
    for number, (device, server) in enumerate(zip(devices, told, strict=True)):
        if device.cursor != positions:
            faults.append(f"device {number} stands at {device.cursor} of {positions}")
            continue
        wrong = out_of_step(device, server)
        if wrong:
            faults.append(f"device {number} has something else than the server in {', '.join(wrong)}")
        ours = digests(device) if device.view != EVERYTHING else {EVERYTHING: digest(device)}
        strange = sorted(scope for scope, each in ours.items() if folded.get(scope) != each)
        if strange:
            faults.append(f"device {number} has something else than the log folds to in {', '.join(strange)}")
    return faults
