"""What somebody asks of a table of the read model: which columns, which rows, in which order. Pure.

Everything is checked here against what the table declares, so that no word of a request comes any further: columns are
named by the declarations' own names, and values travel as values.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol

from domain.refusals import Refused
from projections.projection import Column
from sync.log import TenantId

EXPORT_ROWS_MAX: Final = 50_000
"""Rows of one export; the next begins where it ended."""
WAIT_S_MAX: Final = 2.0
"""For how long a question waits for the tables to come to a position."""
CHANGED_EVENTS_MAX: Final = 100_000
"""Events since a moment that a question about it goes through, to find what has changed."""
FOLDED_EVENTS_MAX: Final = 20_000
"""Events that a question about a moment folds again."""
FILTERS_MAX: Final = 20
VALUES_MAX: Final = 100
"""Values of one filter."""
VALUE_LETTERS_MAX: Final = 200
SORT_MAX: Final = 4
"""Columns that somebody sorts by; what makes a row the only one follows by itself."""
_BIGINT_MAX: Final = 2**63 - 1

OPERATORS: Final = ("eq", "ne", "lt", "le", "gt", "ge", "has")
_OF_TYPE: Final[Mapping[str, Sequence[str]]] = {
    "text": OPERATORS[:6],
    "bigint": OPERATORS[:6],
    "numeric": OPERATORS[:6],
    "timestamptz": OPERATORS[:6],
    "date": OPERATORS[:6],
    "boolean": ("eq", "ne"),
    "text[]": ("has",),
    "jsonb": (),
}
_PARAMETER: Final = re.compile(r"(?P<name>[a-z][a-z0-9_]{0,62})(?:\[(?P<operator>[a-z]{1,8})\])?")
NOTHING: Final = "null"
"""As a value: nothing is said there."""


class Shape(NamedTuple):
    """A table or view as it can be asked."""

    name: str
    comment: str
    columns: Sequence[Column]
    """Those that whoever asks may see."""
    key: Sequence[str]
    """What makes a row the only one of its kind; some of it may be null in a view."""


class Filter(NamedTuple):
    """Rows of which this holds; with several values, of which it holds for one."""

    column: Column
    operator: str
    values: Sequence[str | None]


class Order(NamedTuple):
    """A column that rows are ordered by; where nothing is said they come last."""

    column: Column
    is_falling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of a table."""

    shape: Shape
    fields: Sequence[Column]
    filters: Sequence[Filter]
    order: Sequence[Order]
    """It ends with what makes a row the only one."""
    limit: int
    after: Sequence[str | None] | None = None
    """The values of `order` in the last row of the page before, as text."""
    as_of: int | None = None
    """The position of the log that the rows are to show; None: what is there now."""
    is_backwards: bool = False
    """The rows before those values instead, the nearest first."""


