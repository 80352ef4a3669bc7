"""How an entity is declared: a frozen dataclass whose fields carry their limits and merge policy by `Annotated`.

Everything else that knows the fields of an entity (validation, merge, columns, JSON Schema, TypeScript) asks here.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from domain.merge_policy import AddWins, Ask, Latest, MergePolicy
from domain.values import EntityId, Pair, Pairs, Word

_Declared = TypeVar("_Declared", bound=type)

OFFICE: Final = "office"
"""The home of what the server keeps to itself: no device writes it, and none is sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every entity has besides its own fields."""

    id: EntityId
    archived: Annotated[bool, Ask()] = False
    tags: Annotated[frozenset[Word], AddWins()] = frozenset()
    custom: Annotated[Pairs, Latest(each_key=True)] = field(default_factory=list[Pair])


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an entity, read off its declaration."""

    name: str
    type: Any
    """The value's type with its limits, without the merge policy; for a set, the type of one element."""
    policy: MergePolicy
    required: bool
    """Must be said at creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """An entity as the rest of the system knows it."""

    name: str
    """Its name on the wire and in SQL, such as `work_order`."""
    declaration: type
    home: str
    """`own`, `catalog`, `office`, `given` (the author names it in the field `home`), or
    `<scope kind>:<field that refers>`."""
    fields: Mapping[str, Field]

    def scope_of(self, entity_id: str, data: Mapping[str, Any]) -> str:
        """The home scope of an entity that is created with `data`: `catalog` where everybody needs it, `office` where
        no device does."""
        match self.home.partition(":"):
            case ("own", _, _):
                return f"{self.name}:{entity_id}"
            case ("catalog" | "office" as shared, _, _):
                return shared
            case ("given", _, _):
                return str(data["home"])
            case (kind, _, field):
                return f"{kind}:{data[field]}"


DECLARED: dict[type, EntityType] = {}
"""Every entity by its declaration, in whatever order modules were imported; `domain.catalogue` puts them in theirs."""


def entity(name: str, *, home: str) -> Callable[[_Declared], _Declared]:
    """Declare the dataclass below as the entity `name`, which lives in the scope that `home` describes."""

    def declare(declaration: _Declared) -> _Declared:
        assert name not in {each.name for each in DECLARED.values()}, f"{name} is declared twice"
        DECLARED[declaration] = describe(name, declaration, home=home)
        return declaration

    return declare


def describe(name: str, declaration: type, *, home: str) -> EntityType:
    """Read a declaration without registering it."""
    return EntityType(name=name, declaration=declaration, home=home, fields=fields_of(declaration))


def fields_of(declaration: type) -> dict[str, Field]:
    """The fields of a declaration, in its order, without `id`."""
    hints = get_type_hints(declaration, include_extras=True)
    return {
        each.name: _field(each.name, hints[each.name], each.default is MISSING and each.default_factory is MISSING)
        for each in fields(declaration)
        if each.name != "id"
    }


def _field(name: str, hint: Any, required: bool) -> Field:
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    policies = [mark for mark in marks if isinstance(mark, MergePolicy)]
    assert len(policies) == 1, f"{name} needs exactly one merge policy"
    policy = policies[0]
    if isinstance(policy, AddWins):
        assert get_origin(kind) is frozenset, f"{name} merges as a set, so it must be one"
        kind = get_args(kind)[0]
        return Field(name=name, type=kind, policy=policy, required=required)
    limits = [mark for mark in marks if mark is not policy]
    for limit in limits:
        kind = Annotated[kind, limit]
    return Field(name=name, type=kind, policy=policy, required=required)
