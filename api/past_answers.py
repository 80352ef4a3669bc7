"""What the routes that read the past answer."""

from typing import Final

from typing_extensions import TypedDict

from api.answer import Position

OF_MOMENT: Final = ("as-of-unreadable", "as-of-ahead", "as-of-before-beginning")
"""Problems of whatever takes a moment."""


class MomentTold(TypedDict):
    """A moment of the log, by the last event that it holds."""

    position: Position
    recorded_at: str
