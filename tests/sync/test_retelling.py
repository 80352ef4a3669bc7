"""An id ends once: in the log or as a case, whichever came first, under whatever name it is told again."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from commands.judge import judge_for
from domain.people import Role
from sync import canonical
from sync.envelope import parse
from sync.log import Changes, Known
from sync.read_again import Readable, read_again, wanted
from sync.retelling import says_the_same
from sync.rows import LaterRow
from tests.devices import Device, new_id
from tests.sync.test_push import TENANT, Desk, tx

GATE = {"name": "Gate"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def ada(desk: Desk) -> Device:
    return desk.device("ada")


@pytest.fixture
def fresh(desk: Desk) -> Device:
    """Ada's device under the name that it has since it mended a fork."""
    return desk.device("fresh")


def ends(desk: Desk) -> dict[str, list[str]]:
    """By id, every place where the server has it."""
    found: dict[str, list[str]] = {}
    for row in desk.log.page(TENANT, after=0, limit=99):
        found.setdefault(row.id, []).append("accepted")
    for case in desk.log._tenant(TENANT).cases.values():
        if case.state not in {"approved", "retried"}:
            found.setdefault(case.aside.id or "?", []).append(case.aside.code)
    return found


def test_a5_what_was_set_aside_stays_so_when_a_clone_tells_it_in_better_days(
    desk: Desk, ada: Device, fresh: Device
) -> None:
    site = new_id()
    raw = ada.tell("site", site, "Edited", GATE)
    (aside,) = desk.push(raw).verdicts
    assert aside["code"] == "unknown_entity"
    assert desk.taken(desk.device("ben").create("site", site)) == ["accepted"]
    copy, after = fresh.retell(raw), fresh.create("site", new_id())
    for _ in range(2):
        (again,) = desk.push(copy).verdicts
        assert again == {**aside, "seq": 1}
    assert desk.taken(copy, after) == ["quarantined", "accepted"]
    assert ends(desk)[parse(raw).id] == ["unknown_entity"]


@pytest.mark.parametrize("role", ["analyst", "technician"])
def test_a5_what_was_accepted_stays_so_when_a_clone_may_not_tell_it_any_more(
    desk: Desk, ada: Device, fresh: Device, role: Role
) -> None:
    raw = ada.create("customer", new_id())
    assert desk.taken(raw) == ["accepted"]
    assert desk.taken(fresh.retell(raw), role=role) == ["duplicate"]
    assert ends(desk) == {parse(raw).id: ["accepted"]}


def together(device: Device, *types: str) -> list[bytes]:
    members = zip(types, tx(len(types)), strict=True)
    return [device.tell("customer", new_id(), kind, {"name": "x"}, tx=each) for kind, each in members]


@pytest.mark.parametrize("missing", [0, 1])
def test_a5_what_fell_together_lies_in_one_place_when_a_clone_tells_it(
    desk: Desk, ada: Device, fresh: Device, missing: int
) -> None:
    raws = together(ada, "Created", "Edited", "Created")[: 3 - missing]
    told = desk.push(*raws).verdicts
    again = desk.push(*(fresh.retell(raw) for raw in raws)).verdicts
    assert [each["case"] for each in again] == [each["case"] for each in told]
    assert {tuple(places) for places in ends(desk).values()} == {("tx_incomplete",) if missing else ("tx_broken",)}


def test_of_what_fell_together_one_that_a_person_took_in_is_no_case_again(
    desk: Desk, ada: Device, fresh: Device
) -> None:
    raws = together(ada, "Created", "Edited")
    desk.push(*raws)
    alone = parse(raws[0])
    tenant = desk.log._tenant(TENANT)
    desk.taken(desk.device("ben").create("customer", alone.entity))
    (row,) = tenant.events
    tenant.events[0] = row._replace(id=alone.id, replica=ada.replica, seq=1, body=raws[0])
    tenant.cases[ada.replica, 1] = tenant.cases[ada.replica, 1]._replace(state="approved")
    again = desk.push(*map(fresh.retell, raws)).verdicts
    assert [each["verdict"] for each in again] == ["duplicate", "quarantined"]
    assert ends(desk) == {alone.id: ["accepted"], parse(raws[1]).id: ["tx_broken"]}


@pytest.mark.parametrize("first", ["accepted", "held", "quarantined"])
@pytest.mark.parametrize("times", [1, 2])
def test_a4_who_says_something_else_under_a_known_id_is_heard_by_a_person(
    desk: Desk, ada: Device, fresh: Device, first: str, times: int
) -> None:
    site = new_id()
    desk.taken(ada.create("site", site))
    clock = {desk.device("eve").replica: 9} if first == "held" else None
    raw = ada.tell("site", site if first != "quarantined" else new_id(), "Edited", GATE, clock=clock)
    assert desk.taken(raw) == [first]
    name = parse(raw).id
    words = [canonical.dumps(orjson.loads(raw) | {"data": {"name": f"Wall {n}"}}) for n in range(times)]
    others = [fresh.retell(each) for each in words]
    verdicts = desk.push(*others).verdicts
    assert [(each["code"], each["retryable"]) for each in verdicts] == [("id_taken", False)] * times
    assert desk.push(*others).verdicts == verdicts
    assert [case.aside.body for case in desk.log._tenant(TENANT).cases.values()][-times:] == others
    same = desk.taken(fresh.retell(raw))
    assert same == ["duplicate" if first == "accepted" else first], "what came first is what it is settled by"
    assert [places.count("id_taken") for places in ends(desk).values() if "id_taken" in places] == [times]
    assert ends(desk)[name][0] == {"held": "id_taken", "quarantined": "unknown_entity"}.get(first, first)


