"""Routes without the framework's dependencies stand behind the same door as all others."""

from typing import Any, Final

import pytest
from fastapi import APIRouter, Request, Response
from starlette.routing import Match

from api.straight import Straight, StraightOnes

PUSH: Final[dict[str, Any]] = {"type": "http", "method": "POST", "path": "/push"}


async def taken(request: Request) -> Response:
    """Takes a request and nothing else."""
    raise AssertionError(request)


async def greedy(request: Request, more: int) -> Response:
    """Wants what nobody would give it."""
    raise AssertionError(more)


def test_an_endpoint_that_takes_more_than_a_request_is_refused_when_the_application_is_made() -> None:
    with pytest.raises(TypeError, match="greedy takes more than a request"):
        APIRouter(route_class=Straight).add_api_route("/greedy", greedy)


def test_what_a_straight_route_answers_is_found_and_everything_else_is_left_to_the_others() -> None:
    router, usual = APIRouter(route_class=Straight), APIRouter()
    router.add_api_route("/push", taken, methods=["POST"])
    router.add_api_route("/of/{what}", taken, methods=["POST"])
    usual.add_api_route("/usual", taken, methods=["POST"])
    found = StraightOnes([*router.routes, *usual.routes])
    match, told = found.matches(PUSH)
    assert (match, told["route"], told["path_params"]) == (Match.FULL, router.routes[0], {})
    for other in ({"method": "GET"}, {"path": "/push/"}, {"path": "/of/x"}, {"path": "/usual"}, {"type": "websocket"}):
        assert found.matches(PUSH | other) == (Match.NONE, {}), other
    assert found.matches({"type": "websocket", "path": "/push"}) == (Match.NONE, {})  # which has no method
