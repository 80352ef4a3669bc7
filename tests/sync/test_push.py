"""Taking in batches: one durable verdict for every event, and nothing lost, doubled or blocked."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.judge import judge_for
from domain.people import Role
from infra.memory import MemoryEventLog
from sync import canonical, merge, push, state_codec
from sync.envelope import hash_of, parse
from sync.hybrid_clock import latest_at, stamp
from sync.limits import HELD_PER_ENTITY_MAX
from sync.log import Changes, Wanted
from sync.push import Answer
from tests.devices import ELSEWHERE, NOON, PERSON_1, PERSON_2, Device, new_id, replica_named

TENANT = "01900000-0000-7000-8000-00000000f001"


class Desk:
    """A server without HTTP: the log in memory, and the decision over it."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.log.add_tenant(TENANT)
        self.now_ms = NOON + 3_600_000
        self.authored = 0

    def device(self, name: str, person: str = PERSON_1) -> Device:
        device = Device(name)
        self.mint(device, person)
        return device

    def mint(self, device: Device, person: str = PERSON_1) -> None:
        self.log.mint(TENANT, replica=device.replica, person=person, name=device.replica, now_ms=self.now_ms)

    def push(self, *raws: bytes, role: Role = "dispatcher", actor: str = PERSON_1) -> Answer:
        batch, judge = [push.receive(raw) for raw in raws], judge_for(role)
        return self.log.append(
            TENANT,
            push.wanted(batch, limited_to=actor if judge.is_limited else None),
            lambda known: push.decide(batch, known, judge=judge, actor=actor, now_ms=self.now_ms),
            now_ms=self.now_ms,
        )

    def taken(self, *raws: bytes, role: Role = "dispatcher", actor: str = PERSON_1) -> list[str]:
        answer = self.push(*raws, role=role, actor=actor)
        assert answer.batch == "taken"
        assert [each["seq"] for each in answer.verdicts] == [push.receive(raw).link.seq for raw in raws]
        return [each["verdict"] for each in answer.verdicts]

    @property
    def position(self) -> int:
        return self.log.head(TENANT).position

    def settled(self, device: Device) -> dict[int, str]:
        """What the log says of every seq of a device."""
        span = (device.replica, 1, device.author.seq)
        known = self.log.append(TENANT, Wanted(spans=[span]), lambda known: (Changes(), known), now_ms=0)
        return {seq: each.kind for (_, seq), each in known.by_dot.items()}

    def held(self) -> list[tuple[str, int]]:
        entities = tuple(row.entity for row in self.log._tenant(TENANT).held.values())
        known = self.log.append(TENANT, Wanted(entities=entities), lambda known: (Changes(), known), now_ms=0)
        return [(row.replica, row.seq) for row in known.held]

    def nothing_comes_before_what_it_has_seen(self) -> None:
        """What an event has seen lies before it, its author's earlier ones of its entity too; no number is missing."""
        there = set[tuple[str, int]]()
        last = dict[tuple[str, str], int]()
        for row in self.log.page(TENANT, after=0, limit=10_000):
            event = parse(row.body)
            assert last.get((event.entity, event.replica), 0) < event.seq
            assert there.issuperset(event.clock.items())
            there.add((event.replica, event.seq))
            last[event.entity, event.replica] = event.seq
        for replica in {replica for replica, _ in there}:
            numbers = sorted(seq for each, seq in there if each == replica)
            assert numbers == list(range(1, len(numbers) + 1))

    def states_are_the_fold_of_the_log(self) -> None:
        states: dict[str, merge.State] = {}
        for number, row in enumerate(self.log.page(TENANT, after=0, limit=10_000), 1):
            event = parse(row.body)
            assert row.position == number
            state = merge.apply(states.get(row.entity, merge.empty(row.entity_type)), event, row.effective)
            assert row.version == state.version
            states[row.entity] = state
        assert {entity: state_codec.encode(state) for entity, state in states.items()} == dict(self.log.states(TENANT))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_event_is_accepted_with_its_place_and_stamps(desk: Desk) -> None:
    ada, site = desk.device("ada"), new_id()
    first, second = ada.create("site", site), ada.tell("site", site, "Edited", {"name": "Gate"})
    answer = desk.push(first, second)
    assert (answer.head, answer.epoch) == (2, desk.log.head(TENANT).epoch)
    (one, other) = answer.verdicts
    assert one == {
        "seq": 1,
        "id": parse(first).id,
        "verdict": "accepted",
        "position": 1,
        "version": 1,
        "effective": parse(first).at,
        "conflicts": [],
    }
    assert (other["position"], other["version"]) == (2, 2)
    (row, _) = desk.log.page(TENANT, after=0, limit=9)
    assert (row.actor, row.scope, row.recorded_at_ms, row.body) == (PERSON_1, f"site:{site}", desk.now_ms, first)
    desk.states_are_the_fold_of_the_log()


