"""Bad histories: the good one spoilt in one place, with a sentence of what is wrong and the promise it breaks."""

from typing import Any, Final, NamedTuple

from cairnfield.prove_sync.history import Op
from tests.prove_sync.good_histories import (
    GOOD,
    WHY,
    came_right,
    given,
    knew_what_was_set_aside,
    of_a_technician,
    with_tx,
)
from tests.prove_sync.spoils import (
    Spoil,
    answer,
    assigned,
    before,
    both,
    changed,
    dismissed,
    found,
    held,
    later,
    log,
    nobody_said,
    of,
    page,
    placed,
    sixth,
    stored,
    swap,
    with_value,
    without,
)
from tests.prove_sync.stories import (
    ADA,
    BEN,
    CALM_MS,
    CASE,
    JOB,
    LOG,
    OFFICE,
    RUNNER,
    SITE,
    SOMEBODY,
    A,
    B,
    asked,
    find,
    good,
    opened,
    said,
    told,
    wrote,
)


class Bad(NamedTuple):
    """One bad history."""

    invariant: str
    wrong: str
    spoil: Spoil

    def history(self) -> list[Op]:
        return self.spoil(good())


def _said_anew_twice(history: list[Op]) -> list[Op]:
    at = find(history, RUNNER, "ok", "log")
    events = history[at].value["events"]
    return with_value(history, at, {"events": [*events, {**events[-1], "id": "e8", "position": 7, "seq": 3}]})


def _one_for_two_cases(history: list[Op]) -> list[Op]:
    at = find(history, RUNNER, "ok", "cases")
    value, other = history[at].value, f"{B}-9"
    facts = [[position + 2, other, *fact] for position, _, *fact in value["facts"]]
    said_of_it = [
        op._replace(value={**op.value, "case": other})
        for op in history
        if op.f == "decide" and op.value["verb"] == "resubmit"
    ]
    kept = {**value["cases"], other: value["cases"][CASE]}
    history = with_value(history, at, {"cases": kept, "facts": [*value["facts"], *facts]})
    return before(RUNNER, "info", "quiet", *said_of_it)(history)


def _refused_and_said_anew(history: list[Op]) -> list[Op]:
    """Whoever resubmits is refused, every time."""
    return [
        op._replace(type="fail") if op.f == "decide" and op.type != "invoke" and op.process == ADA else op
        for op in history
    ]


DISMISSED: Final = "somebody dismissed what was set aside, and its device let it go"
ANEW: Final = "somebody said anew what was set aside, twice because no answer came"
IN_TURN: Final = "a case is given to one after the other"


def seen(name: str, position: int, version: int, entity: str = JOB) -> list[Any]:
    return [position, name, f"leaf of {name} at {position}", entity, version]


PAGE: Final = [[each[name] for name in ("position", "id", "leaf", "entity", "version")] for each in LOG]


def _without_second_push(history: list[Op]) -> list[Op]:
    """The push that was refused is the only one."""
    del history[find(history, ADA, "ok", "push", -1)]
    del history[find(history, ADA, "invoke", "push", -1)]
    return history


def _seen_and_not_approved(history: list[Op]) -> list[Op]:
    del history
    return changed(RUNNER, "ok", "stored", taken_in=[])(came_right())


def _knew_what_came_later(history: list[Op]) -> list[Op]:
    del history
    return changed(RUNNER, "ok", "stored", taken_in=[])(knew_what_was_set_aside())


def _approved_and_set_aside_again(history: list[Op]) -> list[Op]:
    del history
    return before(RUNNER, "ok", "log", asked(BEN, "e5"), answer("quarantined", None, "e5", head=6))(came_right())


def _held_and_not_shown(history: list[Op]) -> list[Op]:
    history = changed(BEN, "ok", "read", 1, shown=[["e4", False], ["e5", True]])(history)
    return before(BEN, "ok", "read", asked(BEN, "e4"), answer("held", None, "e4", head=3), number=1)(history)


