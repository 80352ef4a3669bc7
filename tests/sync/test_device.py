"""Devices against a server: edits, hand-ins and pulls in any order, with answers lost, late or doubled."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from commands.judge import judge_for
from domain.people import Role
from infra.memory import MemoryEventLog
from sync import push, shown
from sync.author import Author
from sync.device import Device, apply_page, digest, edit
from sync.device import shown as state_of
from sync.envelope import Event, Unacceptable
from sync.fork import fork
from sync.frames import line, read_page
from sync.handing_in import ask_again, next_batch, settle
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from sync.log import Changes, Known
from sync.state_codec import state_hash
from tests.devices import NOON, PERSON_1, new_id, replica_named

TENANT: Final = "t"
SITE: Final = new_id()
VISIT: Final = new_id()


class Server:
    """The log in memory behind the decisions of the real one."""

    def __init__(self, role: Role = "supervisor") -> None:
        self.log, self.role, self.now_ms = MemoryEventLog(), role, NOON
        self.log.add_tenant(TENANT)
        self.minted = 0

    def mint(self) -> str:
        self.minted += 1
        replica = replica_named("".join("bcdefghijk"[int(digit)] for digit in str(self.minted)))
        self.log.mint(TENANT, replica=replica, person=PERSON_1, name="", now_ms=NOON)
        return replica

    def push(self, body: bytes) -> dict[str, Any]:
        self.now_ms += 1_000
        batch = [push.receive(raw) for raw in body.split(b"\n")]

        def decide(known: Known) -> tuple[Changes, push.Answer]:
            return push.decide(batch, known, judge=judge_for(self.role), actor=PERSON_1, now_ms=self.now_ms)

        return asdict(self.log.append(TENANT, push.wanted(batch), decide, now_ms=self.now_ms))

    def pull(self, device: Device, limit: int = 1_000) -> Device:
        frames = self.log.frames(TENANT, after=device.cursor, limit=limit, bytes_max=10**6)
        page = frames.lines + line("checkpoint", cursor=frames.last, head=frames.head)
        return apply_page(device, read_page(page), now_ms=self.now_ms)

    def digest(self) -> str:
        return state_hash(self.log.states(TENANT))

    def device(self) -> Device:
        return Device(author=Author(replica=self.mint()))


def tell(device: Device, entity: str, type: str, data: Mapping[str, Any], **more: Any) -> tuple[Device, Event]:  # noqa: A002
    kind = "visit" if entity == VISIT else "site"
    return edit(device, id=new_id(), entity_type=kind, entity=entity, type=type, data=dict(data), now_ms=NOON, **more)


def settled(server: Server, device: Device) -> Device:
    """The device once everything is handed in and pulled, its forks mended on the way."""
    while True:
        device = server.pull(device)
        if device.forked_at is not None:
            device = fork(device, replica=server.mint())
        body = next_batch(device)
        if not body:
            return server.pull(device)
        device = settle(device, server.push(body))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def device(server: Server) -> Device:
    """A device that has made a site, handed it in and taken it back."""
    made, _ = tell(server.device(), SITE, "Created", {"customer_id": new_id(), "name": "Mill"})
    return settled(server, made)


def test_an_edit_is_shown_before_it_is_handed_in_and_accepted_only_after(device: Device) -> None:
    after, _ = tell(device, SITE, "Edited", {"directions": "left"})
    state = state_of(after, SITE)
    assert state is not None
    assert shown.values(state)["directions"] == "left"
    assert "directions" not in shown.values(after.accepted[SITE])


def test_data_that_no_server_would_take_are_not_written(device: Device) -> None:
    with pytest.raises(Unacceptable):
        tell(device, SITE, "Edited", {"geofence_m": -1})


def test_an_event_leaves_the_outbox_when_it_comes_back_though_its_answer_was_lost(
    server: Server, device: Device
) -> None:
    device, _ = tell(device, SITE, "Edited", {"directions": "left"})
    late = server.push(next_batch(device))
    device = server.pull(device)
    assert not device.outbox
    assert settle(device, late) == replace(device, epoch=late["epoch"])
    assert next_batch(device) == b""


def test_an_accepted_event_stays_shown_and_is_not_sent_again_until_it_comes_back(
    server: Server, device: Device
) -> None:
    device, event = tell(device, SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.outbox[event.id].verdict == "accepted"
    assert next_batch(device) == b""


def test_a_quarantined_event_is_rolled_back_and_kept(server: Server, device: Device) -> None:
    server.role = "auditor"
    device, event = tell(device, SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.quarantined[event.id].code == "not_allowed"
    assert not device.outbox
    assert SITE not in device.edited


def test_a_held_event_stays_and_is_asked_after(server: Server, device: Device) -> None:
    other = server.device()
    unseen = device.accepted[SITE]._replace(clock={**device.accepted[SITE].clock, other.author.replica: 1})
    device, event = tell(replace(device, accepted={SITE: unseen}), SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.outbox[event.id].verdict == "held"
    assert next_batch(device) == b""
    assert next_batch(ask_again(device)) == event.raw


def test_a_gap_is_filled_from_where_the_server_stands(server: Server, device: Device) -> None:
    for word in ("left", "right"):
        device, _ = tell(device, SITE, "Edited", {"directions": word})
    body = next_batch(device)
    taken = {"batch": "taken", "epoch": "", "verdicts": []}
    first, second = device.outbox
    skipped = settle(device, {**taken, "verdicts": [{"id": first, "verdict": "accepted", "position": 99}]})
    assert next_batch(skipped) == device.outbox[second].event.raw
    answer = server.push(next_batch(skipped))
    assert answer["batch"] == "gap"
    assert next_batch(settle(skipped, answer)) == body


def test_a_gap_that_nobody_can_fill_is_mended_under_a_new_replica(server: Server) -> None:
    device = server.device()
    lost, _ = tell(device, SITE, "Created", {"customer_id": new_id(), "name": "Mill"})
    device = replace(device, author=lost.author)
    device, event = tell(device, new_id(), "Created", {"customer_id": new_id(), "name": "Quay"})
    device = settled(server, device)
    assert set(device.accepted) == {event.entity}
    assert digest(device) == server.digest()


def test_a_clone_goes_on_under_a_new_replica_with_its_events_and_their_ids(server: Server, device: Device) -> None:
    device, shared = tell(device, SITE, "Edited", {"directions": "left"})
    clone, own = tell(device, SITE, "Edited", {"opening_hours": "8 to 4"})
    clone, last = tell(clone, SITE, "Edited", {"opening_hours": "8 to 5"})
    device, _ = tell(device, SITE, "Edited", {"geofence_m": 50})
    device = settled(server, device)
    answer = server.push(next_batch(clone))
    assert answer["batch"] == "forked"
    clone = settle(clone, answer)
    assert next_batch(clone) == b""
    clone = settled(server, clone)
    assert clone.author.replica != device.author.replica
    accepted = {row.id: row for row in server.log.page(TENANT, after=0, limit=100)}
    assert {shared.id, own.id, last.id} <= set(accepted)
    assert accepted[last.id].replica == clone.author.replica
    assert shown.conflicts(clone.accepted[SITE]) == []
    assert len(clone.accepted[SITE].cells["opening_hours"]) == 1, "the last edit still replaces the one before it"
    assert digest(clone) == digest(settled(server, device)) == server.digest()


def test_a_restored_device_learns_by_pulling_that_its_numbers_are_taken(server: Server, device: Device) -> None:
    backup = device
    device, _ = tell(device, SITE, "Edited", {"directions": "left"})
    settled(server, device)
    restored = server.pull(backup)
    assert restored.forked_at == backup.author.seq + 1
    restored, _ = tell(settled(server, restored), SITE, "Edited", {"directions": "right"})
    restored = settled(server, restored)
    assert shown.values(restored.accepted[SITE])["directions"] == "right"
    assert digest(restored) == server.digest()


def test_a_batch_keeps_the_limits_and_never_cuts_a_tx(server: Server) -> None:
    device = server.device()
    for n in range(EVENTS_PER_PUSH_MAX - 1):
        device, _ = tell(device, new_id(), "Created", {"customer_id": new_id(), "name": f"Site {n}"})
    together = new_id()
    for i in (1, 2):
        data = {"customer_id": new_id(), "name": "Together"}
        device, _ = tell(device, new_id(), "Created", data, tx={"id": together, "i": i, "n": 2})
    assert len(next_batch(device).split(b"\n")) == EVENTS_PER_PUSH_MAX - 1
    device = settle(device, server.push(next_batch(device)))
    assert len(next_batch(device).split(b"\n")) == 2
    for _ in range(200):
        device, _ = tell(device, SITE, "Edited", {"directions": "x" * 8_000})
    assert len(next_batch(device)) <= PUSH_BYTES_MAX


EDITS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("Edited", {"name": "Mill"}),
    ("Edited", {"name": "Quay"}),
    ("Edited", {"hazards": {"add": ["dog"]}}),
    ("Edited", {"hazards": {"remove": ["dog"]}}),
    ("Edited", {"custom": [["gate", "7"]]}),
    ("Archived", {}),
    ("Restored", {}),
)
MOVES: Final = ("VisitDispatched", "VisitAccepted", "VisitTravelStarted", "VisitArrived", "VisitPaused")
fleet = st.integers(0, 3)


class Fleet(RuleBasedStateMachine):
    """The law: whatever was lost, late, doubled or cloned, replicas that hold everything equal the server."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        first, _ = tell(self.server.device(), SITE, "Created", {"customer_id": new_id(), "name": "Mill"})
        first, _ = tell(first, VISIT, "VisitPlanned", {"work_order_id": new_id()})
        self.authored = set(first.outbox)
        self.devices = [settled(self.server, each) for each in (first, *(self.server.device() for _ in range(3)))]
        self.late: list[tuple[int, dict[str, Any]]] = []

    def _tell(self, number: int, *told: Any) -> None:
        self.devices[number], event = tell(self.devices[number], *told)
        self.authored.add(event.id)

    @rule(number=fleet, told=st.sampled_from(EDITS))
    def edits_the_site(self, number: int, told: tuple[str, dict[str, Any]]) -> None:
        self._tell(number, SITE, *told)

    @rule(number=fleet, move=st.sampled_from(MOVES))
    def moves_the_visit(self, number: int, move: str) -> None:
        self._tell(number, VISIT, move, {})

    @rule(number=fleet)
    def makes_a_site(self, number: int) -> None:
        self._tell(number, new_id(), "Created", {"customer_id": new_id(), "name": "New"})

    @rule(number=fleet, heard=st.sampled_from(("at once", "late", "never", "twice")))
    def hands_in(self, number: int, heard: str) -> None:
        body = next_batch(self.devices[number])
        if not body:
            return
        answer = self.server.push(body)
        if heard == "late":
            self.late.append((number, answer))
        if heard in ("at once", "twice"):
            self.devices[number] = settle(self.devices[number], answer)
        if heard == "twice":
            self.devices[number] = settle(self.devices[number], answer)

    @rule()
    def hears_late(self) -> None:
        if self.late:
            number, answer = self.late.pop(0)
            if answer["batch"] == "taken":  # an old gap or fork was mended by whoever heard of it first
                self.devices[number] = settle(self.devices[number], answer)

    @rule(number=fleet, limit=st.integers(1, 5))
    def pulls_a_piece(self, number: int, limit: int) -> None:
        self.devices[number] = self.server.pull(self.devices[number], limit)

    @rule(number=fleet, other=fleet)
    def is_cloned(self, number: int, other: int) -> None:
        if not self.devices[other].outbox:
            self.devices[other] = self.devices[number]
            self.late = [each for each in self.late if each[0] != other]

    @rule(number=fleet)
    def mends_its_fork(self, number: int) -> None:
        if self.devices[number].forked_at is not None:
            self.devices[number] = fork(self.devices[number], replica=self.server.mint())

    @invariant()
    def nothing_that_was_written_is_lost(self) -> None:
        kept = {row.id for row in self.server.log.page(TENANT, after=0, limit=10_000)}
        for device in self.devices:
            kept |= {*device.outbox, *device.quarantined}
        assert self.authored <= kept | self._set_aside()

    def _set_aside(self) -> set[str]:
        rows = self.server.log._tenants[TENANT].quarantined.values()
        return {row.id for row in rows if row.id}

    def teardown(self) -> None:
        devices = [settled(self.server, each) for each in self.devices]
        devices = [settled(self.server, each) for each in devices]
        assert {digest(each) for each in devices} == {self.server.digest()}
        assert not any(each.outbox for each in devices)
        accepted = {row.id for row in self.server.log.page(TENANT, after=0, limit=10_000)}
        assert self.authored <= accepted | self._set_aside()


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
