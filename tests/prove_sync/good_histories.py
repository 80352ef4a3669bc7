"""Good histories that look odd: the checker must not cry wolf over what may happen."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.replicas import digest_of
from tests.prove_sync.stories import (
    ADA,
    BEN,
    JOB,
    OFFICE,
    QUIET,
    RUNNER,
    SITE,
    B,
    asked,
    cases,
    event,
    find,
    good,
    opened,
    pulled,
    pushed,
    rested,
    said,
    tables,
    told,
    wrote,
)
from tests.prove_sync.stories import LOG as FULL

WHY: Final = "Read to me by phone."


def _killed_before_it_said_that_it_stored() -> list[Op]:
    history = good()
    at = find(history, BEN, "ok", "apply", 1)
    return [*history[:at], opened(BEN, "killed", 3), *history[at + 1 :]]


def _killed_before_it_stored() -> list[Op]:
    history = good()
    at = find(history, BEN, "ok", "apply", 1)
    return [*history[:at], opened(BEN, "killed", 1), *pulled(BEN, 1, 3, 3), *history[at + 1 :]]


def _write_that_a_kill_undid() -> list[Op]:
    history = good()
    at = find(history, BEN, "ok", "open", 1)
    return [*history[:at], told(BEN, "invoke", "write", id="e9", hash="bytes of e9", replica=B, seq=9), *history[at:]]


def _rolled_back() -> list[Op]:
    """Ben's phone comes back as it was before he wrote e4 and e5; what the server has of him comes back too."""
    history = good()
    at = find(history, BEN, "ok", "open", 1)
    return [*history[:at], opened(BEN, "rolled_back", 1, versions={JOB: 1}), *pulled(BEN, 1, 5, 5), *history[at + 4 :]]


def _never_handed_in_and_rolled_back() -> list[Op]:
    history = good()
    at = find(history, BEN, "ok", "open", 1)
    lost = [*wrote(BEN, "e7", (B, 3)), opened(BEN, "rolled_back", 3, outbox=["e4"], versions={JOB: 2, SITE: 1})]
    return [*history[:at], *lost, *history[at + 1 :]]


def _cloned() -> list[Op]:
    """Ben's clone writes under the same number and mends the fork."""
    history = good()
    at = find(history, BEN, "ok", "open", 1)
    clone = [
        opened("clone", "cloned", 3, outbox=["e4"], versions={JOB: 2, SITE: 1}),
        asked("clone", "e4"),
        told("clone", "ok", "push", epoch="first", head=5, batch="forked", verdicts=[]),
        told("clone", "ok", "fork", renamed=[["e4", "rcccccccccccc", 1, "other bytes of e4"]]),
        *pushed("clone", 5, ("e4", "duplicate", 4)),
        *pulled("clone", 3, 5, 5),
        told("clone", "ok", "close"),
    ]
    return [*history[:at], *clone, *history[at:]]


def _restored() -> list[Op]:
    """The server comes back without e4 and e6; their authors hand them in again, in the other order."""
    history = good()
    at = find(history, BEN, "ok", "open", 1)
    log = [*FULL[:3], event(4, "e6", SITE, 2, ("raaaaaaaaaaaa", 4), {}), event(5, "e4", JOB, 3, (B, 1), {})]
    again = [
        told(RUNNER, "info", "restore", epoch="second", head=3),
        asked(ADA, "e6"),
        told(ADA, "ok", "push", epoch="second", head=4, batch="taken", verdicts=[["e6", "accepted", 4]]),
        asked(BEN, "e4", "e5"),
        told(
            BEN,
            "ok",
            "push",
            epoch="second",
            head=5,
            batch="taken",
            verdicts=[["e4", "accepted", 5], ["e5", "quarantined", None]],
        ),
    ]
    shots = [[JOB, 3, "job after 3"], [SITE, 2, "site after 2"]]
    for process in (ADA, BEN):
        begun = {
            "epoch": "second",
            "asked": 0,
            "cursor": 5,
            "head": 5,
            "events": [],
            "snapshots": shots,
            "verdicts": [],
        }
        again += [told(process, "ok", "pull", **begun), told(process, "ok", "apply", epoch="second", cursor=5)]
    end = [rested(ADA), rested(BEN), QUIET, told(RUNNER, "ok", "log", events=log), *history[-3:]]
    return [*history[:at], *again, *end]


