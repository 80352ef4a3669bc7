"""The sync routes: a replica says hello, hands in what it has and takes what it lacks."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api.auth import forbidden, principal_of, remembered_principal, services_of
from api.body import NDJSON, check_ndjson, read_body, small, told_in_openapi, too_many_events
from api.office import with_office
from api.own_replica import check_owner, check_role, own_replica
from api.problem import RETRY_AFTER_S, Problem
from api.services import Services
from commands.authority import Principal, may_hand_in, sees_everything
from commands.cases import with_cases
from commands.judge import judge_for
from sync import push as pushing
from sync import state_codec
from sync.envelope import Unreadable
from sync.limits import EVENTS_PER_PUSH_MAX, told_to_clients
from sync.log import Changes, Known, ReplicaTaken
from sync.office import office_of
from sync.pull import view_of
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
    row = own_replica(said.replica, speaking, services) if said.replica else None
    return _json(
        {
            "tenant": speaking.tenant,
            "person": speaking.person,
            "view": view_of(None if sees_everything(speaking.role) else speaking.person),
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
    check_ndjson(request)
    body = await read_body(request)
    return await run_in_threadpool(_push, body, speaking, services)


def _push(body: bytes, speaking: Principal, services: Services) -> Response:
    batch = _received(body)
    replica, judge, now_ms = batch[0].link.replica, judge_for(speaking.role), services.now_ms()
    check_role(speaking)

    def decide(known: Known) -> tuple[Changes, pushing.Answer]:
        check_owner(replica, known.replicas.get(replica), speaking)
        changes, answer = pushing.decide(batch, known, judge=judge, actor=speaking.person, now_ms=now_ms)
        changes = with_cases(changes, known, office=office, now_ms=now_ms)
        return changes, pushing.grown(answer, known.position + len(changes.events))

    tenant, office = speaking.tenant, office_of(speaking.tenant)
    wanted = pushing.wanted(batch, limited_to=speaking.person if judge.is_limited else None)
    wanted = wanted._replace(replicas=wanted.replicas | {office.replica})
    answer = with_office(
        tenant, services, lambda: services.log.append(tenant, wanted, decide, now_ms=now_ms, moved=pushing.moved)
    )
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
        raise too_many_events(len(lines))
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
