"""Several appends as one commit: each is answered as if it had come alone, one after the other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.judge import judge_for
from infra.memory import MemoryEventLog
from sync import push
from sync.log import Changes, Conflicting, Known, Wanted
from sync.push import Answer
from sync.rows import QuarantinedRow
from sync.together import Append, Outcome, after, deciding, wanted_by
from tests.devices import NOON, PERSON_1, PERSON_2, Device, new_id, replica_named

TENANT = "11111111-1111-7111-8111-111111111111"
LATER = NOON + 3_600_000
NAMES = ("ada", "ben", "eve", "fresh")


def a_log() -> MemoryEventLog:
    log = MemoryEventLog()
    log.add_tenant(TENANT)
    for name in NAMES:
        log.mint(TENANT, replica=replica_named(name), person=PERSON_1, name=name, now_ms=NOON)
    return log


def an_append(raws: list[bytes]) -> Append:
    batch = [push.receive(raw) for raw in raws]

    def decide(known: Known) -> tuple[Changes, Answer]:
        return push.decide(batch, known, judge=judge_for("dispatcher"), actor=PERSON_1, now_ms=LATER)

    return Append(push.wanted(batch), decide)


def one_by_one(log: MemoryEventLog, appends: list[Append]) -> list[Any]:
    return [log.append(TENANT, each.wanted, each.decide, now_ms=LATER) for each in appends]


def at_once(log: MemoryEventLog, appends: list[Append]) -> list[Outcome]:
    return log.append(TENANT, wanted_by(appends), deciding(appends), now_ms=LATER)


def everything(log: MemoryEventLog) -> tuple[Any, ...]:
    seen = Wanted(
        replicas=frozenset(map(replica_named, NAMES)),
        entities=[entity for entity, _ in log.states(TENANT)],
        spans=[(replica_named(name), 1, 99) for name in NAMES],
    )
    known = log.append(TENANT, seen, lambda known: (Changes(), known), now_ms=LATER)
    return log.page(TENANT, after=0, limit=1_000), sorted(log.states(TENANT)), known.replicas, known.held, known.by_dot


def test_whoever_is_let_in_by_what_came_before_does_not_share_its_commit() -> None:
    """What the job leads to was not asked for, so the site would be refused; alone, behind the plan, it is accepted."""
    log, office, ada, site, job = a_log(), Device("ben"), Device("ada"), new_id(), new_id()
    where = {"site_id": site, "customer_id": new_id()}
    built = [office.create("site", site), office.create("work_order", job, where)]
    one_by_one(log, [an_append(built)])
    ada.see(*built)
    plan = an_append([office.create("visit", new_id(), {"work_order_id": job, "assignee_id": PERSON_2})])
    batch = [push.receive(ada.tell("site", site, "Edited", {"hazards": {"add": ["dog"]}}))]
    judge = judge_for("technician")
    edit = Append(
        push.wanted(batch, limited_to=PERSON_2),
        lambda known: push.decide(batch, known, judge=judge, actor=PERSON_2, now_ms=LATER),
    )
    with pytest.raises(Conflicting):
        at_once(log, [plan, edit])
    assert log.head(TENANT).position == len(built)
    told = [each["verdict"] for answer in one_by_one(log, [plan, edit]) for each in answer.verdicts]
    assert told == ["accepted", "accepted"]


@st.composite
def meetings(draw: st.DrawFn) -> list[list[bytes]]:
    """What three devices hand in about two sites, in batches that come in any order: some wait, some come twice."""
    devices = {name: Device(name) for name in NAMES}
    sites = [new_id(), new_id()]
    told: list[bytes] = [devices["ada"].create("site", site) for site in sites]
    batches: list[tuple[str, list[bytes]]] = [("ada", told[:])]
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(NAMES))
        if draw(st.booleans()):
            devices[name].see(*told)
        site = draw(st.sampled_from(sites))
        edits = [
            devices[name].tell("site", site, *draw(st.sampled_from(SAYINGS))) for _ in range(draw(st.integers(1, 3)))
        ]
        told += edits
        batches.append((name, edits))
    batches += [draw(st.sampled_from(batches)) for _ in range(draw(st.integers(0, 2)))]
    order = draw(st.permutations(range(len(batches))))
    return [batches[place][1] for place in order]


SAYINGS: list[tuple[str, dict[str, Any]]] = [
    ("Edited", {"name": "North"}),
    ("Edited", {"hazards": {"add": ["dog"]}}),
    ("Archived", {}),
]


@given(meetings(), st.integers(1, 4))
def test_law_together_is_as_one_after_the_other(batches: list[list[bytes]], size: int) -> None:
    appends = [an_append(raws) for raws in batches]
    alone, together = a_log(), a_log()
    together._tenant(TENANT).epoch = alone._tenant(TENANT).epoch
    answers = one_by_one(alone, appends)
    outcomes: list[Outcome] = []
    for at in range(0, len(appends), size):
        outcomes += at_once(together, appends[at : at + size])
    assert [each.failure for each in outcomes] == [None] * len(outcomes)
    assert [each.answer for each in outcomes] == answers
    assert everything(together) == everything(alone)


def test_one_that_raises_stores_nothing_and_is_in_nobody_s_way() -> None:
    ada, ben = Device("ada"), Device("ben")

    def refuse(_: Known) -> tuple[Changes, Answer]:
        raise PermissionError("not yours")

    first = an_append([ada.create("site", new_id())])
    log = a_log()
    outcomes = at_once(log, [first, Append(Wanted(), refuse), an_append([ben.create("site", new_id())])])
    assert [type(each.failure) for each in outcomes] == [type(None), PermissionError, type(None)]
    assert [row.replica for row in log.page(TENANT, after=0, limit=9)] == [ada.replica, ben.replica]


@pytest.mark.parametrize(("code", "settles"), [("bad_data", True), ("id_taken", False)])
def test_what_is_set_aside_is_known_by_its_dot_and_where_it_settles_its_id_by_that(code: str, settles: bool) -> None:
    row = QuarantinedRow(replica_named("ada"), 1, new_id(), None, code, "/: no", False, PERSON_1, b"{}")
    known = after(Known(position=0, epoch=""), Changes(quarantined=[row]))
    assert [*known.by_dot] == [(row.replica, 1)]
    assert [*known.by_id] == [row.id] * settles


def test_a_clone_in_the_same_commit_is_answered_as_it_would_have_been_in_the_next() -> None:
    ada, fresh = Device("ada"), Device("fresh")
    raws = [ada.tell("site", new_id(), "Edited", {"name": "Gate"}), ada.create("site", new_id())]
    first, then = an_append(raws), an_append([*map(fresh.retell, raws)])
    one, other = (each.answer.verdicts for each in at_once(a_log(), [first, then]))
    assert [each["verdict"] for each in one] == ["quarantined", "accepted"]
    assert [other[0], other[1]["verdict"]] == [one[0], "duplicate"]