def came_right() -> list[Op]:
    """Somebody approved of e5, which was set aside: Ben is told, and Ada sees it."""
    sixth = event(6, "e5", JOB, 4, (B, 2), {})
    fact = ("CaseApproved", "the person ada", {"settled_by_id": "the person ada"})
    became = {"state": "approved", "settled_by_id": "the person ada"}
    decided = said(ADA, "approve", became=became)
    return _with_a_sixth(sixth, ["e5", "accepted", 6], decided, cases("approved", None, fact), taken_in=["e5"])


def resubmitted() -> list[Op]:
    """Ada says e5 anew, as e7, and hears no answer; she says it once more, and then it is in already. Ben is told."""
    sixth = event(6, "e7", JOB, 4, (OFFICE, 2), {B: 1}) | {"actor": "the person ada", "reason": WHY}
    became = {"state": "resubmitted", "settled_by_id": "the person ada", "resubmitted_as": "e7"}
    fact = ("CaseResubmitted", "the person ada", {"settled_by_id": "the person ada", "resubmitted_as": "e7"})
    decided = [
        *said(ADA, "resubmit", "info", reason=WHY),
        *said(ADA, "resubmit", reason=WHY, became=became),
        *said(BEN, "dismiss", "fail", reason="No.", became={"state": "resubmitted", "settled_by_id": "the person ada"}),
    ]
    verdict = ["e5", "resubmitted", None, "e7"]
    return _with_a_sixth(sixth, verdict, decided, cases("resubmitted", None, fact), quarantined=["e5"])


def _with_a_sixth(sixth: dict[str, Any], late: list[Any], decided: list[Op], case: Op, **more: Any) -> list[Op]:
    """Somebody decided about e5: Ben is told, and both see the event that came of it."""
    history, name = good(), sixth["id"]
    log = [*FULL, sixth]
    shown = [[6, name, sixth["leaf"], JOB, 4]]
    reasons = {name: sixth["reason"]} if "reason" in sixth else {}
    final = digest_of({JOB: (4, "job after 4"), SITE: (2, "site after 2")})
    again = decided
    for process in (ADA, BEN):
        page = {"epoch": "first", "asked": 5, "cursor": 6, "head": 6, "events": shown, "snapshots": []}
        again += [
            told(process, "ok", "pull", **page, reasons=reasons, verdicts=[late] if process == BEN else []),
            told(process, "ok", "apply", epoch="first", cursor=6),
        ]
    rest = [
        op._replace(value={**op.value, "cursor": 6, "state_hash": final, "applied": "six"})
        for op in (rested(ADA), rested(BEN))
    ]
    value = history[find(history, RUNNER, "ok", "stored")].value
    value |= {"entities": {JOB: [4, "job after 4"], SITE: [2, "site after 2"]}, "digest": final}
    replicas = {**value["replicas"], OFFICE: 3}
    kept = told(RUNNER, "ok", "stored", **value | {"quarantined": [], "replicas": replicas} | more)
    end = [QUIET, told(RUNNER, "ok", "log", events=log), kept, case, tables("e1", "e2", "e3", "e4", "e6", name)]
    return [*history[: find(history, ADA, "ok", "rest")], *again, *rest, *end]


def knew_what_was_set_aside() -> list[Op]:
    """Ada's last edit was written knowing e5, which came in only after it: it counted as known while it was aside."""
    history = came_right()
    at = find(history, RUNNER, "ok", "log")
    events = [{**each, "clock": {**each["clock"], B: 2}} if each["id"] == "e6" else each for each in log_of(history)]
    history[at] = history[at]._replace(value={**history[at].value, "events": events})
    return history