def test_a10_a_clock_in_the_year_9999_wins_nothing(desk: Desk) -> None:
    ada, ben, site = desk.device("ada"), desk.device("ben"), new_id()
    created = ada.create("site", site)
    ben.see(created)
    desk.taken(created, ada.tell("site", site, "Edited", {"directions": "left"}, now_ms=253_402_300_799_000))
    desk.now_ms += 60_000
    desk.taken(ben.tell("site", site, "Edited", {"directions": "right"}, now_ms=desk.now_ms))
    (_, poisoned, honest) = desk.log.page(TENANT, after=0, limit=9)
    assert poisoned.effective == latest_at(desk.now_ms - 60_000) < honest.effective
    desk.states_are_the_fold_of_the_log()


def test_a11_a_clock_in_1970_is_kept_as_it_is(desk: Desk) -> None:
    raw = desk.device("ada", PERSON_1).tell(
        "site", new_id(), "Created", {"customer_id": ELSEWHERE, "name": "x"}, now_ms=5
    )
    assert desk.taken(raw) == ["accepted"]
    assert desk.log.page(TENANT, after=0, limit=1)[0].effective == stamp(5)


def test_a2_what_is_sent_again_is_a_duplicate_with_its_first_position(desk: Desk) -> None:
    ada = desk.device("ada")
    raws = [ada.create("site", new_id()) for _ in range(3)]
    assert desk.taken(*raws) == ["accepted"] * 3
    for again in (raws, raws[:1], raws[2:], raws[1:]):
        answer = desk.push(*again)
        assert [each["verdict"] for each in answer.verdicts] == ["duplicate"] * len(again)
        assert [each["position"] for each in answer.verdicts] == [parse(raw).seq for raw in again]
    assert desk.taken(*raws[1:], ada.create("site", new_id())) == ["duplicate", "duplicate", "accepted"]
    assert desk.position == 4


def test_a3_a_gap_is_named_and_nothing_of_it_is_stored(desk: Desk) -> None:
    ada = desk.device("ada")
    raws = [ada.create("site", new_id()) for _ in range(5)]
    assert (desk.push(raws[1]).batch, desk.push(raws[1]).expected) == ("gap", 1)
    desk.push(raws[0])
    for batch, expected in ((raws[2:], 2), ([raws[1], raws[3]], 3), ([raws[1], raws[2], raws[1]], 4)):
        answer = desk.push(*batch)
        assert (answer.batch, answer.expected, answer.verdicts) == ("gap", expected, ())
    assert desk.position == 1
    assert desk.taken(*raws) == ["duplicate", *["accepted"] * 4]


def test_a3_a_batch_that_names_a_far_seq_makes_nobody_read_that_far() -> None:
    ada = Device("ada")
    raws = [ada.create("site", new_id()) for _ in range(3)]
    batch = [push.receive(raw) for raw in (raws[0], raws[2])]
    assert push.wanted(batch).spans == [(ada.replica, 1, 2)]


def in_seven_batches() -> tuple[Sequence[Device], Sequence[Sequence[bytes]]]:
    """What two replicas wrote, four batches and three, where each has seen what the other did before."""
    ada, ben, site, door = Device("ada"), Device("ben"), new_id(), new_id()
    batches = [[ada.create("site", site)], [ada.tell("site", site, "Edited", {"name": "A1"})]]
    ben.see(*batches[0])
    batches.append([ben.tell("site", site, "Edited", {"name": "B1"}), ben.create("site", door)])
    ada.see(*batches[2])
    batches.append([ada.tell("site", door, "Edited", {"name": "A2"})])
    batches.append([ada.tell("site", site, "Edited", {"name": "A3"}), ada.create("site", new_id())])
    ben.see(*batches[1], *batches[3], *batches[4])
    batches.append([ben.tell("site", door, "Edited", {"name": "B2"})])
    batches.append([ben.tell("site", site, "Edited", {"directions": "left"})])
    return (ada, ben), batches


