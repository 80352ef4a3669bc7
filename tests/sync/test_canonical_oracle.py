"""The canonical form against a writer of RFC 8785 that others wrote: every character, and 100,000 documents."""

import random
import string
from collections.abc import Iterator

import rfc8785

from domain.values import INTEGER_MAX
from sync import canonical
from sync.canonical import Json
from sync.limits import DEPTH_MAX

SEED = 3
DOCUMENTS = 100_000
TEXT_LENGTH = 4096
SURROGATES = range(0xD800, 0xE000)

CHARACTERS = [chr(number) for number in range(1, 0x110000) if number not in SURROGATES]
# What has a spelling of its own, or looks like the beginning of one.
TELLING = [*'"\\/\b\f\n\r\t\x01\x1f\x7f\x80\u2028\u2029\ufeff\uffff\U0001f600', *"[]{}:,-+.eE \u0301"]
TELLING += ["\\u0000", "\\ud800", "u0000", "NaN", "Infinity", "1.0", "null", "</script>", "\r\n"]
NAMES = ["constructor", "prototype", "a", "aa", "a1", "a_", "z" * 64, "length", "to_string"]
NUMBERS = [0, -1, 1, INTEGER_MAX, -INTEGER_MAX, INTEGER_MAX - 1, 10**15, 2**31, -(2**31), 2**32, 2**52]


def test_every_character_of_unicode_is_spelled_as_the_oracle_spells_it() -> None:
    assert len(CHARACTERS) == 0x110000 - len(SURROGATES) - 1
    for start in range(0, len(CHARACTERS), TEXT_LENGTH):
        text = "".join(CHARACTERS[start : start + TEXT_LENGTH])
        raw = canonical.dumps(text)
        assert raw == rfc8785.dumps(text), misspelled(text)
        assert canonical.loads(raw) == text


def test_every_document_of_100_000_is_spelled_as_the_oracle_spells_it() -> None:
    depths = set[int]()
    for number, document in enumerate(documents(random.Random(SEED))):
        raw = canonical.dumps(document)
        assert raw == rfc8785.dumps(document), f"document {number}"
        assert canonical.loads(raw) == document, f"document {number}"
        depths.add(depth(document))
    assert depths == set(range(DEPTH_MAX + 1)), "the documents reach as deep as they may"


def misspelled(text: str) -> list[str]:
    return [f"U+{ord(each):04X}" for each in text if canonical.dumps(each) != rfc8785.dumps(each)]


def documents(chance: random.Random) -> Iterator[Json]:
    """Of every depth, most of them shallow."""
    for _ in range(DOCUMENTS):
        yield branch(chance, min(int(chance.expovariate(0.25)), DEPTH_MAX))


def branch(chance: random.Random, levels: int) -> Json:
    """A document so deep, its names in no order; what is beside the deepest is small."""
    if levels == 0:
        return leaf(chance)
    beside = int(4 * chance.random() ** 2)
    inner = [leaf(chance) for _ in range(beside)]
    inner.insert(chance.randint(0, beside), branch(chance, levels - 1))
    match chance.randrange(8):
        case 0:
            return [*inner, [], {}] if levels > 1 else []
        case 1 | 2 | 3:
            return inner
        case _:
            return {name(chance): each for each in inner}


def leaf(chance: random.Random) -> Json:
    match chance.randrange(6):
        case 0:
            return chance.choice([None, True, False])
        case 1:
            return chance.choice(NUMBERS)
        case 2:
            return chance.randint(-INTEGER_MAX, INTEGER_MAX) >> chance.randrange(54)
        case 3:
            return "".join(chance.choices(TELLING, k=chance.randrange(8)))
        case _:
            return "".join(chance.choices(CHARACTERS, k=chance.randrange(12)))


def name(chance: random.Random) -> str:
    if chance.random() < 0.2:
        return chance.choice(NAMES)
    return chance.choice(string.ascii_lowercase) + "".join(chance.choices(_NAMED_WITH, k=chance.randrange(8)))


_NAMED_WITH = string.ascii_lowercase + string.digits + "_"


def depth(document: Json) -> int:
    if not isinstance(document, list | dict):
        return 0
    inner = document.values() if isinstance(document, dict) else document
    return 1 + max(map(depth, inner), default=0)
