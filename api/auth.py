"""Who is speaking: the principal of a request, from its bearer token."""

from http import HTTPStatus
from typing import Final

from fastapi import Request

from api.problem import Problem, unauthorized
from api.services import Services
from commands.authority import Principal

TOKEN_LENGTH_MAX: Final = 4_096
REMEMBERED_MS: Final = 5_000
REMEMBERED_MAX: Final = 10_000


def services_of(request: Request) -> Services:
    """The ports that the application was given."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


class Remembered:
    """Principals of the last seconds, so that a device that sends page after page is looked up once.

    A token that is revoked works for at most REMEMBERED_MS more; unknown tokens are never remembered.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Principal]] = {}

    def get(self, token: str, now_ms: int) -> Principal | None:
        """Whom the token spoke for a moment ago."""
        looked_up_ms, principal = self._known.get(token, (0, None))
        return principal if abs(now_ms - looked_up_ms) < REMEMBERED_MS else None

    def put(self, token: str, now_ms: int, principal: Principal) -> None:
        """Remember what was looked up; when there are too many, all are forgotten, which costs one look-up each."""
        if len(self._known) >= REMEMBERED_MAX:
            self._known = {}
        self._known[token] = (now_ms, principal)


def principal_of(request: Request) -> Principal:
    """The principal of a request; raises Problem 401."""
    remembered = remembered_principal(request)
    if remembered is not None:
        return remembered
    token, services = bearer_token(request), services_of(request)
    now_ms = services.now_ms()
    principal = services.accounts.principal(token, now_ms=now_ms) if len(token) <= TOKEN_LENGTH_MAX else None
    if principal is None:
        raise unauthorized("This bearer token is unknown, has expired, or its person has left.")
    _remembered(request).put(token, now_ms, principal)
    return principal


def remembered_principal(request: Request) -> Principal | None:
    """The principal, if that was looked up a moment ago: never waits. Raises Problem 401 where there is no token."""
    return _remembered(request).get(bearer_token(request), services_of(request).now_ms())


def _remembered(request: Request) -> Remembered:
    remembered = request.app.state.remembered
    assert isinstance(remembered, Remembered)
    return remembered


def bearer_token(request: Request) -> str:
    """The token that a request carries; raises Problem 401 where it carries none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("This request carries no bearer token.")
    return token.strip()


def forbidden(detail: str, hint: str) -> Problem:
    """Somebody we know, who may not do this."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, hint=hint)
