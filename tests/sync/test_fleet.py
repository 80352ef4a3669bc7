"""A whole fleet at play: clocks that lie, phones offline for long or cloned, answers lost, and at the end one truth.

The laws: whoever holds the same events shows the same; it is what the oracle says that was told nothing but who knew of
what; no order of arrival and no cutting into pages matters; an edit that nothing is concurrent with is visible.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from random import Random
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cairnfield.prove import oracle
from cairnfield.prove.fold import document, folded, newest_first, stored_and_repeated
from cairnfield.prove.history import Told
from cairnfield.prove.sample import said_by
from domain.catalogue import ENTITIES, FACTS
from domain.merge_policy import Advance
from sync import shown, state_codec
from sync.device import Device, digest, edit
from sync.device import shown as state_of
from sync.envelope import Event, parse
from sync.fork import fork
from sync.handing_in import ask_again, next_batch, settle
from tests.devices import MINUTE, new_id
from tests.sync.fleet import TENANT, Server, settled

DEVICES: Final = 4
DAY: Final = 24 * 60 * MINUTE
LIES: Final = (0, 90_000, 7 * MINUTE, 40 * DAY, -3 * DAY, 8_000 * 365 * DAY)
KINDS: Final = ("visit", "work_order", "site", "part_use")
number = st.integers(0, DEVICES - 1)

SOMETIMES: Final = frozenset(
    {
        *("accepted", "duplicate", "held", "quarantined", "gap", "forked", "stopped half-way"),
        *("values_differ", "moves_clash", "contested", "reassigned_under_way"),
        *("a lying clock was brought to its arrival", "an answer was lost", "an answer came late", "written offline"),
        *("siblings", "siblings settled by one who had seen them", "nothing concurrent", "cloned with work unsent"),
    }
)
met: Counter[str] = Counter()


class Fleet(RuleBasedStateMachine):
    """Four devices and a server; every rule is something that happens to somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.devices = [self.server.device() for _ in range(DEVICES)]
        self.heard: list[set[str]] = [set() for _ in range(DEVICES)]
        """For each device the ids of all events that it has merged, which is what a person there may have known."""
        self.knew: dict[str, set[str]] = {}
        """For each event that was written, what its author had heard of."""
        self.entities: list[tuple[str, str]] = []
        self.lies = [0] * DEVICES
        self.offline: set[int] = set()
        self.late: list[tuple[int, dict[str, Any]]] = []
        self.sent: list[list[bytes]] = [[] for _ in range(DEVICES)]
        self.waits: list[set[tuple[str, str]]] = [set() for _ in range(DEVICES)]
        """For each device (entity, event) that somebody there answered: nobody goes on with it until that has come."""
        self.is_cloned = False
        """From then on what is not handed in may get another name, which nobody who answered it could know."""
        self.is_blurred = False
        """A clone had unsent work: one of the two hands it in, and the other's later edits forget that they knew it."""
        for kind in KINDS:
            self._create(0, kind, 1)
        self.hears_all(0)
        for each in range(1, DEVICES):
            self._pull(each, 1_000)

    # What people do.

    @rule(number=number, entity=st.integers(0, 7), fact=st.integers(0, 99), seed=st.integers(0, 7))
    def somebody_edits(self, number: int, entity: int, fact: int, seed: int) -> None:
        known = [each for each in self.entities if self._may_write(number, each[0])]
        if known:
            name, kind = known[entity % len(known)]
            facts = [each for each in FACTS[kind].values() if not each.creates]
            self._tell(number, name, kind, facts[fact % len(facts)].name, seed)

    @rule(seed=st.integers(0, 1_000))
    def everybody_works_a_while(self, seed: int) -> None:
        """Most of a day is work, and chance alone gives too little of it."""
        random = Random(seed)
        for number in random.choices(range(DEVICES), k=8):
            self.somebody_edits(number, random.randrange(8), random.randrange(100), random.randrange(8))
            if random.random() < 0.3:
                self.a_device_hands_in(number, random.choice(("at once", "late", "never", "twice")))
            if random.random() < 0.2:
                self.a_device_pulls(number, 5)
                self.somebody_settles_what_is_open(number)
        self.an_answer_comes_late()
        self.the_beginning_of_a_batch_is_lost(random.randrange(DEVICES), 1)

    def _may_write(self, number: int, entity: str) -> bool:
        awaited = {event for name, event in self.waits[number] if name == entity}
        return awaited <= self.heard[number] and state_of(self.devices[number], entity) is not None

    @rule(number=number, kind=st.sampled_from(KINDS), seed=st.integers(0, 7))
    def somebody_begins(self, number: int, kind: str, seed: int) -> None:
        self._create(number, kind, seed)

    def _create(self, number: int, kind: str, seed: int) -> None:
        self.entities.append((new_id(), kind))
        self._tell(number, *self.entities[-1], "Created", seed)

    @rule(number=number)
    def somebody_settles_what_is_open(self, number: int) -> None:
        for name, kind in self.entities:
            state = state_of(self.devices[number], name) if self._may_write(number, name) else None
            for conflict in shown.conflicts(state) if state else ():
                if conflict.reason == "values_differ" and conflict.field in FACTS[kind]["Edited"].fields:
                    self._say(number, name, kind, "Edited", {conflict.field: conflict.values[0]})
                    met["siblings settled by one who had seen them"] += 1
                    return

    def _tell(self, number: int, entity: str, kind: str, event_type: str, seed: int) -> None:
        self._say(number, entity, kind, event_type, said_by(FACTS[kind][event_type], Random(seed)))

    def _say(self, number: int, entity: str, kind: str, event_type: str, data: dict[str, Any]) -> None:
        before = self.devices[number]
        known = before.accepted.get(entity)
        if known is not None and known.clock.get(before.author.replica, 0) > _last_settled(before):
            self.is_blurred = True  # what a twin wrote under our numbers cannot be named before the fork is mended
        after, event = self._edited(before, number, entity, kind, event_type, data)
        self.devices[number] = after
        self._written(number, event)
        if number in self.offline:
            met["written offline"] += 1
        seen = state_of(after, entity)
        assert seen is not None
        assert_visible(event, shown.values(seen))

    def _edited(  # noqa: PLR0917
        self, device: Device, number: int, entity: str, kind: str, event_type: str, data: dict[str, Any]
    ) -> tuple[Device, Event]:
        now_ms = self.server.now_ms + self.lies[number]
        return edit(
            device, id=new_id(), entity_type=kind, entity=entity, type=event_type, data=data, now_ms=max(1, now_ms)
        )

    def _written(self, number: int, event: Event, also_knew: Collection[str] = ()) -> None:
        self.knew[event.id] = {*self.heard[number], *also_knew}
        self.heard[number].add(event.id)

    @rule(number=number, other=number, seed=st.integers(0, 7))
    def somebody_answers_what_the_server_has_not_got(self, number: int, other: int, seed: int) -> None:
        """Two phones beside each other without a signal: what is written then must wait for what it answers."""
        self.somebody_edits(other, 0, 0, seed)
        unsent = [each.event for each in self.devices[other].outbox.values() if not each.verdict]
        device = self.devices[number]
        if self.is_cloned or number == other or not unsent or not self._may_write(number, unsent[-1].entity):
            return
        heard = unsent[-1]
        ours = state_of(device, heard.entity)
        assert ours is not None
        clock = {**ours.clock}
        for replica, seq in (*heard.clock.items(), (heard.replica, heard.seq)):
            clock[replica] = max(seq, clock.get(replica, 0))
        aware = replace(device, edited={**device.edited, heard.entity: ours._replace(clock=clock)})
        data = said_by(FACTS[heard.entity_type]["Edited"], Random(seed))
        after, event = self._edited(aware, number, heard.entity, heard.entity_type, "Edited", data)
        self.devices[number] = after
        self._written(number, event, {heard.id, *self.knew[heard.id]})
        self.waits[number].add((heard.entity, heard.id))
        self.a_device_hands_in(number, "at once")

    # What happens to devices.

    @rule(number=number, lie=st.sampled_from(LIES))
    def a_clock_is_set(self, number: int, lie: int) -> None:
        self.lies[number] = lie

    @rule(minutes=st.sampled_from((0, 5, 3 * 60, 20 * 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.server.now_ms += minutes * MINUTE

    @rule(number=number)
    def somebody_goes_down_into_the_cellar(self, number: int) -> None:
        self.offline.add(number)

    @rule(number=number)
    def somebody_comes_up_again(self, number: int) -> None:
        self.offline.discard(number)

    @rule(number=number, heard=st.sampled_from(("at once", "at once", "late", "never", "twice")))
    def a_device_hands_in(self, number: int, heard: str) -> None:
        body = next_batch(self.devices[number])
        if body and number not in self.offline:
            self._hand_in(number, body, heard)

    @rule(number=number, keep=st.integers(1, 3))
    def a_batch_is_cut(self, number: int, keep: int) -> None:
        lines = next_batch(self.devices[number]).split(b"\n")
        if len(lines) > keep and number not in self.offline:
            met["stopped half-way"] += 1
            self._hand_in(number, b"\n".join(lines[:keep]), "never")

    @rule(number=number, skipped=st.integers(1, 3))
    def the_beginning_of_a_batch_is_lost(self, number: int, skipped: int) -> None:
        lines = next_batch(self.devices[number]).split(b"\n")
        if len(lines) > skipped and number not in self.offline:
            self._hand_in(number, b"\n".join(lines[skipped:]), "at once")

    @rule(number=number, which=st.integers(0, 9))
    def an_old_batch_is_sent_again(self, number: int, which: int) -> None:
        if self.sent[number]:
            head = self.server.log.head(TENANT)
            answer = self._pushed(self.sent[number][which % len(self.sent[number])])
            if answer["batch"] != "taken" or not any(each["verdict"] == "accepted" for each in answer["verdicts"]):
                assert self.server.log.head(TENANT) == head

    def _hand_in(self, number: int, body: bytes, heard: str) -> None:
        self.sent[number].append(body)
        answer = self._pushed(body)
        if heard == "never":
            met["an answer was lost"] += 1
        if heard == "late":
            self.late.append((number, answer))
        if heard in ("at once", "twice"):
            self.devices[number] = settle(self.devices[number], answer)
        if heard == "twice":
            again = settle(self.devices[number], answer)
            assert answer["batch"] != "taken" or again == self.devices[number]
            self.devices[number] = again

    def _pushed(self, body: bytes) -> dict[str, Any]:
        answer = self.server.push(body)
        met[answer["batch"]] += 1
        met.update(each["verdict"] for each in answer["verdicts"])
        return answer

    @rule()
    def an_answer_comes_late(self) -> None:
        if self.late:
            number, answer = self.late.pop(0)
            if answer["batch"] == "taken":  # an old gap or fork was mended by whoever heard of it first
                met["an answer came late"] += 1
                self.devices[number] = settle(self.devices[number], answer)

    @rule(number=number, limit=st.sampled_from((1, 2, 5, 1_000)))
    def a_device_pulls(self, number: int, limit: int) -> None:
        if number not in self.offline:
            self._pull(number, limit)

    def _pull(self, number: int, limit: int) -> None:
        before = self.devices[number]
        self.devices[number] = self.server.pull(before, limit, now_ms=self.server.now_ms + self.lies[number])
        rows = self.server.accepted()[before.cursor : self.devices[number].cursor]
        self.heard[number] |= {row.id for row in rows}

    @rule(number=number)
    def a_device_asks_what_became_of_it(self, number: int) -> None:
        self.devices[number] = ask_again(self.devices[number])

    @rule(number=number, other=number, is_busy=st.booleans())
    def a_phone_is_cloned(self, number: int, other: int, is_busy: bool) -> None:
        is_answered = any(
            {event for _, event in waits} - heard for waits, heard in zip(self.waits, self.heard, strict=True)
        )
        if number == other or self.devices[other].outbox or is_answered:
            return
        self.is_cloned = True
        if is_busy:
            self.somebody_edits(number, 0, 0, 0)
        if self.devices[number].outbox:
            met["cloned with work unsent"] += 1
            self.is_blurred = True
        self.devices[other], self.heard[other] = self.devices[number], {*self.heard[number]}
        self.sent[other], self.waits[other] = [*self.sent[number]], {*self.waits[number]}
        self.late = [each for each in self.late if each[0] != other]
        for each in (number, other):
            self.somebody_edits(each, 0, 0, each)
            self.a_device_hands_in(each, "at once")

    @rule(number=number)
    def a_fork_is_mended(self, number: int) -> None:
        if self.devices[number].forked_at is not None:
            self._pull(number, 1_000)
            self.devices[number] = fork(self.devices[number], replica=self.server.mint())

    @rule(number=number)
    def hears_all(self, number: int) -> None:
        if number not in self.offline:
            self.devices[number] = settled(self.server, self.devices[number])
            self.heard[number] |= {row.id for row in self.server.accepted()}

    # What must hold whatever happens.

    @invariant()
    def nothing_that_was_written_is_lost(self) -> None:
        kept = {row.id for row in self.server.accepted()} | self.server.set_aside()
        for device in self.devices:
            kept |= {*device.outbox, *device.quarantined}
        assert set(self.knew) <= kept

    @invariant()
    def nothing_ends_twice(self) -> None:
        assert set(self.server.ends().values()) <= {1}

    @invariant()
    def no_stamp_lies_ahead_of_its_arrival(self) -> None:
        for row in self.server.accepted():
            assert int(row.effective[:12], 16) <= row.recorded_at_ms or row.recorded_at_ms == 0

    def teardown(self) -> None:
        self.offline.clear()
        devices = [settled(self.server, each) for each in self.devices]
        devices = [settled(self.server, each) for each in devices]
        assert {digest(each) for each in devices} == {self.server.digest()}
        assert not any(each.outbox for each in devices)
        assert set(self.knew) <= {row.id for row in self.server.accepted()} | self.server.set_aside()
        self._pages_do_not_matter()
        for told in self._told().values():
            assert_agreed(told, devices[0], is_blurred=self.is_blurred)

    def _pages_do_not_matter(self) -> None:
        """From scratch in pages of any size, pages twice over, from the states of another device and the tail."""
        head = self.server.log.head(TENANT).position
        for limit in (1, 3, 1_000):
            device = self.server.device()
            while device.cursor < head:
                before, device = device, self.server.pull(device, limit)
                replayed = self.server.pull(replace(device, cursor=before.cursor), limit)
                assert digest(replayed) == digest(device)
                if device.cursor > head // 2:
                    stored = {name: state_codec.encode(state) for name, state in device.accepted.items()}
                    snapshot = {name: state_codec.decode(raw) for name, raw in stored.items()}
                    device = replace(self.server.device(), accepted=snapshot, cursor=device.cursor)
            assert digest(device) == self.server.digest()

    def _told(self) -> dict[str, list[Told]]:
        """What stands in the log of each entity, with who knew of what."""
        rows = self.server.accepted()
        places = {row.id: place for place, row in enumerate(rows)}
        told: dict[str, list[Told]] = {}
        for place, row in enumerate(rows):
            knew = sum(1 << places[each] for each in self.knew[row.id] if each in places)
            told.setdefault(row.entity, []).append(Told(place, parse(row.body), row.effective, knew))
            if parse(row.body).at > row.effective:
                met["a lying clock was brought to its arrival"] += 1
        return told


def _last_settled(device: Device) -> int:
    """The last number of its replica that means this device's own event, as far as it has heard."""
    replica, unsent = device.author.replica, [each.event for each in device.outbox.values() if not each.verdict]
    return min((event.seq - 1 for event in unsent if event.replica == replica), default=device.author.seq)


def assert_agreed(told: list[Told], device: Device, *, is_blurred: bool) -> None:
    """One entity at rest: every order, the oracle, and what was the last word."""
    state = device.accepted[told[0].event.entity]
    seen = document(state)
    met.update(each["reason"] for each in seen["conflicts"])
    met["siblings" if state.open else "nothing concurrent"] += 1
    if is_blurred:
        return  # who knew of what can no longer be said apart from the clocks
    assert state_codec.encode(state) == state_codec.encode(folded(newest_first(told)))
    assert state_codec.encode(state) == state_codec.encode(stored_and_repeated(told))
    expected = oracle.answer(told)
    assert seen["values"] == expected["values"]
    assert {str(sorted(each.items())) for each in seen["conflicts"]} == {
        str(sorted(each.items())) for each in expected["conflicts"]
    }
    for each in told:
        if all(other is each or each.knew >> other.place & 1 for other in told):
            assert_visible(each.event, seen["values"])


def assert_visible(event: Event, values: dict[str, Any]) -> None:
    """What an event says that nothing is concurrent with, and that nothing follows, is what people see."""
    for name, value in event.data.items():
        if name == "custom":
            assert {key: said for key, said in value if said is not None}.items() <= dict(values.get(name, [])).items()
        elif isinstance(value, dict) and {*value} <= {"add", "remove"} and value:
            assert {*value.get("add", ())} <= {*values.get(name, ())}
            assert not ({*value.get("remove", ())} - {*value.get("add", ())}) & {*values.get(name, ())}
        elif name != "quantity":
            assert values[name] == value
    status = next((name for name, each in ENTITIES[event.entity_type].fields.items() if _is_status(each.policy)), None)
    if event.fact.move and status:
        assert values[status]


def _is_status(policy: object) -> bool:
    return isinstance(policy, Advance)


def test_a_fleet_at_rest_shows_one_truth() -> None:
    """150 lives of 50 steps, and what they must have met to be worth it."""
    met.clear()
    run_state_machine_as_test(Fleet, settings=settings(max_examples=150, stateful_step_count=50, deadline=None))
    assert {name for name in SOMETIMES if not met[name]} == set(), "never met: the machine has grown narrow"
