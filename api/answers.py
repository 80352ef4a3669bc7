"""What each operation answers where it succeeds: one row each, for the description of the API.

The routes spell their answers themselves; that they are as they are described here is what the contract's test asks.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import EVENT_STREAM, HTML, Answer, Dot, Hash, Position, ReplicaId, Uuid
from api.body import NDJSON
from api.entity_answers import ENTITY_ANSWERS
from api.past_answers import PAST_ANSWERS
from api.proof_answers import PROOF_ANSWERS
from api.sign_in_answers import SIGN_IN_ANSWERS
from api.stream_answers import Frames, HintTold
from api.view_answers import VIEW_ANSWERS
from api.webhook_answers import (
    DeliveryPage,
    ErrandTold,
    LetterPage,
    WebhookAndSecret,
    WebhookGone,
    WebhookList,
    WebhookTold,
    WebhookWhole,
)


class Status(TypedDict):
    """How the server is."""

    status: Literal["alive", "ready"]


class Minted(TypedDict):
    """A replica id, and whose it is."""

    replica: ReplicaId
    person: Uuid


class Standing(TypedDict):
    """How far a replica has come."""

    id: ReplicaId
    seq: Position
    hash: Hash | None


class HelloTold(TypedDict):
    """What a device must know before it hands in or takes anything."""

    tenant: Uuid
    person: Uuid
    view: str
    epoch: Uuid
    head: Position
    durable: Position
    server_time_ms: int
    oldest_schema: int
    limits: dict[str, int]
    replica: Standing | None


class VerdictTold(TypedDict):
    """What became of one event."""

    seq: Annotated[int, Field(ge=1)]
    id: str | None
    verdict: Literal["accepted", "duplicate", "held", "quarantined", "resubmitted", "dismissed"]
    position: NotRequired[Position]
    missing: NotRequired[list[Dot]]
    case: NotRequired[str]
    code: NotRequired[str]
    text: NotRequired[str]
    retryable: NotRequired[bool]
    reason: NotRequired[Annotated[str, Field(description="Why somebody dismissed it.")]]
    resubmitted_as: NotRequired[Annotated[str, Field(description="The id of the event that says it instead.")]]


class PushTold(TypedDict):
    """A verdict for each event, or where this batch does not follow what is known of its replica."""

    batch: Literal["taken", "gap", "forked"]
    verdicts: list[VerdictTold]
    head: Position
    durable: Position
    epoch: Uuid
    expected: NotRequired[int]
    seq: NotRequired[int]
    hash: NotRequired[Hash | None]


class RelayTold(TypedDict):
    """A verdict for each event of a page of another hub."""

    batch: Literal["taken", "stopped"]
    verdicts: list[VerdictTold]
    position: Position
    code: NotRequired[str]
    text: NotRequired[str]


class RelayedTold(TypedDict):
    """How far another hub's log has been taken in."""

    position: Position


class DigestTold(TypedDict):
    """The hash of every state at a position."""

    head: Position
    state_hash: Hash


class CaseSummary(TypedDict):
    """Something that was set aside."""

    case: str
    state: str
    code: str
    text: str
    retryable: bool
    approvable: bool
    replica: ReplicaId
    seq: int
    event_id: str | None
    entity_id: str | None
    author_id: Uuid
    owner_id: Uuid | None
    recorded_at_ms: int


class CasePage(TypedDict):
    """Cases, and where the next page begins."""

    items: list[CaseSummary]
    next: str | None


class CaseTold(CaseSummary):
    """A case, and what has become of it."""

    settled_by_id: str | None
    resubmitted_as: str | None
    dismiss_reason: str | None


class SeenEntity(TypedDict):
    """What a case is about: as its author saw it, and as it is now."""

    id: str
    type: str
    seen: dict[str, Any] | None
    now: dict[str, Any]


