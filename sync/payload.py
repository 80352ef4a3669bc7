"""What an event's data must look like: validators built from the declarations, one per fact.

The schemas are closed and hold no float and no free key, so data that passes them also keeps the canonical profile.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, is_typeddict

from annotated_types import MaxLen
from pydantic import AfterValidator, ConfigDict, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict

from domain.catalogue import ENTITIES, FACTS
from domain.entity import EntityType, Field
from domain.facts import Fact
from domain.merge_policy import AddWins
from domain.values import Calendar, KeysAscend, Pattern
from sync.limits import SET_ELEMENTS_PER_EVENT_MAX

_CLOSED = ConfigDict(extra="forbid", strict=True)


Check = Callable[[Any], dict[str, Any]]
"""Returns the data it was given, checked; raises pydantic's ValidationError."""


@cache
def check_of(entity: str, event_type: str) -> Check:
    """The check of the data of one fact, built when it is first asked for."""
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(schema_of(ENTITIES[entity], FACTS[entity][event_type]))
    return adapter.validator.validate_python


def schema_of(entity: EntityType, fact: Fact) -> Any:
    """The data of one fact about an entity as a closed TypedDict."""
    hints = {name: _member(entity.fields[name], required=name in fact.required) for name in fact.fields}
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
        return Annotated[(checked(kind), *(_mark(mark) for mark in marks))]
    if origin in (Required, NotRequired):
        return origin[checked(arguments[0])]
    if origin is list:
        return list[checked(arguments[0])]  # type: ignore[misc]  # made at run time
    if origin is dict:
        return dict[checked(arguments[0]), checked(arguments[1])]  # type: ignore[misc]  # made at run time
    if origin is Literal or not arguments:
        return hint
    assert origin in (Union, UnionType), f"{hint} has no closed schema"
    return Union[tuple(checked(argument) for argument in arguments)]  # noqa: UP007  # made at run time


@cache
def _closed_composite(composite: Any) -> Any:
    return closed(composite.__name__, {name: checked(hint) for name, hint in composite.__annotations__.items()})


def _member(field: Field, *, required: bool) -> Any:
    kind = _set_edit(field) if isinstance(field.policy, AddWins) else checked(field.type)
    return Required[kind] if required else NotRequired[kind]


def _set_edit(field: Field) -> Any:
    element: Any = checked(field.type)
    elements = Annotated[list[element], MaxLen(SET_ELEMENTS_PER_EVENT_MAX)]
    return closed(f"{field.name}_edit", {"add": NotRequired[elements], "remove": NotRequired[elements]})


def _mark(mark: Any) -> Any:
    match mark:
        case Pattern():
            return StringConstraints(pattern=mark.expression)
        case Calendar():
            return AfterValidator(exists_in_the_calendar)
        case KeysAscend():
            return AfterValidator(_keys_ascend)
        case _:
            return mark


def exists_in_the_calendar(text: str) -> str:
    """Refuse a day or moment that no calendar has; raises ValueError."""
    read: Callable[[str], object] = date.fromisoformat if len(text) == len("2018-06-26") else datetime.fromisoformat
    read(text)
    return text


def _keys_ascend(pairs: list[list[str | None]]) -> list[list[str | None]]:
    keys = [pair[0] for pair in pairs]
    if any(key is None or not key or len(key) > 64 for key in keys):
        raise ValueError("a key is a text of 1 to 64 characters")
    if any(one >= other for one, other in pairwise(keys)):  # type: ignore[operator]
        raise ValueError("keys must ascend, each said once")
    return pairs
