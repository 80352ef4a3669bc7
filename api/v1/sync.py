"""The sync routes: a replica says hello, hands in what it has and takes what it lacks."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api.auth import forbidden, principal_of, remembered_principal, services_of
from api.body import NDJSON, read_body, small, told_in_openapi
from api.problem import RETRY_AFTER_S, Problem
from api.services import Services
from commands.authority import Principal, may_hand_in
from commands.judge import judge_for
from domain.values import INTEGER_MAX
from sync import push as pushing
from sync import state_codec
from sync.envelope import Unreadable
from sync.frames import line
from sync.limits import EVENTS_PER_PUSH_MAX, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, told_to_clients
from sync.log import Changes, Known, ReplicaRow, ReplicaTaken
from sync.verdict import Received

OLDEST_SCHEMA_SERVED: Final = 1
_MINT_TRIES: Final = 3
_DIGEST_TRIES: Final = 5

router = APIRouter(prefix="/v1/sync", tags=["sync"])
Speaking = Annotated[Principal, Depends(principal_of)]
Ports = Annotated[Services, Depends(services_of)]


class NewReplica(BaseModel):
    """What a device says when it asks for a replica."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["Ada's phone"])]


class Hello(BaseModel):
    """What a device says first; without a replica it only asks for the limits."""

    model_config = ConfigDict(extra="forbid", strict=True)
    replica: Annotated[str | None, Field(pattern="^r[a-z2-7]{12}$")] = None


@router.post(
    "/replicas",
    status_code=HTTPStatus.CREATED,
    summary="Mint a replica for this device",
    openapi_extra=told_in_openapi(NewReplica),
)
def mint(speaking: Speaking, asked: Annotated[NewReplica, Depends(small(NewReplica))], services: Ports) -> Response:
    """A fresh replica id, bound to the person who asks: one for each storage that will author events."""
    if not may_hand_in(speaking.role):
        raise forbidden(
            f"Whoever is {speaking.role} hands nothing in, and so has no replica.", "Sign in as somebody who does."
        )
    for _ in range(_MINT_TRIES):
        replica = services.new_replica()
        try:
            services.log.mint(
                speaking.tenant, replica=replica, person=speaking.person, name=asked.name, now_ms=services.now_ms()
            )
        except ReplicaTaken:
            continue
        return _json({"replica": replica, "person": speaking.person}, HTTPStatus.CREATED)
    raise AssertionError("a replica id has 60 random bits")


@router.post(
    "/hello",
    summary="Say hello: limits, epoch, and where my replica stands",
    openapi_extra=told_in_openapi(Hello),
)
def hello(speaking: Speaking, said: Annotated[Hello, Depends(small(Hello))], services: Ports) -> Response:
    """What a device must know before it hands in or takes anything."""
    head = services.log.head(speaking.tenant)
    row = _own_replica(said.replica, speaking, services) if said.replica else None
    return _json(
        {
            "tenant": speaking.tenant,
            "person": speaking.person,
            "epoch": head.epoch,
            "head": head.position,
            "durable": head.durable,
            "server_time_ms": services.now_ms(),
            "oldest_schema": OLDEST_SCHEMA_SERVED,
            "limits": told_to_clients(),
            "replica": {"id": row.replica, "seq": row.last_seq, "hash": row.last_hash} if row else None,
        }
    )


