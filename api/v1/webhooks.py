"""Who is told of events: subscriptions, their secrets, what came of every try, and what is to be sent again."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, cast

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.preconditions import IfMatch, versions_in
from api.problem import Problem
from api.services import Services
from api.webhook_ports import Webhooks
from commands.authority import Principal
from commands.outbound_urls import PUBLIC_URL, URL_LENGTH_MAX, UrlRefused, read_url
from commands.webhooks import (
    EVERYTHING,
    FACTS_MAX,
    NAMES,
    OVERLAP_MS,
    REPLAYS_MAX,
    WEBHOOKS_MAX,
    Changed,
    DeadLetter,
    Delivery,
    Errand,
    Webhook,
    may_see_all,
    unknown_names,
)
from domain.values import INTEGER_MAX, NOT_BLANK, UUID_PATTERN

BODY_BYTES_MAX: Final = 16_384
LIMIT_MAX: Final = 200
OVERLAP_HOURS_MAX: Final = 168
_HOUR_MS: Final = 3_600_000
_NEWEST: Final = (INTEGER_MAX // 1_000, "ffffffff-ffff-ffff-ffff-ffffffffffff")
_NO_VERSION: Final = -1
_PLACE: Final = rf"^[0-9]{{1,13}}-{UUID_PATTERN[1:]}"

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Name = Annotated[str, Path(pattern=UUID_PATTERN, description="The webhook's id.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=URL_LENGTH_MAX,
        examples=["https://erp.example.com/cairnfield"],
        json_schema_extra={"pattern": PUBLIC_URL},
    ),
]
Facts = Annotated[
    list[
        Annotated[
            str,
            Field(
                pattern=r"^(\*|[a-z][a-z_]{0,63}\.(\*|[A-Z][A-Za-z0-9]{0,63}))$",
                json_schema_extra={"enum": cast("Any", sorted(NAMES))},
            ),
        ]
    ],
    Field(min_length=1, max_length=FACTS_MAX, examples=[["visit.VisitFinished", "work_order.*"]]),
]
Called = Annotated[str, Field(min_length=1, max_length=200, pattern=NOT_BLANK, examples=["Our ERP"])]
Position = Annotated[int, Field(ge=0, le=INTEGER_MAX)]


class NewWebhook(BaseModel):
    """Where events are to be sent, and which; `from_position` lets it begin with what is in the log already."""

    model_config = ConfigDict(extra="forbid", strict=True)
    url: Url
    name: Called
    facts: Facts = [EVERYTHING]
    from_position: Position | None = None


class ChangedWebhook(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    url: Url | None = None
    name: Called | None = None
    facts: Facts | None = None
    state: Literal["active", "paused"] | None = None


class Rotation(BaseModel):
    """For how long the secret before goes on signing beside the new one; 0 where it is known to somebody else."""

    model_config = ConfigDict(extra="forbid", strict=True)
    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_HOURS_MAX)] = OVERLAP_MS // _HOUR_MS


class Replay(BaseModel):
    """Between which events, in whichever order they are named, all are to be sent again that the webhook wants."""

    model_config = ConfigDict(extra="forbid", strict=True)
    from_position: Annotated[int, Field(ge=1, le=INTEGER_MAX)]
    to_position: Annotated[int, Field(ge=1, le=INTEGER_MAX)]


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Have events sent to a URL",
    openapi_extra=told_in_openapi(NewWebhook),
)
def subscribe(
    speaking: Speaking,
    said: Annotated[NewWebhook, Depends(small(NewWebhook, bytes_max=BODY_BYTES_MAX))],
    services: Ports,
) -> Response:
    """It belongs to whoever asks. Its secret is told here, and nowhere else."""
    ports, now_ms = _ports(services), services.now_ms()
    _check(said.url, said.facts, ports)
    webhook = Webhook(
        webhook=ports.new_id(),
        owner=speaking.person,
        name=said.name,
        url=said.url,
        facts=_in_order(said.facts),
        state="active",
        reason=None,
        version=1,
        position=0,
        failures=0,
        next_at_ms=now_ms,
        just_buried=False,
        generation=1,
        overlap_until_ms=0,
        key=ports.secrets.name,
        created_at_ms=now_ms,
    )
    if not ports.book.add(speaking.tenant, webhook, from_position=said.from_position):
        raise Problem(
            HTTPStatus.CONFLICT,
            "too-many-webhooks",
            f"There are {WEBHOOKS_MAX} webhooks here already.",
            hint="Delete one that is not needed, or let one receiver pass events on.",
        )
    made = _found(webhook.webhook, speaking, services)
    return _json(document_of(made) | _secret_of(made, speaking, ports), HTTPStatus.CREATED, made)


@router.get("", summary="The webhooks that you look after")
def webhooks(speaking: Speaking, services: Ports) -> Response:
    """Oldest first: an admin sees everybody's, everybody else their own."""
    owner = None if may_see_all(speaking.role) else speaking.person
    found = _ports(services).book.webhooks(speaking.tenant, owner)
    return _json({"items": [document_of(each) for each in found]})