def test_a3_law_seven_batches_of_two_replicas_in_all_5040_orders_end_alike_and_never_leave_a_hole() -> None:
    devices, batches = in_seven_batches()
    ends, gaps, held = set[str](), 0, 0
    for order in permutations(range(len(batches))):
        desk = Desk()
        for device in devices:
            desk.mint(device)
        waiting = list(order)
        while waiting:
            answers = {each: desk.push(*batches[each]) for each in waiting}
            gaps += sum(answer.batch == "gap" for answer in answers.values())
            held += sum(each["verdict"] == "held" for answer in answers.values() for each in answer.verdicts)
            left = [each for each in waiting if answers[each].batch == "gap"]
            assert len(left) < len(waiting), "whatever follows is taken"
            waiting = left
        desk.nothing_comes_before_what_it_has_seen()
        assert desk.position == sum(map(len, batches))
        assert desk.held() == []
        ends.add(state_codec.state_hash(desk.log.states(TENANT)))
    assert len(ends) == 1
    assert gaps > 5_040
    assert held > 5_040


def test_a4_a_seq_with_other_content_is_a_fork_and_names_what_is_here(desk: Desk) -> None:
    ada, clone = desk.device("ada"), Device("ada")
    ours, theirs = [ada.create("site", new_id()) for _ in range(3)], [clone.create("site", new_id()) for _ in range(3)]
    desk.taken(*ours)
    for batch, seq in ((theirs, 1), ([*ours[:2], theirs[2]], 3), (theirs[2:], 3), (theirs[1:2], 2)):
        answer = desk.push(*batch)
        assert (answer.batch, answer.seq, answer.verdicts) == ("forked", seq, ())
        assert answer.hash == hash_of(ours[seq - 1])
    assert desk.position == 3


def test_a5_a_cloned_device_that_goes_on_is_a_fork_and_its_tail_is_taken_under_a_new_name(desk: Desk) -> None:
    ada, clone = desk.device("ada"), Device("ada")
    site = new_id()
    common = ada.create("site", site)
    clone.author, clone.clocks = ada.author, {site: dict(ada.clocks[site])}
    ours, theirs = (each.tell("site", site, "Edited", {"name": name}) for each, name in ((ada, "A"), (clone, "B")))
    on = clone.tell("site", site, "Edited", {"directions": "left"})
    desk.taken(common, ours)
    answer = desk.push(on)
    assert (answer.batch, answer.seq, answer.hash) == ("forked", 3, hash_of(ours))
    fresh = desk.device("fresh")
    fresh.see(common)
    again = [
        fresh.tell("site", site, "Edited", parse(raw).data, event_id=parse(raw).id) for raw in (common, theirs, on)[1:]
    ]
    assert desk.taken(*again) == ["accepted", "accepted"]
    desk.states_are_the_fold_of_the_log()


def test_a5_what_the_twin_handed_in_already_is_known_by_its_id(desk: Desk) -> None:
    ada, fresh, site = desk.device("ada"), desk.device("fresh"), new_id()
    raw = ada.create("site", site)
    desk.taken(raw)
    twin = fresh.retell(raw)
    after = fresh.create("site", new_id())
    assert desk.taken(twin) == ["duplicate"]
    assert desk.taken(twin) == ["duplicate"]
    assert desk.taken(twin, after) == ["duplicate", "accepted"]
    assert desk.taken(twin, after) == ["duplicate", "duplicate"]
    assert desk.position == 2


def test_a4_a_seq_that_a_twin_used_up_does_not_take_other_content(desk: Desk) -> None:
    """No 500 and no silent duplicate: nothing lies under that seq, so only its id says whether it is the same."""
    ada, fresh, clone, site = desk.device("ada"), desk.device("fresh"), Device("fresh"), new_id()
    raw = ada.create("site", site)
    twin = fresh.retell(raw)
    desk.taken(raw)
    desk.taken(twin)
    other = [clone.create("site", new_id()), clone.create("site", new_id())]
    assert (desk.push(other[0]).batch, desk.push(*other).batch) == ("forked", "forked")
    desk.taken(fresh.create("site", new_id()))
    assert (desk.push(other[0]).batch, desk.push(*other).batch) == ("forked", "forked")


