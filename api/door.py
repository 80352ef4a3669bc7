"""The door itself, around everything: what every answer carries, to whom pages of other sites are open, which version.

One pass over the request's headers and one over the answer's; nothing is buffered, so streams stay streams.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request

from api.answer_headers import HEADERS
from api.pacing import STATE, rate_headers
from api.problem import Problem
from api.terms import Terms
from api.versions import HEADER

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

RETIRED: Final = "cairnfield_retired"
"""Where a request keeps that its client's version is no longer read to."""
FAREWELL: Final = "cairnfield_farewell"
"""Where a request keeps the headers that say that its route will go."""
PREFLIGHT_S: Final = 600

CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types cairnfield"
)
EVERY_ANSWER: Final[Headers] = [
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(self), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
]
"""Unless the answer says otherwise itself: keys that verify tokens may be kept for a while."""
OVER_TLS: Final[Headers] = [(b"strict-transport-security", b"max-age=31536000; includeSubDomains")]

_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_MAY_SEND: Final = (
    b"authorization, cairnfield-version, content-encoding, content-type, dpop, idempotency-key, if-match, "
    b"if-none-match, last-event-id, prefer"
)
_MAY_READ: Final = ", ".join(
    sorted(
        {name.lower() for name in HEADERS}
        | {
            "cairnfield-next",
            "cairnfield-position",
            "content-disposition",
            "dpop-nonce",
            "idempotency-replayed",
            "link",
            "upgrade",
        }
    )
).encode()
_VARY: Final = (b"vary", b"origin")


class _Adds(NamedTuple):
    """What is added to an answer, and what of it the answer may have said itself."""

    headers: Headers
    names: frozenset[bytes]


class Door:
    """Around the whole application, also around the answer to a fault of ours."""

    def __init__(self, app: App, terms: Terms) -> None:
        self._app, self._terms = app, terms
        self._versions, self._newest = frozenset(terms.versions.served), terms.versions.newest
        self._spoken_of = frozenset({*self._versions, *terms.versions.retired, *terms.versions.farewells})
        self._adds: dict[tuple[bool, bytes, str], _Adds] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin, asked, is_preflight = _told(scope["headers"])
        state: dict[str, Any] = scope.setdefault("state", {})
        version = self._newest if asked is None else asked
        adds = self._to_add(scope, origin, version)

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(message, adds, state)
            await send(message)

        if is_preflight and scope["method"] == "OPTIONS" and origin.decode("latin-1") in self._terms.origins:
            await _let_ask(send_with)
        elif version in self._versions:
            await self._app(scope, receive, send_with)
        elif version in self._terms.versions.retired:
            state[RETIRED] = version
            await self._app(scope, receive, send_with)
        else:
            await self._unknown(version).response(Request(scope))(scope, receive, send_with)

    def _to_add(self, scope: Any, origin: bytes, version: str) -> _Adds:
        """What is added to the answer: put together once for each of the few cases that there are."""
        is_welcome = bool(origin) and origin.decode("latin-1") in self._terms.origins
        spoken_of = version if version in self._spoken_of else ""
        case = (scope.get("scheme") == "https", origin if is_welcome else b"", spoken_of)
        adds = self._adds.get(case)
        if adds is None:
            headers = self._headers(*case)
            adds = self._adds[case] = _Adds(headers, frozenset(name for name, _ in headers))
        return adds

    def _headers(self, is_over_tls: bool, origin: bytes, version: str) -> Headers:
        is_served = version in self._versions
        adds = [*EVERY_ANSWER, (b"cairnfield-version", (version if is_served else self._newest).encode())]
        if is_over_tls:
            adds += OVER_TLS
        if self._terms.origins:
            adds.append(_VARY)
        if origin:
            adds += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-expose-headers", _MAY_READ),
            ]
        farewell = self._terms.versions.farewells.get(version)
        return adds if farewell is None else adds + farewell.headers()

    def _unknown(self, version: str) -> Problem:
        served = ", ".join(self._terms.versions.served)
        return Problem(
            HTTPStatus.BAD_REQUEST,
            "version-unknown",
            f"{HEADER} {version[:40]!r} is none of ours: {served}.",
            hint=f"Leave {HEADER} out for the newest, or name one of these.",
            versions=list(self._terms.versions.served),
        )


class Behind(FastAPI):
    """An application whose every answer, also to a fault of ours, passes the door."""

    def build_middleware_stack(self) -> Any:
        """The door is the outermost: the framework answers faults outside of all that is added to it later."""
        return Door(super().build_middleware_stack(), self.state.terms)


def _told(headers: Headers) -> tuple[bytes, str | None, bool]:
    """Origin, version where one is named, and whether a browser asks what it may ask."""
    origin, version, is_preflight = b"", None, False
    for name, value in headers:
        if name == b"origin":
            origin = value
        elif name == b"cairnfield-version":
            version = value.decode("latin-1")
        elif name == b"access-control-request-method":
            is_preflight = True
    return origin, version, is_preflight


def _complete(message: Message, adds: _Adds, state: dict[str, Any]) -> None:
    """Add what the answer does not say itself."""
    headers: Headers = list(message.get("headers", ()))
    said = [name for name, _ in headers]
    if adds.names.isdisjoint(said):
        headers += adds.headers
    else:
        headers += [each for each in adds.headers if each[0] not in said or each is _VARY]
    taken = state.get(STATE)
    if taken:
        headers += rate_headers(taken)
    headers += state.get(FAREWELL, ())
    message["headers"] = headers


async def _let_ask(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _MAY_SEND),
        (b"access-control-max-age", b"%d" % PREFLIGHT_S),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT.value, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
