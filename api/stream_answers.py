"""What the routes answer whose answers are lines or events of a stream, item by item."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import Position


class FrameTold(TypedDict):
    """One line of a pull. Which members stand beside `frame` the reference of sync tells, frame by frame."""

    frame: Literal["event", "snapshot", "enter", "leave", "verdict", "opaque", "checkpoint"]
    position: NotRequired[Position]
    scope: NotRequired[str]
    event: NotRequired[dict[str, Any]]
    state: NotRequired[Any]
    cursor: NotRequired[Position]
    head: NotRequired[Position]
    epoch: NotRequired[str]


Frames = Annotated[list[FrameTold], Field(min_length=1, description="One per line; the last is a checkpoint.")]


class HintTold(TypedDict):
    """One event of a live stream: `head` says how far the log goes, `unauthorized` that nothing more will come."""

    event: Literal["head", "unauthorized"]
    data: Annotated[str, Field(examples=['{"head":12}'], description="JSON.")]
    id: NotRequired[Annotated[str, Field(pattern="^[0-9]+$", examples=["12"])]]
