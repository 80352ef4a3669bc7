"""Vectors of upcasts: what each step makes of old data, and what is left alone."""

from typing import Any, Final

from domain.upcasts import Drop, Fill, Rename, Step, Translate
from tests.vectors.spelling import Case

ABOUT: Final = (
    "Upcasts: `data` in the words after `steps`, each [rename, path, name], [fill, path, value], [drop, path] or"
    " [translate, path, words]. A path leads inwards over dots; a list on the way means each of its entries."
    " `gives` is the answer; `data` itself is not touched."
)
YES_NO: Final = Translate("items.kind", {"bool": "yes_no"})


def cases() -> list[Case]:
    """All of them."""
    return [*_rename(), *_fill_and_drop(), *_translate(), *_together()]


def _case(name: str, why: str, data: dict[str, Any], steps: list[Step], gives: dict[str, Any]) -> Case:
    return {"name": name, "why": why, "data": data, "steps": [_step(step) for step in steps], "gives": gives}


def _step(step: Step) -> list[Any]:
    match step:
        case Rename(path=path, name=name):
            return ["rename", path, name]
        case Fill(path=path, value=value):
            return ["fill", path, value]
        case Drop(path=path):
            return ["drop", path]
        case Translate(path=path, words=words):
            return ["translate", path, dict(words)]


def _rename() -> list[Case]:
    step: list[Step] = [Rename("least", "at_least")]
    return [
        _case("renamed", "The value moves as it is.", {"least": [1, {}], "a": 1}, step, {"at_least": [1, {}], "a": 1}),
        _case("renamed null", "Null is a value, not silence.", {"least": None}, step, {"at_least": None}),
        _case("nothing to rename", "What was not said stays unsaid.", {"a": 1}, step, {"a": 1}),
        _case(
            "both names said",
            "There is no telling which was meant: both stay, and today's check refuses the old one.",
            {"at_least": 2, "least": 1},
            step,
            {"at_least": 2, "least": 1},
        ),
        _case(
            "renamed inside",
            "The new name stands where the old one stood.",
            {"items": [{"least": 1}, {"least": 2}], "least": 3},
            [Rename("items.least", "at_least")],
            {"items": [{"at_least": 1}, {"at_least": 2}], "least": 3},
        ),
    ]


def _fill_and_drop() -> list[Case]:
    fill: list[Step] = [Fill("unit", "bar")]
    return [
        _case("filled", "Silence meant this.", {}, fill, {"unit": "bar"}),
        _case("filled with null", "Null is a value that can be meant.", {}, [Fill("unit", None)], {"unit": None}),
        _case("nothing to fill", "What was said is kept.", {"unit": "m"}, fill, {"unit": "m"}),
        _case("null is said", "Null is a value, not silence.", {"unit": None}, fill, {"unit": None}),
        _case("no place to fill", "Nothing is made on the way.", {}, [Fill("items.unit", "bar")], {}),
        _case("dropped", "It says nothing any more.", {"unit": "m", "a": 1}, [Drop("unit")], {"a": 1}),
        _case("nothing to drop", "The rest is left alone.", {"a": 1}, [Drop("unit")], {"a": 1}),
    ]


def _translate() -> list[Case]:
    return [
        _case(
            "translated",
            "The word is another now.",
            {"items": [{"kind": "bool"}]},
            [YES_NO],
            {"items": [{"kind": "yes_no"}]},
        ),
        _case(
            "another word",
            "Only what is listed changes.",
            {"items": [{"kind": "text"}]},
            [YES_NO],
            {"items": [{"kind": "text"}]},
        ),
        _case(
            "words that are no words",
            "Only texts are translated: 1, true, null and lists are left to the check.",
            {"items": [{"kind": 1}, {"kind": True}, {"kind": None}, {"kind": ["bool"]}]},
            [YES_NO, Translate("items.kind", {"1": "one", "true": "yes", "null": "none"})],
            {"items": [{"kind": 1}, {"kind": True}, {"kind": None}, {"kind": ["bool"]}]},
        ),
        _case(
            "words that every object of JavaScript knows",
            "A look-up must see only what was declared.",
            {"items": [{"kind": "constructor"}, {"kind": "to_string"}]},
            [YES_NO],
            {"items": [{"kind": "constructor"}, {"kind": "to_string"}]},
        ),
        _case(
            "lists in lists",
            "However the lists are nested, each entry is looked into.",
            {"items": [[{"kind": "bool"}], "bool", [[{"kind": "bool"}]]]},
            [YES_NO],
            {"items": [[{"kind": "yes_no"}], "bool", [[{"kind": "yes_no"}]]]},
        ),
        _case(
            "no list at all",
            "What is not as expected stays for the check.",
            {"items": "bool"},
            [YES_NO],
            {"items": "bool"},
        ),
    ]


def _together() -> list[Case]:
    return [
        _case("no steps", "Today's words are left as they are.", {"kind": "bool"}, [], {"kind": "bool"}),
        _case(
            "one after the other",
            "A step sees what the one before made.",
            {"a": "x", "b": "y"},
            [Rename("a", "c"), Rename("b", "a"), Translate("a", {"y": "z"}), Fill("b", False), Drop("c")],
            {"a": "z", "b": False},
        ),
    ]
