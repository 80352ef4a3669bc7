"""The routes that look at a whole company as it was, and at all that changed between two moments."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

import orjson
from fastapi import APIRouter, Query, Request, Response

from api.noted import note_reading
from api.reading import BEGINNING, FOLDED_PER_REQUEST_MAX, AsOfText, MomentText, Reading, moment_of
from api.v1.entities import Cursor, Limit
from api.v1.history import check_in_order
from api.v1.sync import Ports, Speaking
from commands.as_of import AsOf
from commands.entity_document import document_of
from commands.looking_back import difference_document
from domain.catalogue import ON_DEVICES
from domain.values import INTEGER_MAX
from sync.as_of import stands_at
from sync.milestones import Stand
from sync.past import Past

SCANNED_PER_REQUEST_MAX: Final = 5_000
"""Events that one request looks at to find which entities changed."""

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
    now = str(services.log.head(speaking.tenant).position)
    end = moment_of(until or now, speaking, services)
    before = None if since is None else moment_of(since, speaking, services)
    check_in_order(before, end)
    begins = before.position if before else 0
    if cursor == 0:
        note_reading(request, speaking, services, "differences_read", f"everything since {begins}, {_told(end)}")
    past = services.log.past(speaking.tenant)
    page = _changed(past, begins, end.position, max(cursor, begins), limit)
    told = {"since": before.told if before else None, "until": end.told}
    return _json({"items": [_difference(was, is_) for was, is_ in page.of], "next": page.following} | told)


class _Page(NamedTuple):
    """Entities that changed, as they were at both moments, and where the next page begins."""

    of: Sequence[tuple[Stand | None, Stand]]
    following: int | None


def _changed(past: Past, begins: int, ends: int, after: int, limit: int) -> _Page:
    touched = past.touched(after=after, until=ends, limit=SCANNED_PER_REQUEST_MAX)
    reached = touched[-1].position if len(touched) == SCANNED_PER_REQUEST_MAX else None
    # An entity is told where it is written for the first time since, so no page tells it again.
    first = [each for each in touched if each.before <= begins and each.entity_type in ON_DEVICES]
    if len(first) > limit:
        first, reached = first[:limit], first[limit - 1].position
    if not first:
        return _Page([], reached)
    now = stands_at(past, [each.entity for each in first], ends, events_max=FOLDED_PER_REQUEST_MAX)
    entities = [each.entity for each in first[: now.covered]]
    was = stands_at(past, entities, begins, events_max=FOLDED_PER_REQUEST_MAX)
    before, after_ = ({each.entity: each for each in stands.of} for stands in (was, now))
    pairs = [(before.get(each), after_[each]) for each in entities[: was.covered]]
    return _Page(pairs, reached if was.covered == len(first) else first[was.covered - 1].position)


def _difference(was: Stand | None, now: Stand) -> dict[str, Any]:
    told = {
        "id": now.entity,
        "type": now.state.type,
        "scope": now.scope,
        "is_new": was is None,
        "version": now.version,
        "position": now.position,
    }
    return told | difference_document(was, now)


def _told(moment: AsOf | None) -> str:
    return f"as of position {moment.position}" if moment else "as of now"


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
