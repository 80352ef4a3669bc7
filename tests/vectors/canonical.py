"""Vectors of canonical JSON: what is read, and every way to be refused."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from tests.vectors.spelling import Case, Parts, spelled

ABOUT: Final = (
    "Canonical JSON. Bytes stand as `raw` (UTF-8), as `base64`, or as `parts`: texts and [text, times] joined."
    " Either they spell `document`, which is written back as the same bytes, or they are refused with `code`."
)


class _Read(NamedTuple):
    name: str
    raw: bytes | str | Parts
    document: Any
    why: str


class _Refused(NamedTuple):
    name: str
    raw: bytes | str | Parts
    code: str
    why: str


def cases() -> list[Case]:
    """All of them."""
    return [
        *({"name": each.name, "why": each.why, **spelled(each.raw), "document": each.document} for each in _READ),
        *(
            {"name": each.name, "why": each.why, **spelled(each.raw), "code": each.code}
            for each in (*_NOT_JSON, *_RESPELLED, *_NUMBERS, *_TEXTS_AND_KEYS, *_DEPTHS, *_TWICE_WRONG)
        ),
    ]


def _lists(depth: int, *leaf: int) -> list[Any]:
    return list(leaf) if depth == 1 else [_lists(depth - 1, *leaf)]


def _objects(depth: int) -> dict[str, Any]:
    return {} if depth == 1 else {"a": _objects(depth - 1)}


_READ: Final[Sequence[_Read]] = [
    _Read("null", "null", None, "A document need not be an object."),
    _Read("true", "true", True, "Nor a list."),
    _Read("zero", "0", 0, "Zero has one spelling."),
    _Read("the greatest integer", "9007199254740991", 2**53 - 1, "2^53 - 1: every reader keeps it exactly."),
    _Read("the least integer", "-9007199254740991", -(2**53) + 1, "And its negative."),
    _Read("an empty text", '""', "", "Is a text."),
    _Read("an empty object", "{}", {}, "Is an object."),
    _Read("an empty list", "[]", [], "Is a list."),
    _Read(
        "sorted keys",
        '{"a":1,"a0":2,"a_":3,"aa":4,"b":5}',
        {"b": 5, "aa": 4, "a_": 3, "a0": 2, "a": 1},
        "A prefix first, then digits, the underscore, letters: the order of ASCII. The document is given unsorted.",
    ),
    _Read(
        "keys sorted at every level",
        '[{"a":{"c":1,"d":2},"b":[]}]',
        [{"b": [], "a": {"d": 2, "c": 1}}],
        "Sorting does not stop at the first level, nor at a list.",
    ),
    _Read("a key of 64 characters", '{"%s":1}' % ("k" * 64), {"k" * 64: 1}, "The longest there is."),
    _Read(
        "constructor is a key",
        '{"constructor":1,"prototype":2}',
        {"constructor": 1, "prototype": 2},
        "Names that mean something in JavaScript mean nothing here.",
    ),
    _Read("letters beyond ASCII", '"\u00e9\u4e2d"', "\u00e9\u4e2d", "Written as themselves, never as \\u escapes."),
    _Read("an astral character", '"\U0001f600"', "\U0001f600", "Four bytes of UTF-8, not two surrogates."),
    _Read(
        "two normal forms of one letter",
        '["\u00e9","e\u0301"]',
        ["\u00e9", "e\u0301"],
        "Nobody normalises: composed and decomposed stay two texts.",
    ),
    _Read("line separators", '"\u2028\u2029"', "\u2028\u2029", "Raw, although JavaScript once stumbled over them."),
    _Read("delete and next line", '"\x7f\u0085"', "\x7f\u0085", "Only U+0000 to U+001F are escaped."),
    _Read("a BOM inside a text", '"\ufeff"', "\ufeff", "Inside a text it is a character like any other."),
    _Read("noncharacters", '"\uffff\U0010ffff"', "\uffff\U0010ffff", "The last scalars are scalars."),
    _Read(
        "control characters",
        '"\\b\\t\\n\\f\\r\\u0001\\u001f"',
        "\b\t\n\f\r\x01\x1f",
        "Five have a short escape, the others four lower-case digits.",
    ),
    _Read("a quotation mark and a backslash", '"\\"\\\\"', '"\\', "The only other characters that are escaped."),
    _Read("a slash", '"/"', "/", "Is not escaped."),
    _Read("a backslash before u0000", '"\\\\u0000"', "\\u0000", "Spells a backslash and five letters, not NUL."),
    _Read("sixteen levels of lists", "[" * 16 + "]" * 16, _lists(16), "The deepest there is."),
    _Read("sixteen levels of objects", '{"a":' * 15 + "{}" + "}" * 15, _objects(16), "Objects count like lists."),
    _Read("sixteen levels and a number", "[" * 16 + "7" + "]" * 16, _lists(16, 7), "A leaf is no level."),
]

_NOT_JSON: Final[Sequence[_Refused]] = [
    _Refused("nothing", "", "not_json", "No bytes are no document."),
    _Refused("half an object", "{", "not_json", "A torn upload."),
    _Refused("half a text", '"a', "not_json", "A torn upload."),
    _Refused("half a word", "nul", "not_json", "A torn upload."),
    _Refused("a word in capitals", "TRUE", "not_json", "JSON has three words, in lower case."),
    _Refused("two documents", "{}{}", "not_json", "One event, one document."),
    _Refused("a comma too many in a list", "[1,]", "not_json", "JavaScript would take it in its own source."),
    _Refused("a comma too many in an object", '{"a":1,}', "not_json", "Likewise."),
    _Refused("single quotes", "{'a':1}", "not_json", "Python prints them, nobody reads them."),
    _Refused("a comment", "//1\n1", "not_json", "There are none."),
    _Refused("not a number", '{"a":NaN}', "not_json", "Python's own reader takes it; we do not."),
    _Refused("infinity", '{"a":-Infinity}', "not_json", "Likewise."),
    _Refused(
        "a number that overflows", '{"a":1e400}', "not_json", "JavaScript reads it as Infinity, which is no JSON."
    ),
    _Refused("a negative one that overflows", "-1e400", "not_json", "Likewise."),
    _Refused("a leading zero", "01", "not_json", "Octal, says one reader; one, says the next."),
    _Refused("a leading plus", "+1", "not_json", "No sign but the minus."),
    _Refused("a point without a fraction", "1.", "not_json", "No half numbers."),
    _Refused("a fraction without a whole", ".5", "not_json", "No half numbers."),
    _Refused("a minus on its own", "- 1", "not_json", "The minus belongs to its number."),
    _Refused("a raw tab in a text", '"a\tb"', "not_json", "Control characters are escaped."),
    _Refused("a raw NUL in a text", '"\x00"', "not_json", "Likewise."),
    _Refused("a raw line break in a key", '{"a\n":1}', "not_json", "Likewise."),
    _Refused("an escape that is none", '"\\x41"', "not_json", "JSON has no \\x."),
    _Refused("half an escape", '"\\u12"', "not_json", "Four digits or none."),
    _Refused(
        "a high surrogate alone",
        '{"a":"\\ud800"}',
        "not_json",
        "Half a character: JSON.parse takes it, and UTF-8 cannot hold it.",
    ),
    _Refused("a low surrogate alone", '"a\\udc00b"', "not_json", "The other half."),
    _Refused("two surrogates in the wrong order", '"\\udc00\\ud800"', "not_json", "Two halves of nothing."),
    _Refused("a surrogate alone in a key", '{"\\ud800":1}', "not_json", "Not in keys either."),
    _Refused("a torn letter", b'{"a":"\xc3"}', "not_json", "The first byte of two: not UTF-8."),
    _Refused(
        "a byte that is never UTF-8", b'{"a":"\xff"}', "not_json", "A decoder that forgives would change the text."
    ),
    _Refused("an overlong NUL", b'"\xc0\x80"', "not_json", "Java's spelling of NUL; not UTF-8."),
    _Refused("a surrogate in UTF-8", b'"\xed\xa0\x80"', "not_json", "CESU-8; not UTF-8."),
    _Refused("beyond the last character", b'"\xf4\x90\x80\x80"', "not_json", "U+110000 is no character."),
    _Refused("a BOM in front", b'\xef\xbb\xbf{"a":1}', "not_json", "TextDecoder swallows it unless it is told not to."),
    _Refused("a BOM behind", b'{"a":1}\xef\xbb\xbf', "not_json", "Nor there."),
    _Refused(
        "a no-break space", '{"a":1\u00a0}', "not_json", "JSON knows four kinds of white space, and this is none."
    ),
    _Refused("UTF-16", b"\xff\xfe1\x00", "not_json", "UTF-8 or nothing."),
]

_RESPELLED: Final[Sequence[_Refused]] = [
    _Refused("a space inside", '{"a":1 }', "not_canonical", "JSON, but not its one spelling."),
    _Refused("a space in front", " 1", "not_canonical", "Likewise."),
    _Refused("a line break behind", "1\n", "not_canonical", "Likewise: what an editor adds."),
    _Refused("unsorted keys", '{"b":1,"a":2}', "not_canonical", "The order would change the hash."),
    _Refused("a key twice", '{"a":1,"a":2}', "not_canonical", "One reader takes the first, another the last."),
    _Refused("a key twice, deeper and equal", '{"a":{"b":1,"b":1}}', "not_canonical", "Though both say the same."),
    _Refused("a key twice, once escaped", '{"a":1,"\\u0061":1}', "not_canonical", "It is the same key."),
    _Refused("an escaped letter", '"\\u0041"', "not_canonical", "A is spelled A."),
    _Refused("an escaped letter in a key", '{"\\u0061":1}', "not_canonical", "Also in a key."),
    _Refused("an escaped letter beyond ASCII", '"\\u00e9"', "not_canonical", "Python's own writer escapes it."),
    _Refused("an escaped pair", '"\\ud83d\\ude00"', "not_canonical", "A whole character, but not in its own bytes."),
    _Refused("an escaped slash", '"\\/"', "not_canonical", "PHP escapes it."),
    _Refused("a long escape for a short one", '"\\u000a"', "not_canonical", "A line break is \\n."),
    _Refused("an escape in capitals", '"\\u001F"', "not_canonical", "Hexadecimal digits are in lower case."),
    _Refused("minus zero", "-0", "not_canonical", "An integer, but zero has no sign."),
    _Refused(
        "minus zero in a list", "[-0]", "not_canonical", "JSON.stringify writes it as 0, so it cannot be seen later."
    ),
]

_NUMBERS: Final[Sequence[_Refused]] = [
    _Refused("a fraction", '{"a":1.5}', "bad_number", "Decimals are texts: floats differ between machines."),
    _Refused(
        "a whole number with a point", '{"a":1.0}', "bad_number", "JavaScript cannot tell it from 1 once it is read."
    ),
    _Refused("a thousand with an exponent", '{"a":1e3}', "bad_number", "Nor this from 1000."),
    _Refused("a capital exponent", "1E3", "bad_number", "Nor this."),
    _Refused("an exponent of nothing", "[1e0]", "bad_number", "Nor this from 1."),
    _Refused("one as a tenth of ten", "0.1e1", "bad_number", "Nor this."),
    _Refused("minus zero with a point", "-0.0", "bad_number", "A float first, a minus zero second."),
    _Refused("a number that underflows", "1e-400", "bad_number", "It reads as zero, and is a float all the same."),
    _Refused("2^53", '{"a":9007199254740992}', "bad_number", "The first that JavaScript may have rounded."),
    _Refused("2^53 + 1", "9007199254740993", "bad_number", "JavaScript reads 2^53."),
    _Refused("-2^53", "-9007199254740992", "bad_number", "And its negative."),
    _Refused("2^53 - 1 as a float", "9007199254740991.0", "bad_number", "Inside the range, but a float."),
    _Refused("2^63", '{"a":9223372036854775808}', "bad_number", "Beyond what a machine word holds."),
    _Refused("2^70", '{"a":1180591620717411303424}', "bad_number", "Beyond what any word holds."),
    _Refused("thirty digits", "123456789012345678901234567890", "bad_number", "However many digits."),
    _Refused("a float in a list in an object", '{"a":[0,1.5]}', "bad_number", "At any depth."),
    _Refused(
        "a float and a space", '{"a": 1.5}', "bad_number", "The value is the more telling reason than the spelling."
    ),
    _Refused("a float among unsorted keys", '{"b":1.5,"a":1}', "bad_number", "Likewise."),
    _Refused(
        "a float that a later key hides",
        '{"a":1,"a":1.5}',
        "bad_number",
        "The last of two keys is the one that is read.",
    ),
    _Refused(
        "a float that an earlier key hides",
        '{"a":1.5,"a":1}',
        "not_canonical",
        "What is read is the last; the float is gone before anybody looks at values, the repeated key is not.",
    ),
    _Refused("a float inside a text", '{"a":"1.0" }', "not_canonical", "A text that looks like a float is a text."),
]

_TEXTS_AND_KEYS: Final[Sequence[_Refused]] = [
    _Refused("an escaped NUL", '{"a":"\\u0000"}', "bad_text", "Postgres cannot keep it in a text."),
    _Refused("an escaped NUL after a backslash", '"\\\\\\u0000"', "bad_text", "A backslash, then NUL."),
    _Refused("a NUL in a key", '{"a\\u0000":1}', "bad_key", "A key first of all."),
    _Refused("an empty key", '{"":1}', "bad_key", "Keys begin with a letter."),
    _Refused("a key of digits", '{"1":1}', "bad_key", "JavaScript moves keys of digits to the front."),
    _Refused("a key in capitals", '{"A":1}', "bad_key", "Lower case alone."),
    _Refused("a capital inside a key", '{"aB":1}', "bad_key", "Likewise."),
    _Refused("a hyphen in a key", '{"a-b":1}', "bad_key", "Letters, digits, underscores."),
    _Refused("a letter beyond ASCII in a key", '{"\u00e9":1}', "bad_key", "Free keys are pairs in a list, not keys."),
    _Refused("an underscore in front", '{"_a":1}', "bad_key", "Keys begin with a letter."),
    _Refused("__proto__", '{"__proto__":1}', "bad_key", "JavaScript must not take it for the prototype."),
    _Refused("a line break behind a key", '{"a\\n":1}', "bad_key", "$ in Python's patterns would let it pass."),
    _Refused("a key of 65 characters", '{"%s":1}' % ("k" * 65), "bad_key", "One beyond."),
    _Refused("a bad key twice", '{"B":1,"B":2}', "bad_key", "The name is the more telling reason."),
]

_DEPTHS: Final[Sequence[_Refused]] = [
    _Refused("seventeen levels of lists", "[" * 17 + "]" * 17, "too_deep", "One beyond."),
    _Refused("seventeen levels of objects", '{"a":' * 16 + "{}" + "}" * 16, "too_deep", "One beyond."),
    _Refused("seventeen levels, mixed", '[{"a":' * 8 + "[]" + "}]" * 8, "too_deep", "Lists and objects count alike."),
    _Refused("three hundred levels", [("[", 300), ("]", 300)], "too_deep", "Deeper than orjson writes."),
    _Refused("1,024 levels", [("[", 1024), ("]", 1024)], "too_deep", "The deepest that orjson reads."),
    _Refused(
        "1,025 levels",
        [("[", 1025), ("]", 1025)],
        "not_json",
        "Deeper than orjson reads, so it cannot say that the rest is JSON. Nobody writes this but to hurt.",
    ),
    _Refused("1,025 levels of objects", [('{"a":', 1024), "{}", ("}", 1024)], "not_json", "Likewise."),
    _Refused("a hundred thousand levels, never closed", [("[", 100_000)], "not_json", "No stack overflows."),
    _Refused("brackets inside a text", '["' + "[" * 20 + '" ]', "not_canonical", "They are no levels."),
]

_TWICE_WRONG: Final[Sequence[_Refused]] = [
    _Refused(
        "a float before a NUL",
        '[1.5,"\\u0000"]',
        "bad_text",
        "Two values are wrong: the last one is named. Any order would do, if it is the same in both languages.",
    ),
    _Refused("a NUL before a float", '["\\u0000",1.5]', "bad_number", "Likewise."),
    _Refused("a float before a bad key", '{"a":1.5,"c":{"B":1}}', "bad_key", "Likewise, at different depths."),
    _Refused("a bad key before a float", '{"a":{"B":1},"c":1.5}', "bad_number", "Likewise."),
    _Refused(
        "a float under a bad key", '{"B":1.5}', "bad_key", "The names of an object are looked at before its values."
    ),
    _Refused(
        "a NUL and a space", '["\\u0000" ]', "bad_text", "The value is the more telling reason than the spelling."
    ),
]
