"""The headers of requests and answers that every operation has, for the description of the API."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from api.versions import HEADER, VERSIONS


def _header(about: str, pattern: str, example: str, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"description": about, "required": required, "schema": schema, "example": example}


HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    HEADER: _header("The dated version that this is.", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", VERSIONS.newest, required=True),
    "Deprecation": _header("Since when this is known to go (RFC 9745).", "^@[0-9]+$", "@1793491200"),
    "Sunset": _header("When it will be gone (RFC 8594).", "GMT$", "Sun, 01 Nov 2026 00:00:00 GMT"),
    "RateLimit-Policy": _header("What is given to whom.", '^"', '"person";q=12000;w=60'),
    "RateLimit": _header("What is left, and in how many seconds it is whole again.", '^"', '"person";r=11999;t=1'),
    "Retry-After": _header("Seconds until it is worth asking again.", "^[0-9]+$", "4", required=True),
    "WWW-Authenticate": _header("How to say who asks.", "^(Bearer|DPoP)", 'Bearer realm="cairnfield"'),
    "ETag": _header("The version, to be sent back as `If-Match`.", '^"[0-9]+"$', '"3"', required=True),
    "Preference-Applied": _header("Which preference was heeded (RFC 7240).", "^return=", "return=total-count"),
    "Location": _header("Where it is read.", "^/v1/", "/v1/entities/customer/018f3c1e-7a00-7000-8000-0000000000a1"),
}
"""By name."""


def _refer(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


EVERY_ANSWER: Final = _refer(HEADER, "Deprecation", "Sunset", "RateLimit-Policy", "RateLimit")
OF_STATUS: Final[Mapping[HTTPStatus, dict[str, Any]]] = {
    HTTPStatus.TOO_MANY_REQUESTS: _refer("Retry-After"),
    HTTPStatus.UNAUTHORIZED: _refer("WWW-Authenticate"),
}


def headers_of(tags: Sequence[str], status: HTTPStatus) -> dict[str, Any]:
    """What stands at the head of an answer where the operation succeeds."""
    told = EVERY_ANSWER if "commands" not in tags else EVERY_ANSWER | _refer("ETag")
    if "views" in tags:
        told = told | _refer("Preference-Applied")
    return told | _refer("Location") if "commands" in tags and status == HTTPStatus.CREATED else told


def version_parameter() -> dict[str, Any]:
    """The header by which a client asks for a dated version."""
    return {
        "name": HEADER,
        "in": "header",
        "required": False,
        "description": "The dated version that the client was written for; the newest where it is left out.",
        "schema": {"type": "string", "enum": list(VERSIONS.served)},
        "example": VERSIONS.newest,
    }
