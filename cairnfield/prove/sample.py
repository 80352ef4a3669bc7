"""Values that the declarations allow: ordinary ones often, strange ones now and then, the same one twice quite often.

Every field has a pool, made once from its declared type and checked by the same schema that checks what devices send.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Required, Union, get_args, get_origin, is_typeddict

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import TypeAdapter, ValidationError

from domain.catalogue import ENTITIES, FACTS
from domain.entity import Field
from domain.facts import Fact
from domain.merge_policy import AddWins, Latest
from domain.values import Calendar, KeysAscend, Pattern
from sync.payload import checked

POOL: Final = 24
"""How many values a field's pool holds."""
LETTERS: Final = ("a", "b", "Z", "7", "-", " ", '"', "\\", "\n", "\x1f", "é", "ß", "漢", "\u2028", "\uffee", "😀", "𐀀")
"""What texts are made of; the last three are ordered otherwise by UTF-16 units than by code points."""
KEYS: Final = ("bay", "constructor", "__proto__", "10", "9", "\uffee", "😀", "é")
_parser: Final[Any] = importlib.import_module("re._parser")


class NoValue(LookupError):
    """A declared type that nothing is known to fit: say here how to make one."""


def said_by(fact: Fact, random: Random) -> dict[str, Any]:
    """Data that this fact may carry: what it must say, and some of what it may."""
    data: dict[str, Any] = {}
    for name, is_required, sample in _samples(fact.entity, fact.name):
        if is_required or random.random() < 0.4:
            data[name] = sample(random)
    if not data and fact.fields:  # an edit says at least one thing
        name, _, sample = random.choice(_samples(fact.entity, fact.name))
        data[name] = sample(random)
    return data


def edit_of(fact: Fact, random: Random) -> dict[str, Any]:
    """Data that speaks of one to three of the fields that an edit may touch."""
    samples = _samples(fact.entity, fact.name)
    chosen = {int(random.random() * len(samples)) for _ in range(1 + int(random.random() * 3))}
    return {samples[place][0]: samples[place][2](random) for place in chosen}


Sample = Callable[[Random], Any]


@cache
def _samples(entity: str, event_type: str) -> tuple[tuple[str, bool, Sample], ...]:
    fact = FACTS[entity][event_type]
    fields = ENTITIES[entity].fields
    return tuple((name, name in fact.required, _sample(fields[name])) for name in sorted(fact.fields))


def _sample(field: Field) -> Sample:
    values = pool(field.type)
    match field.policy:
        case AddWins():
            return lambda random: _set_edit(values, random)
        case Latest(each_key=True):
            return _pairs
        case _:
            return lambda random: _one_of(values, random)


def _one_of(values: list[Any], random: Random) -> Any:
    # Squared, so that the first of a pool meet themselves: equal values that were written apart are a case of its own.
    return values[int(random.random() ** 2 * len(values))]


def _set_edit(values: list[Any], random: Random) -> dict[str, list[Any]]:
    few = values[:6]
    sides = random.choice((("add",), ("add",), ("remove",), ("add", "remove")))
    return {side: [_one_of(few, random) for _ in range(1 + int(random.random() * 3))] for side in sides}


def _pairs(random: Random) -> list[list[str | None]]:
    keys = sorted({_one_of(list(KEYS), random) for _ in range(1 + int(random.random() * 3))})
    return [[key, None if random.random() < 0.25 else random.choice(LETTERS[:13])] for key in keys]


_pools: Final[dict[str, list[Any]]] = {}


def pool(hint: Any) -> list[Any]:
    """Different values of a declared type, at most POOL of them, the same in every run; raises NoValue."""
    name = str(hint)
    if name not in _pools:
        _pools[name] = _made(hint, Random(name))  # noqa: S311  # to be repeated, not to be secret
    return _pools[name]


def _made(hint: Any, random: Random) -> list[Any]:
    fits, found = TypeAdapter[Any](checked(hint)).validator, dict[str, Any]()
    for _ in range(POOL * 3):
        value = _value(hint, random)
        try:
            fits.validate_python(value)
        except ValidationError:
            continue
        found.setdefault(repr(value), value)
        if len(found) == POOL:
            break
    if not found:
        raise NoValue(str(hint))
    return list(found.values())


