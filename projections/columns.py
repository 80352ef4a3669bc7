"""The read model's columns: what an entity's declaration becomes in SQL."""

from collections.abc import Set
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, is_typeddict

from domain.entity import EntityType, Field
from domain.merge_policy import AddWins
from domain.values import Date, Decimal, Instant


class SqlColumn(NamedTuple):
    """One column of the table that shows an entity."""

    name: str
    type: str
    """PostgreSQL's name: text, boolean, bigint, numeric, timestamptz, date, jsonb or text[]."""
    nullable: bool
    """Where the declaration admits None; every other field has a value from creation on, told or by default."""


def columns_of(entity: EntityType) -> tuple[SqlColumn, ...]:
    """The id and then every field of an entity, in the order of its declaration."""
    return (SqlColumn("id", "text", nullable=False), *(_column(field) for field in entity.fields.values()))


def _column(field: Field) -> SqlColumn:
    kinds = _alternatives(field.type)
    told = [kind for kind in kinds if kind is not NoneType]
    if isinstance(field.policy, AddWins):
        assert _sql_type(told) == "text", f"{field.name}: a set of what is no text has no column type yet"
        return SqlColumn(field.name, "text[]", nullable=False)
    return SqlColumn(field.name, _sql_type(told), nullable=len(told) < len(kinds))


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


# A text with these marks is what SQL has a type of its own for.
_MARKED: Final = tuple(
    (frozenset(get_args(kind)[1:]), name)
    for kind, name in ((Instant, "timestamptz"), (Date, "date"), (Decimal, "numeric"))
)
_PLAIN: Final[dict[Any, str]] = {bool: "boolean", int: "bigint", str: "text"}


def _sql_type(kinds: list[Any]) -> str:
    if len(kinds) != 1:
        return "jsonb"  # one of several types: only JSON keeps apart which
    kind, marks = _unmarked(kinds[0])
    if get_origin(kind) is Literal:
        assert all(isinstance(each, str) for each in get_args(kind)), f"{kind} is not a choice of texts"
        return "text"
    if is_typeddict(kind) or get_origin(kind) is list:
        return "jsonb"
    assert kind in _PLAIN, f"{kind} has no column type"
    return next((name for wanted, name in _MARKED if wanted <= marks), _PLAIN[kind])


def _unmarked(hint: Any) -> tuple[Any, Set[Any]]:
    if get_origin(hint) is not Annotated:
        return hint, frozenset()
    kind, *marks = get_args(hint)
    return kind, frozenset(marks)
