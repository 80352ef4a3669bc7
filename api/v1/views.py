"""The routes of the read model: tables and boards with filters, order and pages, and the same rows as files."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, NoReturn

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from api import view_cursor
from api.auth import identity_of
from api.exports import MEDIA, Format, document, exported
from api.noted import note_reading
from api.problem import RETRY_AFTER_S, Problem
from api.reading import AsOfText, moment_of, scopes_of
from api.services import Services
from api.v1.entities import Limit
from api.v1.sync import Ports, Speaking
from commands.authority import Principal, may_replay, may_see_cases, sees_everything, works_with_numbers
from domain.values import INTEGER_MAX
from projections import query as asking
from projections.query import EXPORT_ROWS_MAX, NoReadModel, PastTooFar, Shape, TooSlow, Views, read_query, told_as_text

PARAMETER_LETTERS_MAX: Final = 1_000
_SCOPE: Final = "home_scope"
_OF_CASES: Final = frozenset({"quarantine"})
_OF_HISTORIES: Final = frozenset({"audit_trail"})
_NO_FILTERS: Final = frozenset({"sort", "fields", "limit", "cursor", "as_of", "wait_for", "format"})

router = APIRouter(prefix="/v1/views", tags=["views"])
ViewName = Annotated[str, Path(pattern="^[a-z_]{1,64}$", description="Such as `work_board` or `visit`.")]
Sort = Annotated[
    str,
    Query(max_length=PARAMETER_LETTERS_MAX, description="Columns, the first counts most; `-` in front: falling."),
]
Fields = Annotated[str, Query(max_length=PARAMETER_LETTERS_MAX, description="Only these columns; all, if left out.")]
Cursor = Annotated[
    str | None, Query(max_length=view_cursor.CURSOR_LETTERS_MAX, description="`next` of the page before.")
]
WaitFor = Annotated[
    int | None,
    Query(ge=0, le=INTEGER_MAX, description="A position that the rows must have come to, such as that of your order."),
]
FileFormat = Annotated[Format, Query(alias="format", description="What kind of file.")]
Rows = Annotated[int, Query(ge=1, le=EXPORT_ROWS_MAX, description="At most so many.")]


@router.get("", summary="What can be asked")
def views(speaking: Speaking, services: Ports) -> Response:
    """Every table and view that whoever asks may see, with what its columns mean."""
    return _json({"items": [_described(each) for each in _allowed(speaking, services).values()]})


@router.get("/{view}", summary="Rows of a table or view")
def view_rows(
    *,
    request: Request,
    view: ViewName,
    speaking: Speaking,
    services: Ports,
    sort: Sort = "",
    fields: Fields = "",
    limit: Limit = 50,
    cursor: Cursor = None,
    wait_for: WaitFor = None,
    as_of: AsOfText = None,
) -> Response:
    """A page of rows. Every other parameter is a filter by a column: `status=open,scheduled`, `due_at[lt]=2026-02-01`.

    `[lt]`, `[le]`, `[gt]`, `[ge]` compare, `[ne]` leaves out, `[has]` asks for an element of a set; `null` is what was
    never said. With `as_of` the rows are those of then, and `position` is that moment.
    """
    question = _Question(request, view, speaking, services, sort=sort, fields=fields, cursor=cursor, moment=as_of)
    position = question.position(wait_for)
    columns, rows, following = question.page(limit)
    items = [document(columns, row) for row in rows]
    return _json({"items": items, "next": following, "position": position, **question.told})


@router.get("/{view}/export", summary="Rows as a file")
def export_view(
    *,
    request: Request,
    view: ViewName,
    speaking: Speaking,
    services: Ports,
    form: FileFormat = "csv",
    sort: Sort = "",
    fields: Fields = "",
    limit: Rows = EXPORT_ROWS_MAX,
    cursor: Cursor = None,
    wait_for: WaitFor = None,
    as_of: AsOfText = None,
) -> Response:
    """The same rows as CSV, NDJSON or Parquet. `Cairnfield-Next` is the cursor of the next file, where there is one,
    and `Cairnfield-Position` up to where the rows hold the log: ask for `log_position[gt]` of it the next time."""
    question = _Question(request, view, speaking, services, sort=sort, fields=fields, cursor=cursor, moment=as_of)
    note_reading(request, speaking, services, "exported", f"{view} as {form}")
    position = question.position(wait_for)
    columns, rows, following = question.page(limit)
    headers = {
        "Cairnfield-Position": str(position),
        "Content-Disposition": f'attachment; filename="{view}.{form}"',
        **({"Cairnfield-Next": following} if following else {}),
    }
    return Response(exported(form, columns, rows), media_type=MEDIA[form], headers=headers)


class _Question:
    """One request's question, held to what whoever asks may see. Raises Problem."""

    def __init__(  # what a request says
        self,
        request: Request,
        view: str,
        speaking: Principal,
        services: Services,
        *,
        sort: str,
        fields: str,
        cursor: str | None,
        moment: str | None,
    ) -> None:
        self._speaking, self._services = speaking, services
        self._views, self._keyring = _views_of(services), identity_of(services).keyring
        allowed = _allowed(speaking, services)
        if view not in allowed:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "view-unknown",
                f"There is no {view} that you may ask.",
                hint="Name one of `allowed`.",
                allowed=list(allowed),
            )
        filters = [each for each in request.query_params.multi_items() if each[0] not in _NO_FILTERS]
        try:
            self._query = read_query(allowed[view], filters, sort=sort, fields=fields, limit=1)
        except asking.QueryRefused as why:
            _refuse(why)
        self._scopes = scopes_of(speaking, services)
        self._moment = None if moment is None else moment_of(moment, speaking, services)
        self._bound_to = [
            *(speaking.tenant, speaking.role, "" if self._scopes is None else speaking.person, view, sort, fields),
            *(services.log.head(speaking.tenant).epoch, orjson.dumps(sorted(filters)).decode()),
            "" if self._moment is None else str(self._moment.position),
        ]
        self._after = None if cursor is None else self._read(cursor)

    @property
    def told(self) -> dict[str, Any]:
        """Which moment the answer shows, where one was asked for."""
        return {} if self._moment is None else {"as_of": self._moment.told}

    def position(self, wait_for: int | None) -> int:
        """Up to where the rows hold the log, after waiting for it a moment if that was asked."""
        if self._moment is not None:
            wait_for = max(wait_for or 0, self._moment.position)
        try:
            position = self._views.wait_for(self._speaking.tenant, wait_for or 0)
        except NoReadModel:
            raise _not_ready() from None
        if wait_for is not None and position < wait_for:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "not-shown-yet",
                f"The rows hold the log up to {position}, and you wait for {wait_for}.",
                hint="Ask again in a moment, or without `wait_for`.",
                retryable=True,
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        return position if self._moment is None else self._moment.position

    def page(self, limit: int) -> tuple[Sequence[Any], Sequence[dict[str, Any]], str | None]:
        """The columns, the rows, and the cursor of the next page."""
        wanted = asking.Query(
            shape=self._query.shape,
            fields=self._query.fields,
            filters=self._query.filters,
            order=self._query.order,
            limit=limit + 1,
            after=self._after,
            as_of=None if self._moment is None else self._moment.position,
        )
        try:
            rows = self._views.rows(self._speaking.tenant, wanted, scopes=self._scopes)
        except NoReadModel:
            raise _not_ready() from None
        except TooSlow:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "question-too-slow",
                "This question took longer than one may.",
                hint="Narrow it by a filter, or sort by fewer columns.",
            ) from None
        except PastTooFar as why:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "past-too-far",
                f"{why.detail[:1].upper()}{why.detail[1:]}.",
                hint="Ask one table by its key or its `home_scope`, or `GET /v1/entities/{entity_type}?as_of=` by id.",
            ) from None
        following = None
        if len(rows) > limit:
            last = [told_as_text(rows[limit - 1][each.column.name]) for each in self._query.order]
            following = view_cursor.spelled(self._keyring, self._bound_to, last)
        return self._query.fields, rows[:limit], following

    def _read(self, cursor: str) -> list[str | None]:
        after = view_cursor.read(self._keyring, self._bound_to, cursor)
        if after is None or len(after) != len(self._query.order):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "cursor-unknown",
                "This cursor is none of this question.",
                hint="Send `next` of the page before with the same filters, order and fields, or begin without it.",
            )
        return after


