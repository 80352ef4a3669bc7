"""The read routes of merged entities: what each one looks like, now or at a moment, and what waits for a person."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api.given import Ports, Speaking
from api.noted import note_looking
from api.reading import BEGINNING, AsOfText, Reading
from commands.entity_document import document_of
from domain.catalogue import ON_DEVICES
from domain.lifecycle import WORK_ORDER
from domain.values import UUID_PATTERN

LIMIT_MAX: Final = 200
_SCANNED_PER_REQUEST_MAX: Final = 5_000

router = APIRouter(prefix="/v1", tags=["entities"])
EntityTypeName = Annotated[str, Path(pattern=f"^({'|'.join(ON_DEVICES)})$", description="Such as `work_order`.")]
EntityName = Annotated[str, Path(pattern=UUID_PATTERN, description="Which one.")]
Cursor = Annotated[str | None, Query(pattern=UUID_PATTERN, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many.")]
Status = Annotated[
    list[Annotated[str, Field(pattern=f"^({'|'.join(WORK_ORDER.statuses)})$")]] | None,
    Query(description="Only these; all, where it is left out."),
]


@router.get("/entities/{entity_type}/{entity_id}", summary="One entity, as it is now or as it was")
def entity(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    speaking: Speaking,
    services: Ports,
    as_of: AsOfText = None,
) -> Response:
    """Its shown values, its version and its open conflicts."""
    reading = Reading(speaking, services, as_of)
    row = reading.entity(entity_type, entity_id)
    note_looking(request, speaking, services, f"{entity_type} {entity_id}", reading.as_of)
    return Response(
        orjson.dumps(document_of(row, speaking.role) | reading.told),
        # What it was is nothing that an edit could be decided on.
        headers={"ETag": f'"{row.version}"'} if as_of is None else None,
        media_type="application/json",
    )


@router.get("/entities/{entity_type}", summary="Entities of one type, by id")
def entities(
    *,
    request: Request,
    entity_type: EntityTypeName,
    speaking: Speaking,
    services: Ports,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_of: AsOfText = None,
) -> Response:
    """A page of entities; ids are in the order in which entities came into being.

    With `as_of` a page may hold fewer than `limit`: go on while `next` is not null.
    """
    reading = Reading(speaking, services, as_of)
    note_looking(request, speaking, services, f"every {entity_type}, {_behind(cursor)}", reading.as_of)
    found = reading.entities(entity_type, after=cursor or BEGINNING, limit=limit)
    return _page([document_of(row, speaking.role) for row in found.rows], found.reached, reading)


@router.get("/work-orders", summary="Work orders, by id")
def work_orders(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    status: Status = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_of: AsOfText = None,
) -> Response:
    """A page of work orders, all or those in the given statuses.

    A page may hold fewer than `limit` where few match: go on while `next` is not null.
    """
    reading, wanted = Reading(speaking, services, as_of), set(status or WORK_ORDER.statuses)
    note_looking(request, speaking, services, f"every work_order, {_behind(cursor)}", reading.as_of)
    found: list[dict[str, Any]] = []
    after: str | None = cursor or BEGINNING
    scanned = 0
    while after is not None and scanned < _SCANNED_PER_REQUEST_MAX and not reading.is_spent:
        stretch = reading.entities("work_order", after=after, limit=LIMIT_MAX)
        after, scanned = stretch.reached, scanned + LIMIT_MAX
        for row in stretch.rows:
            document = document_of(row, speaking.role)
            if document["status"] in wanted:
                found.append(document)
            if len(found) == limit:
                is_last = after is None and row.entity == stretch.rows[-1].entity
                return _page(found, None if is_last else row.entity, reading)
    return _page(found, after, reading)


def _behind(cursor: str | None) -> str:
    return f"behind {cursor}" if cursor else "from the first"


def _page(items: list[dict[str, Any]], following: str | None, reading: Reading) -> Response:
    document = {"items": items, "next": following} | reading.told
    return Response(orjson.dumps(document), media_type="application/json")
