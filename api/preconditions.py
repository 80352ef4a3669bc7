"""Entity tags as requests name them (RFC 9110, 8.8.3 and 13.1.1): read strictly, as a typing error is no version."""

import re
from typing import Annotated, Any, Final

from fastapi import Header
from fastapi.exceptions import RequestValidationError
from pydantic import WithJsonSchema

_TAG: Final = r'(W/)?"[!\x23-\x7e]*"'
_TAGS: Final = rf"{_TAG}( *, *{_TAG})*"
PATTERN: Final = rf"^(\*|{_TAGS})$"
ABOUT: Final = "The `ETag` of what this was decided on; `*` says that any version will do."
SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "const": "*"}, {"type": "string", "pattern": f"^{_TAGS}$"}],
    "examples": ["*"],
}
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=PATTERN, description=ABOUT), WithJsonSchema(SCHEMA)]

_FITS: Final = re.compile(PATTERN)
_VERSION: Final = re.compile(r'(?<!/)"([0-9]{1,15})"')


def versions_in(told: str | None) -> frozenset[int] | None:
    """The versions that a request was decided on, None where any will do; a tag that is none of ours is no version.

    Raises RequestValidationError where it is no list of tags.
    """
    if told is None or told == "*":
        return None
    if not _FITS.fullmatch(told):
        wrong = "this is neither `*` nor a list of entity tags in double quotes"
        raise RequestValidationError([{"type": "if_match", "loc": ("header", "If-Match"), "msg": wrong}])
    return frozenset(int(each) for each in _VERSION.findall(told))