@router.post(
    "/push",
    summary="Hand in events",
    openapi_extra={"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def push(request: Request, services: Ports) -> Response:
    """Up to 500 events of one replica, one canonical JSON document per line: one durable verdict for each."""
    speaking = remembered_principal(request)
    if speaking is None:
        speaking = await run_in_threadpool(principal_of, request)
    _check_media_type(request)
    body = await read_body(request)
    return await run_in_threadpool(_push, body, speaking, services)


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", NDJSON).partition(";")[0].strip().lower()
    if media_type != NDJSON:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            f"Events come as {NDJSON}, not as {media_type or 'nothing'}.",
            hint=f"Send Content-Type: {NDJSON} and one event per line.",
            headers={"Accept": NDJSON},
        )


def _push(body: bytes, speaking: Principal, services: Services) -> Response:
    batch = _received(body)
    replica, judge, now_ms = batch[0].link.replica, judge_for(speaking.role), services.now_ms()
    _check_role(speaking)

    def decide(known: Known) -> tuple[Changes, pushing.Answer]:
        _check_owner(replica, known.replicas.get(replica), speaking)
        return pushing.decide(batch, known, judge=judge, actor=speaking.person, now_ms=now_ms)

    wanted = pushing.wanted(batch, limited_to=speaking.person if judge.is_limited else None)
    answer = services.log.append(speaking.tenant, wanted, decide, now_ms=now_ms, moved=pushing.moved)
    told: dict[str, Any] = {
        "batch": answer.batch,
        "verdicts": answer.verdicts,
        "head": answer.head,
        "durable": answer.durable,
        "epoch": answer.epoch,
    }
    if answer.batch == "gap":
        told["expected"] = answer.expected
    if answer.batch == "forked":
        told |= {"seq": answer.seq, "hash": answer.hash}
    return _json(told)


def _received(body: bytes) -> list[Received]:
    lines = body.removesuffix(b"\n").split(b"\n") if body.strip() else []
    if not lines:
        raise _unreadable("The body holds no event.", 1)
    if len(lines) > EVENTS_PER_PUSH_MAX:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too-many-events",
            f"{len(lines)} events in one push; at most {EVENTS_PER_PUSH_MAX} are taken.",
            hint="Send them in several pushes, in order.",
            events_max=EVENTS_PER_PUSH_MAX,
        )
    batch: list[Received] = []
    for number, raw in enumerate(lines, 1):
        try:
            batch.append(pushing.receive(raw))
        except Unreadable as why:
            raise _unreadable(f"Line {number}: {why}", number) from None
    replicas = sorted({each.link.replica for each in batch})
    if len(replicas) > 1:
        raise _unreadable(f"The events of {len(replicas)} replicas are mixed: {', '.join(replicas[:3])}", 1)
    return batch


def _unreadable(detail: str, number: int) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "unreadable-body",
        f"{detail}. Nothing of this body was stored.",
        hint="Each line is one event of one replica, in canonical JSON with readable replica, seq and prev.",
        line=number,
    )


def _own_replica(replica: str, speaking: Principal, services: Services) -> ReplicaRow:
    _check_role(speaking)
    return _check_owner(replica, services.log.replica(speaking.tenant, replica), speaking)


def _check_role(speaking: Principal) -> None:
    if not may_hand_in(speaking.role):
        raise forbidden(f"Whoever is {speaking.role} hands nothing in.", "Sign in as somebody who does.")


def _check_owner(replica: str, row: ReplicaRow | None, speaking: Principal) -> ReplicaRow:
    if row is None or row.person != speaking.person:
        # The same answer for somebody else's replica and for none, so that nobody can find out which there are.
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "replica-not-yours",
            f"{replica} is not a replica of {speaking.name}.",
            hint="Mint one with POST /v1/sync/replicas, write your unsent events anew under it, and keep their ids.",
        )
    return row


@router.get("/pull", summary="Take what is new")
def pull(
    speaking: Speaking,
    services: Ports,
    cursor: Annotated[int, Query(ge=0, le=INTEGER_MAX, description="Position you have; 0 at first.")] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_EVENTS_MAX, description="Events per page.")] = PAGE_EVENTS_MAX,
) -> Response:
    """Events after a cursor, as frames: one JSON document per line, ended by a checkpoint with the next cursor."""
    page = services.log.frames(speaking.tenant, after=cursor, limit=limit, bytes_max=PAGE_BYTES_MAX)
    if cursor > page.head:
        raise Problem(
            HTTPStatus.CONFLICT,
            "cursor-ahead",
            f"Your cursor {cursor} is ahead of the log, which ends at {page.head}.",
            hint="The server may be restored from a backup. Say hello, compare the epoch, offer your events again.",
            head=page.head,
        )
    return Response(page.lines + line("checkpoint", cursor=page.last, head=page.head), media_type=NDJSON)


@router.get("/digest", summary="One hash of everything that was merged")
def digest(speaking: Speaking, services: Ports) -> Response:
    """`state_hash` over the states of all entities at position `head`: that of a replica that has pulled so far."""
    for _ in range(_DIGEST_TRIES):
        head = services.log.head(speaking.tenant)
        state_hash = state_codec.state_hash(services.log.states(speaking.tenant))
        if services.log.head(speaking.tenant) == head:
            return _json({"head": head.position, "state_hash": state_hash})
    raise Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "log-busy",
        "Events kept arriving while the states were read.",
        hint="Ask again when fewer devices hand in.",
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