def test_a6_a_device_that_was_rolled_back_is_told_so_and_what_it_wrote_since_is_taken_under_a_new_name(
    desk: Desk,
) -> None:
    ada, fresh = desk.device("ada"), desk.device("fresh")
    first, backup = ada.create("site", new_id()), ada.author
    sent = [ada.create("site", new_id()) for _ in range(2)]
    desk.taken(first, *sent)
    ada.author = backup
    since = [ada.create("site", new_id()) for _ in range(4)]
    for batch, seq in ((since, 2), (since[1:], 3), (since[:1], 2)):
        answer = desk.push(*batch)
        assert (answer.batch, answer.seq, answer.hash) == ("forked", seq, hash_of(sent[seq - 2]))
    answer = desk.push(*since[2:])  # these numbers are free, but they do not follow what is here
    assert (answer.batch, answer.seq, answer.hash) == ("forked", 4, hash_of(sent[1]))
    written = [parse(raw) for raw in since]
    anew = [fresh.tell("site", each.entity, "Created", each.data, event_id=each.id) for each in written]
    assert desk.taken(*anew) == ["accepted"] * 4
    assert {row.id for row in desk.log.page(TENANT, after=0, limit=99)} == {
        *(parse(raw).id for raw in (first, *sent)),
        *(each.id for each in written),
    }


ELSEWISE: dict[str, Any] = {
    "id": "01900000-0000-7000-9000-00000000dddd",
    "replica": replica_named("ben"),
    "entity": {"id": ELSEWHERE, "type": "site"},
    "type": "Archived",
    "v": 2,
    "clock": {},
    "at": stamp(NOON),
    "seen": 7,
    "data": {"name": "Another gate"},
    "prev": "cd" * 32,
    "reason": "said by somebody else",
    "tx": {"id": ELSEWHERE, "i": 1, "n": 1},
}


@pytest.mark.parametrize("member", sorted(ELSEWISE))
def test_a14_an_event_of_which_anything_was_changed_is_another_event_and_a_fork(desk: Desk, member: str) -> None:
    ada, ben, site = desk.device("ada"), desk.device("ben"), new_id()
    raws = [ada.create("site", site), ada.tell("site", site, "Edited", {"name": "Gate"})]
    desk.taken(*raws)
    desk.taken(ben.create("site", new_id()))
    changed = {**orjson.loads(raws[1]), member: ELSEWISE[member]}
    assert changed != orjson.loads(raws[1])
    for seq in (2, 3):  # in its own place, and after it
        answer = desk.push(canonical.dumps({**changed, "seq": seq}))
        expected = "gap" if (member, seq) == ("replica", 3) else "forked"
        assert (answer.batch, answer.verdicts) == (expected, ())
    assert desk.position == 3


@given(st.permutations(range(4)))
def test_a13_law_what_was_set_aside_stays_so_in_whatever_order_and_by_whomever_it_is_sent_again(
    order: Sequence[int],
) -> None:
    desk = Desk()
    ada, work_order = desk.device("ada"), new_id()
    raws = [
        ada.create("work_order", work_order),
        ada.tell("work_order", work_order, "WorkOrderApproved"),
        ada.hand_made(data={}),
        ada.tell("site", ELSEWHERE, "Edited", {"name": "Gate"}),
    ]
    verdicts = desk.push(*raws).verdicts
    assert [each.get("code") for each in verdicts] == [None, "not_allowed", "bad_data", "unknown_entity"]
    for number in order:
        again = desk.push(raws[number], role="supervisor").verdicts  # who might have told it in the first place
        assert again[0] == verdicts[number] or (again[0]["verdict"], again[0]["position"]) == ("duplicate", 1)
    assert desk.position == 1


def test_an_answer_that_was_decided_ahead_moves_by_what_came_between(desk: Desk) -> None:
    ada = desk.device("ada")
    known, new = ada.create("site", new_id()), ada.create("site", new_id())
    again = ada.retell(new)
    desk.push(known)
    answer = push.moved(desk.push(known, new, again, ada.hand_made(data={})), 5)
    assert [each.get("position") for each in answer.verdicts] == [1, 7, 7, None]
    assert answer.head == 7


def test_an_event_that_is_told_twice_in_a_batch_is_taken_once(desk: Desk) -> None:
    ada, site = desk.device("ada"), new_id()
    raw = ada.create("site", site)
    again = ada.retell(raw)
    assert desk.taken(raw, again) == ["accepted", "duplicate"]


def test_b12_no_more_than_so_many_wait_on_one_entity_for_a_newer_server(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.desk.HELD_PER_ENTITY_MAX", 2)
    ada, site = desk.device("ada"), new_id()
    about = {"type": "site", "id": site}
    told = [desk.taken(ada.hand_made(type="SiteExploded", entity=about))[0] for _ in range(3)]
    assert told == ["held", "held", "quarantined"]
    assert desk.taken(ada.create("site", site)) == ["quarantined"], "it would wait too"
    assert desk.taken(ada.create("site", new_id())) == ["accepted"]


POISON: dict[str, Any] = {
    "bad_data": {"data": {"nonsense": True}},
    "bad_number": {"data": {"name": 1.5}},
    "bad_key": {"data": {"__proto__": 1}},
    "bad_text": {"data": {"name": "a\x00b"}},
    "not_json": {"data": {"name": float("nan")}},
    "bad_envelope": {"entity": 7},
    "bad_clock": {"clock": {replica_named("ben"): -1}},
    "too_deep": {"data": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]},
}


