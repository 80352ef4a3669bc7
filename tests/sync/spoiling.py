"""Events gone wrong: what a bad disk, a careless program or somebody with a grudge makes of what was well told."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Annotated, Any, Final, get_args, get_origin

import orjson
from annotated_types import Ge, Le, MaxLen, MinLen

from domain.catalogue import ENTITIES
from sync.envelope import EntityName, Envelope
from sync.limits import CLOCK_ENTRIES_MAX, EVENT_BYTES_MAX
from tests.corpus.authoring import folders, lines

Spoil = Callable[[bytes, Random], bytes]
_HERE: Final = "\x02here\x02"


def well_told() -> list[bytes]:
    """Every event of the golden corpus that a device may hold: what stays in the office is not in TypeScript."""
    return [raw for folder in folders() if folder.parent.name != "office" for raw in lines(folder)]


def spoiled(seed: int, number: int) -> Iterator[bytes]:
    """So many events, most of them spoiled once and some twice or thrice; the same for the same seed."""
    random, told = Random(seed), well_told()
    for _ in range(number):
        raw = random.choice(told)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            raw = random.choice(_SPOILS)(raw, random)
        yield raw


def at_the_edges() -> Iterator[bytes]:
    """For every type of field, every member of an envelope and every odd piece of JSON: an event that says it there."""
    told, seen = well_told(), set[str]()
    for raw in told:
        document = _read(raw)
        fields = ENTITIES[document["entity"]["type"]].fields
        for name in document["data"]:
            kind = f"{fields[name].type} {fields[name].policy}"
            if kind not in seen:
                seen.add(kind)
                yield from _each_value(document, ["data", name], {*bounds(fields[name].type), 1, 64, 200})
    document = _read(told[0])
    for name, hint in Envelope.__annotations__.items():
        yield from _each_value(document, [name], bounds(hint))
    for name, hint in EntityName.__annotations__.items():
        yield from _each_value(document, ["entity", name], bounds(hint))
    for entries in (CLOCK_ENTRIES_MAX - 1, CLOCK_ENTRIES_MAX, CLOCK_ENTRIES_MAX + 1):
        names = (f"r{number:012}".translate(str.maketrans("0189", "abcd")) for number in range(entries))
        yield _put_in(document, ["clock"], dict.fromkeys(names, 1))
    for near in (-1, 0, 1):
        yield _put_in({**document, "seq": 7}, ["clock"], {document["replica"]: 7 + near})
        yield _put_in(document, ["reason"], "x" * (EVENT_BYTES_MAX + near - len(_put_in(document, ["reason"], ""))))
    yield _put_in({**document, "type": "Edited"}, ["data"], {})
    for place in (["data", "tags"], ["clock"], ["data"], ["prev"], ["entity"]):
        for piece in _RAW:
            yield _put_in(document, place, _HERE).replace(orjson.dumps(_HERE), piece, 1)


def _each_value(document: Any, path: Sequence[str], limits: Iterable[int]) -> Iterator[bytes]:
    numbers = sorted({limit + near for limit in limits for near in (-1, 0, 1)})
    lengths = [number for number in numbers if 0 <= number < 9_000]
    texts = [letter * length for letter in "x😀" for length in lengths]
    lists = [[each] * length for each in ("x", 0, ["a", "1"]) for length in lengths if length < 300 or each == 0]
    for value in (*_PLAIN, *numbers, *texts, *lists, *({"add": each} for each in lists)):
        yield _put_in(document, path, value)


def _put_in(document: Any, path: Sequence[Any], value: Any) -> bytes:
    return orjson.dumps(_put(document, path, value), option=orjson.OPT_SORT_KEYS)


def bounds(hint: Any) -> set[int]:
    """Every limit that a declared type says anywhere."""
    found = {
        int(getattr(mark, name))
        for mark in getattr(hint, "__metadata__", ())
        for kind, name in ((Ge, "ge"), (Le, "le"), (MinLen, "min_length"), (MaxLen, "max_length"))
        if isinstance(mark, kind)
    }
    inner = [*get_args(hint), *getattr(hint, "__annotations__", {}).values()]
    return found.union(*(bounds(each) for each in inner if get_origin(hint) is Annotated or each is not hint))


_BOUNDS: Final = sorted(
    bounds(Envelope).union(*(bounds(field.type) for each in ENTITIES.values() for field in each.fields.values()))
)
_NUMBERS: Final = sorted({bound + near for bound in _BOUNDS for near in (-1, 0, 1)} | {-(2**53), 1 - 2**53, 2**53})
_LENGTHS: Final = [number for number in _NUMBERS if 0 <= number <= 9_000]
_LETTERS: Final = 'xß漢\ue000\ufeff\uffff😀𐀀 \n\x7f\x85\u2028\u00a0\u1680\x1c\x00@.\\"/{}[]:,'
_PLAIN: Final[Sequence[Any]] = (
    *(None, True, False, 0, 1, -1, "", "0", "-0", "-0.5", "1.50", "12.5", "1e5", "yes", [], {}, [[]], {"a": 1}),
    *(
        [None, None],
        [["a", "b"]],
        [["b", None], ["a", "1"]],
        [["\ufeff", ""], ["😀", ""]],
        [["😀", ""], ["\ufeff", ""]],
    ),
    *([["a", "1"], ["a", "1"]], [["", "x"]], [[None, "x"]], [["k" * 64, "x"]], [["k" * 65, "x"]], [["😀" * 64, "x"]]),
    *([["constructor", "x"]], [["__proto__", "x"], ["toString", None]], {"add": ["x"]}, {"add": [], "remove": []}),
    *({"add": ["dog", "dog"]}, {"add": "x"}, {"set": []}, {"constructor": 1}, {"__proto__": {}}, {"lat": 0, "lon": 0}),
    *("2024-02-29", "2023-02-29", "1600-02-29", "2500-02-29", "0000-01-01", "0001-01-01", "2026-04-31", "2026-12-31"),
    *("2026-13-01", "2026-00-10", "2026-01-00", "0004-02-29", "9999-12-31", "2024-02-30T00:00:00.000Z"),
    *("2026-01-01T24:00:00.000Z", "0000-12-31T00:00:00.000Z", "2026-01-01T23:59:59.999Z", "2026-01-01T23:59:60.000Z"),
    *("a@b.c", "a@b.c\n", "a\x1c@b.c", "a@\x85.c", "\ufeff@b.c", "a@b\u00a0.c", "a\u180e@b.c", "😀@é.ß", "a@b@c.d"),
    *("+491234567", "en", "pt-BR", "Europe/Berlin", "Etc/GMT+1", "image/svg+xml", "work_order", "site", "catalog"),
    *("01900000-0000-7000-8000-00000000a001", "ab" * 32, "f" * 16, "F" * 16, "Created", "Edited", "VisitFinished"),
    *("add", "constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"),
)
_RAW: Final[Sequence[bytes]] = (
    *(b"1.0", b"-0", b"-0.0", b"1e3", b"1E3", b"1e+2", b"1e400", b"-1e400", b"1e-400", b"5e-324", b"0.5", b"01", b"-1"),
    *(b"9007199254740991", b"9007199254740992", b"9007199254740993", b"-9007199254740991", b"-9007199254740993"),
    *(b"18446744073709551616", b"1e21", b"1e+21", b"123456789012345678901234567890", b"9" * 309, b"9" * 400),
    *(b"+1", b".5", b"1.", b"NaN", b"Infinity", b"-Infinity", b"-NaN", b"--1.5", b"1e5e5", b"1.2.3", b"0x1"),
    *(rb'"\ud800"', rb'"\udc00"', rb'"\ud83d\ude00"', rb'"\uD83D\uDE00"', rb'"\ud83d\ud83d\ude00"', rb'"\\ud800"'),
    *(rb'"\u0000"', rb'"\\u0000"', rb'"\u0041"', rb'"\/"', rb'"\u000A"', rb'"\u000a"', rb'"\n"', rb'"\u001F"'),
    *(
        rb'"\u001f"',
        rb'"\b\f\n\r\t\"\\"',
        rb'"\x41"',
        rb'"\u00"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\xe2"',
    ),
    *(
        b'"\xf4\x90\x80\x80"',
        b'"\x00"',
        b'"\x1f"',
        b'"\n"',
        b'"\\\n"',
        b'"\x7f"',
        "\ufeff1".encode(),
        b"\xc2\xa0",
        b"'a'",
    ),
    *(b" 1", b"1\n", b"\x0c1", b"[1,]", b'{"a":1,}', b"[1 ,2]", b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1.5,"a":1}'),
    *(rb'{"a":"\ud800","a":1}', b'{"a":1e400,"a":1}', rb'{"\ud800":1}', rb'{"\u0061":1}', b'{"A":1}', b'{"1":1}'),
    *(b'{"2":1,"10":1}', b'{"10":1,"2":1}', b'{"":1}', '{"é":1}'.encode(), '{"\ue000":1,"😀":1}'.encode()),
    *('{"😀":1,"\ue000":1}'.encode(), b'{"__proto__":1}', b'{"constructor":1}', b'{"a":1.5,"B":1}', b"[1.5,{}]"),
    *(b'{"%b":1}' % (b"a" * 64), b'{"%b":1}' % (b"a" * 65), rb'[1.5,"\u0000"]', rb'["\u0000",1.5]', rb'{"a\u0000":1}'),
    *(b"[" * depth + b"]" * depth for depth in (14, 15, 16, 17, 252, 253, 254, 255, 1022, 1023, 1024, 1025, 9_000)),
    *(b'{"a":' * depth + b"1.5" + b"}" * depth for depth in (13, 14, 15, 16, 17, 252, 253, 254, 1022, 1023, 1024)),
    *(b"[" * 17 + b"]" * 17 + b",1.5", b'{"a":' + b"[" * 300 + b"]" * 300 + b',"a":1}', b"true", b"nul", b"{}x", b""),
    *(b'"%b"' % (b"x" * size) for size in (64_000, 65_000, 65_536)),
)


def _flipped(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) or 1)
    return raw[:at] + bytes([random.choice((random.randrange(256), *b'"{}[]:,\\0-. '))]) + raw[at + 1 :]


def _inserted(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return (
        raw[:at] + random.choice((b" ", b"\n", b"0", b"\\", b'"', b"\xff", b"\x00", b",", b"\xef\xbb\xbf")) + raw[at:]
    )


def _cut(raw: bytes, random: Random) -> bytes:
    at, end = sorted(random.randrange(len(raw) + 1) for _ in range(2))
    return random.choice((raw[:at], raw[:at] + raw[at + 1 :], raw[:at] + raw[end:], raw + raw[at:end]))


def _said_raw(raw: bytes, random: Random) -> bytes:
    """With a piece of text, JSON or none, where a value was."""
    return _with(raw, random, lambda _: _HERE).replace(orjson.dumps(_HERE), random.choice(_RAW), 1)


def _said_twice(raw: bytes, random: Random) -> bytes:
    """With a member that hides another, or is hidden, before the first of some object."""
    at = random.choice([i + 1 for i, byte in enumerate(raw) if byte == ord("{")] or [0])
    name = random.choice((b"a", b"at", b"clock", b"data", b"id", b"seq", b"type", b"name", b"tags", b"A", b"__proto__"))
    return raw[:at] + b'"%b":%b,' % (name, random.choice(_RAW)) + raw[at:]


def _said_otherwise(raw: bytes, random: Random) -> bytes:
    """With another value, canonically spelled."""
    return _with(raw, random, lambda value: _other(value, random))


def _unordered(raw: bytes, random: Random) -> bytes:
    """With its members in another order, or with white space."""
    document = _read(raw)
    if not isinstance(document, dict):
        return raw
    names = random.sample(list(document), len(document))
    option = random.choice((0, 0, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE))
    return _spelled({name: document[name] for name in names}, option, raw)


_SPOILS: Final[Sequence[Spoil]] = (
    *(_flipped, _inserted, _cut, _unordered, _said_twice, _said_raw, _said_raw),
    *(_said_otherwise, _said_otherwise, _said_otherwise, _said_otherwise, _said_otherwise),
)


def _other(value: Any, random: Random) -> Any:
    match random.randrange(5):
        case 0:
            return random.choice(_NUMBERS)
        case 1 | 2 if isinstance(value, str) and random.random() < 0.5:
            at = random.randrange(len(value) + 1)
            return value[:at] + random.choice(_LETTERS) + value[at + random.randrange(2) :]
        case 1 | 2:
            return random.choice(_LETTERS) * random.choice(_LENGTHS)
        case 3 if isinstance(value, list) and value:
            return value * (random.choice(_LENGTHS) // len(value))
        case 3 if isinstance(value, dict):
            return _with_other_members(value, random)
        case _:
            return random.choice(_PLAIN)


def _with_other_members(members: dict[str, Any], random: Random) -> dict[str, Any]:
    names = [*members, *("note", "tx", "reason", "geo", "status", "constructor", "__proto__", "A", "radaaaaaaaaaa")]
    name = random.choice(names)
    if name in members and random.random() < 0.7:
        return {each: value for each, value in members.items() if each != name}
    return {**members, name: random.choice((1, 2, "x", random.choice(_PLAIN)))}


def _with(raw: bytes, random: Random, change: Callable[[Any], Any]) -> bytes:
    document = _read(raw)
    path: list[Any] = ["data"] if isinstance(document, dict) and "data" in document and random.random() < 0.7 else []
    value = document["data"] if path else document
    while isinstance(value, dict | list) and value and random.random() < 0.85:
        key = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
        path, value = [*path, key], value[key]
    return _spelled(_put(document, path, change(value)), orjson.OPT_SORT_KEYS, raw)


def _put(document: Any, path: Sequence[Any], value: Any) -> Any:
    if not path:
        return value
    changed = document.copy()
    changed[path[0]] = _put(document[path[0]], path[1:], value) if path[1:] else value
    return changed


def _read(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _spelled(document: Any, option: int, otherwise: bytes) -> bytes:
    try:
        return orjson.dumps(document, option=option)
    except orjson.JSONEncodeError:  # it was spoiled before, by more depth than this writer goes
        return otherwise