def log_of(history: list[Op]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = history[find(history, RUNNER, "ok", "log")].value["events"]
    return found


def _alone() -> list[Op]:
    """A person took in one of two events that stood together, and the other is still aside."""
    return with_tx(came_right(), e5=["broken", 2, 2])


def _dismissed() -> list[Op]:
    """Ada dismisses e5; Ben is told, lets it go, and is killed after that. Hints come late and are not believed."""
    history = good()
    at = find(history, RUNNER, "ok", "log")
    late = {"epoch": "first", "asked": 5, "cursor": 5, "head": 5, "events": [], "snapshots": []}
    again = [
        *said(ADA, "dismiss", reason=WHY, became={"state": "dismissed", "settled_by_id": "the person ada"}),
        told(BEN, "ok", "hint", told=2),
        told(BEN, "ok", "pull", **late, verdicts=[["e5", "dismissed", None, WHY]]),
        told(BEN, "ok", "apply", epoch="first", cursor=5),
        told(BEN, "ok", "check", epoch="first", cursor=5, differing=[]),
        opened(BEN, "killed", 5),
        rested(BEN),
    ]
    fact = ("CaseDismissed", "the person ada", {"settled_by_id": "the person ada", "dismiss_reason": WHY})
    return with_cases([*history[:at], *again, *history[at:]], cases("dismissed", None, fact))


def with_cases(history: list[Op], found: Op) -> list[Op]:
    """The same, and at the end the cases are found to be so."""
    history[find(history, RUNNER, "ok", "cases")] = found
    return history


def given(*orders: list[Op], owner: str | None, facts: Sequence[tuple[str, str]] = ()) -> list[Op]:
    """Somebody gives e5 to somebody, all after each other as said; `facts` are (who said so, whose it is)."""
    history = good()
    at = find(history, RUNNER, "info", "calm")
    told_of = [("CaseReassigned", f"the person {by}", {"owner_id": whose}) for by, whose in facts]
    ordered = [op for order in orders for op in order]
    return with_cases([*history[:at], *ordered, *history[at:]], cases("open", owner, *told_of))


def _given_twice() -> list[Op]:
    """Ben says it last, after Ada was answered."""
    first = said(ADA, "reassign", owner_id="ada", became={"owner_id": "ada"})
    second = said(BEN, "reassign", owner_id="ben", became={"owner_id": "ben"})
    return given(first, second, owner="ben", facts=[(ADA, "ada"), (BEN, "ben")])


def _given_at_once() -> list[Op]:
    """Ben asks while Ada waits for her answer, and hers is carried out last."""
    asks, hears = said(ADA, "reassign", owner_id="ada")
    between = said(BEN, "reassign", owner_id="ben")
    return given([asks, *between, hears], owner="ada", facts=[(BEN, "ben"), (ADA, "ada")])


def _given_by_somebody_who_heard_nothing() -> list[Op]:
    """Ada hears no answer and is killed; hers is carried out when Ben was answered already."""
    lost = [*said(ADA, "reassign", None, owner_id="ada"), opened(ADA, "killed", outbox=["e1", "e2", "e3", "e6"])]
    ben = said(BEN, "reassign", owner_id="ben")
    return given(lost, ben, owner="ada", facts=[(BEN, "ben"), (ADA, "ada")])


def _given_twice_by_the_line() -> list[Op]:
    """Everything comes twice on Ada's line: the second copy of hers is carried out after Ben's."""
    struck = told(RUNNER, "info", "strike", what="double", on=f"the line of {ADA}", much=0)
    ada, ben = said(ADA, "reassign", owner_id="ada"), said(BEN, "reassign", owner_id="ben")
    return given([struck], ada, ben, owner="ada", facts=[(ADA, "ada"), (BEN, "ben"), (ADA, "ada")])


def _given_and_forgotten() -> list[Op]:
    """Ada gives e5 to Ben, and the server comes back from before that."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore")
    return [*history[:at], *said(ADA, "reassign", owner_id="ben", became={"owner_id": "ben"}), *history[at:]]


def _let_in() -> list[Op]:
    """Nobody said so: e5 was judged once more by itself, because its author was let in."""
    fact = ("CaseRetried", "the person ben", {"settled_by_id": "the person ben"})
    history = with_cases(came_right(), cases("retried", None, fact))
    return [op for op in history if op.f != "decide"]


def _resubmitted_and_forgotten() -> list[Op]:
    """Ada says e5 anew, everybody sees it, and the server comes back from before that."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore")
    became = {"state": "resubmitted", "settled_by_id": "the person ada", "resubmitted_as": "e7"}
    shown = [[6, "e7", "leaf of e7 at 6", JOB, 4]]
    page = {"epoch": "first", "asked": 5, "cursor": 6, "head": 6, "events": shown, "snapshots": []}
    lost = [
        *said(ADA, "resubmit", reason=WHY, became=became),
        told(BEN, "ok", "pull", **page, reasons={"e7": WHY}, verdicts=[["e5", "resubmitted", None, "e7"]]),
        told(BEN, "ok", "apply", epoch="first", cursor=6),
    ]
    return [*history[:at], *pulled(BEN, 3, 5, 5), *lost, *history[at:]]


