"""A text that the database or another language would choke on is refused in every field of every fact, by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sync.envelope import Unacceptable, link_of, parse
from tests.corpus.authoring import folders, lines

FACTS: dict[tuple[str, str, int], bytes] = {
    (event.entity_type, event.type, event.v): event.raw for folder in folders() for event in map(parse, lines(folder))
}
POISONS = [("\0", "bad_text"), ("x\0x", "bad_text"), ("\ud800", "not_json"), ("\udc00x", "not_json")]


def spoilt(value: Any, poison: str) -> Iterator[Any]:
    """The value with one of its texts said otherwise, for each of its texts."""
    match value:
        case str():
            yield poison
        case list():
            for number, each in enumerate(value):
                yield from ([*value[:number], other, *value[number + 1 :]] for other in spoilt(each, poison))
        case dict():
            for name, each in value.items():
                yield from ({**value, name: other} for other in spoilt(each, poison))


def spelled(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("poison", "code"), POISONS)
def test_b5_b6_a_poisoned_text_is_refused_in_every_field_of_every_fact(poison: str, code: str) -> None:
    found = set[tuple[str, str, int]]()
    for fact, raw in FACTS.items():
        document = json.loads(raw)
        assert spelled(document) == raw
        for data in spoilt(document["data"], poison):
            bad = spelled({**document, "data": data})
            with pytest.raises(Unacceptable) as refused:
                parse(bad)
            assert refused.value.code == code, bad
            assert link_of(bad)[:3] == link_of(raw)[:3], "it uses up its seq, so it blocks nobody"
            found.add(fact)
    assert found == {fact for fact, raw in FACTS.items() if any(True for _ in spoilt(json.loads(raw)["data"], ""))}
    assert len(found) > 20
