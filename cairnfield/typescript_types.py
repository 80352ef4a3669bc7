"""The entities and events as TypeScript's compiler knows them, so that a misspelled field does not build."""

import inspect
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Union, get_args, get_origin, is_typeddict

from cairnfield.hint_names import HINT_NAMES
from cairnfield.typescript import docstring, file, literal, pascal
from cairnfield.typescript_catalogue import in_order
from domain.catalogue import FACTS, ON_DEVICES, Catalogue
from domain.entity import EntityType, Field
from domain.facts import GENERIC_FACTS, Fact, lifecycles_of
from domain.merge_policy import AddWins, Advance
from domain.values import Pairs

_SHARED: Final = """\
/** What an edit of a set says: an addition outlives a removal whose author had not seen it. */
export interface SetEdit<T extends string> {
  readonly add?: readonly T[];
  readonly remove?: readonly T[];
}

/** A map with free keys as pairs with ascending keys; a null value removes its key. */
export type Pairs = readonly (readonly [key: string, value: string | null])[];

/** The same as it is shown. */
export type ShownPairs = readonly (readonly [key: string, value: string])[];

/** The data of an event that says everything by its type. */
export type Nothing = Readonly<Record<string, never>>;
"""

_UNIONS: Final = """\
export type EntityName = keyof Entities;

/** One event's data with what it is about: narrowed by its entity's type and its own. */
export type Told = {
  [E in EntityName]: {
    [T in keyof EventData[E]]: { readonly entityType: E; readonly type: T; readonly data: EventData[E][T] };
  }[keyof EventData[E]];
}[EntityName];"""


def types(entities: Mapping[str, EntityType] = ON_DEVICES, facts: Catalogue = FACTS) -> str:
    """The source of `generated/types.ts`."""
    ordered, lived = in_order(entities), lifecycles_of(entities)
    return file(
        "What people see of every entity, and what every event says.",
        _SHARED,
        *(line for line in _values(ordered)),
        *(line for name, life in lived.items() for line in _one_of(f"{pascal(name)}Status", life.statuses)),
        *(line for entity in ordered.values() for line in _entity(entity)),
        *(line for name, entity in ordered.items() for line in _events(entity, facts[name])),
        "/** Every entity by its name on the wire, with one value per field that somebody wrote. */",
        "export interface Entities {",
        *(f"  readonly {name}: {pascal(name)};" for name in ordered),
        "}",
        "",
        "/** Every event's data by its entity and its type. */",
        "export interface EventData {",
        *(line for name in ordered for line in _events_by_type(name, facts[name])),
        "}",
        "",
        _UNIONS,
    )


def _values(entities: Mapping[str, EntityType]) -> Iterator[str]:
    """The types of values that have a name of their own: composite ones, and choices."""
    found: dict[str, Any] = {}
    for entity in entities.values():
        for field in entity.fields.values():
            found |= {HINT_NAMES[hint]: hint for hint in _within(field.type)}
    for name, hint in sorted(found.items()):
        if get_origin(hint) is Literal:
            yield from _one_of(name, get_args(hint))
        else:
            members = [
                _member(member, _type(kind), get_origin(kind) is not NotRequired)
                for member, kind in hint.__annotations__.items()
            ]
            yield from _interface(name, inspect.getdoc(hint) or "", members)


def _within(hint: Any) -> Iterator[Any]:
    if is_typeddict(hint):
        yield hint
        for kind in hint.__annotations__.values():
            yield from _within(kind)
    elif get_origin(hint) is Literal:
        yield from [hint] if hint in HINT_NAMES else []
    else:
        for kind in get_args(hint):
            yield from _within(kind)


def _one_of(name: str, values: tuple[str, ...]) -> Iterator[str]:
    yield from (f"export type {name} = {_choices(values)};", "")


def _choices(values: tuple[str, ...]) -> str:
    return " | ".join(literal(each) for each in values)


def _interface(name: str, about: str, members: list[str]) -> Iterator[str]:
    yield from (docstring(about), f"export interface {name} {{", *members, "}", "")


def _member(name: str, kind: str, required: bool) -> str:
    return f"  readonly {name}{'' if required else '?'}: {kind};"


def _entity(entity: EntityType) -> Iterator[str]:
    members = [
        _member(name, _shown(field), field.required or isinstance(field.policy, Advance))
        for name, field in entity.fields.items()
    ]
    yield from _interface(pascal(entity.name), inspect.getdoc(entity.declaration) or "", members)


def _shown(field: Field) -> str:
    match field.policy:
        case AddWins():
            return f"readonly {_bracketed(_type(field.type))}[]"
        case Advance(lifecycle=lifecycle):
            return f"{pascal(lifecycle)}Status"
        case _:
            return "ShownPairs" if field.type == Pairs else _type(field.type)


def _events(entity: EntityType, facts: Mapping[str, Fact]) -> Iterator[str]:
    for fact in facts.values():
        name, created = _data_name(fact), facts["Created"]
        if fact.creates and fact is not created:
            yield from (f"export type {name} = {_data_name(created)};", "")
        elif not fact.fields:
            yield from (f"export type {name} = Nothing;", "")
        else:
            members = [
                _member(each, _said(entity.fields[each]), each in fact.required) for each in _ordered(fact, entity)
            ]
            yield from (f"export interface {name} {{", *members, "}", "")


def _ordered(fact: Fact, entity: EntityType) -> list[str]:
    return [name for name in entity.fields if name in fact.fields]


def _said(field: Field) -> str:
    return f"SetEdit<{_type(field.type)}>" if isinstance(field.policy, AddWins) else _type(field.type)


def _data_name(fact: Fact) -> str:
    """What every entity has is named after it; what people say to each other has a name already."""
    return pascal(fact.entity) + fact.name if fact.name in GENERIC_FACTS else fact.name


def _events_by_type(entity: str, facts: Mapping[str, Fact]) -> Iterator[str]:
    yield f"  readonly {entity}: {{"
    yield from (f"    readonly {name}: {_data_name(fact)};" for name, fact in facts.items())
    yield "  };"


def _type(hint: Any) -> str:
    if hint == Pairs:
        return "Pairs"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Annotated, NotRequired):
        return _type(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type(kind) for kind in arguments))
    if origin is Literal:
        return HINT_NAMES[hint] if hint in HINT_NAMES else _choices(arguments)
    if origin is list:
        return f"readonly {_bracketed(_type(arguments[0]))}[]"
    if is_typeddict(hint):
        return str(hint.__name__)
    return {bool: "boolean", int: "number", str: "string", NoneType: "null"}[hint]


def _bracketed(kind: str) -> str:
    return f"({kind})" if " " in kind else kind
