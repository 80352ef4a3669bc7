"""Every lesson that others paid for names the tests that hold us to it, and they are there."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.test_thought_of import every_test

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "lessons.md"
LESSONS: Final = 15
_ROW: Final = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def rows() -> list[tuple[int, str]]:
    return [(int(number), held_by) for number, _, _, held_by in _ROW.findall(PAGE.read_text())]


def test_every_lesson_has_a_row() -> None:
    assert [number for number, _ in rows()] == list(range(1, LESSONS + 1))


@pytest.mark.parametrize("number", range(1, LESSONS + 1))
def test_a_lesson_names_tests_that_are_there(number: int) -> None:
    named = re.findall(r"`(\w+)`", dict(rows())[number])
    assert len(named) > 1
    assert set(named) - set(every_test()) == set()
