"""What must be looked at and what was found."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen

from domain.entity import Record, entity
from domain.merge_policy import Ask, Latest, Ref
from domain.values import ChecklistItem, Decimal, EntityId, Line, Pattern, Text, Word

Answer = bool | Decimal | Annotated[str, MaxLen(4_000)] | Annotated[list[Word], MaxLen(50)]
"""What was answered: yes or no, a measured number as text, words, or the choices that were ticked."""


@entity("checklist_template", home="catalog")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistTemplate(Record):
    """One immutable version of a checklist; a changed checklist is a new entity with the next version number."""

    key: Annotated[Word, Ref()]
    template_version: Annotated[Annotated[int, Ge(1), Le(1_000_000)], Ref()]
    title: Annotated[Line, Ref()]
    items: Annotated[Annotated[list[ChecklistItem], MinLen(1), MaxLen(200)], Ref()]


@entity("checklist_answer", home="work_order:work_order_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistAnswer(Record):
    """The answer to one item of one template at one visit."""

    work_order_id: Annotated[EntityId, Ref()]
    visit_id: Annotated[EntityId, Ref()]
    template_id: Annotated[EntityId, Ref()]
    item_id: Annotated[Annotated[str, Pattern(r"^[a-z][a-z0-9_]{0,63}$")], Ref()]
    value: Annotated[Answer | None, Ask()] = None
    skipped_reason: Annotated[Text | None, Latest()] = None