def _built_on_what_is_forgotten() -> list[Op]:
    """Ada's last edit was written knowing what the office said anew, which the restored server has forgotten."""
    history = _resubmitted_and_forgotten()
    at = find(history, RUNNER, "ok", "log")
    events = [
        {**each, "clock": {**each["clock"], OFFICE: 2}} if each["id"] == "e6" else each for each in log_of(history)
    ]
    history[at] = history[at]._replace(value={**history[at].value, "events": events})
    return history


def _forgotten_after_it_was_approved() -> list[Op]:
    """What Ada approved of the restored server has forgotten; e5 is set aside once more."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore")
    became = {"state": "approved", "settled_by_id": "the person ada"}
    return [*history[:at], *said(ADA, "approve", became=became), *history[at:]]


def _by_snapshot() -> list[Op]:
    """Ada starts from snapshots, one of them newer than her cursor."""
    history = good()
    at = find(history, ADA, "ok", "pull", 0)
    shots = [[JOB, 3, "job after 3"], [SITE, 1, "site after 1"]]
    history[at] = history[at]._replace(value={**history[at].value, "events": [], "snapshots": shots})
    return history


def _by_states_in_two_parts() -> list[Op]:
    """Ada starts from states on two pages; until the second she holds one of two events that stand together."""
    history = good()
    at = find(history, ADA, "ok", "pull", 0)
    first = {"cursor": 0, "events": [], "snapshots": [[JOB, 3, "job after 3"]], "resume": True}
    second = {"asked": 0, "events": [], "snapshots": [[SITE, 2, "site after 2"]], "resume": False}
    history[at] = history[at]._replace(value={**history[at].value, **first})
    history[at + 1] = history[at + 1]._replace(value={"epoch": "first", "cursor": 0})
    at = find(history, ADA, "ok", "pull", 1)
    history[at] = history[at]._replace(value={**history[at].value, **second})
    return history


def _ahead_of_its_cursor() -> list[Op]:
    """Ben fetches the job again and so has one of two events that stand together; the other comes with the rest."""
    history = good()
    at = find(history, BEN, "ok", "pull", 1) - 1
    value = {"epoch": "first", "asked": 1, "cursor": 1, "head": 3, "events": [], "verdicts": []}
    page = told(BEN, "ok", "pull", **value, snapshots=[[JOB, 2, "job after 2"]])
    return [*history[:at], page, told(BEN, "ok", "apply", epoch="first", cursor=1), *history[at:]]


def _one_by_one() -> list[Op]:
    """A person took in both of two events that stood together, one after the other."""
    history = came_right()
    at = find(history, RUNNER, "ok", "stored")
    history[at] = history[at]._replace(value={**history[at].value, "taken_in": ["e5", "e6"]})
    return with_tx(history, e5=["broken", 2, 2], e6=["broken", 1, 2])


def with_tx(history: list[Op], **groups: Any) -> list[Op]:
    """Some events stand together with others."""
    at = find(history, RUNNER, "ok", "log")
    events = [{**each, "tx": groups.get(each["id"], each["tx"])} for each in log_of(history)]
    history[at] = history[at]._replace(value={**history[at].value, "events": events})
    return history


def of_a_technician() -> list[Op]:
    """Ben sees the job and not the site."""
    history = good()
    history = [
        op._replace(value={**op.value, "person": "ben"}) if (op.process, op.f) == (BEN, "open") else op
        for op in history
    ]
    for number in range(3):
        at = find(history, BEN, "ok", "pull", number)
        value = history[at].value
        history[at] = history[at]._replace(value={**value, "events": [e for e in value["events"] if e[3] == JOB]})
    at = find(history, RUNNER, "ok", "log")
    grants = {"ben": {"work_order:job": [[0, None]]}}
    history[at] = history[at]._replace(value={**history[at].value, "grants": grants})
    at = find(history, BEN, "ok", "rest")
    seen = digest_of({JOB: (3, "job after 3")})
    history[at] = history[at]._replace(value={**history[at].value, "state_hash": seen, "applied": "the job"})
    at = find(history, BEN, "ok", "read", -1)
    history[at] = history[at]._replace(value={**history[at].value, "state_hash": seen, "applied": "the job"})
    return history


def _taken_away_by_the_head() -> list[Op]:
    """Ben was granted the site at 2 and lost it at 4, and pulled to 3 when the log ended at 4."""
    history = of_a_technician()
    at = find(history, RUNNER, "ok", "log")
    grants = {"ben": {"work_order:job": [[0, None]], "work_order:site": [[2, 4]]}}
    history[at] = history[at]._replace(value={**history[at].value, "grants": grants})
    for number in range(2):
        at = find(history, BEN, "ok", "pull", number)
        history[at] = history[at]._replace(value={**history[at].value, "head": 4})
    return history


def granted_after_the_restore() -> list[Op]:
    """Ben pulled all of a log in which nobody had let him into the site; after the restore somebody did, at a position
    that the lost log had too."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore")
    second = find(history, BEN, "ok", "pull", 1) - 1
    history[at:at] = pulled(BEN, 1, 5, 5)
    del history[second : second + 3]
    for number, op in enumerate(history):
        if op.process != BEN:
            continue
        if op.f == "open":
            history[number] = op._replace(value={**op.value, "person": "ben"})
        elif (op.f, op.type) == ("pull", "ok") and number < at:
            events = [each for each in op.value["events"] if each[3] == JOB]
            history[number] = op._replace(value={**op.value, "events": events})
    log = find(history, RUNNER, "ok", "log")
    grants = {"ben": {"work_order:job": [[0, None]], "work_order:site": [[4, None]]}}
    history[log] = history[log]._replace(value={**history[log].value, "grants": grants})
    return history


