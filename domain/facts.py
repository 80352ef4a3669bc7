"""The named facts: what can happen to an entity, in the past tense, and which of its fields each one tells.

A fact never declares a field again: it names fields of its entity, whose types, limits and policies hold.
`Created`, `Edited`, `Archived` and `Restored` exist for every entity; the rest are things people say to each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from domain.entity import EntityType, Field
from domain.lifecycle import LIFECYCLES, Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, Once, Ref, Server, Sum
from domain.upcasts import UPCASTS, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One type of event on one type of entity."""

    name: str
    """Its wire name, such as `VisitArrived`."""
    entity: str
    fields: tuple[str, ...]
    """The fields that its data may hold."""
    required: frozenset[str] = frozenset()
    move: str | None = None
    """The move of the entity's status that it makes."""
    sets: tuple[tuple[str, bool], ...] = ()
    """Fields that it writes without being told a value."""
    creates: bool = False
    """It is the first event of its entity; every other fact needs the entity to exist."""
    upcasts: tuple[tuple[Step, ...], ...] = ()
    """How data of version 1, 2, … becomes data of the next version."""

    @property
    def version(self) -> int:
        """The schema version that is written today."""
        return len(self.upcasts) + 1

    def steps_from(self, version: int) -> tuple[Step, ...]:
        """The steps from data of that version to today's."""
        return tuple(chain(*self.upcasts[version - 1 :]))


def _fact(name: str, entity: str, *fields: str, move: str | None = None, needs: Iterable[str] = ()) -> Fact:
    required = frozenset(needs)
    return Fact(name=name, entity=entity, fields=(*sorted(required), *fields), required=required, move=move)


NAMED_FACTS: tuple[Fact, ...] = (
    _fact("WorkOrderOpened", "work_order", "opened_at", move="open"),
    _fact("WorkOrderScheduled", "work_order", move="schedule"),
    _fact("WorkOrderUnscheduled", "work_order", move="unschedule"),
    _fact("WorkOrderStarted", "work_order", move="start"),
    _fact("WorkOrderPutOnHold", "work_order", "hold_reason", move="hold"),
    _fact("WorkOrderResumed", "work_order", move="resume"),
    _fact("WorkOrderCompleted", "work_order", "completed_at", "outcome", "resolution", move="complete"),
    _fact("WorkOrderApproved", "work_order", move="approve"),
    _fact("WorkOrderClosed", "work_order", "closed_at", move="close"),
    _fact("WorkOrderReopened", "work_order", move="reopen", needs=["reopen_reason"]),
    _fact("WorkOrderCancelled", "work_order", move="cancel", needs=["cancel_reason"]),
    _fact("VisitDispatched", "visit", move="dispatch"),
    _fact("VisitReassigned", "visit", needs=["assignee_id"]),
    _fact("VisitRescheduled", "visit", "planned_start", "planned_end", "sequence"),
    _fact("VisitAccepted", "visit", move="accept"),
    _fact("VisitDeclined", "visit", "decline_reason", move="decline"),
    _fact("VisitTravelStarted", "visit", "travel_started_at", move="travel"),
    _fact("VisitArrived", "visit", "arrived_at", move="arrive"),
    _fact("VisitPaused", "visit", move="pause"),
    _fact("VisitContinued", "visit", move="continue"),
    _fact("VisitFinished", "visit", "finished_at", "resolution", move="finish", needs=["outcome"]),
    _fact("VisitCancelled", "visit", "cancel_reason", move="cancel"),
    _fact("TimerStopped", "time_entry", needs=["stopped_at"]),
    _fact("AssetConditionReported", "asset", needs=["condition"]),
    _fact("AssetMoved", "asset", needs=["site_id"]),
    _fact("DeviceRevoked", "device", move="revoke"),
    _fact("CaseReassigned", "case", needs=["owner_id"]),
    _fact("CaseRetried", "case", move="retry", needs=["settled_by_id"]),
    _fact("CaseApproved", "case", move="approve", needs=["settled_by_id"]),
    _fact("CaseResubmitted", "case", move="resubmit", needs=["resubmitted_as", "settled_by_id"]),
    _fact("CaseDismissed", "case", move="dismiss", needs=["dismiss_reason", "settled_by_id"]),
)

CREATIONS: Mapping[str, str] = {
    "ChecklistItemAnswered": "checklist_answer",
    "MeterRead": "meter_reading",
    "NoteWritten": "note",
    "PhotoAttached": "attachment",
    "PartUsed": "part_use",
    "TimerStarted": "time_entry",
    "SignatureTaken": "signature",
    "VisitPlanned": "visit",
    "DeviceEnrolled": "device",
    "CaseOpened": "case",
}
"""Facts that bring an entity into being under a better name than `Created`."""

GENERIC_FACTS = ("Created", "Edited", "Archived", "Restored")


def facts_of(entity: EntityType) -> dict[str, Fact]:
    """Every fact that can be told about an entity, by wire name."""
    return {fact.name: replace(fact, upcasts=UPCASTS.get((entity.name, fact.name), ())) for fact in _facts_of(entity)}


def _facts_of(entity: EntityType) -> Iterable[Fact]:
    created = tuple(name for name, field in entity.fields.items() if _is_told_at_creation(field))
    editable = tuple(name for name, field in entity.fields.items() if _is_edited(field))
    required = frozenset(name for name, field in entity.fields.items() if field.required)
    for name in ("Created", *(name for name, created_entity in CREATIONS.items() if created_entity == entity.name)):
        yield Fact(
            name=name, entity=entity.name, fields=created, required=required, move=first_move(entity), creates=True
        )
    yield Fact(name="Edited", entity=entity.name, fields=editable)
    yield Fact(name="Archived", entity=entity.name, fields=(), sets=(("archived", True),))
    yield Fact(name="Restored", entity=entity.name, fields=(), sets=(("archived", False),))
    yield from (fact for fact in NAMED_FACTS if fact.entity == entity.name)


def first_move(entity: EntityType) -> str | None:
    """The move that an entity's creation makes, if the entity has a status."""
    lifecycle = status_of(entity)
    if lifecycle is None:
        return None
    return next(name for name, move in LIFECYCLES[lifecycle[1]].moves.items() if not move.legal_from)


def status_of(entity: EntityType) -> tuple[str, str] | None:
    """The name of an entity's status field and of its lifecycle, or None where it has no status."""
    for name, field in entity.fields.items():
        if isinstance(field.policy, Advance):
            return name, field.policy.lifecycle
    return None


def lifecycles_of(entities: Mapping[str, EntityType]) -> dict[str, Lifecycle]:
    """The lifecycles of the statuses that these entities have."""
    lived = {status[1] for entity in entities.values() if (status := status_of(entity))}
    return {name: lifecycle for name, lifecycle in LIFECYCLES.items() if name in lived}


def _is_told_at_creation(field: Field) -> bool:
    return field.name != "archived" and not isinstance(field.policy, Advance | Server)


def _is_edited(field: Field) -> bool:
    match field.policy:
        case Latest() | Ask() | AddWins() | Sum() | Once():
            return field.name != "archived"
        case Log() | Ref() | Server() | Advance():
            return False
