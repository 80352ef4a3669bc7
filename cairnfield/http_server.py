"""The HTTP server around the application: it says when it is ready, and lets live streams end when it stops."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from api.app import end_streams
from cairnfield.patience import Patience, WatchedConnection

REQUEST_GRACE_S: Final = 5
"""How long a request that is under way may take to end when we stop."""


_TICKS_A_SECOND: Final = 10


class _Server(uvicorn.Server):
    def __init__(
        self, app: FastAPI, config: uvicorn.Config, when_ready: Callable[[], None], patience: Patience
    ) -> None:
        super().__init__(config)
        self._app, self._when_ready, self._patience = app, when_ready, patience

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for each in list(self.server_state.connections):
                if isinstance(each, WatchedConnection):
                    each.check(now, self._patience)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._app)  # they would go on for ever, and the server would wait for them
        await super().shutdown(sockets)


def http_server(
    app: FastAPI,
    when_ready: Callable[[], None],
    *,
    patience: Patience | None = None,
    trusted_proxies: Sequence[str] = (),
    **options: Any,
) -> uvicorn.Server:
    """A server for the application; `when_ready` is called when the first request would be answered.

    `patience`: how long connections may take, where that is not the usual; `trusted_proxies`: the addresses that are
    believed when they say for whom they ask; `options` are those of uvicorn.
    """
    patient = patience or Patience()
    config = uvicorn.Config(
        app,
        http=WatchedConnection,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=patient.idle_s,
        timeout_graceful_shutdown=REQUEST_GRACE_S,
        **options,
    )
    return _Server(app, config, when_ready, patient)
