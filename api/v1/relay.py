"""Hub to hub: another hub's log is taken in page by page, as its pull sends it."""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import forbidden, principal_of
from api.body import check_ndjson, read_body, too_many_events
from api.given import Ports, Speaking
from api.ndjson import PAGE, RELAYED, lines_in_openapi
from api.office import with_office
from api.out_of_scope import take_in_what_was_out_of_scope
from api.pacing import spend_events
from api.problem import Problem
from api.services import Services
from commands.authority import Principal, may_relay
from commands.cases import with_cases
from commands.judge import judge_for
from domain.values import INTEGER_MAX, UUID_PATTERN
from sync import relay as relaying
from sync.envelope import Unreadable
from sync.limits import EVENT_BYTES_MAX, EVENTS_PER_PUSH_MAX, PAGE_BYTES_MAX
from sync.log import Changes, Known, ReplicaTaken
from sync.office import office_of
from sync.relay import OtherHub
from sync.rows import ReplicaRow

RELAY_BYTES_MAX: Final = PAGE_BYTES_MAX + EVENT_BYTES_MAX
"""The size of a page is kept about, so a page as it comes may be a little larger."""

router = APIRouter(prefix="/v1/sync", tags=["sync"])
Hub = Annotated[str, Query(pattern=UUID_PATTERN, description="The other hub's `tenant`.")]
Epoch = Annotated[str, Query(pattern=UUID_PATTERN, description="Its `epoch`, as its hello tells it.")]


def other_hub(hub: Hub, epoch: Epoch) -> OtherHub:
    """The hub whose log this is: `tenant` and `epoch` as its hello tells them."""
    return OtherHub(hub, epoch)


@router.get("/relay", summary="How far another hub's log was taken in")
def relayed(hub: Annotated[OtherHub, Depends(other_hub)], speaking: Speaking, services: Ports) -> Response:
    """The position after which the next relay of that log begins; 0 at first."""
    _check_role(speaking)
    return _json({"position": services.log.tracked(speaking.tenant, hub.follower) or 0})


@router.post(
    "/relay",
    summary="Take in a page of another hub's log",
    openapi_extra=lines_in_openapi(PAGE, RELAYED),
)
async def relay(
    request: Request,
    hub: Annotated[OtherHub, Depends(other_hub)],
    after: Annotated[int, Query(ge=0, le=INTEGER_MAX, description="The cursor with which the page was pulled.")],
    services: Ports,
) -> Response:
    """At most 500 event frames and their checkpoint, as the other hub's pull sent them: one verdict for each event."""
    speaking = await principal_of(request)
    _check_role(speaking)
    check_ndjson(request)
    body = await read_body(request, bytes_max=RELAY_BYTES_MAX)
    await spend_events(request, speaking.tenant, body.count(b"\n") + 1)
    return await run_in_threadpool(_relay, body, hub, after, speaking, services)


def _check_role(speaking: Principal) -> None:
    if not may_relay(speaking.role):
        raise forbidden(
            f"Whoever is {speaking.role} does not speak for another hub.", "Use the token of an integration."
        )


def _relay(body: bytes, hub: OtherHub, after: int, speaking: Principal, services: Services) -> Response:
    now_ms, page = services.now_ms(), _page(body)
    if page.epoch != hub.epoch:
        raise _other_epoch()
    ours = _hand_in_here(_known_or_minted(page, hub, speaking, services), speaking, services)
    taken = services.log.tracked(speaking.tenant, hub.follower) or 0

    def decide(known: Known) -> tuple[Changes, relaying.Answer]:
        if hub == (speaking.tenant, known.epoch):
            raise _same_hub()
        judge = judge_for(speaking.role)
        changes, answer = relaying.decide(
            page, known, hub=hub, ours=ours, after=after, taken=taken, judge=judge, now_ms=now_ms
        )
        let_in.update(row.person for row in changes.granted)
        return with_cases(changes, known, office=office, now_ms=now_ms), answer

    let_in: set[str] = set()
    tenant, office = speaking.tenant, office_of(speaking.tenant)
    wanted = relaying.wanted(page, hub)
    wanted = wanted._replace(replicas=wanted.replicas | {office.replica})
    answer = with_office(tenant, services, lambda: services.log.append(tenant, wanted, decide, now_ms=now_ms))
    take_in_what_was_out_of_scope(let_in, tenant, services)
    told: dict[str, Any] = {"batch": answer.batch, "verdicts": answer.verdicts, "position": answer.position}
    return _json(told | ({"code": answer.code, "text": answer.text} if answer.batch == "stopped" else {}))


def _page(body: bytes) -> relaying.Page:
    if body.count(b"\n") > EVENTS_PER_PUSH_MAX + 1:
        raise too_many_events(body.count(b"\n"))
    try:
        return relaying.read(body)
    except Unreadable as why:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "unreadable-page",
            f"This is not a page of a log: {why}. Nothing of it was stored.",
            hint="Send the page as the other hub's pull sent it, from its first frame to its checkpoint.",
        ) from None


def _same_hub() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "same-hub",
        "That is a page of this hub's own log, or of a copy of its database.",
        hint="A copy that is to be a hub of its own needs an epoch of its own first.",
    )


def _other_epoch() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "other-epoch",
        "That page was sent in another epoch than the one that is named: the other hub has come back from a backup.",
        hint="Say hello to it once more, and begin where its new epoch was taken in up to.",
    )


def _known_or_minted(page: relaying.Page, hub: OtherHub, speaking: Principal, services: Services) -> list[ReplicaRow]:
    """The replicas of a page that were known here; the rest are minted in the name of whoever stands for that hub."""
    known: list[ReplicaRow] = []
    for replica in sorted(relaying.replicas(page, hub)):
        row = services.log.replica(speaking.tenant, replica)
        if row is not None:
            known.append(row)
            continue
        name, now_ms = f"Relayed from {hub.tenant}", services.now_ms()
        with suppress(ReplicaTaken):  # by another relay, meanwhile
            services.log.mint(speaking.tenant, replica=replica, person=speaking.person, name=name, now_ms=now_ms)
    if any(row.replica == hub.stand_in and row.person != speaking.person for row in known):
        raise forbidden(
            "Another integration speaks for that hub here.", "Use the token with which its log was first taken in."
        )
    return known


def _hand_in_here(rows: Sequence[ReplicaRow], speaking: Principal, services: Services) -> frozenset[str]:
    """Those that belong to this hub's own people, or to the office."""
    tenant, office = speaking.tenant, office_of(speaking.tenant).replica
    people = {person: services.accounts.person(tenant, person) for person in {row.person for row in rows}}
    relayed = {person for person, known in people.items() if known is not None and may_relay(known.role)}
    return frozenset(row.replica for row in rows if row.replica == office or row.person not in relayed)


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
