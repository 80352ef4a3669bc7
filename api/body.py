"""Reading a request's body: counted while it arrives, unpacked within bounds, refused before it fills the memory."""

import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel

from api.policy import SMALL_BODY_BYTES_MAX
from api.problem import Problem
from api.said import said_in
from sync.limits import DECOMPRESSION_RATIO_MAX, EVENT_BYTES_MAX, EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX

NDJSON: Final = "application/x-ndjson"
JSON_BODY_BYTES_MAX: Final = 2 * EVENT_BYTES_MAX
"""Of a body that holds what an event says, in whatever spelling."""
_Model = TypeVar("_Model", bound=BaseModel)
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


async def read_body(request: Request, *, bytes_max: int = PUSH_BYTES_MAX) -> bytes:
    """The body, unpacked if it is gzip; raises Problem as soon as a bound is passed."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-encoding",
            f"Content-Encoding {encoding!r} is not read here.",
            hint="Send the body as it is, or packed with gzip.",
            headers={"Accept-Encoding": "gzip"},
        )
    # As text, because int() refuses what some servers let through: ² is a digit to Python, and so are 5,000 nines.
    declared = request.headers.get("content-length", "0").lstrip("0")
    if declared.isdecimal() and (len(declared) > len(str(bytes_max)) or int(declared) > bytes_max):
        raise _too_large(bytes_max)
    return await (_gunzipped(request, bytes_max) if encoding == "gzip" else _plain(request, bytes_max))


def check_ndjson(request: Request) -> None:
    """Refuse a body that is said to be something else than one JSON document per line; raises Problem."""
    media_type = request.headers.get("content-type", NDJSON).partition(";")[0].strip().lower()
    if media_type != NDJSON:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            f"Events come as {NDJSON}, not as {media_type or 'nothing'}.",
            hint=f"Send Content-Type: {NDJSON} and one event per line.",
            headers={"Accept": NDJSON},
        )


def too_many_events(count: int) -> Problem:
    """The answer to a body with more events than are taken at once."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-many-events",
        f"{count} events in one push; at most {EVENTS_PER_PUSH_MAX} are taken.",
        hint="Send them in several pushes, in order.",
        events_max=EVENTS_PER_PUSH_MAX,
    )


def small(model: type[_Model], *, bytes_max: int = SMALL_BODY_BYTES_MAX) -> Callable[[Request], Awaitable[_Model]]:
    """A dependency that reads a small JSON body: FastAPI's own body parameter would read one of any size, and that
    before it asks who sends it. Raises Problem, or RequestValidationError."""

    async def read(request: Request) -> _Model:
        return said_in(await read_body(request, bytes_max=bytes_max), model.model_validate)

    return read


def told_in_openapi(model: type[BaseModel]) -> dict[str, Any]:
    """What the API reference says of a body that `small` reads."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


async def _plain(request: Request, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
    return bytes(body)


async def _gunzipped(request: Request, bytes_max: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    body, packed = bytearray(), 0
    async for chunk in request.stream():
        packed += len(chunk)
        try:
            body += unpacker.decompress(chunk, bytes_max + 1 - len(body))
        except zlib.error as fault:
            raise _not_gzip(str(fault)) from None
        if unpacker.unused_data:
            raise _not_gzip("it goes on after its end")
        # Packed bytes count too: empty blocks unpack to nothing, however many there are.
        if max(len(body), packed) > bytes_max:
            raise _too_large(bytes_max)
        if len(body) > DECOMPRESSION_RATIO_MAX * packed:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "packed-too-tightly",
                f"The body unpacks to more than {DECOMPRESSION_RATIO_MAX} times its size.",
                hint="Send it unpacked.",
            )
    if packed and not unpacker.eof:
        raise _not_gzip("it ends too early")
    return bytes(body)


def _not_gzip(why: str) -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST, "not-gzip", f"The body is not one gzip stream: {why}.", hint="Pack it again and resend."
    )


def _too_large(bytes_max: int) -> Problem:
    told = f"A body has at most {bytes_max} bytes here, counted unpacked."
    if bytes_max < PUSH_BYTES_MAX:
        hint = "Say less in one request; what this takes stands in GET /openapi.json."
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", told, hint=hint, bytes_max=bytes_max)
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        told,
        hint=f"Send the events in smaller batches, at most {EVENTS_PER_PUSH_MAX} at once.",
        bytes_max=bytes_max,
        events_max=EVENTS_PER_PUSH_MAX,
    )
