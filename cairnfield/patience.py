"""How long a connection may take: whoever sends a byte now and then holds no connection for ever (slow-loris).

A look around once a second instead of a timer for each request: twenty thousand quiet connections cost next to nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.door import EVERY_ANSWER
from api.problem_types import PROBLEM_TYPES, TYPES, title_of

HEADER_BYTES_MAX: Final = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """With whom we are how patient."""

    header_s: float = 10
    """From the first byte of a request, or from connecting, to the end of its headers."""
    body_grace_s: float = 20
    """Before anything is said of how slowly a body comes."""
    body_bytes_per_s: float = 250
    """Of a body on the whole way: a phone with one bar has ten times as much."""
    idle_s: int = 15
    """Between an answer and the next request on the same connection."""


class WatchedConnection(HttpToolsProtocol):
    """A connection that knows since when it waits for what."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_since: float | None = self.loop.time()
        self._header_bytes = 0
        self._body_since: float | None = None
        self._body_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self._body_since is None:
            if self._header_since is None:
                self._header_since = self.loop.time()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_since is not None and self._header_bytes > HEADER_BYTES_MAX:
            self._end("headers-too-large")

    def on_headers_complete(self) -> None:
        self._header_since, self._header_bytes = None, 0
        self._body_since, self._body_bytes = self.loop.time(), 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_since = None
        super().on_message_complete()

    def check(self, now: float, patience: Patience) -> None:
        """End the connection if it has taken too long."""
        since = self._header_since
        is_stuck = since is not None and now - since > patience.header_s
        if is_stuck or self._is_body_too_slow(now, patience):
            self._end("request-too-slow")

    def _is_body_too_slow(self, now: float, patience: Patience) -> bool:
        since = self._body_since
        if since is None:
            return False
        if self.flow.read_paused:  # it waits for us, not we for it
            self._body_since, self._body_bytes = now, 0
            return False
        took_s = now - since
        return took_s > patience.body_grace_s and self._body_bytes < took_s * patience.body_bytes_per_s

    def _end(self, kind: str) -> None:
        """Say why, where nothing was answered yet, and close."""
        self._header_since = self._body_since = None
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request, which its type does not say
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_answer(kind))
        self.transport.close()


def _answer(kind: str) -> bytes:
    declared = PROBLEM_TYPES[kind]
    body = orjson.dumps(
        {
            "type": TYPES + kind,
            "title": title_of(kind),
            "status": declared.status.value,
            "detail": f"{declared.when[:1].upper()}{declared.when[1:]}.",
            "code": kind.replace("-", "_"),
            "hint": declared.remedy,
            "retryable": kind == "request-too-slow",
        }
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *EVERY_ANSWER,
    ]
    lines = [b"HTTP/1.1 %d %s" % (declared.status.value, declared.status.phrase.encode())]
    lines += [b"%s: %s" % each for each in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
