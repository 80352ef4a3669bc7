"""The sync routes: a replica says hello, hands in what it has and takes what it lacks."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import forbidden
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.noted import note_looking
from api.out_of_scope import take_in_what_was_out_of_scope
from api.own_replica import check_device, check_owner, own_replica
from api.problem import RETRY_AFTER_S, Problem
from api.services import Services
from commands.authority import Principal, may_hand_in, sees_everything
from sync import state_codec
from sync.limits import told_to_clients
from sync.log import ReplicaTaken
from sync.pull import view_of
from sync.replica_id import is_id_of

OLDEST_SCHEMA_SERVED: Final = 1
REPLICA_PATTERN: Final = "^r[a-z2-7]{12}$"
_MINT_TRIES: Final = 3
_DIGEST_TRIES: Final = 5

router = APIRouter(prefix="/v1/sync", tags=["sync"])


class NewReplica(BaseModel):
    """What a device says when it asks for a replica, or for its own once more where the server has forgotten it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["Ada's phone"])]
    replica: Annotated[str | None, Field(pattern=REPLICA_PATTERN)] = None


class Hello(BaseModel):
    """What a device says first; without a replica it only asks for the limits."""

    model_config = ConfigDict(extra="forbid", strict=True)
    replica: Annotated[str | None, Field(pattern=REPLICA_PATTERN)] = None


@router.post(
    "/replicas",
    status_code=HTTPStatus.CREATED,
    summary="Mint a replica for this device, or register it again",
    openapi_extra=told_in_openapi(NewReplica),
)
def mint(speaking: Speaking, asked: Annotated[NewReplica, Depends(small(NewReplica))], services: Ports) -> Response:
    """A fresh replica id, bound to the person who asks: one for each storage that will author events.

    With `replica`, an id that was minted for the same person is known here once more, as before its first event: for
    devices that this server has forgotten, because it was restored from a backup. One that is known is left as it is.
    """
    if not may_hand_in(speaking.role):
        raise forbidden(
            f"Whoever is {speaking.role} hands nothing in, and so has no replica.", "Sign in as somebody who does."
        )
    if asked.replica is not None:
        return _register(asked.replica, asked.name, speaking, services)
    replica = fresh_replica(asked.name, speaking, services)
    return _json({"replica": replica, "person": speaking.person}, HTTPStatus.CREATED)


def fresh_replica(name: str, speaking: Principal, services: Services) -> str:
    """A replica that was minted just now for whoever speaks, and for the device that they speak on."""
    for _ in range(_MINT_TRIES):
        replica = services.new_replica(speaking.tenant, speaking.person)
        if _is_made(replica, name, speaking, services):
            _bind(replica, speaking, services)
            return replica
    raise AssertionError("a replica id has 40 random bits")


def _bind(replica: str, speaking: Principal, services: Services) -> None:
    """Let a replica that nobody has spoken for yet be that of the device that asks for it."""
    if speaking.device is not None and services.identity is not None:
        services.identity.devices.bind(speaking.tenant, replica, speaking.device)


def _register(replica: str, name: str, speaking: Principal, services: Services) -> Response:
    """Let a replica be known that a restored server has forgotten; nobody but its owner can ask for it."""
    is_theirs = is_id_of(replica, tenant=speaking.tenant, person=speaking.person)
    is_made = is_theirs and _is_made(replica, name, speaking, services)
    if is_made:
        _bind(replica, speaking, services)
    check_device(replica, speaking, services)
    check_owner(replica, services.log.replica(speaking.tenant, replica), speaking)
    told = {"replica": replica, "person": speaking.person}
    return _json(told, HTTPStatus.CREATED if is_made else HTTPStatus.OK)


def _is_made(replica: str, name: str, speaking: Principal, services: Services) -> bool:
    now_ms = services.now_ms()
    try:
        services.log.mint(speaking.tenant, replica=replica, person=speaking.person, name=name, now_ms=now_ms)
    except ReplicaTaken:
        return False
    return True


@router.post(
    "/hello",
    summary="Say hello: limits, epoch, and where my replica stands",
    openapi_extra=told_in_openapi(Hello),
)
def hello(speaking: Speaking, said: Annotated[Hello, Depends(small(Hello))], services: Ports) -> Response:
    """What a device must know before it hands in or takes anything."""
    head = services.log.head(speaking.tenant)
    row = own_replica(said.replica, speaking, services) if said.replica else None
    if row is not None and not sees_everything(speaking.role):
        take_in_what_was_out_of_scope([speaking.person], speaking.tenant, services)
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


@router.get("/digest", summary="One hash of everything that was merged")
def digest(request: Request, speaking: Speaking, services: Ports) -> Response:
    """`state_hash` over the states of all entities at position `head`: that of a replica that has pulled so far."""
    note_looking(request, speaking, services, "the digest of everything")
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
