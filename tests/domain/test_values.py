"""What is told of values, to those who read schemas, is what is checked."""

import re
import sys
from datetime import date, datetime
from itertools import product
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from domain.values import NOT_BLANK, Calendar, Date, Instant
from sync.payload import exists_in_the_calendar

YEARS = (*range(420), *range(1_580, 2_420), 9_996, 9_999)


def expression(hint: Any) -> re.Pattern[str]:
    return re.compile(next(mark.expression for mark in hint.__metadata__ if isinstance(mark, Calendar)))


def exists(text: str) -> bool:
    try:
        return bool(exists_in_the_calendar(text))
    except ValueError:
        return False


def test_the_expression_of_a_day_is_the_calendar() -> None:
    fits = expression(Date)
    days = (f"{year:04}-{month:02}-{day:02}" for year, month, day in product(YEARS, range(14), range(33)))
    wrong = [text for text in days if (fits.search(text) is not None) != exists(text)]
    assert wrong == []


@pytest.mark.parametrize("text", ["2024-02-29T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_a_moment_that_exists_fits(text: str) -> None:
    assert expression(Instant).search(text)
    assert datetime.fromisoformat(text).date() <= date.max


@pytest.mark.parametrize(
    "text", ["2023-02-29T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "2024-02-29T24:00:00.000Z", "2024-02-29"]
)
def test_a_moment_that_does_not_exist_does_not(text: str) -> None:
    assert not expression(Instant).search(text)


def test_a_text_with_nothing_to_be_seen_in_it_is_blank_in_every_language() -> None:
    white = {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()} | {"\ufeff"}  # ECMA-262 adds that
    in_rust = TypeAdapter[str](Annotated[str, Field(pattern=NOT_BLANK)])
    for space in sorted(white):
        assert re.search(NOT_BLANK, space) is None, hex(ord(space))
        with pytest.raises(ValidationError):
            in_rust.validate_python(space * 2)
        assert re.search(NOT_BLANK, f"{space}x")
        assert in_rust.validate_python(f"x{space}")
    for text in ("", "\x00", "x\x00"):
        assert re.search(NOT_BLANK, text) is None