def test_a4_of_two_contents_of_one_id_in_one_batch_the_first_is_taken(desk: Desk, ada: Device) -> None:
    raw = ada.create("site", new_id())
    other = ada.retell(canonical.dumps(orjson.loads(raw) | {"reason": "said otherwise"}))
    poison = ada.spoilt(ada.retell(raw), data=7)
    assert [each.get("code") for each in desk.push(raw, other, poison).verdicts] == [None, "id_taken", "id_taken"]
    assert ends(desk) == {parse(raw).id: ["accepted", "id_taken", "id_taken"]}


def test_a_poisoned_event_that_a_clone_tells_again_is_one_case(desk: Desk, ada: Device, fresh: Device) -> None:
    raw = ada.spoilt(ada.create("site", new_id()), data={"nonsense": True})
    (aside,) = desk.push(raw).verdicts
    (again,) = desk.push(fresh.retell(raw)).verdicts
    assert (aside["code"], again["case"]) == ("bad_data", aside["case"])
    assert [*ends(desk).values()] == [["bad_data"]]


@pytest.mark.parametrize(
    "decided", [{"verdict": "dismissed", "reason": "told twice"}, {"verdict": "resubmitted", "resubmitted_as": "x"}]
)
def test_whoever_tells_again_what_somebody_has_decided_about_is_told_so(
    desk: Desk, ada: Device, fresh: Device, decided: dict[str, Any]
) -> None:
    raw = ada.tell("site", new_id(), "Edited", GATE)
    desk.push(raw)
    tenant = desk.log._tenant(TENANT)
    tenant.later.append(LaterRow(ada.replica, 1, parse(raw).id, 0, {"seq": 1, "id": parse(raw).id, **decided}))
    tenant.cases[ada.replica, 1] = tenant.cases[ada.replica, 1]._replace(state=decided["verdict"])
    after = fresh.create("site", new_id())
    for seq, told in ((1, raw), (2, fresh.retell(raw))):
        (again,) = desk.push(*([after, told] if seq == 2 else [told])).verdicts[-1:]
        assert again == {"seq": seq, "id": parse(raw).id, **decided}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (lambda it: it | {"seq": 9, "replica": "r" + "b" * 12, "prev": "ab" * 32, "clock": {"r" + "b" * 12: 3}}, True),
        (lambda it: it | {"seen": 9}, False),
        (lambda it: it | {"at": "0" * 16}, False),
        (lambda it: it | {"v": 2}, False),
        (lambda it: it | {"reason": "x"}, False),
        (lambda it: [it], False),
    ],
)
def test_two_events_say_the_same_if_a_fork_might_have_made_one_of_the_other(
    ada: Device, change: Callable[[Any], Any], is_same: bool
) -> None:
    raw = ada.create("site", new_id())
    assert says_the_same(raw, raw)
    assert says_the_same(raw, canonical.dumps(change(orjson.loads(raw)))) is is_same
    assert not says_the_same(raw, raw[:-1])
    assert says_the_same(b"\xff", b"\xff")
    assert not says_the_same(b"\xff", b"\xfe")


def test_a5_what_comes_after_an_event_that_waits_waits_under_every_name_it_was_told_by(
    desk: Desk, ada: Device, fresh: Device
) -> None:
    ben, eve, site = desk.device("ben"), desk.device("eve"), new_id()
    created, unseen = ben.create("site", site), ben.tell("site", site, "Edited", {"name": "B"})
    desk.taken(created)
    ada.see(created, unseen)
    waiting = ada.tell("site", site, "Edited", GATE)
    assert desk.taken(waiting) == ["held"]
    retold = fresh.retell(waiting, clock={})
    after = fresh.tell("site", site, "Edited", {"directions": "left"}, clock={})
    assert desk.taken(retold, after) == ["held", "held"]
    assert desk.taken(retold, after) == ["held", "held"]
    saw = eve.tell("site", site, "Edited", {"directions": "right"}, clock={fresh.replica: 1})
    assert desk.taken(saw) == ["held"]
    assert desk.taken(unseen) == ["accepted"]
    said = [parse(each).id for each in (created, unseen, waiting, after, saw)]
    order = [row.id for row in desk.log.page(TENANT, after=0, limit=9)]
    assert order[:3] == said[:3]
    assert sorted(order) == sorted(said)
    assert desk.held() == []
    assert ends(desk)[parse(waiting).id] == ["accepted"]
    assert desk.settled(fresh) == {2: "accepted"}
    assert desk.taken(retold, after) == ["duplicate", "duplicate"]
    desk.states_are_the_fold_of_the_log()


def test_a5_what_waits_for_a_newer_server_is_read_again_once_under_all_its_names(
    desk: Desk, ada: Device, fresh: Device
) -> None:
    site = new_id()
    desk.taken(ada.create("site", site))
    known_here = ada.tell("site", site, "Edited", GATE)
    newer = ada.spoilt(known_here, v=99)
    assert desk.taken(newer) == ["held"]
    fresh.see(known_here)
    assert desk.taken(fresh.retell(newer, clock={})) == ["held"]
    after = fresh.tell("site", site, "Edited", {"directions": "left"}, clock={})
    assert desk.taken(after) == ["held"]
    (row,) = desk.log.unread(TENANT, after=("", 0), limit=9)
    waiting, judge = Readable(row, parse(known_here), None), judge_for("dispatcher")

    def decide(known: Known) -> tuple[Changes, None]:
        return read_again(waiting, known, judge=judge, now_ms=desk.now_ms), None

    desk.log.append(TENANT, wanted(waiting, judge), decide, now_ms=desk.now_ms)
    assert [each.id for each in desk.log.page(TENANT, after=1, limit=9)] == [row.id, parse(after).id]
    assert desk.held() == []