class QueryRefused(Refused):
    """A question that the table does not answer; `allowed` names what it does."""

    def __init__(self, detail: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.allowed = list(allowed)


class FilterUnknown(QueryRefused):
    """A filter by what there is not, or by what it cannot be filtered."""


class ValueUnreadable(QueryRefused):
    """A value that is none of its column's type."""


class SortUnknown(QueryRefused):
    """An order by what there is not."""


class FieldsUnknown(QueryRefused):
    """Columns that there are not."""


class TooSlow(Exception):
    """A question took longer than one may."""


class PastTooFar(Refused):
    """A moment since which more has changed than one question may fold again."""


class NoReadModel(Exception):
    """No tables are shown yet."""


class Views(Protocol):
    """The tables and views of the read model. Implemented by `infra.postgres.read_model.queries.PostgresViews`."""

    def shapes(self, *, masked: bool) -> Mapping[str, Shape]:
        """What can be asked, by name; `masked`: without the columns that may tell of a person."""
        ...

    def wait_for(self, tenant: TenantId, position: int) -> int:
        """Up to where the tables hold the log, once that is the position or WAIT_S_MAX have passed.

        Raises NoReadModel and LogUnavailable.
        """
        ...

    def rows(self, tenant: TenantId, query: Query, *, scopes: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows, each by the names of the fields and of what it is ordered by; only of these scopes, or of all.

        Raises TooSlow, PastTooFar, NoReadModel and LogUnavailable.
        """
        ...

    def count(self, tenant: TenantId, query: Query, *, scopes: Sequence[str] | None = None) -> int:
        """How many rows its filters let pass, on all pages together; raises as `rows` does."""
        ...


def read_query(shape: Shape, told: Sequence[tuple[str, str]], *, sort: str, fields: str, limit: int) -> Query:
    """The query that parameters spell; raises QueryRefused. `told` are the filters, by name and value."""
    return Query(
        shape=shape,
        fields=_fields(shape, fields),
        filters=_filters(shape, told),
        order=_order(shape, sort),
        limit=limit,
    )


def _fields(shape: Shape, fields: str) -> list[Column]:
    if not fields:
        return list(shape.columns)
    known = {column.name: column for column in shape.columns}
    names = list(dict.fromkeys(fields.split(",")))
    if unknown := [name for name in names if name not in known]:
        raise FieldsUnknown(f"{shape.name} has no {_named(unknown)}", list(known))
    return [known[name] for name in names]


def _order(shape: Shape, sort: str) -> list[Order]:
    known = {column.name: column for column in shape.columns if column.type not in ("jsonb", "text[]")}
    asked = sort.split(",") if sort else []
    names = [name.removeprefix("-") for name in asked]
    if unknown := [name for name in names if name not in known]:
        raise SortUnknown(f"{shape.name} cannot be sorted by {_named(unknown)}", list(known))
    if len(names) > SORT_MAX or len({*names}) < len(names):
        raise SortUnknown(f"at most {SORT_MAX} columns, and none of them twice", list(known))
    order = [Order(known[name], each.startswith("-")) for name, each in zip(names, asked, strict=True)]
    by_name = {column.name: column for column in shape.columns}
    return [*order, *(Order(by_name[name], False) for name in shape.key if name not in names)]


def _filters(shape: Shape, told: Sequence[tuple[str, str]]) -> list[Filter]:
    known = {column.name: column for column in shape.columns if _OF_TYPE[column.type]}
    if len(told) > FILTERS_MAX:
        raise FilterUnknown(f"at most {FILTERS_MAX} filters at once", list(known))
    found: list[Filter] = []
    for parameter, text in told:
        read = _PARAMETER.fullmatch(parameter)
        column = known.get(read["name"]) if read else None
        if read is None or column is None:
            raise FilterUnknown(f"{shape.name} cannot be filtered by {_named([parameter])}", list(known))
        allowed = _OF_TYPE[column.type]
        operator = read["operator"] or next(iter(allowed))
        if operator not in allowed:
            ways = [column.name, *(f"{column.name}[{each}]" for each in allowed)]
            raise FilterUnknown(f"{column.name} is {column.type}, which has no {operator}", ways)
        found.append(Filter(column, operator, _values(column, operator, text)))
    return found


def _values(column: Column, operator: str, text: str) -> list[str | None]:
    values = text.split(",") if operator in ("eq", "ne", "has") else [text]
    if len(values) > VALUES_MAX:
        raise ValueUnreadable(f"{column.name}: at most {VALUES_MAX} values")
    return [None if value == NOTHING and operator in ("eq", "ne") else checked(column, value) for value in values]


def checked(column: Column, value: str) -> str:
    """The value, which is one of the column's type; raises ValueUnreadable."""
    try:
        is_good = len(value) <= VALUE_LETTERS_MAX and _IS_A[column.type](value)
    except (ValueError, OverflowError):
        is_good = False
    if not is_good:
        raise ValueUnreadable(f"{column.name}: {value[:40]!r} is no {_CALLED[column.type]}")
    return value


def _is_moment(value: str) -> bool:
    if not re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"([Zz]|[+-][0-9]{2}:[0-9]{2}))?",
        value,
    ):
        return False
    datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
    return value[:4] != "0000"


def _is_day(value: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)) and bool(date.fromisoformat(value))


_IS_A: Final[Mapping[str, Callable[[str], bool]]] = {
    "text": lambda value: "\x00" not in value and value.isprintable(),
    "text[]": lambda value: "\x00" not in value and value.isprintable(),
    "bigint": lambda value: bool(re.fullmatch(r"-?[0-9]{1,19}", value)) and abs(int(value)) <= _BIGINT_MAX,
    "numeric": lambda value: bool(re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", value)),
    "boolean": lambda value: value in ("true", "false"),
    "timestamptz": _is_moment,
    "date": _is_day,
}
_CALLED: Final = {
    "text": f"text of at most {VALUE_LETTERS_MAX} letters",
    "text[]": f"text of at most {VALUE_LETTERS_MAX} letters",
    "bigint": "whole number",
    "numeric": "decimal",
    "boolean": "true or false",
    "timestamptz": "time of RFC 3339 or day",
    "date": "day such as 2026-01-31",
}


def _named(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names[:3])


def told_as_text(value: Any) -> str | None:
    """A value of a row as a cursor keeps it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