def _let_go_and_not_shown(history: list[Op]) -> list[Op]:
    history = GOOD["a restored server holds what somebody wrote, and they do not see it until it is let go"]()
    seen = told(BEN, "ok", "read", epoch="second", applied="all", state_hash="of all", shown=[["e4", False]])
    return before(RUNNER, "ok", "log", seen)(history)


def _technician_misses_one(history: list[Op]) -> list[Op]:
    history = page(1, lambda events: events.pop(0))(history)
    grants = {"ben": {"work_order:job": [[0, None]], "work_order:site": [[0, None]]}}
    history = changed(RUNNER, "ok", "log", grants=grants)(history)
    return [
        op._replace(value={**op.value, "person": "ben"}) if (op.process, op.f) == (BEN, "open") else op
        for op in history
    ]


def _technician_gets_more(*, snapshots: bool) -> Spoil:
    """What Ben is told of the site, into which nobody has let him."""

    def spoil(_: list[Op]) -> list[Op]:
        history = of_a_technician()
        at = find(history, BEN, "ok", "pull", 1)
        value = history[at].value
        more: dict[str, Any] = {"snapshots": [[SITE, 1, "site after 1"]]}
        if not snapshots:
            more = {"events": [[2, "e2", "leaf of e2 at 2", SITE, 1], *value["events"]]}
        return with_value(history, at, more)

    return spoil


def _both_are_first(history: list[Op]) -> list[Op]:
    at = find(history, ADA, "ok", "push", 0)
    first = history[at]
    clone = [opened("clone", "cloned", 0, outbox=["e1"]), asked("clone", "e1")]
    return [
        *history[:at],
        *clone,
        first,
        first._replace(process="clone"),
        told("clone", "ok", "close"),
        *history[at + 1 :],
    ]


