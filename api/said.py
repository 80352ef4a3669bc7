"""What a JSON body says, read as JSON Schema reads it: 3.0 is the whole number 3, and nothing else is converted."""

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

_Said = TypeVar("_Said")


def said_in(body: bytes, check: Callable[[Any], _Said]) -> _Said:
    """What a body says, as `check` makes of it; raises RequestValidationError where it is no JSON or is refused."""
    try:
        return check(_read(body))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None


def _read(body: bytes) -> Any:
    try:
        said = json.loads(body, parse_float=_number, parse_constant=_no_number)
        if b"\\u" in body:  # by no other spelling does half a surrogate pair come in, which no database takes
            json.dumps(said, ensure_ascii=False).encode()
        return said
    except (ValueError, RecursionError) as why:
        told = f"Invalid JSON: {why}" if isinstance(why, ValueError) else "Invalid JSON: nested too deeply"
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": told}]) from None


def _number(spelled: str) -> int | float:
    number = float(spelled)
    return int(number) if number.is_integer() else number


def _no_number(spelled: str) -> NoReturn:
    raise ValueError(f"{spelled} is no number of JSON")