@pytest.mark.parametrize("code", sorted(POISON))
def test_b14_a_poisoned_event_uses_up_its_seq_and_blocks_nobody(desk: Desk, code: str) -> None:
    ada = desk.device("ada")
    before, poison, after = (
        ada.create("site", new_id()),
        ada.hand_made(**POISON[code]),
        ada.create("site", new_id()),
    )
    answer = desk.push(before, poison, after)
    assert [each["verdict"] for each in answer.verdicts] == ["accepted", "quarantined", "accepted"]
    assert answer.verdicts[1]["code"] == code
    assert answer.verdicts[1]["case"] == f"{ada.replica}-2"
    again = desk.push(before, poison, after)
    assert again.verdicts[1] == answer.verdicts[1]
    assert desk.settled(ada) == {1: "accepted", 2: "quarantined", 3: "accepted"}
    assert (desk.position, desk.taken(ada.create("site", new_id()))) == (2, ["accepted"])


def test_what_follows_a_quarantined_event_of_its_entity_is_judged_on_its_own(desk: Desk) -> None:
    ada, site = desk.device("ada"), new_id()
    poison = ada.tell("site", site, "Created", {"nonsense": 1})
    edited = ada.tell("site", site, "Edited", {"name": "Gate"})
    answer = desk.push(poison, edited)
    assert [each["code"] for each in answer.verdicts] == ["bad_data", "unknown_entity"]
    assert [each["retryable"] for each in answer.verdicts] == [False, True]


@pytest.mark.parametrize(
    ("entity_type", "event_type", "data", "code"),
    [
        ("site", "Created", {"customer_id": ELSEWHERE, "name": "x"}, "already_created"),
        ("customer", "Edited", {"name": "x"}, "other_entity_type"),
    ],
)
def test_an_entity_is_created_once_and_stays_what_it_is(
    desk: Desk, entity_type: str, event_type: str, data: dict[str, Any], code: str
) -> None:
    ada, site = desk.device("ada"), new_id()
    raws = [ada.create("site", site), ada.tell(entity_type, site, event_type, data)]
    assert desk.push(*raws).verdicts[1]["code"] == code


def test_c7_who_may_not_tell_it_is_quarantined_not_dropped(desk: Desk) -> None:
    ada, work_order = desk.device("ada"), new_id()
    raws = [ada.create("work_order", work_order), ada.tell("work_order", work_order, "WorkOrderApproved")]
    answer = desk.push(*raws, role="technician")
    assert answer.verdicts[1]["code"] == "not_allowed"
    assert desk.settled(ada) == {1: "accepted", 2: "quarantined"}


def test_a_move_its_author_knew_to_be_impossible_is_quarantined_and_a_concurrent_one_is_not(desk: Desk) -> None:
    ada, ben, work_order = desk.device("ada"), desk.device("ben"), new_id()
    created = ada.create("work_order", work_order)
    ben.see(created)
    desk.taken(created, ada.tell("work_order", work_order, "WorkOrderCancelled", {"cancel_reason": "twice"}))
    assert desk.push(ada.tell("work_order", work_order, "WorkOrderApproved")).verdicts[0]["code"] == "not_allowed"
    started = desk.push(ada.tell("work_order", work_order, "WorkOrderStarted"))
    assert started.verdicts[0]["code"] == "illegal_move"
    opened = desk.push(ben.tell("work_order", work_order, "WorkOrderCompleted", {"outcome": "resolved"}))
    assert (opened.verdicts[0]["verdict"], opened.verdicts[0]["conflicts"]) == ("accepted", ["status"])


def test_a_clock_that_claims_to_have_seen_itself_is_refused(desk: Desk) -> None:
    ada, site = desk.device("ada"), new_id()
    raws = [ada.create("site", site), ada.tell("site", site, "Edited", {"name": "x"}, clock={ada.replica: 1})]
    raws[1] = raws[1].replace(b'"clock":{"%b":1}' % ada.replica.encode(), b'"clock":{"%b":2}' % ada.replica.encode())
    assert desk.push(*raws).verdicts[1]["code"] == "bad_clock"


