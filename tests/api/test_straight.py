"""Routes without the framework's dependencies stand behind the same door as all others."""

import pytest
from fastapi import APIRouter, Request, Response

from api.straight import Straight


async def greedy(request: Request, more: int) -> Response:
    """Wants what nobody would give it."""
    raise AssertionError(more)


def test_an_endpoint_that_takes_more_than_a_request_is_refused_when_the_application_is_made() -> None:
    with pytest.raises(TypeError, match="greedy takes more than a request"):
        APIRouter(route_class=Straight).add_api_route("/greedy", greedy)
