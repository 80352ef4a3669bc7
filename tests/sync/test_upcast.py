"""Old data in today's words: every step, on what it was meant for and on everything else."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.upcasts import Drop, Fill, Rename, Step, Translate
from sync.upcast import upcast

NAMES = st.sampled_from(["kind", "items", "unit", "at_least"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["bool", "text", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Rename, PATHS, NAMES),
    st.builds(Fill, PATHS, st.sampled_from([None, False, 0, ""])),
    st.builds(Drop, PATHS),
    st.builds(Translate, PATHS, st.just({"bool": "yes_no", "": "text"})),
)


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (Rename("least", "at_least"), {"least": 1, "unit": "bar"}, {"at_least": 1, "unit": "bar"}),
        (Rename("least", "at_least"), {"unit": "bar"}, {"unit": "bar"}),
        (Rename("least", "at_least"), {"least": None}, {"at_least": None}),
        (Rename("least", "at_least"), {"least": 1, "at_least": 2}, {"least": 1, "at_least": 2}),
        (Fill("unit", "bar"), {}, {"unit": "bar"}),
        (Fill("unit", "bar"), {"unit": None}, {"unit": None}),
        (Fill("items.unit", "bar"), {}, {}),
        (Fill("items.unit", "bar"), {"items": [{}, {"unit": "m"}]}, {"items": [{"unit": "bar"}, {"unit": "m"}]}),
        (Drop("unit"), {"unit": "bar", "kind": "text"}, {"kind": "text"}),
        (Drop("unit"), {"kind": "text"}, {"kind": "text"}),
        (Translate("kind", {"bool": "yes_no"}), {"kind": "bool"}, {"kind": "yes_no"}),
        (Translate("kind", {"bool": "yes_no"}), {"kind": "text"}, {"kind": "text"}),
        (Translate("kind", {"bool": "yes_no"}), {"kind": ["bool"]}, {"kind": ["bool"]}),
        (Translate("kind", {"bool": "yes_no"}), {}, {}),
        (Translate("a.b", {"x": "y"}), {"a": [[{"b": "x"}], "x", {"b": "x"}]}, {"a": [[{"b": "y"}], "x", {"b": "y"}]}),
        (Translate("a.b", {"x": "y"}), {"a": {"b": "x", "c": "x"}, "b": "x"}, {"a": {"b": "y", "c": "x"}, "b": "x"}),
        (Translate("a.b", {"x": "y"}), {"a": "x"}, {"a": "x"}),
    ],
)
def test_a_step_says_what_was_meant_in_todays_words(step: Step, before: dict[str, Any], after: dict[str, Any]) -> None:
    said = copy.deepcopy(before)
    assert upcast(before, [step]) == after
    assert before == said


def test_steps_are_walked_in_their_order() -> None:
    steps: list[Step] = [Rename("least", "at_least"), Rename("limit", "least"), Fill("limit", "0")]
    assert upcast({"least": "1", "limit": "2"}, steps) == {"at_least": "1", "least": "2", "limit": "0"}
    assert upcast({"least": "1"}, []) == {"least": "1"}


@given(OBJECTS, st.lists(STEPS, max_size=4))
def test_law_upcasting_is_total_and_pure(data: dict[str, Any], steps: list[Step]) -> None:
    before = copy.deepcopy(data)
    once = upcast(data, steps)
    assert data == before
    assert upcast(data, steps) == once
    assert orjson.loads(orjson.dumps(once)) == once
