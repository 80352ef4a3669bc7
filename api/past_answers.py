"""What the routes that read the past answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import Answer, Dot, Position, ReplicaId, Uuid

SVG: Final = "image/svg+xml"
OF_MOMENT: Final = ("as-of-unreadable", "as-of-ahead", "as-of-before-beginning")
"""Problems of whatever takes a moment."""

Instant = Annotated[str, Field(examples=["2026-01-01T12:00:00.000Z"])]
Version = Annotated[int, Field(ge=1, description="Its place among the events of its entity.")]
Fields = Annotated[list[str], Field(description="Fields that wait for a person.")]


class MomentTold(TypedDict):
    """A moment of the log, by the last event that it holds."""

    position: Position
    recorded_at: Instant


class ActorTold(TypedDict):
    """Who answers for an event."""

    id: str
    name: Annotated[str | None, Field(description="Null where they do not work here any more.")]


class ChangeTold(TypedDict):
    """What is shown of a field before and after; null where nobody had written it."""

    field: str
    was: Any
    now: Any


class StepTold(TypedDict):
    """One event of an entity, and what came of it."""

    version: Version
    position: Position
    event: Uuid
    type: str
    actor: ActorTold
    replica: ReplicaId
    seq: Position
    written_at: Annotated[Instant, Field(description="By the clock of the device, which may be wrong.")]
    recorded_at: Annotated[Instant, Field(description="By the clock of the server.")]
    effective_at: Annotated[Instant, Field(description="What counts in merges: never later than it arrived.")]
    place: Annotated[dict[str, Any] | None, Field(description="Where it was written, if the device told.")]
    reason: str | None
    together: Annotated[dict[str, Any] | None, Field(description="The events that it stands or falls with.")]
    had_pulled: Annotated[Position, Field(description="How far its device had read the log.")]
    knew: Annotated[dict[str, int], Field(description="By replica, up to which seq its author knew this entity.")]
    did_not_know: Annotated[
        dict[str, int], Field(description="By replica, how many of the events before it its author did not know of.")
    ]
    said: dict[str, Any]
    changed: list[ChangeTold]
    opened: Fields
    settled: Fields


class HistoryPage(TypedDict):
    """The events of an entity, and where the next page begins."""

    items: list[StepTold]
    next: Version | None
    as_of: NotRequired[MomentTold]


class WhyTold(TypedDict):
    """Why a field shows what it shows, with the events that wrote it."""

    explanation: Annotated[dict[str, Any], Field(description="As docs/reference/explanations.md spells it.")]
    events: list[StepTold]
    as_of: NotRequired[MomentTold]


class DifferencesTold(TypedDict):
    """What is shown of an entity at two moments."""

    since: Annotated[MomentTold | None, Field(description="Null: from before it was written.")]
    until: Annotated[MomentTold | None, Field(description="Null: now.")]
    events: Annotated[int, Field(ge=0, description="How many events lie between.")]
    changed: list[ChangeTold]
    opened: Fields
    settled: Fields


class LaneTold(TypedDict):
    """A replica that wrote the entity, and who answers for it."""

    replica: ReplicaId
    actor: ActorTold


class NodeTold(TypedDict):
    """An event in a causal graph."""

    version: Version
    position: Position
    event: Uuid
    type: str
    actor: ActorTold
    replica: ReplicaId
    seq: Position
    written_at: Instant
    recorded_at: Instant
    changed: list[ChangeTold]
    causes: Annotated[list[Dot], Field(description="The newest events that its author knew of.")]
    concurrent: Annotated[list[Dot], Field(description="Events of which neither author knew the other's.")]


class GraphTold(TypedDict):
    """Who knew of whom."""

    lanes: list[LaneTold]
    events: list[NodeTold]
    as_of: NotRequired[MomentTold]


class EntityChanged(TypedDict):
    """An entity that was written between two moments."""

    id: Uuid
    type: str
    scope: str
    is_new: bool
    version: Version
    events: Annotated[int, Field(ge=1)]
    position: Position
    changed: list[ChangeTold]
    opened: Fields
    settled: Fields


class ChangedPage(TypedDict):
    """Entities that were written between two moments, and where the next page begins."""

    items: list[EntityChanged]
    next: Position | None
    since: MomentTold | None
    until: MomentTold


_NOTED: Final = ("sign-in-off",)
_OF_ENTITY: Final = (*OF_MOMENT, *_NOTED, "entity-not-found")
_OF_HISTORY: Final = (*_OF_ENTITY, "history-too-long")
PAST_ANSWERS: Final[Mapping[str, Answer]] = {
    "history": Answer(shape=HistoryPage, problems=(*_OF_HISTORY, "field-unknown")),
    "why": Answer(shape=WhyTold, problems=(*_OF_HISTORY, "field-unknown")),
    "entity_differences": Answer(shape=DifferencesTold, problems=(*_OF_ENTITY, "range-reversed")),
    "graph": Answer(shape=GraphTold, problems=_OF_HISTORY),
    "graph_picture": Answer(shape=str, media=SVG, problems=_OF_HISTORY),
    "differences_of_all": Answer(shape=ChangedPage, problems=(*OF_MOMENT, *_NOTED, "range-reversed")),
}
"""By the name of the operation."""
