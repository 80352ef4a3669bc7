"""The job: what a customer needs done, written by dispatchers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Advance, Ask, Latest, Once, Ref, Server
from domain.values import EntityId, Instant, Line, Text, Window, Word

Kind = Literal["repair", "inspection", "maintenance", "installation", "complaint", "other"]
Priority = Literal["none", "low", "normal", "high", "critical"]
Outcome = Literal["resolved", "follow_up", "cannot_complete", "no_access"]


@entity("work_order", home="own")
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder(Record):
    """One job for one customer at one site, done in one or more visits."""

    number: Annotated[Line | None, Server()] = None
    customer_id: Annotated[EntityId, Ref()]
    site_id: Annotated[EntityId, Ref()]
    assets: Annotated[frozenset[EntityId], AddWins()] = frozenset()
    kind: Annotated[Kind, Ask()]
    priority: Annotated[Priority, Latest()] = "none"
    title: Annotated[Line, Ask()]
    description: Annotated[Text | None, Ask()] = None
    requested_window: Annotated[Window | None, Ask()] = None
    due_at: Annotated[Instant | None, Ask()] = None
    sla_id: Annotated[Word | None, Latest()] = None
    required_skills: Annotated[frozenset[Word], AddWins()] = frozenset()
    checklist_templates: Annotated[frozenset[EntityId], AddWins()] = frozenset()
    requires_signature: Annotated[bool, Latest()] = False
    billable: Annotated[bool | None, Latest()] = None
    opened_at: Annotated[Instant | None, Once()] = None
    status: Annotated[str, Advance("work_order")] = "draft"
    outcome: Annotated[Outcome | None, Ask()] = None
    resolution: Annotated[Text | None, Ask()] = None
    completed_at: Annotated[Instant | None, Once()] = None
    closed_at: Annotated[Instant | None, Once()] = None
    hold_reason: Annotated[Text | None, Latest()] = None
    cancel_reason: Annotated[Text | None, Once()] = None
    reopen_reason: Annotated[Text | None, Latest()] = None