def _held_after_the_restore() -> list[Op]:
    """Ben hands e4 in before Ada has told the restored server again what it is about; until then he does not see it."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore") + 1
    held = told(BEN, "ok", "push", epoch="second", head=3, batch="taken", verdicts=[["e4", "held", None]])
    shown = told(BEN, "ok", "read", epoch="second", applied="less", state_hash="of less", shown=[["e4", False]])
    return [*history[:at], asked(BEN, "e4"), held, shown, *history[at:]]


def _hinted_before_the_restore() -> list[Op]:
    """A push that nobody heard an answer to went in, a hint told of it, and then the server came back without it."""
    history = _restored()
    at = find(history, RUNNER, "info", "restore", 0)
    return [*history[:at], told(BEN, "ok", "hint", told=7), *history[at:]]


def _cloned_after_it_was_set_aside() -> list[Op]:
    """Ben's phone was told that e5 is set aside, and shows it no longer; neither does a copy of it."""
    history = good()
    at = find(history, BEN, "ok", "push", 0) + 1
    shown = [["e4", True], ["e5", False]]
    seen = told("clone", "ok", "read", epoch="first", applied="three", state_hash="of three", shown=shown)
    twin = [
        opened("clone", "cloned", 3, quarantined=["e5"], versions={JOB: 2, SITE: 1}),
        seen,
        told("clone", "ok", "close"),
    ]
    return [*history[:at], *twin, *history[at:]]


