"""Orders over HTTP: a route for each command of the registry, and what all of them have in common."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response

from api.body import JSON_BODY_BYTES_MAX, read_body
from api.given import Ports, Speaking
from api.pacing import spend_events
from api.preconditions import ABOUT, SCHEMA, versions_in
from api.problem import Problem
from api.refused import problem_of
from api.said import said_in
from api.services import Services
from api.version_moved import changed_since
from commands.authority import Principal, sees_everything
from commands.carrying_out import CONSOLE, Answered, Ordered, carry_out
from commands.command import Command
from commands.order_refusals import IllegalMove, OrderRefused, VersionMoved
from commands.references import entities_in, people_in
from commands.registry import COMMANDS
from domain.values import UUID_PATTERN
from sync import canonical
from sync.canonical import NotCanonical
from sync.log import ReplicaTaken
from sync.office import OfficeUnknown

router = APIRouter(tags=["commands"])
EntityPath = Annotated[str, Path(alias="id", pattern=UUID_PATTERN, description="The entity that it is ordered of.")]

KEY_PATTERN: Final = r"^[!-~]{1,128}$"
_KEY: Final = re.compile(KEY_PATTERN)
_SCOPE_OF_JOB: Final = "work_order:"


class Giving(NamedTuple):
    """One request, and who sends it."""

    request: Request
    speaking: Principal
    ports: Services


def _give(command: Command, entity: str | None, said: Mapping[str, Any], giving: Giving) -> Response:
    request, speaking, ports = giving
    order = Ordered(
        command=command,
        entity=entity,
        said=said,
        versions=_versions(command, request),
        speaking=speaking,
        key=_key(request),
        order_hash=_hash(request, said),
        now_ms=ports.now_ms(),
        people=_people(said, speaking, ports),
        jobs=_jobs(entity, said, speaking, ports),
    )
    try:
        answered = _carried_out(order, ports)
    except OrderRefused as refusal:
        raise _problem(refusal, order, ports) from None
    return _response(command, answered)


def _carried_out(order: Ordered, ports: Services) -> Answered:
    tenant, console = order.speaking.tenant, carry_out(order)

    def append() -> Answered:
        return ports.log.append(tenant, console.wanted, console.decide, now_ms=order.now_ms, moved=_as_it_is)

    try:
        return append()
    except OfficeUnknown:
        office = console.office
        with suppress(ReplicaTaken):  # by another order of theirs, meanwhile
            ports.log.mint(tenant, replica=office.replica, person=office.person, name=CONSOLE, now_ms=order.now_ms)
        return append()


def _as_it_is(answered: Answered, by: int) -> Answered:
    """Only large batches are decided before the lock, and an order is none."""
    assert not by
    return answered


def _response(command: Command, answered: Answered) -> Response:
    headers = {"ETag": f'"{answered.version}"'}
    if answered.is_again:
        headers["Idempotency-Replayed"] = "true"
    status = HTTPStatus.OK
    if command.kind == "create":
        status = HTTPStatus.CREATED
        headers["Location"] = f"/v1/entities/{command.entity}/{answered.entity}"
    return Response(answered.document, status, headers, "application/json")


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "idempotency-key-missing",
            "This order carries no Idempotency-Key of 1 to 128 visible ASCII characters.",
            hint="Make up a key for each order, such as a UUID, and send the same one when you send the order again.",
        )
    return key


def _versions(command: Command, request: Request) -> frozenset[int] | None:
    """The versions that the order was decided on; None where any will do."""
    told = request.headers.get("if-match")
    if command.kind == "create" or (told is None and command.kind == "act"):
        return None
    if told is None:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "if-match-missing",
            "An edit says which version it was decided on.",
            hint="Send the ETag that you read as If-Match; `*` says that any will do.",
        )
    return versions_in(told)


def _hash(request: Request, said: Mapping[str, Any]) -> bytes:
    try:
        spelled = canonical.dumps(dict(said))
    except NotCanonical as why:
        raise problem_of(OrderRefused(why.detail)) from None
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + spelled).digest()


def _people(said: Mapping[str, Any], speaking: Principal, ports: Services) -> frozenset[str]:
    return frozenset(each for each in people_in(said) if ports.accounts.person(speaking.tenant, each) is not None)


def _jobs(entity: str | None, said: Mapping[str, Any], speaking: Principal, ports: Services) -> frozenset[str]:
    """The jobs in which somebody who is limited to theirs tells something: nothing moves to another job."""
    if sees_everything(speaking.role):
        return frozenset()
    rows = [ports.log.entity(speaking.tenant, each) for each in (entity, *entities_in(said)) if each]
    scopes = [row.scope for row in rows if row]
    return frozenset(scope.removeprefix(_SCOPE_OF_JOB) for scope in scopes if scope.startswith(_SCOPE_OF_JOB))


def _problem(refusal: OrderRefused, order: Ordered, ports: Services) -> Problem:
    match refusal:
        case IllegalMove(statuses=statuses, legal=legal):
            return problem_of(refusal, status_now=list(statuses), legal=list(legal))
        case VersionMoved(version=version):
            assert order.entity is not None
            changed = changed_since(order.versions or frozenset(), order.entity, order.speaking, ports)
            return problem_of(refusal, version=version, changed=changed)
        case _:
            return problem_of(refusal)


def _reading(command: Command) -> Callable[[Request, Principal], Awaitable[dict[str, Any]]]:
    takes = command.takes

    async def read(request: Request, speaking: Speaking) -> dict[str, Any]:
        said = said_in(await read_body(request, bytes_max=JSON_BODY_BYTES_MAX) or b"{}", takes.validate_python)
        # As many events as it may come to: how many it is, is only known when they are written.
        await spend_events(request, speaking.tenant, 1 + len(command.also))
        return said

    return read


def _route(command: Command) -> Callable[..., Response]:
    read = Depends(_reading(command))

    def create(request: Request, speaking: Speaking, services: Ports, said: dict[str, Any] = read) -> Response:
        return _give(command, None, said, Giving(request, speaking, services))

    def order(
        entity: EntityPath, request: Request, speaking: Speaking, services: Ports, said: dict[str, Any] = read
    ) -> Response:
        return _give(command, entity, said, Giving(request, speaking, services))

    return create if command.kind == "create" else order


def _header(name: str, about: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": about, "schema": schema}


def _told_in_openapi(command: Command) -> dict[str, Any]:
    key = {"type": "string", "pattern": KEY_PATTERN, "examples": ["5f0c7f7e-6d0c-4a51-9d3a-52a4b6d0b7a1"]}
    headers = [_header("Idempotency-Key", "The same for the same order, for 24 hours.", key, required=True)]
    if command.kind != "create":
        headers.append(_header("If-Match", ABOUT, SCHEMA, required=command.kind == "edit"))
    schema = command.takes.json_schema()
    body = {"required": bool(schema.get("required")), "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, "parameters": headers}


def _about(command: Command) -> str:
    """What an order comes to, in words for whoever gives it."""
    also = ", ".join(f"`{entity}.{fact}`" for entity, fact in command.also)
    fact = "what decides it" if command.name == "resolve" else f"`{command.entity}.{command.fact}`"
    told = f"It tells {fact}" + (f", and what follows from it: {also}." if also else ".")
    why = {"no": "", "may": " `reason` says why.", "must": " It has to say why, as `reason`."}[command.reason]
    return f"{told}{why} Where it is so already, nothing is told and the answer is how it stands."


for each in COMMANDS:
    router.add_api_route(
        each.path,
        _route(each),
        methods=[each.method],
        status_code=HTTPStatus.CREATED if each.kind == "create" else HTTPStatus.OK,
        summary=each.summary,
        description=_about(each),
        operation_id=each.operation,
        response_class=Response,
        openapi_extra=_told_in_openapi(each),
    )
