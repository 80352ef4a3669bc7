"""The routes of the read model: tables and boards with filters, order and pages, and the same rows as files."""

import dataclasses
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple, NoReturn

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response

from api import view_cursor
from api.auth import identity_of
from api.exports import MEDIA, Format, document, exported
from api.given import Ports, Speaking
from api.noted import note_looking, note_reading
from api.problem import RETRY_AFTER_S, Problem
from api.reading import AsOfText, moment_of, scopes_of
from api.services import Services
from api.v1.entities import Limit
from commands.authority import Principal, may_replay, may_see_cases, sees_everything, works_with_numbers
from domain.values import INTEGER_MAX
from projections import query as asking
from projections.projection import Column
from projections.query import EXPORT_ROWS_MAX, NoReadModel, PastTooFar, Shape, TooSlow, Views, read_query, told_as_text

PARAMETER_LETTERS_MAX: Final = 1_000
_SCOPE: Final = "home_scope"
_OF_CASES: Final = frozenset({"quarantine"})
_OF_HISTORIES: Final = frozenset({"audit_trail"})
TOTAL: Final = "return=total-count"
"""How somebody asks for the number of all rows: counting them may take longer than finding a page."""
_BEFORE: Final = "before"
"""Keeps the cursors that lead back apart from those that lead on."""
_NO_FILTERS: Final = frozenset({"sort", "fields", "limit", "cursor", "as_of", "wait_for", "format"})

router = APIRouter(prefix="/v1/views", tags=["views"])
ViewName = Annotated[str, Path(pattern="^[a-z_]{1,64}$", description="Such as `work_board` or `visit`.")]
Sort = Annotated[
    str,
    Query(max_length=PARAMETER_LETTERS_MAX, description="Columns, the first counts most; `-` in front: falling."),
]
Fields = Annotated[str, Query(max_length=PARAMETER_LETTERS_MAX, description="Only these columns; all, if left out.")]
Cursor = Annotated[
    str | None, Query(max_length=view_cursor.CURSOR_LETTERS_MAX, description="`next` or `prev` of a page.")
]
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        max_length=PARAMETER_LETTERS_MAX,
        description="`return=total-count` to be told in `total` how many rows there are on all pages together.",
        examples=[TOTAL],
    ),
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
    prefer: Prefer = None,
) -> Response:
    """A page of rows. Every other parameter is a filter by a column: `status=open,scheduled`, `due_at[lt]=2026-02-01`.

    `[lt]`, `[le]`, `[gt]`, `[ge]` compare, `[ne]` leaves out, `[has]` asks for an element of a set; `null` is what was
    never said. With `as_of` the rows are those of then, and `position` is that moment.
    """
    question = _Question(request, view, speaking, services, sort=sort, fields=fields, cursor=cursor, moment=as_of)
    position = question.position(wait_for)
    note_looking(request, speaking, services, f"rows of {view}", question.moment)
    page = question.page(limit)
    told: dict[str, Any] = {
        "items": [document(page.columns, row) for row in page.rows],
        "next": page.following,
        "prev": page.before,
        "position": position,
        **question.told,
    }
    if not wants_total(prefer):
        return _json(told)
    return _json({**told, "total": question.total()}, {"Preference-Applied": TOTAL})


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
    page = question.page(limit)
    headers = {
        "Cairnfield-Position": str(position),
        "Content-Disposition": f'attachment; filename="{view}.{form}"',
        **({"Cairnfield-Next": page.following} if page.following else {}),
    }
    return Response(exported(form, page.columns, page.rows), media_type=MEDIA[form], headers=headers)


