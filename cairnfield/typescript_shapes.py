"""What a value may be, as TypeScript checks it: declared types turned into shapes, those with a name into constants."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Union, get_args, get_origin, is_typeddict

from annotated_types import Ge, Le, MaxLen, MinLen

from cairnfield.hint_names import HINT_NAMES
from cairnfield.typescript import Source, camel, pattern
from domain.values import Calendar, KeysAscend, Pattern

_PLAIN: Final[Mapping[Any, tuple[str, str]]] = {
    bool: ("boolean", "anyBoolean"),
    int: ("integer", "anyInteger"),
    str: ("text", "anyText"),
    NoneType: ("null", "nothing"),
    Any: ("any", "anything"),
}
"""What has no limits: its kind, and the constant that says no more than that."""


class Shapes:
    """The shapes of one file; `constants` holds those that were named meanwhile, each after what it refers to."""

    def __init__(self) -> None:
        self.constants: dict[str, dict[str, Any]] = {}

    def shape(self, hint: Any) -> Source | dict[str, Any]:
        """The shape itself, or the name of the constant that holds it."""
        name = _name(hint)
        if name is None:
            return self._written(hint)
        written = self._written(hint)
        assert self.constants.setdefault(name, written) == written, f"two types are called {name}"
        return Source(name)

    def members(self, composite: Any) -> dict[str, Any]:
        """The shape of an object with exactly these members."""
        return {
            "kind": "object",
            "members": {
                name: [self.shape(kind), get_origin(kind) is not NotRequired]
                for name, kind in composite.__annotations__.items()
            },
        }

    def _written(self, hint: Any) -> dict[str, Any]:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._written(arguments[0]) | _limits(arguments[1:])
        if origin is NotRequired:
            return self._written(arguments[0])
        if origin in (Union, UnionType):
            return {"kind": "union", "of": [self.shape(kind) for kind in arguments]}
        if origin is Literal:
            return {"kind": "one_of", "values": arguments}
        if origin is list:
            return {"kind": "list", "of": self.shape(arguments[0])}
        if origin is dict:
            return {"kind": "map", "keys": self.shape(arguments[0]), "of": self.shape(arguments[1])}
        if is_typeddict(hint):
            return self.members(hint)
        return {"kind": _PLAIN[hint][0]}


def _name(hint: Any) -> str | None:
    """The constant for a type that is declared under a name, or for such a type or null."""
    if hint in _PLAIN:
        return _PLAIN[hint][1]
    if hint in HINT_NAMES:
        return camel(HINT_NAMES[hint])
    if get_origin(hint) is NotRequired:
        return _name(get_args(hint)[0])
    told = [kind for kind in get_args(hint) if kind is not NoneType]
    if NoneType in get_args(hint) and len(told) == 1 and (name := _name(told[0])):
        return f"{name}OrNull"
    return None


def _limits(marks: tuple[Any, ...]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for mark in marks:
        match mark:
            case Ge(ge=bound) | MinLen(min_length=bound):
                limits["min"] = bound
            case Le(le=bound) | MaxLen(max_length=bound):
                limits["max"] = bound
            case Pattern(expression=expression):
                limits["pattern"] = pattern(expression)
            case Calendar():
                limits["calendar"] = True
            case KeysAscend():
                limits["ascending"] = True
            case _:
                raise AssertionError(f"say in TypeScript what {mark} means")
    return limits
