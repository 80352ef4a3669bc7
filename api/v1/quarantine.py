"""The queue of what was set aside: look at a case, and decide what becomes of it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import forbidden
from api.body import JSON_BODY_BYTES_MAX, small, told_in_openapi
from api.case_document import authored, content_of, document_of, entity_of_case, summary
from api.given import Ports, Speaking
from api.noted import note_looking
from api.office import with_office
from api.problem import Problem
from api.refused import problem_of
from api.services import Services
from commands import quarantine
from commands.authority import Principal, may_see_cases, may_work_on_cases
from commands.case_refusals import CaseRefused, CaseSettled
from commands.quarantine import OnTheDesk, Order
from domain.lifecycle import CASE
from domain.values import NOT_BLANK, UUID_PATTERN
from sync.log import CasesWanted
from sync.office import Saying, office_of
from sync.rows import CaseRow, QuarantinedRow
from sync.verdict import case_of

LIMIT_MAX: Final = 200
_REPLICA: Final = r"r[a-z2-7]{12}"
_PLACE: Final = rf"^[0-9]{{1,15}}-{_REPLICA}-[1-9][0-9]{{0,15}}$"

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])
CaseName = Annotated[str, Path(pattern=rf"^{_REPLICA}-[1-9][0-9]{{0,15}}$", description="As the verdict names it.")]
State = Annotated[str, Query(pattern=f"^({'|'.join(CASE.statuses)})$", description="What has become of them.")]
Code = Annotated[str | None, Query(pattern="^[a-z_]{1,64}$", description="Why they were set aside.")]
Owner = Annotated[str | None, Query(pattern=UUID_PATTERN, description="Who looks after them.")]
Replica = Annotated[str | None, Query(pattern=f"^{_REPLICA}$", description="Whose events they are.")]
Cursor = Annotated[str | None, Query(pattern=_PLACE, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many.")]


class Correction(BaseModel):
    """What should have been said; what is left out is as its author said it, where that can be read."""

    model_config = ConfigDict(extra="forbid", strict=True)
    data: dict[str, Any] | None = None
    type: Annotated[str | None, Field(pattern="^[A-Z][A-Za-z0-9]{0,63}$")] = None
    entity_type: Annotated[str | None, Field(pattern="^[a-z][a-z_]{0,63}$")] = None
    entity_id: Annotated[str | None, Field(pattern=UUID_PATTERN)] = None
    reason: Annotated[str | None, Field(max_length=8_000, pattern=NOT_BLANK)] = None


class NewOwner(BaseModel):
    """Who is to look after a case."""

    model_config = ConfigDict(extra="forbid", strict=True)
    owner_id: Annotated[str, Field(pattern=UUID_PATTERN)]


class Dismissal(BaseModel):
    """Why a case is left out for good; its author is told."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: Annotated[str, Field(max_length=1_000, pattern=NOT_BLANK)]


