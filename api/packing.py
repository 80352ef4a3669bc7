"""Answers packed with gzip for whoever accepts that; small ones are not worth it."""

import gzip
import re
from typing import Final

from fastapi import Request, Response

WORTH_PACKING_BYTES: Final = 1_024
LEVEL: Final = 1
"""Frames repeat themselves: level 1 leaves a quarter of them, and every higher one costs more than it saves."""
_GZIP: Final = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?P<weight>[0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)


def packed(request: Request, body: bytes, media_type: str) -> Response:
    """The answer with this body, packed if that was asked for."""
    headers = {"Vary": "Accept-Encoding"}
    if len(body) >= WORTH_PACKING_BYTES and accepts_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=media_type)


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header lets us pack (RFC 9110, 12.5.3); a weight of 0 says no."""
    return any(not _is_zero(found["weight"]) for found in _GZIP.finditer(accepted))


def _is_zero(weight: str | None) -> bool:
    return weight is not None and not weight.strip("0.")