@router.get("/{webhook}", summary="One webhook, and how far it has come")
def webhook(webhook: Name, speaking: Speaking, services: Ports) -> Response:
    """`position` is that of the last event that it is done with; `errands` is what was asked for besides."""
    found = _found(webhook, speaking, services)
    errands = _ports(services).book.errands(speaking.tenant, webhook)
    return _json(document_of(found) | {"errands": [_errand_document(each) for each in errands]}, webhook=found)


@router.patch(
    "/{webhook}", summary="Change a webhook, pause it, or switch it on", openapi_extra=told_in_openapi(ChangedWebhook)
)
def change_webhook(
    webhook: Name,
    speaking: Speaking,
    said: Annotated[ChangedWebhook, Depends(small(ChangedWebhook, bytes_max=BODY_BYTES_MAX))],
    services: Ports,
    if_match: IfMatch = None,
) -> Response:
    """Switched on, it goes on where it stood, at once. Where it leads is for its owner alone to say."""
    ports, before = _ports(services), _found(webhook, speaking, services)
    if said.url is not None and said.url != before.url:
        _check_owner(before, speaking, "says where it leads")
    _check(said.url, said.facts or (), ports)
    facts = None if said.facts is None else _in_order(said.facts)
    changed = Changed(name=said.name, url=said.url, facts=facts, state=said.state)
    versions = versions_in(if_match)
    version = None if versions is None else before.version if before.version in versions else _NO_VERSION
    after = ports.book.change(speaking.tenant, webhook, changed, version=version, now_ms=services.now_ms())
    if after is None:
        raise _changed_meanwhile(_found(webhook, speaking, services))
    return _json(document_of(after), webhook=after)


@router.delete("/{webhook}", summary="Send it nothing any more, and forget it")
def unsubscribe(webhook: Name, speaking: Speaking, services: Ports) -> Response:
    """With everything that is known of its deliveries."""
    found = _found(webhook, speaking, services)
    _ports(services).book.remove(speaking.tenant, webhook)
    return _json({"id": found.webhook})


@router.post("/{webhook}/rotate-secret", summary="Give a webhook a new secret", openapi_extra=told_in_openapi(Rotation))
def rotate_secret(
    webhook: Name, speaking: Speaking, said: Annotated[Rotation, Depends(small(Rotation))], services: Ports
) -> Response:
    """The secret before signs beside it for a while, so that the receiver can change over without losing anything."""
    ports, before = _ports(services), _found(webhook, speaking, services)
    _check_owner(before, speaking, "is told its secret")
    until_ms = services.now_ms() + said.overlap_hours * _HOUR_MS
    after = ports.book.rotate(speaking.tenant, webhook, key=ports.secrets.name, overlap_until_ms=until_ms)
    if after is None:
        raise _not_found(webhook)
    return _json(document_of(after) | _secret_of(after, speaking, ports), webhook=after)


@router.post("/{webhook}/ping", status_code=HTTPStatus.ACCEPTED, summary="Send a test message")
def ping_webhook(webhook: Name, speaking: Speaking, services: Ports) -> Response:
    """Also to one that is paused or disabled, once; its deliveries tell what came of it."""
    return _ask(webhook, _asked("ping", 0, 0, speaking, services), speaking, services)


@router.post(
    "/{webhook}/replay",
    status_code=HTTPStatus.ACCEPTED,
    summary="Send events again",
    openapi_extra=told_in_openapi(Replay),
)
def replay(
    webhook: Name, speaking: Speaking, said: Annotated[Replay, Depends(small(Replay))], services: Ports
) -> Response:
    """Under the ids that they had, between the new ones; a dead letter that is delivered is one no more."""
    first, last = sorted((said.from_position, said.to_position))
    errand = _asked("replay", first - 1, last, speaking, services)
    return _ask(webhook, errand, speaking, services)


