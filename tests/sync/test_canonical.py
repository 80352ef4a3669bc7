"""Canonical JSON: one document has one spelling, and everything else is refused with its reason."""

import json
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from domain.values import INTEGER_MAX
from sync import canonical
from sync.canonical import NotCanonical
from sync.limits import DEPTH_MAX

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
keys = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
leaves = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


@given(documents)
def test_law_what_is_written_is_read_back(document: Any) -> None:
    assert canonical.loads(canonical.dumps(document)) == document


@given(documents)
def test_law_an_independent_writer_of_rfc_8785_gives_the_same_bytes(document: Any) -> None:
    assert canonical.dumps(document) == rfc8785.dumps(document)


@given(documents)
def test_law_every_other_spelling_is_refused(document: Any) -> None:
    raw = canonical.dumps(document)
    for other in (json.dumps(document, sort_keys=True), json.dumps(document, ensure_ascii=True), f" {raw.decode()}"):
        if other.encode() != raw:
            with pytest.raises(NotCanonical):
                canonical.loads(other.encode())


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def nested_by_name(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"nonsense", "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":Infinity}', "not_json"),
        (b'{"a":"\\ud800"}', "not_json"),
        (b'{"a":"\xff"}', "not_json"),
        (b'{"a":"\x00"}', "not_json"),
        (nested(100_000), "not_json"),
        (b'{"a":1 }', "not_canonical"),
        (b'{"b":1,"a":2}', "not_canonical"),
        (b'{"a":1,"a":2}', "not_canonical"),
        (b'{"a":{"b":1,"b":1}}', "not_canonical"),
        (b'{"a":"\\u0041"}', "not_canonical"),
        (b'{"a":"\\/"}', "not_canonical"),
        (b'\xef\xbb\xbf{"a":1}', "not_json"),
        (b"-0", "not_canonical"),
        (b'{"a":"\\u0000"}', "bad_text"),
        (b'{"a":1.5}', "bad_number"),
        (b'{"a":1.0}', "bad_number"),
        (b'{"a":1e3}', "bad_number"),
        (b'{"a":9007199254740992}', "bad_number"),
        (b'{"a":-9007199254740992}', "bad_number"),
        (b'{"a":%d}' % 2**63, "bad_number"),
        (b'{"a":%d}' % 2**70, "bad_number"),
        (b'{"1":1}', "bad_key"),
        (b'{"A":1}', "bad_key"),
        (b'{"":1}', "bad_key"),
        (b'{"__proto__":1}', "bad_key"),
        (b'{"a\\u0000":1}', "bad_key"),
        (b'{"%b":1}' % (b"a" * 65), "bad_key"),
        (nested(DEPTH_MAX + 1), "too_deep"),
        (nested_by_name(DEPTH_MAX + 1), "too_deep"),
        (nested(300), "too_deep"),
    ],
)
def test_b3_to_b11_what_is_outside_the_profile_is_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical.loads(raw)
    assert refused.value.code == code
    assert orjson.dumps(refused.value.detail)


def test_an_overflowing_number_is_refused() -> None:
    with pytest.raises(NotCanonical):
        canonical.loads(b'{"a":1e400}')


@pytest.mark.parametrize(
    "raw",
    [b"9007199254740991", b"-9007199254740991", nested(DEPTH_MAX), '"\u2028é😀"'.encode(), b'{"a_1":[null,true]}'],
)
def test_the_ends_of_the_profile_are_inside(raw: bytes) -> None:
    assert canonical.dumps(canonical.loads(raw)) == raw


def test_b9_two_normal_forms_of_one_text_stay_two_texts() -> None:
    composed, decomposed = '"\u00e9"'.encode(), '"e\u0301"'.encode()
    assert canonical.loads(composed) != canonical.loads(decomposed)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"1.5", "/ is not an integer"),
        (b"9007199254740992", "/ is outside"),
        (b'"\\u0000"', "/ holds a NUL"),
        (b'{"a":[0,1.5]}', "/a/1 is not an integer"),
        (b'{"a":{"b":9007199254740992}}', "/a/b is outside"),
        (b'[{"a":"\\u0000"}]', "/0/a holds a NUL"),
        (b'{"a":{"B":1}}', "/a/'B' is not a key"),
        (b'{"a":1,"a":2}', "at byte 5"),
    ],
)
def test_a_refusal_says_where(raw: bytes, place: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical.loads(raw)
    assert place in refused.value.detail
    assert str(refused.value) == f"{refused.value.code}: {refused.value.detail}"