def _value(hint: Any, random: Random) -> Any:
    if is_typeddict(hint):
        return _composite(hint, random)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _limited(arguments[0], arguments[1:], random)
    if origin is Literal:
        return random.choice(arguments)
    if origin in (Union, UnionType):
        # None is one way among several to say something, and not the likeliest.
        some = [each for each in arguments if each is not NoneType]
        return None if NoneType in arguments and random.random() < 0.15 else _value(random.choice(some), random)
    if origin in (Required, NotRequired):
        return _value(arguments[0], random)
    if origin is list:
        return [_value(arguments[0], random) for _ in range(int(random.random() * 4))]
    return _plain(hint, random)


def _plain(hint: Any, random: Random) -> Any:
    if hint is bool:
        return random.random() < 0.5
    if hint is str:
        return _text(0, 12, random)
    if hint is int:
        return random.choice((0, 1, -1, random.randrange(-1000, 1000)))
    if hint is NoneType:
        return None
    raise NoValue(str(hint))


def _composite(composite: Any, random: Random) -> dict[str, Any]:
    hints: Mapping[str, Any] = composite.__annotations__
    return {
        name: _value(hint, random)
        for name, hint in hints.items()
        if get_origin(hint) is not NotRequired or random.random() < 0.5
    }


def _limited(kind: Any, marks: tuple[Any, ...], random: Random) -> Any:
    by_kind: dict[type, Any] = {type(mark): mark for mark in marks}
    if KeysAscend in by_kind:
        return _pairs(random)
    if Calendar in by_kind:
        moment = datetime.fromtimestamp(random.randrange(0, 4_000_000_000), UTC).isoformat(timespec="milliseconds")
        texts = (moment[:10], moment.replace("+00:00", "Z"))
        return next(text for text in texts if re.search(by_kind[Pattern].expression, text))
    if Pattern in by_kind:
        return "".join(_letters(_parsed(by_kind[Pattern].expression), random))
    least, most = getattr(by_kind.get(MinLen), "min_length", 0), getattr(by_kind.get(MaxLen), "max_length", 40)
    if kind is str:
        return _text(least, min(most, random.choice((6, 6, 6, 60))), random)
    if get_origin(kind) is list:
        count = random.randint(least, min(most, least + 3))
        return [_value(get_args(kind)[0], random) for _ in range(count)]
    if kind is int:
        low, high = by_kind[Ge].ge, by_kind[Le].le
        return random.choice((low, high, random.randint(low, high), min(high, max(low, random.randrange(100)))))
    return _value(kind, random)


def _text(least: int, most: int, random: Random) -> str:
    return "".join(random.choice(LETTERS) for _ in range(random.randint(least, max(least, most))))


@cache
def _parsed(expression: str) -> Any:
    return _parser.parse(re.sub(r"\\p\{White_Space\}|\\p\{Z\}", r"\\s", expression))


_ALPHABET: Final = tuple(map(chr, range(33, 127))) + LETTERS


def _letters(parsed: Any, random: Random) -> Iterator[str]:
    """A text that a regular expression matches; knows as much of them as the declarations use."""
    for operation, told in parsed:
        match str(operation):
            case "AT":
                pass
            case "LITERAL":
                yield chr(told)
            case "IN" | "NOT_LITERAL":
                yield random.choice(_allowed(str(operation), told if isinstance(told, int) else tuple(told)))
            case "MAX_REPEAT":
                least, most, inner = told
                for _ in range(random.randint(least, min(most, least + 12))):
                    yield from _letters(inner, random)
            case "SUBPATTERN":
                yield from _letters(told[-1], random)
            case "BRANCH":
                yield from _letters(random.choice(told[1]), random)
            case other:
                raise NoValue(f"{other} in a regular expression")


@cache
def _allowed(operation: str, told: Any) -> list[str]:
    return [letter for letter in _ALPHABET if _is_in(operation, told, letter)]


def _is_in(operation: str, told: Any, letter: str) -> bool:
    if operation == "NOT_LITERAL":
        return chr(told) != letter
    is_negated = str(told[0][0]) == "NEGATE"
    return any(_is_one_of(str(kind), each, letter) for kind, each in told[is_negated:]) is not is_negated


def _is_one_of(kind: str, told: Any, letter: str) -> bool:
    match kind:
        case "LITERAL":
            return chr(told) == letter
        case "RANGE":
            return bool(told[0] <= ord(letter) <= told[1])
        case "CATEGORY" if str(told) == "CATEGORY_SPACE":
            return letter.isspace()
        case other:
            raise NoValue(f"{other} {told} in a regular expression")