class _Page(NamedTuple):
    """Rows of a question, and the cursors of what is beside them."""

    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    following: str | None
    before: str | None


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
        self.moment = None if moment is None else moment_of(moment, speaking, services)
        if self.moment is not None:
            self._query = dataclasses.replace(self._query, as_of=self.moment.position)
        self._bound_to = [
            *(speaking.tenant, speaking.role, "" if self._scopes is None else speaking.person, view, sort, fields),
            *(services.log.head(speaking.tenant).epoch, orjson.dumps(sorted(filters)).decode()),
            "" if self.moment is None else str(self.moment.position),
        ]
        self._after: Sequence[str | None] | None = None
        self._is_backwards = False
        if cursor is not None:
            self._after, self._is_backwards = self._read(cursor)

    @property
    def told(self) -> dict[str, Any]:
        """Which moment the answer shows, where one was asked for."""
        return {} if self.moment is None else {"as_of": self.moment.told}

    def position(self, wait_for: int | None) -> int:
        """Up to where the rows hold the log, after waiting for it a moment if that was asked."""
        self._check_written(wait_for)
        if self.moment is not None:
            wait_for = max(wait_for or 0, self.moment.position)
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
        return position if self.moment is None else self.moment.position

    def _check_written(self, wait_for: int | None) -> None:
        head = self._services.log.head(self._speaking.tenant).position if wait_for else 0
        if wait_for is not None and wait_for > head:
            raise Problem(
                HTTPStatus.CONFLICT,
                "position-ahead",
                f"Position {wait_for} is not written yet: the log ends at {head}.",
                hint="Wait for a position that an order or a push of yours was answered, or for none.",
            )

    def page(self, limit: int) -> _Page:
        """The rows that the cursor leads to, and what leads on from them either way."""
        is_backwards = self._is_backwards
        rows = self._rows(limit + 1, self._after, is_backwards=is_backwards)
        is_first = self._after is None
        if is_backwards and not rows:  # what came before has gone meanwhile: this is the beginning
            rows, is_backwards, is_first = self._rows(limit + 1, None, is_backwards=False), False, True
        has_more, rows = len(rows) > limit, rows[:limit]
        if is_backwards:
            rows.reverse()
        goes_on, goes_back = (True, has_more) if is_backwards else (has_more, not is_first)
        return _Page(
            self._query.fields,
            rows,
            self._cursor(rows[-1], self._bound_to) if goes_on and rows else None,
            self._cursor(rows[0], [*self._bound_to, _BEFORE]) if goes_back and rows else None,
        )

    def total(self) -> int:
        """How many rows there are on all pages together."""
        with _told():
            return self._views.count(self._speaking.tenant, self._query, scopes=self._scopes)

    def _rows(self, limit: int, after: Sequence[str | None] | None, *, is_backwards: bool) -> list[dict[str, Any]]:
        wanted = dataclasses.replace(self._query, limit=limit, after=after, is_backwards=is_backwards)
        with _told():
            return self._views.rows(self._speaking.tenant, wanted, scopes=self._scopes)

    def _cursor(self, row: dict[str, Any], bound_to: Sequence[str]) -> str:
        values = [told_as_text(row[each.column.name]) for each in self._query.order]
        return view_cursor.spelled(self._keyring, bound_to, values)

    def _read(self, cursor: str) -> tuple[Sequence[str | None], bool]:
        """What a cursor stands beside, and whether it leads back."""
        for is_backwards, bound_to in ((False, self._bound_to), (True, [*self._bound_to, _BEFORE])):
            beside = view_cursor.read(self._keyring, bound_to, cursor)
            if beside is not None and len(beside) == len(self._query.order):
                return beside, is_backwards
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "cursor-unknown",
            "This cursor is none of this question.",
            hint="Send `next` or `prev` of a page with the same filters, order and fields, or begin without it.",
        )


@contextmanager
def _told() -> Generator[None]:
    """What goes wrong with a question, as a problem."""
    try:
        yield
    except NoReadModel:
        raise _not_ready() from None
    except TooSlow:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "question-too-slow",
            "This question took longer than one may.",
            hint="Narrow it by a filter, sort by fewer columns, or do without the total.",
        ) from None
    except PastTooFar as why:
        raise Problem(
            HTTPStatus.CONFLICT,
            "past-too-far",
            f"{why.detail[:1].upper()}{why.detail[1:]}.",
            hint="Ask one table by its key or its `home_scope`, or `GET /v1/entities/{entity_type}?as_of=` by id.",
        ) from None


def wants_total(prefer: str | None) -> bool:
    """Whether a `Prefer` header (RFC 7240) asks how many there are."""
    said = (each.partition(";")[0].replace(" ", "").replace('"', "").lower() for each in (prefer or "").split(","))
    return TOTAL in said


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


def _json(document_: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document_), media_type="application/json", headers=headers)
