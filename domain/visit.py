"""The trip: one person's way to a job and back, written by technicians."""

from dataclasses import dataclass
from typing import Annotated

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Advance, Ask, Latest, Once, Ref, Server
from domain.values import EntityId, FractionalIndex, Instant, Text
from domain.work_order import Outcome


@entity("visit", home="work_order:work_order_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Record):
    """One person's trip to one job, with the crew that comes along."""

    work_order_id: Annotated[EntityId, Ref()]
    assignee_id: Annotated[EntityId | None, Ask()] = None
    crew: Annotated[frozenset[EntityId], AddWins()] = frozenset()
    planned_start: Annotated[Instant | None, Ask()] = None
    planned_end: Annotated[Instant | None, Ask()] = None
    sequence: Annotated[FractionalIndex | None, Latest()] = None
    status: Annotated[str, Advance("visit")] = "planned"
    travel_started_at: Annotated[Instant | None, Once()] = None
    arrived_at: Annotated[Instant | None, Once()] = None
    finished_at: Annotated[Instant | None, Once()] = None
    outcome: Annotated[Outcome | None, Ask()] = None
    resolution: Annotated[Text | None, Ask()] = None
    decline_reason: Annotated[Text | None, Latest()] = None
    cancel_reason: Annotated[Text | None, Once()] = None
    eta: Annotated[Instant | None, Server()] = None
