"""What the pages on security and on faults say is shown, is shown: every row names tests of its id that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = {
    ROOT / "docs" / "explanation" / "security.md": {"B": 18, "C": 12, "D": 14, "E": 8, "F": 8},
    ROOT / "docs" / "explanation" / "faults.md": {"A": 14, "G": 23},
}
"""How many ways there are in which something goes wrong, by page and group."""
GROUPS: Final = {group: many for groups in PAGES.values() for group, many in groups.items()}
IDS: Final = [f"{group}{number}" for group, many in GROUPS.items() for number in range(1, many + 1)]
_ROW: Final = re.compile(r"^\| ([A-Z]\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_NAMED: Final = re.compile(r"_([a-z])(\d+)(?:_to_[a-z](\d+))?(?=_)")
_SELDOM: Final = {"D14": "test_a1_the_replica_of_a_device_is_spoken_for_by_that_device_alone",
                  "C11": "test_d9_who_has_left_or_has_another_role_is_refused_within_seconds"}  # fmt: skip
"""Tests of another id that show this one too."""


def rows() -> dict[str, tuple[str, str]]:
    """What would go wrong, and what is said of it, by id."""
    return {id_: (wrong.strip(), said.strip()) for page in PAGES for id_, wrong, said in _ROW.findall(page.read_text())}


def every_test() -> Iterator[str]:
    """The name of every test there is."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


def ids_of(test: str) -> set[str]:
    """The ids that a test carries in its name, such as `test_b3_to_b11_...`."""
    return {
        f"{group.upper()}{number}"
        for group, first, last in _NAMED.findall(test)
        for number in range(int(first), int(last or first) + 1)
    }


def test_every_way_in_which_something_goes_wrong_has_a_row() -> None:
    for page, groups in PAGES.items():
        named = [id_ for id_, _, _ in _ROW.findall(page.read_text())]
        assert named == [id_ for id_ in IDS if id_[0] in groups]


@pytest.mark.parametrize("id_", IDS)
def test_a_row_names_tests_of_its_id_or_says_what_is_not_built(id_: str) -> None:
    _, said = rows()[id_]
    shown = re.findall(r"`(test_\w+)`", said)
    assert shown or said.startswith("not built: "), said
    for test in shown:
        assert id_ in ids_of(test) or _SELDOM.get(id_) == test, f"{test} says nothing of {id_}"


def test_every_test_that_a_row_names_is_there() -> None:
    there = set(every_test())
    named = {test for _, said in rows().values() for test in re.findall(r"`(test_\w+)`", said)}
    assert len(named) > 120
    assert named - there == set()


def test_no_test_carries_an_id_that_has_no_row() -> None:
    carried = {id_ for test in every_test() for id_ in ids_of(test) if id_[0] in GROUPS}
    assert carried <= set(IDS)
