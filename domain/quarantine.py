"""Events that could not be accepted, as work for the office. Only the server writes these, and they never leave it."""

from dataclasses import dataclass
from typing import Annotated

from domain.entity import OFFICE, Record, entity
from domain.merge_policy import Advance, Latest, Once, Ref
from domain.values import Count, EntityId, Text, Word


@entity("case", home=OFFICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Record):
    """An event that was set aside, until somebody decides what becomes of it."""

    replica: Annotated[Word, Ref()]
    seq: Annotated[Count, Ref()]
    author_id: Annotated[EntityId, Ref()]
    code: Annotated[Word, Ref()]
    text: Annotated[Text, Ref()]
    status: Annotated[str, Advance("case")] = "open"
    owner_id: Annotated[EntityId | None, Latest()] = None
    settled_by_id: Annotated[EntityId | None, Once()] = None
    resubmitted_as: Annotated[EntityId | None, Once()] = None
    dismiss_reason: Annotated[Text | None, Once()] = None