def _allowed(speaking: Principal, services: Services) -> dict[str, Shape]:
    """What somebody may ask; whoever is limited to scopes only what says of each row where it lives."""
    shapes = _views_of(services).shapes(masked=works_with_numbers(speaking.role))
    return {
        name: shape
        for name, shape in shapes.items()
        if (sees_everything(speaking.role) or any(column.name == _SCOPE for column in shape.columns))
        and (name not in _OF_CASES or may_see_cases(speaking.role))
        and (name not in _OF_HISTORIES or may_replay(speaking.role))
    }


def _described(shape: Shape) -> dict[str, Any]:
    return {
        "name": shape.name,
        "meaning": shape.comment,
        "key": list(shape.key),
        "columns": [{"name": each.name, "type": each.type, "meaning": each.comment} for each in shape.columns],
    }


def _views_of(services: Services) -> Views:
    if services.views is None:
        raise Problem(
            HTTPStatus.NOT_IMPLEMENTED,
            "no-read-model",
            "This server keeps no read model.",
            hint="Run it over PostgreSQL, or read `GET /v1/entities/{entity_type}`.",
        )
    return services.views


def _refuse(why: asking.QueryRefused) -> NoReturn:
    kinds: dict[type[asking.QueryRefused], tuple[str, str]] = {
        asking.FilterUnknown: ("filter-unknown", "Filter by one of `allowed`."),
        asking.ValueUnreadable: ("value-unreadable", "Correct the value."),
        asking.SortUnknown: ("sort-unknown", "Sort by columns of `allowed`."),
        asking.FieldsUnknown: ("fields-unknown", "Name columns of `allowed`."),
    }
    kind, hint = kinds[type(why)]
    detail = f"{why.detail[:1].upper()}{why.detail[1:]}."
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, kind, detail, hint=hint, allowed=why.allowed) from None


def _not_ready() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "read-model-not-ready",
        "The tables of the read model are not made yet.",
        hint="Ask again in a moment.",
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _json(document_: Any) -> Response:
    return Response(orjson.dumps(document_), media_type="application/json")
