"""Routes that are asked thousands of times a second: straight to the endpoint, without the framework's dependencies.

Solving what an endpoint depends on costs the framework a tenth of a millisecond for each request, as much as all that
is done for one event. An endpoint of such a route takes the request, and asks for the rest itself.
"""

from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.admission import admit


class Straight(APIRoute):
    """A route whose endpoint takes the request and nothing else; it is admitted like every other."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the door; raises TypeError where it takes more than a request."""
        endpoint = self.endpoint
        if [each.annotation for each in signature(endpoint, eval_str=True).parameters.values()] != [Request]:
            raise TypeError(f"{endpoint.__name__} takes more than a request, and would not be given it")

        async def straight(request: Request) -> Response:
            await admit(request)
            answer: Response = await endpoint(request)
            return answer

        return straight
