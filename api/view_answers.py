"""What the routes of the read model answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import Answer, Position
from api.body import NDJSON
from api.past_answers import OF_MOMENT, MomentTold

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"

_Csv = Annotated[str, Field(examples=['"id","status"\r\n"018f3c1e-7a00-7000-8000-0000000000a1","scheduled"\r\n'])]
_OTHER_FILES: Final[Mapping[str, Mapping[str, Any]]] = {
    NDJSON: {
        "schema": {"type": "array", "items": {"type": "object"}},
        "example": [{"id": "018f3c1e-7a00-7000-8000-0000000000a1", "status": "scheduled"}],
    },
    PARQUET: {"schema": {"type": "string", "format": "binary"}},
}


class ColumnTold(TypedDict):
    """A column, and what it means."""

    name: str
    type: str
    meaning: str


class ViewTold(TypedDict):
    """A table or view that can be asked."""

    name: str
    meaning: str
    key: Annotated[list[str], Field(description="What makes a row the only one.")]
    columns: list[ColumnTold]


class ViewList(TypedDict):
    """Everything that can be asked."""

    items: list[ViewTold]


class RowPage(TypedDict):
    """Rows, and where the next page begins."""

    items: list[dict[str, Any]]
    next: str | None
    prev: Annotated[str | None, Field(description="The cursor of the page before this one; null: there is none.")]
    total: NotRequired[
        Annotated[int, Field(ge=0, description="Rows on all pages together, where `Prefer: return=total-count` asked.")]
    ]
    position: Annotated[Position, Field(description="Up to where the rows hold the log.")]
    as_of: NotRequired[MomentTold]


_OF_VIEW: Final = (
    *("view-unknown", "filter-unknown", "value-unreadable", "sort-unknown", "fields-unknown", "cursor-unknown"),
    *("question-too-slow", "past-too-far", "no-read-model", "read-model-not-ready", "not-shown-yet", "position-ahead"),
    "sign-in-off",
    *OF_MOMENT,
)
VIEW_ANSWERS: Final[Mapping[str, Answer]] = {
    "views": Answer(shape=ViewList, problems=("no-read-model",)),
    "view_rows": Answer(shape=RowPage, problems=_OF_VIEW),
    "export_view": Answer(shape=_Csv, media=CSV, other_media=_OTHER_FILES, problems=_OF_VIEW),
}
"""By the name of the operation."""
