"""Routes that are asked thousands of times a second: straight to the endpoint, without the framework's dependencies.

Solving what an endpoint depends on costs the framework a tenth of a millisecond for each request, as much as all that
is done for one event. An endpoint of such a route takes the request, and asks for the rest itself.
"""

from collections.abc import Callable, Coroutine, Iterable
from inspect import signature
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.admission import admit


class Straight(APIRoute):
    """A route whose endpoint takes the request and nothing else; it is admitted like every other."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is this route's, without the frame that the framework puts around each.

        It would close what dependencies have opened, and look for the answer to what goes wrong; nothing is opened
        here, and the application looks again anyway.
        """
        response = await self._straight(Request(scope, receive, send))
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the door; raises TypeError where it takes more than a request."""
        endpoint = self.endpoint
        if [each.annotation for each in signature(endpoint, eval_str=True).parameters.values()] != [Request]:
            raise TypeError(f"{endpoint.__name__} takes more than a request, and would not be given it")

        async def straight(request: Request) -> Response:
            await admit(request)
            answer: Response = await endpoint(request)
            return answer

        self._straight = straight
        return straight


class StraightFirst:
    """In front of a router: straight routes whose paths name nothing are found by method and path, instead of trying
    one route after the other; everything else is left to the router."""

    def __init__(self, routes: Iterable[BaseRoute], otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, Straight) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._otherwise(scope, receive, send)
            return
        scope.update({"endpoint": route.endpoint, "path_params": {}, "route": route})
        await route.answer(scope, receive, send)


def put_first(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """Look among the straight ones of these routes, which the application has too, before all are tried."""
    app.router.middleware_stack = StraightFirst(routes, app.router.middleware_stack)
