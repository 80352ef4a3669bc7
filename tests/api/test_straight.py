"""Routes without the framework's dependencies stand behind the same door as all others."""

import asyncio
from typing import Any, Final

import pytest
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from api.straight import Straight, StraightFirst

PUSH: Final[dict[str, Any]] = {"type": "http", "method": "POST", "path": "/push"}


async def taken(request: Request) -> Response:
    """Takes a request and nothing else."""
    raise AssertionError(request)


async def never(*_: Any) -> Any:
    raise AssertionError


async def greedy(request: Request, more: int) -> Response:
    """Wants what nobody would give it."""
    raise AssertionError(more)


def test_an_endpoint_that_takes_more_than_a_request_is_refused_when_the_application_is_made() -> None:
    with pytest.raises(TypeError, match="greedy takes more than a request"):
        APIRouter(route_class=Straight).add_api_route("/greedy", greedy)


def test_what_a_straight_route_answers_is_found_and_everything_else_is_left_to_the_router() -> None:
    left, router, usual = list[Any](), APIRouter(route_class=Straight), APIRouter()

    async def otherwise(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        left.append(scope)

    router.add_api_route("/push", taken, methods=["POST"])
    router.add_api_route("/of/{what}", taken, methods=["POST"])
    usual.add_api_route("/usual", taken, methods=["POST"])
    app = StraightFirst([*router.routes, *usual.routes], otherwise)

    def ask(scope: dict[str, Any]) -> None:
        asyncio.run(app(scope, never, never))

    with pytest.raises(KeyError, match="/push"):  # it is admitted like every other, and has no row in the policy
        ask({**PUSH})
    others = [PUSH | each for each in ({"method": "GET"}, {"path": "/push/"}, {"path": "/of/x"}, {"path": "/usual"})]
    others.append({"type": "websocket", "path": "/push"})  # which has no method
    for other in others:
        ask(other)
    assert left == others