def _answered_in_the_other_order() -> list[Op]:
    """A clone of Ada's phone handed e1 in at the same moment: hers was first, and heard last."""
    history = good()
    at = find(history, ADA, "ok", "push", 0)
    clone = [opened("clone", "cloned", 0, outbox=["e1"]), asked("clone", "e1")]
    (_, heard) = pushed("clone", 1, ("e1", "duplicate", 1))
    return [*history[:at], *clone, heard, history[at], told("clone", "ok", "close"), *history[at + 1 :]]


def _refused_and_taken() -> list[Op]:
    """Everything comes twice on Ada's line: one copy was refused, and the other, which nobody heard of, was taken."""
    history = good()
    first, calm = find(history, ADA, "ok", "push", 0), find(history, RUNNER, "info", "calm", 0)
    struck = told(RUNNER, "info", "strike", what="double", on=f"the line of {ADA}", much=0)
    return [
        *history[: first - 1],
        struck,
        asked(ADA, "e1"),
        told(ADA, "fail", "push", why="429"),
        *history[first + 1 : calm],
        *pushed(ADA, 5, ("e1", "duplicate", 1)),
        *history[calm:],
    ]


GOOD: Final[dict[str, Callable[[], list[Op]]]] = {
    "as it was": good,
    "a device was killed after it stored a page and before it said so": _killed_before_it_said_that_it_stored,
    "a device was killed before it stored a page": _killed_before_it_stored,
    "a device was killed while it wrote, and the event is nowhere": _write_that_a_kill_undid,
    "a device was rolled back to before it wrote": _rolled_back,
    "a device was rolled back, and with it went what it had never handed in": _never_handed_in_and_rolled_back,
    "a clone mended its fork and is gone": _cloned,
    "the server was restored, and everything came back in another order": _restored,
    "a restored log lets somebody in at a position that meant something else before": granted_after_the_restore,
    "a restored server holds what somebody wrote, and they do not see it until it is let go": _held_after_the_restore,
    "a hint told of what a restore has undone": _hinted_before_the_restore,
    "a clone does not show what was set aside before it was made": _cloned_after_it_was_set_aside,
    "of two who handed in the same at once the second was answered first": _answered_in_the_other_order,
    "of two copies of a push one was refused": _refused_and_taken,
    "somebody approved of what was set aside": came_right,
    "somebody was let in, and what was set aside came right by itself": _let_in,
    "somebody said anew what was set aside, twice because no answer came": resubmitted,
    "a restored server has forgotten what was said anew": _resubmitted_and_forgotten,
    "somebody has built on what the office had said before a restore": _built_on_what_is_forgotten,
    "a case is given to one after the other": _given_twice,
    "a case is given to two at once": _given_at_once,
    "a case is given by somebody who was killed before the answer": _given_by_somebody_who_heard_nothing,
    "a case is given twice, because everything comes twice": _given_twice_by_the_line,
    "a restored server has forgotten whose a case is": _given_and_forgotten,
    "somebody knew what was set aside at that time": knew_what_was_set_aside,
    "somebody took in one of two that stood together": _alone,
    "somebody took in both of two that stood together": _one_by_one,
    "a device started from states that came on two pages": _by_states_in_two_parts,
    "a device fetched again what is ahead of its cursor": _ahead_of_its_cursor,
    "somebody dismissed what was set aside, and its device let it go": _dismissed,
    "a restored server has forgotten what somebody approved of": _forgotten_after_it_was_approved,
    "a device started from snapshots that were newer than its cursor": _by_snapshot,
    "a technician sees only what was granted": of_a_technician,
    "a technician was not sent what was taken away before the page was made": _taken_away_by_the_head,
}
