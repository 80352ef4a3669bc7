"""The route by which a replica takes what it lacks."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from api.auth import forbidden
from api.body import NDJSON
from api.given import Ports, Speaking
from api.noted import note_looking
from api.own_replica import own_replica
from api.packing import packed
from api.problem import Problem
from api.services import Services
from commands.authority import Principal, sees_everything
from commands.due import due_first
from domain.values import INTEGER_MAX
from sync import pull as pulling
from sync.limits import PAGE_BYTES_MAX, PAGE_EVENTS_MAX
from sync.pull import Asked, CursorAhead
from sync.resume import ResumeUnknown

RESUME_LETTERS_MAX: Final = 4_000
SCOPE_LETTERS_MAX: Final = 100

router = APIRouter(prefix="/v1/sync", tags=["sync"])

Cursor = Annotated[int, Query(ge=0, le=INTEGER_MAX, description="Position you have; 0 at first.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_EVENTS_MAX, description="Events and snapshots per page.")]
Replica = Annotated[str | None, Query(pattern="^r[a-z2-7]{12}$", description="Yours: also tell its later verdicts.")]
Resume = Annotated[str, Query(max_length=RESUME_LETTERS_MAX, description="As the last checkpoint told it, if it did.")]
Refetch = Annotated[
    str, Query(max_length=SCOPE_LETTERS_MAX, pattern=r"^[^\x00]*$", description="A scope to send whole once more.")
]
Digests = Annotated[bool, Query(description="Tell the hash of each scope when the page leads to the head.")]
History = Annotated[bool, Query(description="The log itself, event by event; for those who see everything.")]


@router.get(
    "/pull",
    summary="Take what is new",
    response_class=Response,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}, "description": "Frames, one per line."}},
)
def pull(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    cursor: Cursor = 0,
    limit: Limit = PAGE_EVENTS_MAX,
    replica: Replica = None,
    resume: Resume = "",
    refetch: Refetch = "",
    digests: Digests = False,
    history: History = False,
) -> Response:
    """What you may see after a cursor, as frames: one JSON document per line, ended by a checkpoint."""
    is_limited = not sees_everything(speaking.role)
    if history and is_limited:
        raise forbidden(
            f"Whoever is {speaking.role} sees what they are granted, not the whole history.", "Pull without `history`."
        )
    if replica is not None:
        own_replica(replica, speaking, services)
    asked = Asked(
        cursor=cursor,
        person=speaking.person if is_limited else None,
        limit=limit,
        bytes_max=PAGE_BYTES_MAX,
        replica=replica,
        resume=resume,
        refetch=refetch,
        digests=digests,
        history=history,
        first=partial(due_first, now_ms=services.now_ms()),
    )
    note_looking(request, speaking, services, f"{'the log' if history else 'what is new'} after position {cursor}")
    return packed(request, _page(asked, speaking, services), NDJSON)


def _page(asked: Asked, speaking: Principal, services: Services) -> bytes:
    try:
        with services.log.moment(speaking.tenant) as moment:
            return pulling.page(moment, asked)
    except CursorAhead as ahead:
        raise Problem(
            HTTPStatus.CONFLICT,
            "cursor-ahead",
            f"Your cursor {asked.cursor} is ahead of the log, which ends at {ahead.head}.",
            hint="The server was restored from a backup: offer your events again, and pull from 0.",
            head=ahead.head,
            epoch=ahead.epoch,
        ) from ahead
    except ResumeUnknown as unknown:
        raise Problem(
            HTTPStatus.CONFLICT,
            "resume-unknown",
            f"There is nothing to resume there for cursor {asked.cursor}.",
            hint="Send `resume` as the checkpoint told it, with the cursor beside it; or leave it out to begin again.",
        ) from unknown