class CaseWhole(CaseTold):
    """A case with its content."""

    content: dict[str, Any] | None
    raw: str
    entity: SeenEntity | None


_SETTLED: Final = ("case-not-found", "case-settled", "not-yours-to-tell", "still-refused")
_OF_WEBHOOK: Final = ("webhook-not-found", "no-webhooks")
ANSWERS: Final[Mapping[str, Answer]] = {
    "livez": Answer(shape=Status),
    "readyz": Answer(shape=Status, problems=("not-ready",)),
    "all_problems": Answer(shape=str, media=HTML),
    "one_problem": Answer(shape=str, media=HTML, problems=("not-found",)),
    "mint": Answer(
        shape=Minted, statuses=(HTTPStatus.OK, HTTPStatus.CREATED), problems=("replica-not-yours", "written-meanwhile")
    ),
    "hello": Answer(shape=HelloTold, problems=("replica-not-yours",)),
    "push": Answer(
        shape=PushTold,
        problems=("replica-not-yours", "unreadable-body", "too-many-events", "written-meanwhile"),
    ),
    "digest": Answer(shape=DigestTold, problems=("log-busy",)),
    "pull": Answer(shape=Frames, media=NDJSON, problems=("cursor-ahead", "resume-unknown", "replica-not-yours")),
    "live": Answer(shape=HintTold, media=EVENT_STREAM, problems=("live-full", "replica-not-yours")),
    "relayed": Answer(shape=RelayedTold),
    "relay": Answer(
        shape=RelayTold,
        problems=("same-hub", "other-epoch", "unreadable-page", "too-many-events", "written-meanwhile"),
    ),
    "cases": Answer(shape=CasePage),
    "case": Answer(shape=CaseWhole, problems=("case-not-found",)),
    "approve": Answer(shape=CaseTold, problems=(*_SETTLED, "not-approvable")),
    "retry": Answer(shape=CaseTold, problems=(*_SETTLED, "not-retryable")),
    "resubmit": Answer(shape=CaseTold, problems=(*_SETTLED, "event-refused", "unreadable-content")),
    "reassign": Answer(shape=CaseTold, problems=(*_SETTLED, "owner-cannot-decide")),
    "dismiss": Answer(shape=CaseTold, problems=_SETTLED),
    "webhooks": Answer(shape=WebhookList, problems=("no-webhooks",)),
    "subscribe": Answer(
        shape=WebhookAndSecret,
        statuses=(HTTPStatus.CREATED,),
        problems=("url-refused", "unknown-facts", "too-many-webhooks", "no-webhooks"),
    ),
    "webhook": Answer(shape=WebhookWhole, problems=_OF_WEBHOOK),
    "change_webhook": Answer(
        shape=WebhookTold,
        problems=(*_OF_WEBHOOK, "not-your-webhook", "webhook-changed", "url-refused", "unknown-facts"),
    ),
    "unsubscribe": Answer(shape=WebhookGone, problems=_OF_WEBHOOK),
    "rotate_secret": Answer(shape=WebhookAndSecret, problems=(*_OF_WEBHOOK, "not-your-webhook")),
    "ping_webhook": Answer(
        shape=ErrandTold, statuses=(HTTPStatus.ACCEPTED,), problems=(*_OF_WEBHOOK, "too-many-errands")
    ),
    "replay": Answer(
        shape=ErrandTold,
        statuses=(HTTPStatus.ACCEPTED,),
        problems=(*_OF_WEBHOOK, "too-many-errands"),
    ),
    "deliveries": Answer(shape=DeliveryPage, problems=_OF_WEBHOOK),
    "dead_letters": Answer(shape=LetterPage, problems=_OF_WEBHOOK),
    **ENTITY_ANSWERS,
    **PAST_ANSWERS,
    **VIEW_ANSWERS,
    **SIGN_IN_ANSWERS,
    **PROOF_ANSWERS,
}
"""By the name of the operation, which is that of the route's function."""