def test_a9_a_clock_that_names_what_nobody_has_is_held_alike_for_every_name(desk: Desk) -> None:
    ada, ben, site = desk.device("ada"), desk.device("ben"), new_id()
    raws = [ada.create("site", site)]
    strangers = (replica_named("nobody"), ben.replica)
    raws += [ada.tell("site", site, "Edited", {"name": "x"}, clock={each: 7}) for each in strangers]
    answer = desk.push(*raws)
    assert [each["verdict"] for each in answer.verdicts] == ["accepted", "held", "held"]
    assert [strangers[0], 7] in answer.verdicts[1]["missing"]
    assert [strangers[1], 7] in answer.verdicts[2]["missing"]


def three(desk: Desk) -> tuple[Device, Device, Device]:
    return desk.device("ada"), desk.device("ben"), desk.device("eve")


def test_a_held_event_is_accepted_by_itself_when_what_it_waits_for_arrives(desk: Desk) -> None:
    ada, ben, _ = three(desk)
    site, other = new_id(), new_id()
    created, edited = ada.create("site", site), ada.tell("site", site, "Edited", {"name": "A"})
    desk.taken(created)
    ben.see(created, edited)
    late, elsewhere = ben.tell("site", site, "Edited", {"name": "B"}), ben.create("site", other)
    after = ben.tell("site", site, "Edited", {"directions": "left"})
    assert desk.taken(late, elsewhere, after) == ["held", "accepted", "held"]
    assert desk.taken(late, elsewhere, after) == ["held", "duplicate", "held"]
    assert desk.taken(edited) == ["accepted"]
    assert [row.id for row in desk.log.page(TENANT, after=2, limit=9)] == [
        parse(each).id for each in (edited, late, after)
    ]
    assert desk.taken(late, elsewhere, after) == ["duplicate"] * 3
    assert desk.held() == []
    desk.states_are_the_fold_of_the_log()


def test_a_held_event_waits_for_everything_it_has_seen_whoever_brings_the_last(desk: Desk) -> None:
    """What eve handed in long ago counts when ben's arrival lets ada's event go, though ben names only himself."""
    ada, ben, eve = three(desk)
    site = new_id()
    created = eve.create("site", site)
    ben.see(created)
    edited = ben.tell("site", site, "Edited", {"name": "B"})
    ada.see(created, edited)
    late = ada.tell("site", site, "Edited", {"directions": "left"})
    desk.taken(created)
    assert desk.taken(late) == ["held"]
    assert desk.taken(ben.spoilt(edited, clock={})) == ["accepted"]
    assert desk.settled(ada) == {1: "accepted"}


def test_what_its_author_had_seen_last_is_here_and_is_not_waited_for(desk: Desk) -> None:
    ada, ben, _ = three(desk)
    site = new_id()
    created = ada.create("site", site)
    ben.see(created)
    assert desk.taken(created) == ["accepted"]
    assert desk.taken(ben.tell("site", site, "Edited", {"name": "B"})) == ["accepted"]


def test_who_had_seen_a_held_event_waits_with_it_and_who_tells_on_after_one_does_too(desk: Desk) -> None:
    ada, ben, eve = three(desk)
    site, other = new_id(), new_id()
    created = ada.create("site", site)
    desk.taken(created)
    ben.see(created)
    ben.clocks[site][eve.replica] = 1
    waiting = ben.tell("site", site, "Edited", {"name": "B"})
    ada.see(waiting)
    ada.clocks[site].pop(eve.replica)
    after = ben.tell("site", site, "Edited", {"directions": "left"}, clock={ada.replica: 1})
    (held, follows, elsewhere) = desk.push(waiting, after, ben.create("site", other)).verdicts
    assert (held["missing"], follows["missing"]) == ([[eve.replica, 1]], [[ben.replica, 1]])
    assert elsewhere["verdict"] == "accepted"
    (saw,) = desk.push(ada.tell("site", site, "Edited", {"name": "A"})).verdicts
    assert (saw["verdict"], saw["missing"]) == ("held", [[ben.replica, 1]])
    assert desk.taken(eve.create("site", new_id())) == ["accepted"]
    assert [row.seq for row in desk.log.page(TENANT, after=0, limit=9) if row.entity == site] == [1, 1, 2, 2]
    assert desk.held() == []
    desk.states_are_the_fold_of_the_log()


