"""Vectors of the table of concurrent moves: every pair, by two who did not know of each other.

What is expected was read off the design's own sentences, not off `domain/lifecycle.py`: the work outranks plans, office
decisions are never silently undone, and the table of concurrent moves. Where those say nothing, the reading says so and
pins what the merge answers today, so that whoever changes it notices.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.devices import CREATED, PERSON_1, PERSON_2
from tests.vectors.spelling import Case
from tests.vectors.story import Asks, asks, merge_case, tells

ABOUT: Final = (
    "Concurrent moves of a status: every pair of both lifecycles, reachable or not, and a reassignment beside every"
    " move of a visit. The move that is not shown counts as the newer one, so that no rule of time can give the answer."
    " The members are those of policies.json."
)


class Reading(NamedTuple):
    """One sentence about pairs of concurrent moves."""

    shown: str
    """The move whose status is shown."""
    beside: str
    """Moves that give way to it, or `itself`."""
    asks: bool
    why: str


WORK: Final = "The design: cancel ∥ on_site or done: the work stands, ask."
OUTRANKS: Final = (
    "The design's principle: facts about the physical world outrank plans; here a plan gave way, nobody is asked."
)
FURTHER: Final = (
    "Both are facts of the same work and the one that is further along is shown. The table is silent on the pair."
)
SAME: Final = "Two who made the same move agree; both are kept as witnesses."
SILENT: Final = (
    "The table is silent; pinned is today's answer: the move that is further along its life is shown, nobody is asked."
)
LATE: Final = "The design: close ∥ late field event: closed, flagged late, ask."
LATE_ANY: Final = (
    "The design asks about late field events; today a closed job asks about whatever its closer had not seen."
)
UNDONE: Final = "The design's principle: office decisions are never silently undone; so a person is asked."
GAVE_WAY: Final = "Whoever approves knew of the completion, and to that the design lets a hold give way without asking."
NOBODY_SENT: Final = "The table is silent; today somebody who declined is not sent, and a person is asked who goes."
BEFORE_SITE: Final = "The design asks from on_site on; before, the cancellation holds and nobody is asked."

JOB: Final[Sequence[Reading]] = [
    *(
        Reading(move, "itself", False, SAME)
        for move in [
            "draft",
            "open",
            "schedule",
            "unschedule",
            "hold",
            "cancel",
            "start",
            "resume",
            "approve",
            "close",
            "reopen",
        ]
    ),
    Reading(
        "complete",
        "itself",
        False,
        "The design: complete ∥ complete: completed with two witnesses, ask if outcomes differ.",
    ),
    Reading("open", "draft", False, SILENT),
    Reading("schedule", "draft open", False, SILENT),
    Reading("unschedule", "draft open schedule", False, SILENT),
    Reading("hold", "draft open schedule unschedule", False, SILENT),
    Reading("cancel", "draft open schedule unschedule", False, SILENT),
    Reading("cancel", "hold", True, UNDONE),
    Reading("start", "draft open schedule unschedule", False, OUTRANKS),
    Reading("start", "hold", True, f"The work outranks the plan, so it is in progress. {UNDONE}"),
    Reading("start resume complete", "cancel", True, WORK),
    Reading("resume", "draft open schedule unschedule", False, OUTRANKS),
    Reading("resume", "hold", True, f"Somebody is at work again, so it is in progress. {UNDONE}"),
    Reading("resume", "start", False, FURTHER),
    Reading("complete", "hold", False, "The design: hold ∥ complete: completed."),
    Reading("complete", "draft open schedule unschedule", False, OUTRANKS),
    Reading("complete", "start resume", False, FURTHER),
    Reading("approve", "draft open schedule unschedule start resume complete", False, SILENT),
    Reading("approve", "hold", False, GAVE_WAY),
    Reading("approve", "cancel", True, f"{WORK} It was approved besides."),
    Reading("close", "start resume complete", True, LATE),
    Reading("close", "cancel", True, f"{WORK} It was closed besides."),
    Reading("close", "hold", True, UNDONE),
    Reading("close", "draft open schedule unschedule approve", True, LATE_ANY),
    Reading("reopen", "approve", True, "The design: approve ∥ reopen: open, ask."),
    Reading("reopen", "close", True, UNDONE),
    Reading("reopen", "complete", True, "The table is silent; today a reopening that met a completion asks."),
    Reading("reopen", "draft open schedule unschedule", False, SILENT),
    Reading("reopen", "hold cancel", True, UNDONE),
    Reading("reopen", "start resume", True, "Somebody at work is a fact, and a job that is open is a plan: ask."),
]

TRIP: Final[Sequence[Reading]] = [
    *(
        Reading(move, "itself", False, SAME)
        for move in ["plan", "dispatch", "accept", "decline", "travel", "cancel", "arrive", "pause", "continue"]
    ),
    Reading(
        "finish", "itself", False, "Finished by two devices: done, both kept as witnesses; outcomes that differ ask."
    ),
    Reading("dispatch", "plan", False, SILENT),
    Reading("accept", "plan dispatch", False, SILENT),
    Reading("decline", "plan dispatch", False, SILENT),
    Reading("decline", "accept", True, NOBODY_SENT),
    Reading("travel", "plan dispatch accept", False, OUTRANKS),
    Reading("travel", "decline", True, f"{NOBODY_SENT} But who travels does, whatever was declined."),
    Reading("cancel", "plan dispatch accept travel", False, BEFORE_SITE),
    Reading("cancel", "decline", False, SILENT),
    Reading("arrive pause continue finish", "cancel", True, WORK),
    Reading("arrive pause continue finish", "plan dispatch accept", False, OUTRANKS),
    Reading(
        "arrive pause continue finish",
        "decline",
        True,
        "Somebody declined and somebody was there: the work stands, ask.",
    ),
    Reading("arrive pause continue finish", "travel", False, FURTHER),
    Reading("pause continue finish", "arrive", False, FURTHER),
    Reading("continue finish", "pause", False, FURTHER),
    Reading("finish", "continue", False, FURTHER),
]

JOB_STATUS: Final[Mapping[str, str]] = {
    "draft": "draft",
    "open": "open",
    "schedule": "scheduled",
    "unschedule": "open",
    "hold": "on_hold",
    "cancel": "cancelled",
    "start": "in_progress",
    "resume": "in_progress",
    "complete": "completed",
    "approve": "approved",
    "close": "closed",
    "reopen": "open",
}
TRIP_STATUS: Final[Mapping[str, str]] = {
    "plan": "planned",
    "dispatch": "dispatched",
    "accept": "accepted",
    "decline": "declined",
    "travel": "travelling",
    "cancel": "cancelled",
    "arrive": "on_site",
    "pause": "paused",
    "continue": "on_site",
    "finish": "done",
}

JOB_SAID: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "draft": ("Created", CREATED["work_order"]),
    "open": ("WorkOrderOpened", {}),
    "schedule": ("WorkOrderScheduled", {}),
    "unschedule": ("WorkOrderUnscheduled", {}),
    "hold": ("WorkOrderPutOnHold", {}),
    "cancel": ("WorkOrderCancelled", {"cancel_reason": "double booking"}),
    "start": ("WorkOrderStarted", {}),
    "resume": ("WorkOrderResumed", {}),
    "complete": ("WorkOrderCompleted", {"outcome": "resolved"}),
    "approve": ("WorkOrderApproved", {}),
    "close": ("WorkOrderClosed", {}),
    "reopen": ("WorkOrderReopened", {"reopen_reason": "leaks again"}),
}
TRIP_SAID: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "plan": ("VisitPlanned", CREATED["visit"]),
    "dispatch": ("VisitDispatched", {}),
    "accept": ("VisitAccepted", {}),
    "decline": ("VisitDeclined", {}),
    "travel": ("VisitTravelStarted", {}),
    "cancel": ("VisitCancelled", {}),
    "arrive": ("VisitArrived", {}),
    "pause": ("VisitPaused", {}),
    "continue": ("VisitContinued", {}),
    "finish": ("VisitFinished", {"outcome": "resolved"}),
}


class Life(NamedTuple):
    """A lifecycle as the design draws it, with an event for each of its moves."""

    entity_type: str
    readings: Sequence[Reading]
    statuses: Mapping[str, str]
    """Where each move leads."""
    said: Mapping[str, tuple[str, Mapping[str, Any]]]


LIVES: Final = (Life("work_order", JOB, JOB_STATUS, JOB_SAID), Life("visit", TRIP, TRIP_STATUS, TRIP_SAID))


def cases() -> list[Case]:
    """All of them."""
    return [
        *(_met(life, *pair) for life in LIVES for pair in pairs(life.readings)),
        *(_reassigned(move) for move in TRIP_STATUS),
    ]


def pairs(readings: Sequence[Reading]) -> Iterator[tuple[str, str, Reading]]:
    """(the move that is shown, the other, the sentence about them)."""
    for reading in readings:
        for shown in reading.shown.split():
            for beside in reading.beside.split():
                yield shown, shown if beside == "itself" else beside, reading


def _met(life: Life, shown: str, beside: str, reading: Reading) -> Case:
    told = [tells("ada", *life.said[shown], minute=1), tells("ben", *life.said[beside], minute=2)]
    said = {name: value for each in told for name, value in each.data.items()}
    status = life.statuses[shown]
    return merge_case(
        f"{life.entity_type}: {shown} ∥ {beside}",
        reading.why,
        life.entity_type,
        *told,
        values={**said, "status": status},
        conflicts=list(_asked(shown, beside, reading, status)),
    )


def _asked(shown: str, beside: str, reading: Reading, status: str) -> Iterator[Asks]:
    if reading.asks and reading.why != LATE_ANY:
        yield asks("status", "moves_clash", ("ada 1", shown), ("ben 1", beside), shown=status)
    if shown == "close" != beside:
        yield asks("status", "contested", ("ada 1", "close"), ("ben 1", ...), shown=status)
    if beside == "close" != shown:
        yield asks("status", "contested", ("ben 1", "close"), ("ada 1", ...), shown=status)


def _reassigned(move: str) -> Case:
    under_way = move in ("travel", "arrive", "pause", "continue", "finish")
    event_type, data = TRIP_SAID[move]
    why = (
        "The design: reassign ∥ travelling or later: the status stays, both names are kept, ask."
        if under_way
        else "Nobody is on the way yet: the trip is another's from now on, and nobody is asked."
    )
    return merge_case(
        f"visit: reassign ∥ {move}",
        why,
        "visit",
        tells("ada", "VisitReassigned", {"assignee_id": PERSON_2}, minute=1),
        tells("ben", event_type, data, minute=2),
        created={"assignee_id": PERSON_1},
        values={**data, "assignee_id": PERSON_2, "status": TRIP_STATUS[move]},
        conflicts=[asks("assignee_id", "reassigned_under_way", ("ada 1", PERSON_2), ("ben 1", move), shown=PERSON_2)]
        if under_way
        else [],
    )
