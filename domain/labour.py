"""How long somebody was at it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import Once, Ref
from domain.values import EntityId, Instant


@entity("time_entry", home="work_order:work_order_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry(Record):
    """A span of one person's time on one visit; a correction is another entry that refers to this one."""

    work_order_id: Annotated[EntityId, Ref()]
    visit_id: Annotated[EntityId, Ref()]
    person_id: Annotated[EntityId, Ref()]
    kind: Annotated[Literal["travel", "work", "break"], Ref()]
    started_at: Annotated[Instant, Once()]
    stopped_at: Annotated[Instant | None, Once()] = None
    corrects_id: Annotated[EntityId | None, Ref()] = None
