"""The HTTP server around the application: it says when it is ready, and lets live streams end when it stops."""

import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from api.app import end_streams

REQUEST_GRACE_S: Final = 5
"""How long a request that is under way may take to end when we stop."""


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._when_ready = app, when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._app)  # they would go on for ever, and the server would wait for them
        await super().shutdown(sockets)


def http_server(app: FastAPI, when_ready: Callable[[], None], **options: Any) -> uvicorn.Server:
    """A server for the application; `when_ready` is called when the first request would be answered.

    `options` are those of uvicorn.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=REQUEST_GRACE_S, **options
    )
    return _Server(app, config, when_ready)
