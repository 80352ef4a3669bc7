"""What an event's data must look like: validators built from the declarations, one per fact.

The schemas are closed and hold no float and no free key, so data that passes them also keeps the canonical profile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, cast, get_args, get_origin, is_typeddict

from annotated_types import MaxLen
from pydantic import (
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    TypeAdapter,
    with_config,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from domain.catalogue import ENTITIES, FACTS
from domain.entity import EntityType, Field
from domain.facts import Fact
from domain.merge_policy import AddWins
from domain.values import PAIRS_MAX, Calendar, KeysAscend, Pattern
from sync.limits import SET_ELEMENTS_PER_EVENT_MAX

_CLOSED = ConfigDict(extra="forbid", strict=True)


Check = Callable[[Any], dict[str, Any]]
"""Returns the data it was given, checked; raises pydantic's ValidationError."""


@cache
def check_of(entity: str, event_type: str) -> Check:
    """The check of the data of one fact, built when it is first asked for."""
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(schema_of(ENTITIES[entity], FACTS[entity][event_type]))
    return adapter.validator.validate_python


def schema_of(entity: EntityType, fact: Fact, *, in_any_order: bool = False) -> Any:
    """The data of one fact about an entity as a closed TypedDict.

    `in_any_order`: keys of a map may be said in any order, and what comes of it has them ascending.
    """
    hints = {
        name: _member(entity.fields[name], required=name in fact.required, in_any_order=in_any_order)
        for name in fact.fields
    }
    return closed(f"{fact.entity}_{fact.name}", hints)


def closed(name: str, hints: Mapping[str, Any]) -> Any:
    """A TypedDict that refuses what it does not name and converts nothing."""
    return with_config(_CLOSED)(TypedDict(name, dict(hints)))  # type: ignore[operator]  # made at run time


def checked(hint: Any) -> Any:
    """A declared type with our marks turned into pydantic's, composites closed."""
    if is_typeddict(hint):
        return _closed_composite(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind, *marks = arguments
        is_spelled = kind is str and any(isinstance(mark, Pattern) for mark in marks)
        return Annotated[(str if is_spelled else checked(kind), *(_mark(mark) for mark in marks))]
    if origin in (Required, NotRequired):
        return origin[checked(arguments[0])]
    if origin is list:
        return list[checked(arguments[0])]  # type: ignore[misc]  # made at run time
    if origin is dict:
        return dict[checked(arguments[0]), checked(arguments[1])]  # type: ignore[misc]  # made at run time
    if hint is str:
        return Annotated[str, _WITHOUT_NUL]
    if origin is Literal or not arguments:
        return hint
    assert origin in (Union, UnionType), f"{hint} has no closed schema"
    return Union[tuple(checked(argument) for argument in arguments)]  # noqa: UP007  # made at run time


@cache
def _closed_composite(composite: Any) -> Any:
    return closed(composite.__name__, {name: checked(hint) for name, hint in composite.__annotations__.items()})


def _member(field: Field, *, required: bool, in_any_order: bool) -> Any:
    kind = _set_edit(field) if isinstance(field.policy, AddWins) else checked(field.type)
    if in_any_order and any(isinstance(mark, KeysAscend) for mark in getattr(field.type, "__metadata__", ())):
        kind = Annotated[kind, BeforeValidator(in_order)]
    return Required[kind] if required else NotRequired[kind]


def _set_edit(field: Field) -> Any:
    element: Any = checked(field.type)
    elements = Annotated[list[element], MaxLen(SET_ELEMENTS_PER_EVENT_MAX)]
    return closed(f"{field.name}_edit", {"add": NotRequired[elements], "remove": NotRequired[elements]})


def _mark(mark: Any) -> Any:
    match mark:
        case Pattern():
            return StringConstraints(pattern=mark.expression)
        case Calendar(expression=expression):
            return _Told(exists_in_the_calendar, {"pattern": expression})
        case KeysAscend():
            return _Told(_keys_ascend, _PAIRS_TOLD)
        case _:
            return mark


_NUL_FREE = r"^[^\x00]*$"
"""Canonical JSON holds none."""
_VALUE_TOLD = {"anyOf": [{"type": "string", "maxLength": 1_000, "pattern": _NUL_FREE}, {"type": "null"}]}
_PAIRS_TOLD = {
    "description": "Pairs of a key and its value, keys ascending, each said once; a value of null takes the key out.",
    "items": {
        "type": "array",
        "prefixItems": [
            {"type": "string", "minLength": 1, "maxLength": 64, "pattern": _NUL_FREE},
            _VALUE_TOLD,
        ],
        "items": _VALUE_TOLD,
        "minItems": 2,
        "maxItems": 2,
    },
}


@dataclass(frozen=True, slots=True)
class _Told:
    """A check in Python, or one that is made elsewhere, and what JSON Schema says of it."""

    check: Callable[[Any], Any] | None
    says: Mapping[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return schema if self.check is None else core_schema.no_info_after_validator_function(self.check, schema)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **self.says}


_WITHOUT_NUL = _Told(None, {"pattern": _NUL_FREE})


def exists_in_the_calendar(text: str) -> str:
    """Refuse a day or moment that no calendar has; raises ValueError."""
    read: Callable[[str], object] = date.fromisoformat if len(text) == len("2018-06-26") else datetime.fromisoformat
    read(text)
    return text


def in_order(pairs: Any) -> Any:
    """Pairs by their keys, the last of each; what is none stays as it is, to be refused, and so do too many."""
    told = _listed(pairs)
    if len(told) > PAIRS_MAX or not all(_begins_with_a_key(pair) for pair in told):
        return pairs
    by_key: dict[str, Any] = {pair[0]: pair for pair in told}
    return [pair for _, pair in sorted(by_key.items())] if told else pairs


def _listed(value: object) -> list[Any]:
    found: list[Any] = cast("Any", value) if isinstance(value, list) else []
    return found


def _begins_with_a_key(pair: Any) -> bool:
    return isinstance(pair, list) and isinstance(next(iter(cast("Any", pair)), None), str)


def _keys_ascend(pairs: list[list[str | None]]) -> list[list[str | None]]:
    keys = [pair[0] for pair in pairs]
    if any(key is None or not key or len(key) > 64 for key in keys):
        raise ValueError("a key is a text of 1 to 64 characters")
    if any(one >= other for one, other in pairwise(keys)):  # type: ignore[operator]
        raise ValueError("keys must ascend, each said once")
    return pairs