@router.get("", summary="What was set aside, oldest first")
def cases(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    state: State = "open",
    code: Code = None,
    owner: Owner = None,
    replica: Replica = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A page of cases in one state; ask on with `next` until it is null."""
    _check_may_see(speaking)
    note_looking(request, speaking, services, f"cases that are {state}")
    wanted = CasesWanted(state, code, owner, replica)
    rows = services.log.cases(speaking.tenant, wanted, after=_place(cursor), limit=limit + 1)
    following = _cursor(rows[limit - 1]) if len(rows) > limit else None
    return _json({"items": [summary(row) for row in rows[:limit]], "next": following})


@router.get("/{case}", summary="One case, with its content and what its author saw")
def case(request: Request, case: CaseName, speaking: Speaking, services: Ports) -> Response:
    """`content` is what was handed in, null where it is no JSON; `text` is the same as text."""
    _check_may_see(speaking)
    row = _found(case, speaking, services)
    note_looking(request, speaking, services, f"case {case}")
    return _json(
        document_of(row, speaking, services) | content_of(row.aside.body) | entity_of_case(row, speaking, services)
    )


@router.post("/{case}/approve", summary="Take it in as it was written")
def approve(case: CaseName, speaking: Speaking, services: Ports) -> Response:
    """For what only a rule about people, places and moves speaks against; a person answers for it instead."""
    return _settled(case, speaking, services, quarantine.approve)


@router.post("/{case}/retry", summary="Judge it once more as it is")
def retry(case: CaseName, speaking: Speaking, services: Ports) -> Response:
    """For what may pass later, because what it needs has come."""

    def order(on: OnTheDesk) -> Order:
        return quarantine.retry(on, services.accounts.person(speaking.tenant, on.case.aside.actor))

    return _settled(case, speaking, services, order)


@router.post(
    "/{case}/resubmit", summary="Say it as it should have been said", openapi_extra=told_in_openapi(Correction)
)
def resubmit(
    case: CaseName,
    speaking: Speaking,
    said: Annotated[Correction, Depends(small(Correction, bytes_max=JSON_BODY_BYTES_MAX))],
    services: Ports,
) -> Response:
    """A new event of the office's replica, in the name of whoever resubmits."""
    return _settled(case, speaking, services, lambda on: quarantine.resubmit(on, _saying(said, on.case.aside, case)))


@router.post("/{case}/reassign", summary="Give it to somebody", openapi_extra=told_in_openapi(NewOwner))
def reassign(
    case: CaseName, speaking: Speaking, to: Annotated[NewOwner, Depends(small(NewOwner))], services: Ports
) -> Response:
    """Whoever looks after it must be somebody who may decide about cases."""
    _check_may_work(speaking)
    owner = services.accounts.person(speaking.tenant, to.owner_id)
    if owner is None or not may_work_on_cases(owner.role):
        raise Problem(
            HTTPStatus.CONFLICT,
            "owner-cannot-decide",
            f"{to.owner_id} is nobody here who decides about cases.",
            hint="Name a dispatcher, a supervisor or an admin.",
        )
    return _settled(case, speaking, services, lambda on: quarantine.reassign(on, to.owner_id))


@router.post("/{case}/dismiss", summary="Leave it out, with a reason", openapi_extra=told_in_openapi(Dismissal))
def dismiss(
    case: CaseName, speaking: Speaking, why: Annotated[Dismissal, Depends(small(Dismissal))], services: Ports
) -> Response:
    """Its content is kept; its author is told the reason."""
    return _settled(case, speaking, services, lambda on: quarantine.dismiss(on, why.reason))


def _settled(name: str, speaking: Principal, services: Services, order: Callable[[OnTheDesk], Order]) -> Response:
    _check_may_work(speaking)
    row, now_ms = _found(name, speaking, services), services.now_ms()
    try:
        on = OnTheDesk(case=row, office=office_of(speaking.tenant), speaking=speaking, now_ms=now_ms)
        wanted, decide = order(on)
        with_office(
            speaking.tenant,
            services,
            lambda: services.log.append(speaking.tenant, wanted, decide, now_ms=now_ms),
        )
    except CaseRefused as refusal:
        raise _problem(refusal, speaking, services) from None
    return _json(document_of(_found(name, speaking, services), speaking, services))


def _problem(refusal: CaseRefused, speaking: Principal, services: Services) -> Problem:
    if isinstance(refusal, CaseSettled):
        who = services.accounts.person(speaking.tenant, refusal.settled_by)
        named = CaseSettled(refusal.status, who.name if who else refusal.settled_by)
        return problem_of(named, state=refusal.status, settled_by_id=refusal.settled_by)
    return problem_of(refusal)


def _check_may_see(speaking: Principal) -> None:
    if not may_see_cases(speaking.role):
        raise forbidden(
            f"Whoever is {speaking.role} does not see what others wrote.",
            "Your device shows what was set aside of yours.",
        )


def _check_may_work(speaking: Principal) -> None:
    if not may_work_on_cases(speaking.role):
        raise forbidden(
            f"Whoever is {speaking.role} does not decide about cases.", "Ask a dispatcher, a supervisor or an admin."
        )


def _found(name: str, speaking: Principal, services: Services) -> CaseRow:
    replica, _, seq = name.partition("-")
    row = services.log.case(speaking.tenant, replica, int(seq))
    if row is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "case-not-found",
            f"There is no case {name}.",
            hint="GET /v1/quarantine lists those that are open.",
        )
    return row


def _saying(said: Correction, aside: QuarantinedRow, case: str) -> Saying:
    """What its author said, corrected."""
    entity_type, kind, data = authored(aside.body)
    told = {
        "entity_type": said.entity_type or entity_type,
        "entity_id": said.entity_id or aside.entity or "",
        "type": said.type or kind,
    }
    missing = [name for name, value in told.items() if not value]
    if missing:
        raise Problem(
            HTTPStatus.CONFLICT,
            "unreadable-content",
            f"What was handed in does not tell its {', '.join(missing)}.",
            hint="Say them in the body of this request.",
        )
    data = data if said.data is None else said.data
    return Saying(
        told["entity_type"], told["entity_id"], told["type"], data, said.reason or f"Resubmitted from case {case}"
    )


def _place(cursor: str | None) -> tuple[int, str, int]:
    if cursor is None:
        return -1, "", 0
    recorded_at_ms, replica, seq = cursor.split("-")
    return int(recorded_at_ms), replica, int(seq)


def _cursor(row: CaseRow) -> str:
    return f"{row.recorded_at_ms}-{case_of(row.aside.replica, row.aside.seq)}"


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