def test_a_held_event_that_waits_for_two_is_let_go_by_the_second(desk: Desk) -> None:
    ada, ben, eve = three(desk)
    site = new_id()
    created = ada.create("site", site)
    desk.taken(created)
    ben.see(created)
    eve.see(created)
    sides = ben.tell("site", site, "Edited", {"name": "B"}), eve.tell("site", site, "Edited", {"name": "E"})
    ada.see(*sides)
    assert desk.taken(ada.tell("site", site, "Edited", {"name": "A"})) == ["held"]
    assert desk.taken(sides[0]) == ["accepted"]
    assert desk.settled(ada)[2] == "held"
    assert desk.taken(sides[1]) == ["accepted"]
    assert desk.settled(ada)[2] == "accepted"
    desk.states_are_the_fold_of_the_log()


@pytest.mark.parametrize("arrival", ["quarantined", "quarantined with others", "duplicate", "about something else"])
def test_a_held_event_is_let_go_however_what_it_waits_for_was_settled(desk: Desk, arrival: str) -> None:
    """A quarantined event counts as known, so what was written after it is judged on its own, not held for ever."""
    ada, ben, eve = three(desk)
    site = new_id()
    created = eve.create("site", site)
    desk.taken(created)
    ada.see(created)
    ada.clocks[site][ben.replica] = 1
    assert desk.taken(ada.tell("site", site, "Edited", {"name": "A"})) == ["held"]
    match arrival:
        case "quarantined":
            assert desk.taken(ben.hand_made(entity=7)) == ["quarantined"]
        case "quarantined with others":
            assert desk.taken(ben.tell("site", site, "Edited", {"name": "B"}, tx=tx(2)[0])) == ["quarantined"]
        case "duplicate":
            twin = ben.retell(created)
            assert desk.taken(twin) == ["duplicate"]
        case _:
            assert desk.taken(ben.create("customer", new_id())) == ["accepted"]
    assert desk.settled(ada) == {1: "accepted"}
    assert desk.held() == []
    desk.states_are_the_fold_of_the_log()


def test_a13_a_held_event_is_judged_by_who_handed_it_in_not_by_who_lets_it_go(desk: Desk) -> None:
    ada, ben, eve = three(desk)
    work_order = new_id()
    created, edited = eve.create("work_order", work_order), eve.tell("work_order", work_order, "Edited", {"title": "x"})
    desk.taken(created)
    for device in (ada, ben):
        device.see(created, edited)
    cancelled = ada.tell("work_order", work_order, "WorkOrderCancelled", {"cancel_reason": "twice"})
    reopened = ben.tell("work_order", work_order, "WorkOrderReopened", {"reopen_reason": "no"})
    assert desk.taken(cancelled, role="dispatcher", actor=PERSON_1) == ["held"]
    assert desk.taken(reopened, role="integration", actor=PERSON_2) == ["quarantined"]
    assert desk.taken(edited, role="integration", actor=PERSON_2) == ["accepted"]
    assert desk.settled(ada) == {1: "accepted"}
    assert [row.actor for row in desk.log.page(TENANT, after=0, limit=9)] == [PERSON_1, PERSON_2, PERSON_1]


def test_a_held_event_that_is_refused_in_its_turn_is_set_aside_in_its_author_s_name(desk: Desk) -> None:
    ada, ben, _ = three(desk)
    site = new_id()
    created = ben.create("site", site)
    ada.see(created)
    assert desk.taken(ada.create("site", site), actor=PERSON_1) == ["held"]
    assert desk.taken(created, actor=PERSON_2) == ["accepted"]
    row = desk.log._tenant(TENANT).cases[ada.replica, 1].aside
    assert (row.code, row.actor) == ("already_created", PERSON_1)
    assert desk.settled(ada) == {1: "quarantined"}
    assert desk.taken(ada.create("site", new_id())) == ["accepted"]


