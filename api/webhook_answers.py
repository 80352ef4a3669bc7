"""The shapes of what the routes of webhooks answer."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from domain.values import INTEGER_MAX, UUID_PATTERN

_Uuid = Annotated[str, Field(pattern=UUID_PATTERN)]
_Position = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_Status = Annotated[int, Field(ge=100, le=999)]


class WebhookTold(TypedDict):
    """A webhook and how far it has come."""

    id: _Uuid
    name: str
    url: str
    facts: list[str]
    owner_id: _Uuid
    state: Literal["active", "paused", "disabled"]
    reason: Literal["gone", "failing"] | None
    position: _Position
    failures: int
    next_at_ms: int | None
    version: int
    created_at_ms: int


class WebhookAndSecret(WebhookTold):
    """A webhook with what its receiver checks signatures by."""

    secret: Annotated[str, Field(pattern="^whsec_")]
    public_key: Annotated[str, Field(pattern="^whpk_")]


class ErrandTold(TypedDict):
    """Something that was asked to be sent besides the next events."""

    id: _Uuid
    kind: Literal["replay", "ping"]
    position: _Position | None
    to_position: _Position | None
    failures: int
    asked_by_id: _Uuid
    asked_at_ms: int


class WebhookWhole(WebhookTold):
    """A webhook with what waits besides the next events."""

    errands: list[ErrandTold]


class WebhookList(TypedDict):
    """Webhooks, oldest first."""

    items: list[WebhookTold]


class WebhookGone(TypedDict):
    """The id of a webhook that was deleted."""

    id: _Uuid


class DeliveryTold(TypedDict):
    """One try, and what came of it."""

    id: _Uuid
    message_id: str
    kind: Literal["event", "replay", "ping"]
    position: _Position | None
    attempt: int
    outcome: Literal["delivered", "failed", "dead", "gone"]
    status: _Status | None
    error: str | None
    took_ms: int
    sent_at_ms: int
    answer: str


class DeliveryPage(TypedDict):
    """Tries, newest first."""

    items: list[DeliveryTold]
    next: str | None


class LetterTold(TypedDict):
    """An event that was given up."""

    position: _Position
    message_id: str
    buried_at_ms: int
    status: _Status | None
    error: str | None


class LetterPage(TypedDict):
    """What was given up, by position."""

    items: list[LetterTold]
    next: _Position | None
