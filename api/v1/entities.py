"""The read routes of merged entities: what each one looks like now, and what waits for a person."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.problem import Problem
from api.services import Services
from api.v1.sync import Ports, Speaking
from commands.authority import Principal, sees_everything
from commands.entity_document import document_of
from domain.catalogue import ON_DEVICES
from domain.grants import EVERYBODYS
from domain.lifecycle import WORK_ORDER
from domain.values import UUID_PATTERN

LIMIT_MAX: Final = 200
_SCANNED_PER_REQUEST_MAX: Final = 5_000
_BEGINNING: Final = "00000000-0000-0000-0000-000000000000"

router = APIRouter(prefix="/v1", tags=["entities"])
EntityTypeName = Annotated[str, Path(pattern=f"^({'|'.join(ON_DEVICES)})$", description="Such as `work_order`.")]
Cursor = Annotated[str | None, Query(pattern=UUID_PATTERN, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many.")]
Status = Annotated[
    list[Annotated[str, Field(pattern=f"^({'|'.join(WORK_ORDER.statuses)})$")]] | None,
    Query(description="Only these; all, where it is left out."),
]


@router.get("/entities/{entity_type}/{entity_id}", summary="One entity as it is now")
def entity(
    entity_type: EntityTypeName,
    entity_id: Annotated[str, Path(pattern=UUID_PATTERN, description="Which one.")],
    speaking: Speaking,
    services: Ports,
) -> Response:
    """Its shown values, its version and its open conflicts."""
    row = services.log.entity(speaking.tenant, entity_id)
    scopes = _scopes(speaking, services)
    if row is None or row.type != entity_type or (scopes is not None and row.scope not in scopes):
        # The same answer for what is not here and for what is not theirs, so that nobody finds out which there is.
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "entity-not-found",
            f"There is no {entity_type} {entity_id}.",
            hint="Check the id, or wait until the device that created it has handed it in.",
        )
    return Response(
        orjson.dumps(document_of(row, speaking.role)),
        headers={"ETag": f'"{row.version}"'},
        media_type="application/json",
    )


@router.get("/entities/{entity_type}", summary="Entities of one type, by id")
def entities(
    entity_type: EntityTypeName, speaking: Speaking, services: Ports, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """A page of entities; ids are in the order in which entities came into being."""
    scopes = _scopes(speaking, services)
    rows = services.log.entities(
        speaking.tenant, entity_type, after=cursor or _BEGINNING, limit=limit + 1, scopes=scopes
    )
    return _page(
        [document_of(row, speaking.role) for row in rows[:limit]], rows[limit - 1].entity if len(rows) > limit else None
    )


@router.get("/work-orders", summary="Work orders, by id")
def work_orders(
    speaking: Speaking, services: Ports, status: Status = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """A page of work orders, all or those in the given statuses.

    A page may hold fewer than `limit` where few match: go on while `next` is not null.
    """
    wanted = set(status or WORK_ORDER.statuses)
    found: list[dict[str, Any]] = []
    after, scanned, scopes = cursor or _BEGINNING, 0, _scopes(speaking, services)
    while len(found) < limit and scanned < _SCANNED_PER_REQUEST_MAX:
        rows = services.log.entities(speaking.tenant, "work_order", after=after, limit=LIMIT_MAX, scopes=scopes)
        for row in rows:
            after, scanned = row.entity, scanned + 1
            document = document_of(row, speaking.role)
            if document["status"] in wanted:
                found.append(document)
            if len(found) == limit:
                return _page(found, after)
        if len(rows) < LIMIT_MAX:
            return _page(found, None)
    return _page(found, after)


def _page(items: list[dict[str, Any]], following: str | None) -> Response:
    return Response(orjson.dumps({"items": items, "next": following}), media_type="application/json")


def _scopes(speaking: Principal, services: Services) -> list[str] | None:
    """The scopes that somebody sees; None: all."""
    if sees_everything(speaking.role):
        return None
    head = services.log.head(speaking.tenant).position
    return [EVERYBODYS, *(row.scope for row in services.log.scopes(speaking.tenant, speaking.person, at=head))]
