"""Routes that are asked thousands of times a second: straight to the endpoint, without the framework's dependencies.

Solving what an endpoint depends on costs the framework a tenth of a millisecond for each request, as much as all that
is done for one event. An endpoint of such a route takes the request, and asks for the rest itself.
"""

from collections.abc import Callable, Coroutine, Iterable
from inspect import signature
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

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


class StraightOnes(BaseRoute):
    """All straight routes whose paths name nothing, found by method and path instead of trying one after the other."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, Straight) and not route.param_convertors
            for method in route.methods or ()
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether one of them answers this; what does not is looked for among all."""
        route = self._routes.get((scope.get("method", ""), scope["path"])) if scope["type"] == "http" else None
        if route is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": route.endpoint, "path_params": {}, "route": route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what matched."""
        await scope["route"].handle(scope, receive, send)


def put_first(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """Look among the straight ones of these routes before all others are tried."""
    app.router.routes.insert(0, StraightOnes(routes))
