"""The routes that look at a whole company as it was, and at all that changed between two moments."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from api.given import Ports, Speaking
from api.noted import note_reading
from api.reading import BEGINNING, AsOfText, MomentText, Reading, moment_of
from api.v1.entities import Cursor, Limit
from api.v1.history import check_in_order
from commands.as_of import AsOf
from commands.entity_document import document_of
from commands.looking_back import all_changed_between
from domain.values import INTEGER_MAX

router = APIRouter(prefix="/v1/audit", tags=["audit"])
Position = Annotated[int, Query(ge=0, le=INTEGER_MAX, description="`next` of the page before.")]


@router.get("/replay", summary="Everything as it was")
def replay_everything(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    as_of: AsOfText = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Entities of all types, by id; ask on with the same `as_of`, and `next` until it is null.

    A page may hold fewer than `limit`.
    """
    reading = Reading(speaking, services, as_of)
    if cursor is None:
        note_reading(request, speaking, services, "replay_read", _told(reading.as_of))
    found = reading.everything(after=cursor or BEGINNING, limit=limit)
    items = [document_of(row, speaking.role) for row in found.rows]
    return _json({"items": items, "next": found.reached} | reading.told)


@router.get("/differences", summary="All that changed between two moments")
def differences_of_all(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    since: MomentText = None,
    until: MomentText = None,
    cursor: Position = 0,
    limit: Limit = 50,
) -> Response:
    """Which entities were written, in the order in which they were first, and what is shown of each at both moments.

    From the beginning, if `since` is left out, until now. A page may hold fewer than `limit`: ask on with the moments
    that it tells, and `next` until it is null.
    """
    if until is None:
        until = str(services.log.head(speaking.tenant).position)
    end = moment_of(until, speaking, services)
    before = None if since is None else moment_of(since, speaking, services)
    check_in_order(before, end)
    begins = before.position if before else 0
    if cursor == 0:
        note_reading(request, speaking, services, "differences_read", f"everything since {begins}, {_told(end)}")
    past = services.log.past(speaking.tenant)
    page = all_changed_between(past, begins, end.position, after=cursor, limit=limit)
    told = {"since": before.told if before else None, "until": end.told}
    return _json({"items": page.items, "next": page.following} | told)


def _told(moment: AsOf | None) -> str:
    return f"as of position {moment.position}" if moment else "as of now"


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
