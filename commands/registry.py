"""Everything that can be ordered over HTTP: routes, checks, permissions and documentation are made from this."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from commands import deciding
from commands.authority import may_correct, may_tell
from commands.command import COLLECTIONS, Command, Decide, facts_of
from domain.catalogue import ENTITIES, FACTS
from domain.facts import CREATIONS
from domain.merge_policy import Once
from domain.people import Role

_CREATED_AS: Final[Mapping[str, str]] = {entity: fact for fact, entity in CREATIONS.items()}
_SAID_BY_THE_SERVER: Final = frozenset({"home", "author_id", "corrects_id", "reversal_of"})
_NOT_EDITED: Final = frozenset({"checklist_answer", "signature", "time_entry", "part_use", "meter_reading", "note"})
"""Evidence stays as it was written; it is corrected by another entry."""
_NAMES: Final[Mapping[str, str]] = {"part_use": "use of a part", "stock_location": "stock location"}


def _called(entity: str) -> str:
    name = _NAMES.get(entity, entity.replace("_", " "))
    return f"an {name}" if name[0] == "a" else f"a {name}"


def _creations() -> Iterator[Command]:
    for entity in COLLECTIONS:
        fact = FACTS[entity][_CREATED_AS.get(entity, "Created")]
        left_out = set(_SAID_BY_THE_SERVER)
        if "visit_id" in fact.required:
            left_out.add("work_order_id")  # it follows from the visit
        yield Command(
            name="create",
            entity=entity,
            kind="create",
            summary=f"Create {_called(entity)}",
            fact=fact.name,
            decide=deciding.create,
            fields=tuple(name for name in fact.fields if name not in left_out),
            required=fact.required - left_out - {"person_id", "started_at", "read_at"},
            at={"time_entry": "started_at", "meter_reading": "read_at", "note": "written_at"}.get(entity),
        )


def _edits() -> Iterator[Command]:
    for entity in COLLECTIONS:
        if entity in _NOT_EDITED:
            continue
        declared = ENTITIES[entity].fields
        fields = tuple(
            name
            for name in FACTS[entity]["Edited"].fields
            if not isinstance(declared[name].policy, Once) and not name.endswith("_reason")
        )
        yield Command(
            name="edit",
            entity=entity,
            kind="edit",
            summary=f"Edit {_called(entity)}",
            fact="Edited",
            decide=deciding.edit,
            fields=fields,
            reason="may",
        )


def _of_every_entity() -> Iterator[Command]:
    for entity in COLLECTIONS:
        yield Command(
            name="archive",
            entity=entity,
            kind="act",
            summary=f"Archive {_called(entity)}",
            fact="Archived",
            decide=deciding.say,
            reason="may",
        )
        yield Command(
            name="restore",
            entity=entity,
            kind="act",
            summary=f"Take {_called(entity)} out of the archive",
            fact="Restored",
            decide=deciding.say,
            reason="may",
        )
        yield Command(
            name="resolve",
            entity=entity,
            kind="act",
            summary=f"Decide between accounts of {_called(entity)} that contradict each other",
            fact="Edited",
            decide=deciding.resolve,
            fields=FACTS[entity]["Edited"].fields,
            reason="must",
        )


def _act(
    entity: str,
    name: str,
    fact: str,
    summary: str,
    *fields: str,
    needs: Iterable[str] = (),
    at: str | None = None,
    why: str | None = None,
    decide: Decide = deciding.say,
    says: tuple[str, str] | None = None,
    also: tuple[tuple[str, str], ...] = (),
    corrects: bool = False,
) -> Command:
    required = frozenset(needs)
    return Command(
        name=name,
        entity=entity,
        kind="act",
        summary=summary,
        fact=fact,
        decide=decide,
        says=says,
        fields=(*sorted(required), *fields, *((at,) if at else ())),
        required=required,
        reason="must" if why or corrects else "may",
        reason_field=why,
        at=at,
        also=also,
        corrects=corrects,
    )


_ACTS: Final = (
    _act("work_order", "open", "WorkOrderOpened", "Open a drafted job", at="opened_at"),
    _act(
        "work_order",
        "schedule",
        "WorkOrderScheduled",
        "Plan a visit to a job",
        *("assignee_id", "crew", "planned_start", "planned_end", "sequence"),
        says=("visit", "VisitPlanned"),
        decide=deciding.schedule,
        also=(("visit", "VisitPlanned"),),
    ),
    _act("work_order", "unschedule", "WorkOrderUnscheduled", "Take a job out of the plan"),
    _act("work_order", "start", "WorkOrderStarted", "Begin with a job"),
    _act("work_order", "hold", "WorkOrderPutOnHold", "Put a job on hold", why="hold_reason"),
    _act("work_order", "resume", "WorkOrderResumed", "Go on with a job that was on hold"),
    _act(
        *("work_order", "complete", "WorkOrderCompleted", "Complete a job", "outcome", "resolution"), at="completed_at"
    ),
    _act("work_order", "approve", "WorkOrderApproved", "Approve completed work"),
    _act("work_order", "close", "WorkOrderClosed", "Close an approved job", at="closed_at"),
    _act("work_order", "reopen", "WorkOrderReopened", "Open a completed job again", why="reopen_reason"),
    _act("work_order", "cancel", "WorkOrderCancelled", "Cancel a job", why="cancel_reason"),
    _act("visit", "assign", "VisitReassigned", "Send somebody, or somebody else", needs=["assignee_id"]),
    _act(
        *("visit", "reschedule", "VisitRescheduled", "Plan a visit for another time"),
        *("planned_start", "planned_end", "sequence"),
    ),
    _act("visit", "dispatch", "VisitDispatched", "Tell the assignee to go"),
    _act("visit", "accept", "VisitAccepted", "Agree to go"),
    _act("visit", "decline", "VisitDeclined", "Decline to go", why="decline_reason"),
    _act("visit", "travel", "VisitTravelStarted", "Set off", at="travel_started_at"),
    _act("visit", "arrive", "VisitArrived", "Arrive on site", at="arrived_at"),
    _act("visit", "pause", "VisitPaused", "Interrupt the work"),
    _act("visit", "continue", "VisitContinued", "Go on working"),
    _act("visit", "finish", "VisitFinished", "Finish a visit", "resolution", needs=["outcome"], at="finished_at"),
    _act("visit", "cancel", "VisitCancelled", "Call a visit off", why="cancel_reason"),
    _act("asset", "report-condition", "AssetConditionReported", "Say how an asset is", needs=["condition"]),
    _act("asset", "move", "AssetMoved", "Take an asset to another site", needs=["site_id"]),
    _act("time_entry", "stop", "TimerStopped", "Stop the timer", at="stopped_at"),
    _act(
        *("time_entry", "correct", "TimerStarted", "Correct a time entry", "started_at", "stopped_at"),
        decide=deciding.correct,
        corrects=True,
    ),
    _act(
        *("meter_reading", "correct", "MeterRead", "Correct a meter reading", "unit", "read_at"),
        needs=["value"],
        decide=deciding.correct,
        corrects=True,
    ),
    _act(*("note", "correct", "NoteWritten", "Correct a note"), needs=["body"], decide=deciding.correct, corrects=True),
    _act(
        *("checklist_answer", "correct", "Edited", "Correct an answer", "value", "skipped_reason"),
        decide=deciding.correct_value,
        corrects=True,
    ),
    _act(
        *("part_use", "correct", "Edited", "Correct how many parts were used"),
        needs=["quantity"],
        decide=deciding.correct_quantity,
        corrects=True,
    ),
)

COMMANDS: Final[tuple[Command, ...]] = tuple(
    sorted(
        (*_creations(), *_edits(), *_ACTS, *_of_every_entity()), key=lambda each: list(COLLECTIONS).index(each.entity)
    )
)
"""By entity, and of each in the order in which people do them."""


def may_order(role: Role, command: Command) -> bool:
    """Whether somebody in this role gives such an order at all; what exactly they may say is looked at with it."""
    if command.corrects and not may_correct(role):
        return False
    return all(may_tell(role, *fact) for fact in facts_of(command))
