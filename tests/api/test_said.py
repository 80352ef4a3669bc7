"""A JSON body is read as JSON Schema reads it, and nothing in it is converted otherwise."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, TypeAdapter

from api.said import said_in


class Counted(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: int


def count(body: bytes) -> int:
    return said_in(body, Counted.model_validate).count


@pytest.mark.parametrize("spelled", ["3", "3.0", "3e0", "0.3e1", "30E-1"])
def test_a_whole_number_is_one_in_every_spelling(spelled: str) -> None:
    assert count(b'{"count": %b}' % spelled.encode()) == 3


@pytest.mark.parametrize("spelled", ["3.5", '"3"', "true", "null", "[3]", "1e400", "-1e400"])
def test_nothing_else_is_made_a_whole_number(spelled: str) -> None:
    with pytest.raises(RequestValidationError):
        count(b'{"count": %b}' % spelled.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"count": NaN}',
        b'{"count": Infinity}',
        b"\xff",
        b"[" * 100_000,
        b'{"count": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(RequestValidationError):
        count(body)


def test_half_a_surrogate_pair_is_no_text() -> None:
    def check(said: Any) -> str:
        return TypeAdapter(str).validate_python(said, strict=True)

    assert said_in(rb'"\ud83d\ude00"', check) == "😀"
    with pytest.raises(RequestValidationError):
        said_in(rb'"\ud83d"', check)
