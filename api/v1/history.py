"""The routes of an entity's past: who wrote what, why a value is there, what is otherwise, and who knew of whom.

Who may see what somebody wrote is decided by `commands.authority`, and that somebody looked is noted in the audit.
"""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from api.given import Ports, Speaking
from api.noted import note_reading
from api.problem import Problem
from api.reading import AsOfText, MomentText, Reading, moment_of, not_there_yet
from api.services import Services
from api.v1.entities import EntityName, EntityTypeName, Limit
from commands import looking_back
from commands.as_of import AsOf
from commands.authority import Principal
from commands.history_document import NameOf, graph_document
from commands.looking_back import FieldUnknown, HistoryTooLong, check_field, differences_between, graph_of, history_of
from domain.values import INTEGER_MAX
from projections.causal_picture import STYLE_HASH, picture
from sync.causal_graph import CausalGraph

FIELD_LETTERS_MAX: Final = 64

router = APIRouter(prefix="/v1/entities/{entity_type}/{entity_id}", tags=["audit"])
FieldName = Annotated[str, Path(pattern=f"^[a-z_]{{1,{FIELD_LETTERS_MAX}}}$", description="Such as `title`.")]
OnlyField = Annotated[
    str | None,
    Query(pattern=f"^[a-z_]{{1,{FIELD_LETTERS_MAX}}}$", description="Only what has to do with this field."),
]
Version = Annotated[int, Query(ge=0, le=INTEGER_MAX, description="`next` of the page before.")]


@router.get("/history", summary="Who wrote what of an entity, and when")
def history(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    speaking: Speaking,
    services: Ports,
    field: OnlyField = None,
    cursor: Version = 0,
    limit: Limit = 50,
    as_of: AsOfText = None,
) -> Response:
    """Its events, oldest first, by both clocks, each with what it changed and what its author did not know of.

    With `field` a page may hold fewer than `limit`: go on while `next` is not null.
    """
    reading = Reading(speaking, services, as_of)
    looked_into = reading.looked_into(entity_type, entity_id)
    _check_field(entity_type, field)
    asked = f"{entity_type} {entity_id}" + (f", field {field}" if field else "") + _told(reading.as_of)
    note_reading(request, speaking, services, "history_read", asked)
    with _no_longer_than_may_be(entity_type, entity_id):
        told = history_of(looked_into, field=field, after=cursor, limit=limit, name_of=names(speaking, services))
    return _json(told | reading.told)


@router.get("/why/{field}", summary="Why a value is what it is")
def why(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    field: FieldName,
    speaking: Speaking,
    services: Ports,
    as_of: AsOfText = None,
) -> Response:
    """Every write of the field, who knew of whom, which one is shown and by what rule, and who is asked."""
    reading = Reading(speaking, services, as_of)
    looked_into = reading.looked_into(entity_type, entity_id)
    _check_field(entity_type, field)
    note_reading(
        request, speaking, services, "why_read", f"{entity_type} {entity_id}, field {field}{_told(reading.as_of)}"
    )
    with _no_longer_than_may_be(entity_type, entity_id):
        told = looking_back.why(looked_into, field, names(speaking, services))
    if told is None:
        assert reading.as_of is not None, "what is there now has events"
        raise not_there_yet(entity_type, entity_id, reading.as_of)
    return _json(told | reading.told)


@router.get("/differences", summary="What is otherwise than before")
def entity_differences(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    speaking: Speaking,
    services: Ports,
    since: MomentText = None,
    until: MomentText = None,
) -> Response:
    """What is shown of it at two moments: from before it was written, if `since` is left out, until now."""
    reading = Reading(speaking, services, until)
    before = None if since is None else moment_of(since, speaking, services)
    check_in_order(before, reading.as_of)
    looked_into = reading.looked_into(entity_type, entity_id)
    note_reading(
        request,
        speaking,
        services,
        "differences_read",
        f"{entity_type} {entity_id}, since {before.position if before else 0}{_told(reading.as_of)}",
    )
    return _json(differences_between(looked_into, before, reading.as_of))


@router.get("/graph", summary="Who knew of whom, as data")
def graph(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    speaking: Speaking,
    services: Ports,
    as_of: AsOfText = None,
) -> Response:
    """The causal graph of its newest events: what each followed from, and what it was concurrent with."""
    reading = Reading(speaking, services, as_of)
    drawn = _graph(request, reading, entity_type, entity_id, services)
    return _json(graph_document(drawn, names(speaking, services)) | reading.told)


@router.get("/graph.svg", summary="Who knew of whom, as a picture")
def graph_picture(
    *,
    request: Request,
    entity_type: EntityTypeName,
    entity_id: EntityName,
    speaking: Speaking,
    services: Ports,
    as_of: AsOfText = None,
) -> Response:
    """The causal graph of its newest events, a lane for each device, drawn for light and dark screens."""
    reading = Reading(speaking, services, as_of)
    drawn = _graph(request, reading, entity_type, entity_id, services)
    title = f"{entity_type.replace('_', ' ')} {entity_id}"
    svg = picture(drawn, title=title, name_of=names(speaking, services))
    # It brings its own style and nothing else, so that it can be opened by itself.
    headers = {"Content-Security-Policy": f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'"}
    return Response(svg.encode(), media_type="image/svg+xml", headers=headers)


def _graph(request: Request, reading: Reading, entity_type: str, entity_id: str, services: Services) -> CausalGraph:
    looked_into = reading.looked_into(entity_type, entity_id)
    note_reading(request, reading.speaking, services, "graph_read", f"{entity_type} {entity_id}{_told(reading.as_of)}")
    with _no_longer_than_may_be(entity_type, entity_id):
        return graph_of(looked_into)


@contextmanager
def _no_longer_than_may_be(entity_type: str, entity_id: str) -> Generator[None]:
    try:
        yield
    except HistoryTooLong as why_not:
        raise Problem(
            HTTPStatus.CONFLICT,
            "history-too-long",
            f"The {entity_type} {entity_id} is too long for this: {why_not.detail}.",
            hint=why_not.hint,
        ) from None


def names(speaking: Principal, services: Services) -> NameOf:
    """What the people of a tenant are called, each looked up once."""
    known: dict[str, str | None] = {}

    def name_of(person: str) -> str | None:
        if person not in known:
            found = services.accounts.person(speaking.tenant, person)
            known[person] = found.name if found else None
        return known[person]

    return name_of


def check_in_order(since: AsOf | None, until: AsOf | None) -> None:
    """Raises Problem where a range ends before it begins."""
    if since is not None and until is not None and since.position > until.position:
        raise Problem(
            HTTPStatus.CONFLICT,
            "range-reversed",
            f"`until` is position {until.position}, before `since` at {since.position}.",
            hint="Say the earlier moment in `since`.",
        )


def _check_field(entity_type: str, field: str | None) -> None:
    try:
        check_field(entity_type, field)
    except FieldUnknown as why_not:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "field-unknown",
            f"A {entity_type} has no field {field}.",
            hint="Name one of `fields`.",
            fields=why_not.fields,
        ) from None


def _told(moment: AsOf | None) -> str:
    return f", as of position {moment.position}" if moment else ""


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