BAD: Final = (
    Bad("I1", "The last event was accepted and the log ends before it.", log(lambda events: events.pop())),
    Bad(
        "I1",
        "An accepted event is missing in the middle, and what follows has moved up.",
        log(lambda e: placed(e, 0, 1, 2, 4)),
    ),
    Bad("I1", "An event was said to be at 4 and is at 5.", log(lambda events: placed(events, 0, 1, 2, 4, 3))),
    Bad(
        "I1", "The log holds other bytes under an accepted event's id.", log(lambda e: e[3].update(hash="other bytes"))
    ),
    Bad(
        "I1",
        "A duplicate is told at a position at which it is not.",
        changed(ADA, "ok", "push", 1, verdicts=[["e2", "duplicate", 1]]),
    ),
    Bad(
        "I1",
        "After a restore, an event at a position that survived it is gone.",
        both(
            before(RUNNER, "info", "calm", told(RUNNER, "info", "restore", epoch="second", head=3)),
            log(lambda e: e.pop(1)),
        ),
    ),
    Bad(
        "I1",
        "Somebody was told that they had approved of e5, and it is not in the log.",
        before(RUNNER, "ok", "log", *said(ADA, "approve")),
    ),
    Bad(
        "I1",
        "Somebody approved of e5 after the restore, and it is not in the log.",
        before(
            RUNNER,
            "ok",
            "log",
            told(RUNNER, "info", "restore", epoch="second", head=5),
            *said(ADA, "retry"),
        ),
    ),
    Bad("I2", "A pull shows an event that nobody wrote.", page(1, lambda e: e.append(seen("ghost", 3, 3)))),
    Bad(
        "I2",
        "The log holds an event that nobody wrote.",
        log(lambda e: e.append({**e[4], "position": 6, "id": "ghost"})),
    ),
    Bad("I2", "A pull shows an event that was set aside.", page(2, lambda e: e.append(seen("e5", 5, 4)))),
    Bad(
        "I2",
        "An event that was set aside is in the log at the end.",
        log(lambda e: e.append({**e[3], "position": 6, "id": "e5", "seq": 2})),
    ),
    Bad(
        "I2",
        "The push of e6 was refused, and Ben sees e6 before it was handed in again.",
        _without_second_push,
    ),
    Bad(
        "I2",
        "An event is seen that its author has never handed in.",
        lambda history: [
            op for op in history if not (op.process == ADA and op.f == "push" and op.value.get("ids") == ["e6"])
        ],
    ),
    Bad(
        "I2",
        "The server keeps an event both in its log and set aside.",
        changed(RUNNER, "ok", "stored", quarantined=["e5", "e4"]),
    ),
    Bad(
        "I2",
        "An event that was set aside is seen, and nobody has approved of it.",
        _seen_and_not_approved,
    ),
    Bad(
        "I3",
        "An event that was approved is set aside when it is handed in again.",
        _approved_and_set_aside_again,
    ),
    Bad(
        "I3",
        "An event was taken, and asked again it was set aside.",
        before(RUNNER, "ok", "log", asked(BEN, "e4"), answer("quarantined", None)),
    ),
    Bad(
        "I3",
        "An event was set aside, and asked again it was taken.",
        before(RUNNER, "ok", "log", asked(BEN, "e5"), answer("accepted", 6, "e5")),
    ),
    Bad(
        "I3",
        "An event was taken twice, at two positions.",
        before(RUNNER, "ok", "log", asked(BEN, "e4"), answer("duplicate", 5)),
    ),
    Bad(
        "I3",
        "The second answer takes the event anew instead of knowing it.",
        before(RUNNER, "ok", "log", asked(BEN, "e4"), answer("accepted", 4)),
    ),
    Bad("I3", "Two who handed in the same at once were both told that it is new.", _both_are_first),
    Bad(
        "I3",
        "An event whose answer was lost ended nowhere: not in the log, not on the device.",
        before(RUNNER, "ok", "log", *wrote(ADA, "e8", (A, 5)), asked(ADA, "e8"), told(ADA, "info", "push")),
    ),
    Bad(
        "I3",
        "An event that was written and never handed in is nowhere at the end.",
        before(ADA, "ok", "rest", *wrote(ADA, "e8", (A, 5))),
    ),
    Bad("I3", "An event that was set aside is kept by nobody.", changed(RUNNER, "ok", "stored", quarantined=[])),
    Bad(
        "I4", "Two devices got different events at position 1.", page(0, lambda e: e[0].__setitem__(2, "another leaf"))
    ),
    Bad(
        "I4",
        "The log at the end has another event at a position that was pulled.",
        log(lambda e: e[1].update(leaf="another leaf")),
    ),
    Bad("I4", "A position is missing in the log.", log(lambda events: events.pop(2))),
    Bad("I4", "An event stands in the log twice.", log(lambda e: e.append({**e[0], "position": 6}))),
    Bad(
        "I4",
        "One device got an event at 3, another got it at 2.",
        page(0, lambda e: e.insert(1, seen("e3", 2, 2)), process=ADA),
    ),
    Bad(
        "I4",
        "The same position carries another acceptance stamp the second time it is pulled.",
        page(2, lambda e: e[0].__setitem__(2, "restamped")),
    ),
    Bad("I5", "A page leaves an event out and moves the cursor past it.", page(1, lambda events: events.pop(0))),
    Bad("I5", "The last page is empty and moves the cursor to the head.", page(2, lambda events: events.clear())),
    Bad("I5", "The second event of an entity arrives without the first.", page(0, lambda events: events.pop(0))),
    Bad(
        "I5",
        "A page was lost between arriving and being stored, and the cursor moved.",
        both(without(BEN, "ok", "pull", 1), without(BEN, "ok", "apply", 0)),
    ),
    Bad(
        "I5",
        "A snapshot is older than the cursor that comes with it.",
        changed(ADA, "ok", "pull", 0, events=[], snapshots=[[JOB, 1, "job after 1"], [SITE, 1, "site after 1"]]),
    ),
    Bad(
        "I5",
        "A technician does not get an event of a scope that was granted.",
        _technician_misses_one,
    ),
    Bad("I5", "A technician gets an event of a scope that was not granted.", _technician_gets_more(snapshots=False)),
    Bad("I5", "A technician gets an entity of a scope that was not granted.", _technician_gets_more(snapshots=True)),
    Bad(
        "I6",
        "A device's cursor goes back.",
        before(RUNNER, "info", "calm", told(BEN, "ok", "apply", epoch="first", cursor=1)),
    ),
    Bad(
        "I6",
        "A device is started again with an older cursor, and nobody rolled it back.",
        changed(BEN, "ok", "open", 1, cursor=1),
    ),
    Bad(
        "I6",
        "A pull tells an older head than an answer that came before it was asked.",
        changed(BEN, "ok", "pull", 2, head=4, cursor=4),
    ),
    Bad("I6", "A push tells an older head than a pull before it.", changed(ADA, "ok", "push", -1, head=2)),
    Bad(
        "I6",
        "A device is hinted at a head that no log ever had.",
        before(BEN, "ok", "rest", told(BEN, "ok", "hint", told=99)),
    ),
    Bad(
        "I7",
        "A device was killed and has lost what was set aside and nobody had decided about.",
        changed(BEN, "ok", "open", 1, quarantined=[]),
    ),
    Bad(
        "I7",
        "A device does not show what it has just written.",
        changed(BEN, "ok", "read", 1, shown=[["e4", False], ["e5", True]]),
    ),
    Bad(
        "I7",
        "A device no longer shows what it wrote once it was accepted.",
        changed(BEN, "ok", "read", -1, shown=[["e4", False]]),
    ),
    Bad("I7", "A device does not show what is held, and no server was restored.", _held_and_not_shown),
    Bad(
        "I7",
        "A restored server has let go what it held, and its author still does not show it.",
        _let_go_and_not_shown,
    ),
    Bad("I7", "A device was killed and has lost what it had written.", changed(BEN, "ok", "open", 1, outbox=[])),
    Bad(
        "I7",
        "A device pulled everything, and the position at which it was taken was not among it.",
        changed(BEN, "ok", "pull", -1, head=3, cursor=3, events=[]),
    ),
    Bad("I8", "An event stands before the one that it knew.", log(lambda events: placed(events, 2, 1, 0, 3, 4))),
    Bad(
        "I8",
        "An event knew one that comes after it, and that one was never set aside for the server.",
        _knew_what_came_later,
    ),
    Bad("I8", "An event knew one that is nowhere.", log(lambda e: e[3].update(clock={"rzzzzzzzzzzzz": 7}))),
    Bad(
        "I8",
        "Two events of one author on one entity stand in the wrong order.",
        log(lambda e: (e[0].update(seq=3), e[2].update(seq=1, clock={}))),
    ),
    Bad("I8", "A page brings its events in another order than the log.", page(1, lambda events: swap(events, 0, 1))),
    Bad(
        "I8", "An event knew itself a moment later: its cause comes after it.", log(lambda e: e[1].update(clock={B: 1}))
    ),
    Bad(
        "I9",
        "One of two events that stand together is missing.",
        log(lambda e: (e[1].update(tx=["both", 1, 3]), e[2].update(tx=["both", 2, 3]))),
    ),
    Bad(
        "I9",
        "A page ends amid events that stand together.",
        both(
            changed(BEN, "ok", "pull", 0, cursor=2, events=PAGE[:2]),
            changed(BEN, "ok", "apply", 0, cursor=2),
            changed(BEN, "ok", "pull", 1, asked=2, events=PAGE[2:3]),
        ),
    ),
    Bad(
        "I9",
        "Another's event stands between two that stand together, and a page ends before the second.",
        log(lambda e: (e[2].update(tx=None), e[4].update(tx=["both", 2, 2]))),
    ),
    Bad(
        "I9",
        "A device starts from states, and one of two events that stand together is in none of them.",
        changed(ADA, "ok", "pull", 0, events=[], snapshots=[[JOB, 2, "job after 2"]], head=3),
    ),
    Bad(
        "I9",
        "A page brings one of two events that stand together in a state, and leaves the other out.",
        changed(BEN, "ok", "pull", 1, events=[], snapshots=[[JOB, 2, "job after 2"]]),
    ),
    Bad(
        "I9",
        "A page brings one of two events that stand together as an event, and a state without the other.",
        changed(BEN, "ok", "pull", 1, events=PAGE[1:2], snapshots=[[JOB, 1, "job after 1"]]),
    ),
    Bad(
        "I9",
        "States come on two pages, and with the last of them there is still but one of two that stand together.",
        both(
            changed(ADA, "ok", "pull", 0, cursor=0, events=[], snapshots=[[JOB, 3, "job after 3"]], resume=True),
            changed(ADA, "ok", "apply", 0, cursor=0),
            changed(ADA, "ok", "pull", 1, asked=0, events=[]),
        ),
    ),
    Bad(
        "I9",
        "A device fetched again what was ahead of its cursor, and the other part never came.",
        both(
            changed(BEN, "ok", "pull", 0, snapshots=[[JOB, 2, "job after 2"]]),
            changed(BEN, "ok", "pull", 1, events=[]),
        ),
    ),
    Bad(
        "I9",
        "A person took in one of two that stood together, and the other came in by itself.",
        lambda _: with_tx(came_right(), e4=["broken", 1, 2], e5=["broken", 2, 2]),
    ),
    Bad(
        "I9",
        "A person took in one of three that stood together, and with it came another that they did not.",
        lambda _: with_tx(came_right(), e5=["broken", 1, 3], e6=["broken", 3, 3]),
    ),
    Bad("I9", "An event stands in the log as both of two.", log(lambda e: e[2].update(tx=["both", 1, 2]))),
    Bad("I10", "An entity was counted once too often.", stored("entities", job=[4, "job after 3"])),
    Bad("I10", "An entity's stored state is not the fold of its events.", stored("entities", site=[2, "site after 1"])),
    Bad(
        "I10", "The server stores an entity that its log does not know.", stored("entities", other=[1, "other after 1"])
    ),
    Bad(
        "I10",
        "An entity of the log was never stored.",
        changed(RUNNER, "ok", "stored", entities={JOB: [3, "job after 3"]}),
    ),
    Bad("I10", "A replica is counted to less than what it has in the log.", stored("replicas", **{A: 3})),
    Bad("I10", "The digest is not the one of the states.", changed(RUNNER, "ok", "stored", digest="another")),
    Bad("I10", "The read model has not taken in the last event.", changed(RUNNER, "ok", "tables", position=4)),
    Bad("I10", "The read model is ahead of the log.", changed(RUNNER, "ok", "tables", position=6)),
    Bad("I10", "An entity stands still in the read model.", changed(RUNNER, "ok", "tables", parked=[JOB])),
    Bad("I10", "Nobody looked into the read model.", without(RUNNER, "ok", "tables")),
    Bad(
        "I10",
        "The read model counted an event of a job twice.",
        held("work_order", job={"title": "Boiler", "log_version": 6}),
    ),
    Bad(
        "I10",
        "The read model shows another title than the log.",
        held("work_order", job={"title": "Pump", "log_version": 5}),
    ),
    Bad("I10", "The read model has lost a value.", held("work_order", job={"log_version": 5})),
    Bad("I10", "The read model does not show a job.", held("work_order", job=None)),
    Bad(
        "I10",
        "The read model shows a job that its log does not know.",
        held("work_order", other={"title": "Boiler", "log_version": 1}),
    ),
    Bad("I10", "The read model tells of an event twice.", held("audit_trail", **{"6": {"event_id": "e6"}})),
    Bad("I10", "The read model leaves an event out.", held("audit_trail", **{"4": None})),
    Bad("I10", "A table holds rows of which its log makes none.", held("visit_person", ben={"as": "crew"})),
    Bad(
        "I11",
        "Two devices with the same events show different states.",
        changed(ADA, "ok", "read", 0, state_hash="of something else"),
    ),
    Bad(
        "I11",
        "A device shows another state after it was started again, with the same events.",
        before(
            BEN,
            "ok",
            "pull",
            told(BEN, "ok", "read", epoch="first", applied="three", state_hash="of four", shown=[]),
            number=2,
        ),
    ),
    Bad(
        "I11",
        "A device has come to the head and holds another job than the server.",
        before(BEN, "ok", "rest", told(BEN, "ok", "check", epoch="first", cursor=5, differing=[f"work_order:{JOB}"])),
    ),
    Bad(
        "I11",
        "A snapshot is not the fold of as many events.",
        changed(ADA, "ok", "pull", 0, snapshots=[[JOB, 2, "job after something else"]]),
    ),
    Bad("I12", "A device still has something to hand in.", changed(BEN, "ok", "rest", outbox=["e4"])),
    Bad("I12", "A device stopped short of the head.", changed(BEN, "ok", "rest", cursor=4)),
    Bad(
        "I12",
        "A device shows something else than the log in the end.",
        changed(BEN, "ok", "rest", state_hash="another", applied="another"),
    ),
    Bad(
        "I12",
        "A device took eleven seconds, of which its process needed ten to start.",
        both(
            later(CALM_MS + 11_000),
            before(BEN, "ok", "rest", opened(BEN, "killed", 5, quarantined=["e5"])._replace(time=CALM_MS + 10_000)),
        ),
    ),
    Bad("I12", "The read model did not come to rest.", without(RUNNER, "info", "quiet")),
    Bad(
        "I12",
        "The read model took eleven seconds to hold everything.",
        lambda history: [op._replace(time=CALM_MS + 11_000) if op.f == "quiet" else op for op in history],
    ),
    Bad("I12", "A device never came to rest.", without(BEN, "ok", "rest")),
    Bad("I12", "A device took eleven seconds to hand everything in.", later(CALM_MS + 11_000)),
    Bad(
        "I12",
        "A device was started again after it came to rest and never did so again.",
        before(RUNNER, "ok", "log", opened(BEN, "killed", 5, quarantined=["e5"])),
    ),
    Bad("I12", "Nobody says when the blows ended.", without(RUNNER, "info", "calm")),
    Bad(
        "I2",
        "Whoever wanted to say e5 anew was refused, and everybody sees what they would have said.",
        of(ANEW, _refused_and_said_anew),
    ),
    Bad("I2", "The office says something that nobody resubmitted.", of(ANEW, nobody_said("resubmit"))),
    Bad(
        "I8",
        "An event knew what the office never said, and the server never came back older.",
        log(lambda events: events[4].update(clock={A: 2, OFFICE: 7})),
    ),
    Bad("I13", "Nobody looked at the cases.", without(RUNNER, "ok", "cases")),
    Bad(
        "I13",
        "A case is dismissed and then approved.",
        of(
            DISMISSED,
            found(
                "dismissed", None, dismissed(), ("CaseApproved", "the person ada", {"settled_by_id": "the person ada"})
            ),
        ),
    ),
    Bad(
        "I13",
        "A case is given to somebody after it was dismissed.",
        of(
            DISMISSED,
            before(RUNNER, "info", "calm", *said(BEN, "reassign", "info", owner_id="ben")),
            found("dismissed", "ben", dismissed(), assigned(BEN, "ben")),
        ),
    ),
    Bad("I13", "A case is opened twice.", found("open", None, ("CaseOpened", SOMEBODY, {"replica": B, "seq": 2}))),
    Bad("I13", "An event is set aside, and nobody opened its case.", changed(RUNNER, "ok", "cases", facts=[])),
    Bad("I13", "A case was opened, and its event is not kept.", changed(RUNNER, "ok", "cases", cases={})),
    Bad(
        "I13", "A case is open in the queue, and dismissed in the log.", of(DISMISSED, found("open", None, dismissed()))
    ),
    Bad(
        "I13",
        "A case is another's in the queue than in the log.",
        of(IN_TURN, found("open", "ada", assigned(ADA, "ada"), assigned(BEN, "ben"))),
    ),
    Bad("I13", "A case is dismissed, and nobody said so.", of(DISMISSED, nobody_said("dismiss"))),
    Bad(
        "I13",
        "A case is dismissed by another than who said so.",
        of(DISMISSED, found("dismissed", None, dismissed(by="the person ben"))),
    ),
    Bad(
        "I13",
        "A case is dismissed for another reason than was given.",
        of(DISMISSED, found("dismissed", None, dismissed(why="Because."))),
    ),
    Bad(
        "I13",
        "A case is given to another than was said.",
        lambda _: given(said(ADA, "reassign", owner_id="ben"), owner="ada", facts=[(ADA, "ada")]),
    ),
    Bad("I13", "Who dismissed a case was told so, and it is open.", of(DISMISSED, found("open"))),
    Bad(
        "I13",
        "Who dismissed a case was told that it is approved.",
        of(
            DISMISSED,
            changed(ADA, "ok", "decide", became={"state": "approved", "settled_by_id": "the person ada"}),
        ),
    ),
    Bad(
        "I13",
        "Who came second was told that another had settled it.",
        of(ANEW, changed(BEN, "fail", "decide", became={"state": "resubmitted", "settled_by_id": "the person ben"})),
    ),
    Bad(
        "I13",
        "Who said the same once more was told of another event.",
        of(
            ANEW,
            before(
                RUNNER,
                "info",
                "quiet",
                *said(
                    ADA,
                    "resubmit",
                    reason=WHY,
                    became={"state": "resubmitted", "settled_by_id": "the person ada", "resubmitted_as": "e8"},
                ),
            ),
        ),
    ),
    Bad(
        "I13",
        "Two were told before a restore that they had settled the same case.",
        of(
            "a restored server has forgotten what was said anew",
            before(
                RUNNER,
                "info",
                "restore",
                *said(BEN, "dismiss", reason="No.", became={"state": "dismissed", "settled_by_id": "the person ben"}),
            ),
        ),
    ),
    Bad("I13", "What was said anew is not in the log.", of(ANEW, sixth(id="e8"))),
    Bad("I13", "What was said anew is in the log twice.", of(ANEW, _said_anew_twice)),
    Bad(
        "I13", "What was said anew is its author's, and not whose who said it.", of(ANEW, sixth(actor="the person ben"))
    ),
    Bad("I13", "What was said anew is said by a device.", of(ANEW, sixth(replica=A))),
    Bad("I13", "What was said anew is what was said of another case.", of(ANEW, sixth(reason="Something else."))),
    Bad("I13", "One event stands for two that were said anew.", of(ANEW, _one_for_two_cases)),
    Bad(
        "I13",
        "Its author is told of another event than was said anew.",
        of(ANEW, changed(BEN, "ok", "pull", -1, verdicts=[["e5", "resubmitted", None, "e8"]])),
    ),
    Bad(
        "I13",
        "Its author is told that it was said anew, and it is open.",
        of(ANEW, found("open"), nobody_said("resubmit")),
    ),
    Bad(
        "I13",
        "Its author is told another reason than was given.",
        of(DISMISSED, changed(BEN, "ok", "pull", -1, verdicts=[["e5", "dismissed", None, "Because."]])),
    ),
    Bad(
        "I13",
        "Its author never learns that it was dismissed.",
        of(DISMISSED, changed(BEN, "ok", "rest", -1, quarantined=["e5"])),
    ),
    Bad(
        "I13",
        "Its author never learns that it was said anew.",
        of(ANEW, changed(BEN, "ok", "rest", quarantined=["e5"])),
    ),
    Bad("I13", "A device waits for a decision about what is no case.", changed(ADA, "ok", "rest", quarantined=["e4"])),
    Bad(
        "I13",
        "A case is whose it was said to be first.",
        of(IN_TURN, found("open", "ada", assigned(BEN, "ben"), assigned(ADA, "ada"))),
    ),
    Bad("I13", "A case was given to somebody, and is nobody's.", of(IN_TURN, found("open"))),
    Bad(
        "I13",
        "A case is somebody's, and the log knows nothing of who had it before.",
        of(IN_TURN, found("open", "ben", assigned(BEN, "ben"))),
    ),
    Bad(
        "I13",
        "A case is theirs who were refused it.",
        lambda _: given(said(ADA, "reassign", "fail", owner_id="ada"), owner="ada", facts=[(ADA, "ada")]),
    ),
)
