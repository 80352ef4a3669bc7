"""What the routes that read entities answer, and those that order something of them: one row for each order."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import Answer, Dot, Position, Uuid
from api.past_answers import OF_MOMENT, MomentTold
from commands.command import Command
from commands.registry import COMMANDS


class ConflictTold(TypedDict):
    """A field of which only a person can say what is right."""

    field: str
    reason: str
    values: list[Any]
    dots: list[Dot]
    shown: Any


class EntityTold(TypedDict):
    """An entity as it is shown, with the fields that its type declares beside these."""

    id: Uuid
    type: str
    version: Annotated[int, Field(ge=1)]
    scope: str
    conflicts: list[ConflictTold]
    masked: NotRequired[Annotated[list[str], Field(description="Fields that are told as null to this role.")]]


class EntityRead(EntityTold):
    """An entity as it is, or as it was at a moment."""

    as_of: NotRequired[MomentTold]


class EntityPage(TypedDict):
    """Entities, and where the next page begins."""

    items: list[EntityTold]
    next: str | None
    as_of: NotRequired[MomentTold]


class EventTold(TypedDict):
    """An event that an order came to."""

    entity_type: str
    entity_id: Uuid
    type: str
    position: Position


class OrderTold(EntityTold):
    """The entity as it is after an order, and the events that the order came to; none where it was so already."""

    told: list[EventTold]


def _order(command: Command) -> Answer:
    is_new = command.kind == "create"
    return Answer(
        shape=OrderTold,
        statuses=(HTTPStatus.CREATED if is_new else HTTPStatus.OK,),
        problems=tuple(_problems(command)),
    )


def _problems(command: Command) -> Iterator[str]:
    yield from ("idempotency-key-missing", "idempotency-key-reused", "not-yours-to-order", "order-refused")
    yield from ("reference-unknown", "work-settled", "written-meanwhile", "entity-not-found")
    if command.kind == "create":
        yield "id-taken"
    else:
        yield from ("version-moved", "illegal-move")
    if command.kind == "edit":
        yield "if-match-missing"
    if command.name == "resolve":
        yield "nothing-to-resolve"


ENTITY_ANSWERS: Final[Mapping[str, Answer]] = {
    "entity": Answer(shape=EntityRead, problems=("entity-not-found", *OF_MOMENT)),
    "entities": Answer(shape=EntityPage, problems=OF_MOMENT),
    "work_orders": Answer(shape=EntityPage, problems=OF_MOMENT),
    "replay_everything": Answer(shape=EntityPage, problems=(*OF_MOMENT, "sign-in-off")),
    **{each.operation: _order(each) for each in COMMANDS},
}
"""By the name of the operation."""
