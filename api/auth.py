"""Who is speaking: the principal of a request, from its bearer token."""

from http import HTTPStatus

from fastapi import Request

from api.problem import Problem, unauthorized
from api.services import Services
from commands.authority import Principal

TOKEN_LENGTH_MAX = 4_096


def services_of(request: Request) -> Services:
    """The ports that the application was given."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def principal_of(request: Request) -> Principal:
    """The principal of a request; raises Problem 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("This request carries no bearer token.")
    services = services_of(request)
    principal = None
    if len(token) <= TOKEN_LENGTH_MAX:
        principal = services.accounts.principal(token.strip(), now_ms=services.now_ms())
    if principal is None:
        raise unauthorized("This bearer token is unknown, has expired, or its person has left.")
    return principal


def forbidden(detail: str, hint: str) -> Problem:
    """Somebody we know, who may not do this."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, hint=hint)