@router.get("/{webhook}/deliveries", summary="What came of every try, newest first")
def deliveries(
    webhook: Name,
    speaking: Speaking,
    services: Ports,
    cursor: Annotated[str | None, Query(pattern=_PLACE, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> Response:
    """Those of the last 14 days, each with the first bytes of the answer."""
    _found(webhook, speaking, services)
    before = _NEWEST if cursor is None else _place(cursor)
    found = _ports(services).book.deliveries(speaking.tenant, webhook, before=before, limit=limit + 1)
    following = found[limit - 1] if len(found) > limit else None
    items = [_delivery_document(each) for each in found[:limit]]
    return _json({"items": items, "next": following and f"{following.sent_at_ms}-{following.delivery}"})


@router.get("/{webhook}/dead-letters", summary="What was given up, by position")
def dead_letters(
    webhook: Name,
    speaking: Speaking,
    services: Ports,
    cursor: Annotated[int, Query(ge=0, le=INTEGER_MAX, description="`next` of the page before.")] = 0,
    limit: Limit = 50,
) -> Response:
    """Each stays until it is delivered by a replay."""
    _found(webhook, speaking, services)
    found = _ports(services).book.dead_letters(speaking.tenant, webhook, after=cursor, limit=limit + 1)
    items = [_letter_document(each) for each in found[:limit]]
    return _json({"items": items, "next": found[limit - 1].position if len(found) > limit else None})


def document_of(webhook: Webhook) -> dict[str, Any]:
    """A webhook as it is told, without its secret."""
    return {
        "id": webhook.webhook,
        "name": webhook.name,
        "url": webhook.url,
        "facts": list(webhook.facts),
        "owner_id": webhook.owner,
        "state": webhook.state,
        "reason": webhook.reason,
        "position": webhook.position,
        "failures": webhook.failures,
        "next_at_ms": webhook.next_at_ms if webhook.failures else None,
        "version": webhook.version,
        "created_at_ms": webhook.created_at_ms,
    }


def _errand_document(errand: Errand) -> dict[str, Any]:
    is_replay = errand.kind == "replay"
    return {
        "id": errand.errand,
        "kind": errand.kind,
        "position": errand.position if is_replay else None,
        "to_position": errand.to_position if is_replay else None,
        "failures": errand.failures,
        "asked_by_id": errand.asked_by,
        "asked_at_ms": errand.asked_at_ms,
    }


def _delivery_document(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.delivery,
        "message_id": delivery.message,
        "kind": delivery.kind,
        "position": delivery.position,
        "attempt": delivery.attempt,
        "outcome": delivery.outcome,
        "status": delivery.status,
        "error": delivery.error or None,
        "took_ms": delivery.took_ms,
        "sent_at_ms": delivery.sent_at_ms,
        "answer": delivery.answer.decode(errors="replace"),
    }


def _letter_document(letter: DeadLetter) -> dict[str, Any]:
    return {
        "position": letter.position,
        "message_id": letter.message,
        "buried_at_ms": letter.buried_at_ms,
        "status": letter.status,
        "error": letter.error or None,
    }


def _secret_of(webhook: Webhook, speaking: Principal, ports: Webhooks) -> dict[str, Any]:
    secret = ports.secrets.secret(speaking.tenant, webhook.webhook, webhook.generation)
    return {"secret": secret.shared, "public_key": secret.public}


def _asked(kind: str, position: int, to_position: int, speaking: Principal, services: Services) -> Errand:
    now_ms = services.now_ms()
    return Errand(_ports(services).new_id(), kind, position, to_position, 0, now_ms, speaking.person, now_ms)


def _ask(webhook: str, errand: Errand, speaking: Principal, services: Services) -> Response:
    _found(webhook, speaking, services)
    if not _ports(services).book.ask(speaking.tenant, webhook, errand):
        raise Problem(
            HTTPStatus.CONFLICT,
            "too-many-errands",
            f"{REPLAYS_MAX} replays and pings wait at this webhook already.",
            hint="Wait until some of them are done: `errands` of the webhook lists them.",
        )
    return _json(_errand_document(errand), HTTPStatus.ACCEPTED)


def _ports(services: Services) -> Webhooks:
    if services.webhooks is None:
        raise Problem(
            HTTPStatus.NOT_IMPLEMENTED,
            "no-webhooks",
            "This server keeps its log in memory and tells nobody of it.",
            hint="Run it over PostgreSQL.",
        )
    return services.webhooks


def _found(webhook: str, speaking: Principal, services: Services) -> Webhook:
    """A webhook that whoever speaks may look after; anybody else's is told apart from none by nothing."""
    found = _ports(services).book.webhook(speaking.tenant, webhook)
    if found is None or not (found.owner == speaking.person or may_see_all(speaking.role)):
        raise _not_found(webhook)
    return found


def _not_found(webhook: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "webhook-not-found",
        f"You have no webhook {webhook}.",
        hint="GET /v1/webhooks lists those that you look after.",
    )


def _check_owner(webhook: Webhook, speaking: Principal, does: str) -> None:
    if webhook.owner != speaking.person:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "not-your-webhook",
            f"Only whoever made a webhook {does}.",
            hint="Pause or delete it, and subscribe in your own name.",
        )


def _check(url: str | None, facts: Facts | tuple[str, ...], ports: Webhooks) -> None:
    try:
        if url is not None:
            read_url(url, allow_local=ports.allow_local)
    except UrlRefused as why:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "url-refused",
            f"{why}.",
            hint="Give your receiver a public name and a certificate, on port 443.",
        ) from None
    unknown = unknown_names(facts)
    if unknown:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "unknown-facts",
            f"No event is ever called {', '.join(unknown[:5])}.",
            hint="docs/reference/event-catalogue.md has every name; `visit.*` is every fact of visits, `*` everything.",
        )


def _in_order(facts: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(facts)))


def _changed_meanwhile(webhook: Webhook) -> Problem:
    return Problem(
        HTTPStatus.PRECONDITION_FAILED,
        "webhook-changed",
        f"The webhook is at version {webhook.version} by now.",
        hint="Read it again, and send its `ETag` as `If-Match`.",
        version=webhook.version,
    )


def _place(cursor: str) -> tuple[int, str]:
    sent_at_ms, _, delivery = cursor.partition("-")
    return int(sent_at_ms), delivery


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK, webhook: Webhook | None = None) -> Response:
    headers = {"ETag": f'"{webhook.version}"'} if webhook else {}
    return Response(orjson.dumps(document), status, headers, "application/json")
