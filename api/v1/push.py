"""The route by which a replica hands in what it has."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.appending import appended
from api.auth import ports_of, principal_of
from api.body import check_ndjson, read_body, too_many_events
from api.forks import note_fork
from api.ndjson import EVENTS, PUSHED, lines_in_openapi
from api.office import with_office
from api.out_of_scope import take_in_what_was_out_of_scope
from api.own_replica import check_device, check_owner, check_role, is_remembered
from api.pacing import spend_events
from api.problem import Problem
from api.services import Services
from api.straight import Straight
from commands.authority import Principal
from commands.cases import with_cases
from commands.judge import judge_for
from sync import push as pushing
from sync.envelope import Unreadable
from sync.limits import EVENTS_PER_PUSH_MAX
from sync.log import Changes, Decision, Known, Wanted
from sync.office import OfficeUnknown, office_of
from sync.verdict import Received

SMALL_EVENTS_MAX: Final = 8
SMALL_BYTES_MAX: Final = 16 * 1024
"""What is read and prepared between two other requests: less than a millisecond."""

router = APIRouter(prefix="/v1/sync", tags=["sync"], route_class=Straight)


@router.post(
    "/push",
    summary="Hand in events",
    openapi_extra=lines_in_openapi(EVENTS, PUSHED),
)
async def push(request: Request) -> Response:
    """Up to 500 events of one replica, one canonical JSON document per line: one durable verdict for each."""
    services, speaking = ports_of(request), await principal_of(request)
    check_ndjson(request)
    body = await read_body(request)
    count = body.count(b"\n") + 1
    await spend_events(request, speaking.tenant, count)
    if count > SMALL_EVENTS_MAX or len(body) > SMALL_BYTES_MAX:
        return await run_in_threadpool(_push, request, body, speaking, services)
    return await _push_small(request, body, speaking, services)


def _push(request: Request, body: bytes, speaking: Principal, services: Services) -> Response:
    return _push_batch(request, received(body), speaking, services)


async def _push_small(request: Request, body: bytes, speaking: Principal, services: Services) -> Response:
    """The same without a thread of its own, which costs more than all that is done for an event."""
    batch = received(body)
    check_role(speaking)
    if not is_remembered(batch[0].link.replica, speaking, services):
        return await run_in_threadpool(_push_batch, request, batch, speaking, services)
    prepared = _prepared(batch, speaking, services)
    try:
        answer = await appended(prepared.wanted, prepared.decide, speaking.tenant, services, now_ms=prepared.now_ms)
    except OfficeUnknown:
        return await run_in_threadpool(_push_batch, request, batch, speaking, services)
    if prepared.let_in:
        await run_in_threadpool(take_in_what_was_out_of_scope, prepared.let_in, speaking.tenant, services)
    if answer.batch == "forked":
        await run_in_threadpool(note_fork, request, batch, answer, speaking, services)
    return _told(answer)


def _push_batch(request: Request, batch: Sequence[Received], speaking: Principal, services: Services) -> Response:
    check_role(speaking)
    check_device(batch[0].link.replica, speaking, services)
    tenant, (wanted, decide, let_in, now_ms) = speaking.tenant, _prepared(batch, speaking, services)
    answer = with_office(
        tenant, services, lambda: services.log.append(tenant, wanted, decide, now_ms=now_ms, moved=pushing.moved)
    )
    take_in_what_was_out_of_scope(let_in, tenant, services)
    note_fork(request, batch, answer, speaking, services)
    return _told(answer)


class _Prepared(NamedTuple):
    """A push that is ready to be appended."""

    wanted: Wanted
    decide: Decision[pushing.Answer]
    let_in: set[str]
    """Whom it lets in somewhere, once it is decided."""
    now_ms: int


def _prepared(batch: Sequence[Received], speaking: Principal, services: Services) -> _Prepared:
    replica, judge, now_ms = batch[0].link.replica, judge_for(speaking.role), services.now_ms()
    let_in, office = set[str](), office_of(speaking.tenant)

    def decide(known: Known) -> tuple[Changes, pushing.Answer]:
        check_owner(replica, known.replicas.get(replica), speaking)
        changes, answer = pushing.decide(batch, known, judge=judge, actor=speaking.person, now_ms=now_ms)
        changes = with_cases(changes, known, office=office, now_ms=now_ms)
        let_in.update(row.person for row in changes.granted)
        return changes, pushing.grown(answer, known.position + len(changes.events))

    wanted = pushing.wanted(batch, limited_to=speaking.person if judge.is_limited else None)
    return _Prepared(wanted._replace(replicas=wanted.replicas | {office.replica}), decide, let_in, now_ms)


def _told(answer: pushing.Answer) -> Response:
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
    return Response(orjson.dumps(told), media_type="application/json")


def received(body: bytes) -> list[Received]:
    """The events of a body, each as far as it can be read; raises Problem 422."""
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
