"""Old data in today's words: every step, on what it was meant for and on everything else."""

import copy
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import FACTS
from domain.facts import Fact
from domain.upcasts import UPCASTS, Drop, Fill, Rename, Step, Translate
from sync import canonical, shown
from sync.envelope import Unacceptable, parse
from sync.upcast import upcast
from tests.devices import CREATED, Device, fold, new_id

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


PUMP: dict[str, Any] = {
    **CREATED["checklist_template"],
    "items": [
        {"id": "tight", "kind": "bool", "required": True, "text": "Is it tight?"},
        {
            "id": "pressure",
            "kind": "reading",
            "largest": "4.5",
            "required": False,
            "smallest": "2",
            "text": "Pressure in bar",
        },
    ],
}
"""A checklist in the words of version 1."""


def template(version: int, data: dict[str, Any]) -> bytes:
    raw = Device("ada").create("checklist_template", new_id())
    return canonical.dumps({**orjson.loads(raw), "v": version, "data": data})


def test_a_template_of_version_1_is_read_in_the_words_of_version_2() -> None:
    raw = template(1, PUMP)
    event = parse(raw)
    assert (event.v, event.raw) == (1, raw)
    assert event.data["items"] == [
        {"id": "tight", "kind": "yes_no", "required": True, "text": "Is it tight?"},
        {
            "at_least": "2",
            "at_most": "4.5",
            "id": "pressure",
            "kind": "reading",
            "required": False,
            "text": "Pressure in bar",
        },
    ]
    assert shown.values(fold([raw]))["items"] == event.data["items"]


def test_both_versions_of_a_template_merge_to_the_same() -> None:
    today = parse(template(1, PUMP)).data
    assert shown.values(fold([template(1, PUMP)])) == shown.values(fold([template(2, today)]))


def test_what_a_version_never_said_is_refused() -> None:
    both = [{**PUMP["items"][1], "at_least": "2"}]
    for version, data in ((2, PUMP), (1, {**PUMP, "items": both}), (1, {**PUMP, "items": "bool"}), (1, {})):
        with pytest.raises(Unacceptable) as refused:
            parse(template(version, data))
        assert refused.value.code == "bad_data"
    with pytest.raises(Unacceptable) as refused:
        parse(template(3, PUMP))
    assert refused.value.code == "unknown_version"


def test_an_author_writes_the_newest_version() -> None:
    assert FACTS["checklist_template"]["Created"].version == 2
    assert parse(Device("ada").create("checklist_template", new_id())).v == 2


def test_a_step_hides_nothing_that_canonical_json_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    created = FACTS["checklist_template"]["Created"]
    dropping = replace(created, upcasts=((Drop("remark"),),))
    monkeypatch.setitem(cast("dict[str, Fact]", FACTS["checklist_template"]), "Created", dropping)
    data = dict(CREATED["checklist_template"])
    assert parse(template(1, {**data, "remark": "old"})).data == data
    with pytest.raises(Unacceptable) as refused:
        parse(template(1, {**data, "remark": 1.5}))
    assert refused.value.code == "bad_number"


def test_steps_are_declared_for_facts_that_exist_and_fill_only_what_an_entity_was_born_with() -> None:
    for (entity, event_type), versions in UPCASTS.items():
        for step in chain.from_iterable(versions):
            assert FACTS[entity][event_type].creates or not isinstance(step, Fill)
