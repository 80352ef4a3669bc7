"""Every way to say no over HTTP, as problem+json (RFC 9457), mapped in this one place."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.policy import POLICY
from api.problem_types import PROBLEM_TYPES, TYPES, title_of
from sync.log import Conflicting, LogUnavailable, TenantUnknown

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
RETRY_SPREAD_S: Final = 8
"""So much longer at most, each by chance: those who were refused together do not come back together."""

_log = logging.getLogger("cairnfield.api")


class Problem(Exception):
    """A request that is not done, and what its sender can do about it.

    `kind` ends the type's URL and is declared in `api.problem_types` with this status (LookupError where it is not),
    `hint` says what to do next, `retryable` whether the same request may pass later.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        hint: str,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        if kind not in PROBLEM_TYPES or PROBLEM_TYPES[kind].status != status:
            raise LookupError(f"the problem {kind} with status {status} has no row in api/problem_types.py")
        self.status, self.kind, self.detail, self.hint = status, kind, detail, hint
        self.retryable, self.headers, self.members = retryable, dict(headers or {}), members

    def response(self, request: Request) -> Response:
        """The problem as it is sent."""
        document = {
            "type": TYPES + self.kind,
            "title": title_of(self.kind),
            "status": self.status.value,
            "detail": self.detail,
            "code": self.kind.replace("-", "_"),
            "hint": self.hint,
            "retryable": self.retryable,
            "request_id": request_id(request),
            **self.members,
        }
        return Response(orjson.dumps(document), self.status, self._spread_headers(), MEDIA_TYPE)

    def _spread_headers(self) -> Mapping[str, str]:
        if self.status != HTTPStatus.SERVICE_UNAVAILABLE or "Retry-After" not in self.headers:
            return self.headers
        seconds = int(self.headers["Retry-After"]) + secrets.randbelow(RETRY_SPREAD_S + 1)
        return {**self.headers, "Retry-After": str(seconds)}


def request_id(request: Request) -> str:
    """The name of this request in answers and logs."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = secrets.token_hex(8)
    return str(request.state.request_id)


def unauthorized(detail: str) -> Problem:
    """No token, or one that is not good."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        detail,
        hint="Send the header `Authorization: Bearer <token>`; `cairn up` prints the demo's tokens.",
        headers={"WWW-Authenticate": 'Bearer realm="cairnfield"'},
    )


def answer_problems(app: FastAPI) -> None:
    """Let every failure of every route be answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(LogUnavailable, _unavailable)
    app.add_exception_handler(TenantUnknown, _no_tenant)
    app.add_exception_handler(Conflicting, _conflicting)
    app.add_exception_handler(ClientDisconnect, _gone)

    app.add_exception_handler(Exception, _bug)


async def _bug(request: Request, error: Exception) -> Response:
    """The sender gets a name to quote, the log gets the rest; no payload goes to either."""
    _log.error("request %s failed: %s %s", request_id(request), request.method, request.url.path, exc_info=error)
    hint = "It is our fault. Send it again later, and quote the request_id when you report it."
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(status, "internal-error", "Something broke here.", hint=hint, retryable=True).response(request)


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response(request)


_HINTS: Final = {
    HTTPStatus.NOT_FOUND: "GET /openapi.json lists every path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The Allow header names the methods of this path.",
}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    if kind not in PROBLEM_TYPES:
        status, kind = HTTPStatus.BAD_REQUEST, "bad-request"
    hint = _HINTS.get(status, "GET /openapi.json lists every path.")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    headers = _allow(request) if status is HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return Problem(status, kind, detail, hint=hint, headers=headers).response(request)


def _allow(request: Request) -> dict[str, str]:
    """Every method of the path: the framework knows only that of the first route which has it."""
    path = request.scope["route"].path
    return {"Allow": ", ".join(sorted(method for method, each in POLICY if each == path))}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"pointer": _pointer(each["loc"]), "detail": each["msg"]} for each in error.errors()]
    told = "; ".join(f"{each['pointer']}: {each['detail']}" for each in faults[:3])
    hint = "Correct what `errors` names and send it again."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", told, hint=hint, errors=faults[:50]).response(
        request
    )


def _pointer(place: Any) -> str:
    return "/" + "/".join(str(each) for each in place)


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.warning("request %s: the log is unavailable: %s", request_id(request), error)
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "log-unavailable",
        "The log cannot be reached or cannot store now.",
        hint="Keep what you have and send the same request again: what was stored after all is known by its id.",
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    ).response(request)


async def _conflicting(request: Request, error: Exception) -> Response:
    _log.warning("request %s: written at the same time: %s", request_id(request), error)
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "written-meanwhile",
        "Something that must be unique was written by somebody else meanwhile. Nothing of this request was stored.",
        hint="Send the same request again; it will be judged by what is there now.",
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    ).response(request)


async def _gone(request: Request, error: Exception) -> Response:
    """Whoever spoke went away in the middle of the body: there is nobody to answer, and nothing of ours is broken."""
    del request, error
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _no_tenant(request: Request, error: Exception) -> Response:
    return unauthorized(f"The tenant of this token is not here: {error}").response(request)