def test_only_so_many_events_wait_on_one_entity(desk: Desk) -> None:
    ada, ben, site = desk.device("ada"), desk.device("ben"), new_id()
    desk.taken(ada.create("site", site))
    ada.clocks[site][ben.replica] = 1
    for _ in range(HELD_PER_ENTITY_MAX // 500):
        raws = [ada.tell("site", site, "Edited", {"directions": "x"}) for _ in range(500)]
        assert set(desk.taken(*raws)) == {"held"}
    (verdict,) = desk.push(ada.tell("site", site, "Edited", {"directions": "x"})).verdicts
    assert (verdict["verdict"], verdict["code"], verdict["retryable"]) == ("quarantined", "too_many_held", True)
    desk.taken(ben.create("site", new_id()))
    assert (desk.position, desk.held()) == (HELD_PER_ENTITY_MAX + 2, [])


def tx(count: int) -> list[Any]:
    name = new_id()
    return [{"id": name, "i": i, "n": count} for i in range(1, count + 1)]


def test_events_that_stand_together_are_accepted_together(desk: Desk) -> None:
    ada = desk.device("ada")
    raws = [ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=each) for each in tx(3)]
    assert desk.taken(*raws) == ["accepted"] * 3
    assert desk.taken(*raws) == ["duplicate"] * 3


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_events_that_stand_together_fall_together(desk: Desk, broken: int) -> None:
    ada, before, after = desk.device("ada"), new_id(), new_id()
    types = ["Created"] * 3
    types[broken] = "Edited"
    first = ada.create("customer", before)
    raws = [
        ada.tell("customer", new_id(), kind, {"name": "x"}, tx=each) for kind, each in zip(types, tx(3), strict=True)
    ]
    last = ada.create("customer", after)
    answer = desk.push(first, *raws, last)
    assert [each["verdict"] for each in answer.verdicts] == ["accepted", *["quarantined"] * 3, "accepted"]
    assert {each["code"] for each in answer.verdicts[1:4]} == {"tx_broken"}
    assert [entity for entity, _ in desk.log.states(TENANT)] == [before, after]
    assert desk.push(first, *raws, last).verdicts[1:4] == answer.verdicts[1:4]
    desk.states_are_the_fold_of_the_log()


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_events_of_which_one_is_missing_do_not_stand(desk: Desk, missing: int) -> None:
    ada = desk.device("ada")
    members = [each for number, each in enumerate(tx(3)) if number != missing]
    answer = desk.push(*(ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=each) for each in members))
    assert [each["code"] for each in answer.verdicts] == ["tx_incomplete"] * 2
    assert desk.position == 0


def test_events_that_stand_together_and_were_torn_apart_by_two_batches_do_not_stand(desk: Desk) -> None:
    ada = desk.device("ada")
    raws = [ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=each) for each in tx(3)]
    assert desk.taken(raws[0]) == ["quarantined"]
    answer = desk.push(*raws)
    assert [each["code"] for each in answer.verdicts] == ["tx_incomplete"] * 3
    assert desk.taken(ada.create("customer", new_id())) == ["accepted"]


def test_a_poisoned_event_breaks_what_stood_with_it(desk: Desk) -> None:
    ada = desk.device("ada")
    members = tx(3)
    first = ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=members[0])
    poison = ada.spoilt(ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=members[1]), data={"a": 1})
    last = ada.tell("customer", new_id(), "Created", {"name": "x"}, tx=members[2])
    answer = desk.push(first, poison, last)
    assert [each["code"] for each in answer.verdicts] == ["tx_incomplete", "bad_data", "tx_incomplete"]
    assert desk.position == 0


WHAT_HAPPENS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["edit", "poison", "create", "unseen", "hear", "push", "push again"])),
    min_size=5,
    max_size=40,
)


@given(WHAT_HAPPENS)
def test_law_authored_is_accepted_and_quarantined_and_held(happening: list[tuple[int, str]]) -> None:
    desk = Desk()
    fleet = three(desk)
    site = new_id()
    desk.push(created := fleet[0].create("site", site))
    for device in fleet[1:]:
        device.see(created)
    written: list[list[bytes]] = [[created], [], []]
    sent = [1, 0, 0]
    for number, what in [*happening, (0, "push"), (1, "push"), (2, "push")]:
        device = fleet[number]
        match what:
            case "edit":
                written[number].append(device.tell("site", site, "Edited", {"name": f"by {number}"}))
            case "poison":
                written[number].append(device.hand_made(data={"nonsense": 1}))
            case "create":
                written[number].append(device.create("customer", new_id()))
            case "unseen":
                device.clocks[site][fleet[number - 1].replica] = fleet[number - 1].author.seq + 1
            case "hear":
                device.see(*(each.body for each in desk.log.page(TENANT, after=0, limit=999) if each.entity == site))
            case "push" if written[number][sent[number] :]:
                desk.taken(*written[number][sent[number] :])
                sent[number] = len(written[number])
            case "push again" if sent[number]:
                desk.taken(*written[number][: sent[number]])
            case _:
                pass
    authored = sum(map(len, written))
    settled = [kind for device in fleet for kind in desk.settled(device).values()]
    assert len(settled) == authored
    assert settled.count("accepted") == desk.position
    assert settled.count("held") == len(desk.held())
    desk.states_are_the_fold_of_the_log()
