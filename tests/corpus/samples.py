"""Values to say: for every declared type, enough of them that each of its kinds, words and members occurs."""

from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Union, get_args, get_origin, is_typeddict

from annotated_types import Ge, Le, MinLen

from domain import values
from domain.entity import Field
from domain.merge_policy import AddWins
from domain.values import Pattern
from tests.devices import ELSEWHERE, HASH, MORNING, PERSON_1

_KNOWN: Final[tuple[tuple[Any, list[Any]], ...]] = (
    (values.Instant, [MORNING, "2024-02-29T23:59:59.999Z"]),
    (values.Date, ["2024-02-29", "1999-12-31"]),
    (values.Decimal, ["12.5", "-0.000001", "0", "999999999.999999"]),
    (values.EntityId, [ELSEWHERE, PERSON_1]),
    (values.Sha256, [HASH]),
    (values.HomeScope, [f"work_order:{ELSEWHERE}", f"site:{ELSEWHERE}", f"customer:{ELSEWHERE}", "catalog"]),
    (values.Phone, ["+4915112345678"]),
    (values.Email, ["mia@example.org", "größe@bücher.example"]),
    (values.Language, ["en", "pt-BR"]),
    (values.TimeZone, ["Europe/Berlin", "Etc/GMT+1"]),
    (values.FractionalIndex, ["a0", "Zz"]),
    (values.Text, ['Line one\nline two\t\u0001 "Ø" \\ / 日本 🛠', ""]),
    (values.Line, ["Größe Ø 5", "🛠 \ue000 \U00010000"]),
    (values.Word, ["gas", "é"]),
    (values.Pairs, [[["bay", "7"], ["key", ""]], [["bay", None], ["constructor", "x"], ["Ø", "1"]]]),
    (values.Stroke, [[0, 0, 0, 100_000, 7, 20], []]),
)
_PLAIN: Final[dict[Any, list[Any]]] = {
    bool: [True, False],
    NoneType: [None],
    str: ["word", "wörter 🛠"],
    int: [1],
}
_PATTERNS: Final[dict[str, list[Any]]] = {
    r"^[a-z][a-z0-9_]{0,63}$": ["tight", "pressure_2"],
    r"^[a-z][a-z_]{0,63}$": ["work_order", "site"],
    r"^[A-Z]{2}$": ["DE"],
    r"^[a-z]+/[a-z0-9.+-]{1,100}$": ["image/jpeg", "image/svg+xml"],
}


def sayings(field: Field) -> list[Any]:
    """What an event can say of a field, each kind once."""
    if not isinstance(field.policy, AddWins):
        return samples(field.type)
    elements = samples(field.type)
    return [{"add": elements}, {"remove": elements[:1]}, {"add": elements[-1:], "remove": elements[:1]}]


def samples(hint: Any) -> list[Any]:
    """Values of a type."""
    known = next((found for kind, found in _KNOWN if kind == hint), None)
    if known is not None:
        return known
    origin, arguments = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return _objects(hint)
    if origin is Annotated:
        return _within(arguments[0], {type(mark): mark for mark in arguments[1:]})
    if origin in (Union, UnionType):
        return list(chain.from_iterable(samples(each) for each in arguments))
    if origin is NotRequired:
        return samples(arguments[0])
    if origin is Literal:
        return list(arguments)
    if origin is list:
        return [samples(arguments[0]), samples(arguments[0])[:1]]
    return _PLAIN[hint]


def _within(kind: Any, marks: dict[type, Any]) -> list[Any]:
    if Pattern in marks:
        return _PATTERNS[marks[Pattern].expression]
    if Ge in marks:
        return [marks[Ge].ge, marks[Le].le]
    found = samples(kind)
    return [each for each in found if each] if MinLen in marks else found


def _objects(composite: Any) -> list[Any]:
    """Objects with every member, as many as show every sample of each, and one with no more than it needs."""
    members = {name: samples(hint) for name, hint in composite.__annotations__.items()}
    full = [
        {name: at(some, place) for name, some in members.items()} for place in range(max(map(len, members.values())))
    ]
    needed = [name for name, hint in composite.__annotations__.items() if get_origin(hint) is not NotRequired]
    return [*full, {name: members[name][0] for name in needed}]


def at(some: list[Any], place: int) -> Any:
    """The sample at a place, from the beginning again after the last."""
    return some[place % len(some)]
