"""A town of devices at work, however they are cut off, restored and moved: at rest each shows what it may see."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sync.device import Device, restart
from sync.device import shown as state_of
from sync.fork import fork
from sync.frames import Page
from sync.handing_in import ask_again, next_batch, settle
from sync.pull import CursorAhead
from sync.taking_in import apply_page
from tests.devices import CREATED, NOON, new_id
from tests.sync.fleet import TENANT
from tests.sync.giving_out import ADA, BEN, Office, is_right, pulled, tell

number = st.integers(0, 5)


met: Counter[str] = Counter()


class Town(RuleBasedStateMachine):
    """A dispatcher gives out jobs and takes them back, and technicians work, on and off the line."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()
        self.people = [ADA, ADA, BEN, None]
        self.devices = [self.office.server.device(person) for person in self.people]
        self.authored: set[str] = set()
        self.late: list[tuple[int, Page]] = []
        self.backup = self.office.server.backup()
        self.restored = 0
        for person in (ADA, BEN):
            self.office.visit(self.office.job(), person)

    @rule(seed=st.integers(0, 1_000))
    def some_time_passes(self, seed: int) -> None:
        """Most of a life is work, and chance alone gives too little of it."""
        random = Random(seed)
        for _ in range(12):
            device = random.randrange(len(self.devices))
            match random.randrange(8):
                case 0 | 1:
                    self.somebody_works(device, random.randrange(30))
                case 2:
                    self.somebody_hands_in(device, random.random() < 0.3)
                case 3:
                    self.a_visit_is_given_to_somebody(random.randrange(6), random.choice([ADA, BEN, None]))
                case 4 if random.random() < 0.3:
                    self.somebody_makes_a_site(device)
                case _:
                    way = random.choice(["take", "take", "take", "twice", "cut", "late"])
                    self.somebody_pulls_a_page(device, random.choice([1, 3, 50, 1_000]), way)

    @rule(person=st.sampled_from([ADA, BEN, None]))
    def a_job_is_given_out(self, person: str | None) -> None:
        self.office.visit(self.office.job(), person)

    @rule(visit=number, person=st.sampled_from([ADA, BEN, None]))
    def a_visit_is_given_to_somebody(self, visit: int, person: str | None) -> None:
        visits = [each for each in self.office.visits if each in self.office.desk.accepted]
        if visits:
            self.office.give(visits[visit % len(visits)], person)

    @rule(visit=number, add=st.booleans(), person=st.sampled_from([ADA, BEN]))
    def a_crew_changes(self, visit: int, add: bool, person: str) -> None:
        visits = [each for each in self.office.visits if each in self.office.desk.accepted]
        if visits:
            crew = {"crew": {"add" if add else "remove": [person]}}
            self.office.say("visit", visits[visit % len(visits)], data=crew)

    @rule(person=st.sampled_from([ADA, BEN, None]))
    def somebody_gets_another_device(self, person: str | None) -> None:
        if len(self.devices) < 6:
            self.devices.append(self.office.server.device(person))

    @rule(device=number, entity=st.integers(0, 30))
    def somebody_works(self, device: int, entity: int) -> None:
        device %= len(self.devices)
        seen = [*self.devices[device].accepted, *self.devices[device].edited]
        if not seen:
            return
        state = state_of(self.devices[device], seen[entity % len(seen)])
        if state is None or state.type == "part":
            return
        field = {"visit": "resolution", "work_order": "description", "site": "directions", "customer": "note"}
        if state.type in field:
            self._tell(device, state.type, seen[entity % len(seen)], "Edited", {field[state.type]: f"{entity}"})

    @rule(device=number)
    def somebody_makes_a_site(self, device: int) -> None:
        self._tell(device % len(self.devices), "site", new_id(), "Created", CREATED["site"])

    def _tell(self, device: int, kind: str, entity: str, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002
        before = {*self.devices[device].outbox}
        self.devices[device] = tell(self.devices[device], kind, entity, type, data)
        self.authored |= {*self.devices[device].outbox} - before

    @rule(device=number, is_lost=st.booleans())
    def somebody_hands_in(self, device: int, is_lost: bool) -> None:
        device %= len(self.devices)
        self._mend(device)
        body = next_batch(self.devices[device])
        if body:
            answer = self.office.server.push(body)
            if not is_lost:
                self.devices[device] = settle(self.devices[device], answer)

    @rule(device=number, limit=st.sampled_from([1, 2, 5, 1_000]), way=st.sampled_from(["take", "twice", "cut", "late"]))
    def somebody_pulls_a_page(self, device: int, limit: int, way: str) -> None:
        device %= len(self.devices)
        page = self._page(device, limit=limit)
        if page is None:
            return
        met.update(type(frame).__name__ for frame in page.frames)
        met["resumed"] += bool(page.resume)
        if way == "late":
            self.late.append((device, page))
        elif way != "cut":
            for _ in range(2 if way == "twice" else 1):
                self.devices[device] = apply_page(self.devices[device], page, now_ms=NOON)

    @rule()
    def a_page_comes_late(self) -> None:
        if self.late:
            device, page = self.late.pop(0)
            self.devices[device] = apply_page(self.devices[device], page, now_ms=NOON)

    @rule(device=number)
    def somebody_loses_where_to_resume(self, device: int) -> None:
        device %= len(self.devices)
        self.devices[device] = replace(self.devices[device], resume="")

    @rule()
    def a_backup_is_made(self) -> None:
        self.backup = self.office.server.backup()

    @rule()
    def the_server_comes_back_from_its_backup(self) -> None:
        if self.restored < 3:
            self.restored += 1
            met["restored"] += 1
            self.office.server.restore(self.backup)
            self.office.desk = self._brought_home(self.office.desk)  # the others hear of it when they next speak

    def _page(self, device: int, **asked: Any) -> Page | None:
        try:
            return self.office.server.page(self.devices[device], **asked)
        except CursorAhead as ahead:
            met["cursor ahead"] += 1
            self.devices[device] = restart(self.devices[device], epoch=ahead.epoch)
            return None

    def _mend(self, device: int) -> None:
        self.devices[device] = self._mended(self.devices[device])

    def _mended(self, device: Device) -> Device:
        """Known again where the server has forgotten its replicas; under a new one where another has that name."""
        for replica in {device.author.replica, *(each.event.replica for each in device.outbox.values())}:
            if self.office.server.log.replica(TENANT, replica) is None:
                met["registered again"] += 1
                self.office.server.register(replica)
        if device.forked_at is None:
            return device
        met["forked"] += 1
        person = self.office.server.owners.get(device.author.replica)
        return fork(device, replica=self.office.server.mint(person))

    def _brought_home(self, device: Device) -> Device:
        device = ask_again(device)
        for _ in range(100):
            try:
                page = self.office.server.page(device, limit=50)
            except CursorAhead as ahead:
                device = restart(device, epoch=ahead.epoch)
                continue
            device = apply_page(device, page, now_ms=NOON)
            if device.resume or device.cursor < self.office.server.head:
                continue
            device = self._mended(device)
            body = next_batch(device)
            if not body:
                return device
            device = settle(device, self.office.server.push(body))
        raise AssertionError("coming home does not end")

    @invariant()
    def no_work_is_lost(self) -> None:
        """Whatever was told is on the device that told it, or was accepted."""
        accepted = {row.id for row in self.office.server.accepted()}
        here = {name for each in self.devices for name in (*each.outbox, *each.quarantined, *each.kept)}
        assert self.authored <= accepted | here

    def teardown(self) -> None:
        for _ in range(2):
            self.office.desk = self._brought_home(self.office.desk)
            self.devices = [self._brought_home(each) for each in self.devices]
        for device in [self.office.desk, *map(self._caught_up, self.devices)]:
            assert dict(device.outbox) == {}, "nobody waits for good"
            is_right(self.office, self._caught_up(device))
        accepted = {row.id for row in self.office.server.accepted()}
        here = {name for each in self.devices for name in each.quarantined}
        assert self.authored <= accepted | here

    def _caught_up(self, device: Device) -> Device:
        return pulled(self.office, device)


def test_c4_c5_c6_every_device_of_a_town_at_rest_shows_what_it_may_see() -> None:
    """100 lives of 40 steps, and what they must have met to be worth it."""
    met.clear()
    run_state_machine_as_test(Town, settings=settings(max_examples=100, stateful_step_count=40, deadline=None))
    expected = {"EnterFrame", "SnapshotFrame", "LeaveFrame", "EventFrame", "resumed", "restored", "registered again"}
    assert {name for name in expected if not met[name]} == set(), "never met: the machine has grown narrow"
