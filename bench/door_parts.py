"""Servers without parts of the door, all in one process: `python -m bench.door_parts DSN DATA TENANT PERSON PARTS...`.

`PARTS` are joined by commas, and each run of them is served at a port of its own. What is left out is replaced before
the routes are imported, here and nowhere in the program itself. Nothing works behind the answers.

Two processes of the same program differ, as long as they live, by more than the door costs, and so do two connections
to the database. What is compared shares both.
"""

import gc
import importlib
import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from commands.authority import Principal
from infra.postgres import pool
from infra.settings import from_environment

PARTS: Final = ("token", "policy", "limits", "headers")
"""Who speaks, whether they may ask, how much they may, and what every answer carries; row-level security is apart."""

_TAKEN_APART: Final = ("api", "cairnfield")
"""The packages that are imported anew for each application, so that it alone has something left out."""


class ByPort:
    """Several applications, each at its own port."""

    def __init__(self, apps: dict[int, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application at that port does; what concerns no port, the first one does."""
        app = self._apps[scope["server"][1]] if scope["type"] == "http" else next(iter(self._apps.values()))
        await app(scope, receive, send)


def leave_out(parts: set[str], somebody: Principal) -> None:
    """Replace these parts by nothing; what is not in the way of a request is left in."""

    def nobody_is_asked(request: Request) -> Principal:
        del request
        return somebody

    async def nobody_waits_to_be_asked(request: Request) -> Principal:
        return nobody_is_asked(request)

    async def all_may_ask(request: Request) -> None:
        del request

    assert parts <= set(PARTS)
    instead: dict[str, list[tuple[str, str, Any]]] = {
        "token": [
            ("api.auth", "principal_of", nobody_waits_to_be_asked),
            ("api.auth", "remembered_principal", nobody_is_asked),
        ],
        "policy": [("api.admission", "admit", all_may_ask)],
        "headers": [("api.door", "Behind", FastAPI)],
    }
    for module, name, nothing in [each for part in parts for each in instead.get(part, [])]:
        setattr(importlib.import_module(module), name, nothing)


def _app_without(parts: set[str], dsn: str, data: str, somebody: Principal) -> FastAPI:
    for name in [name for name in sys.modules if name.partition(".")[0] in _TAKEN_APART]:
        del sys.modules[name]
    leave_out(parts, somebody)
    wiring = importlib.import_module("cairnfield.wiring")
    environment = {"CAIRN_DATA": data, "CAIRN_RATE_LIMITS": "off" if "limits" in parts else ""}
    app: FastAPI = wiring.build_app(dsn, from_environment(environment, home=Path(data)))
    # Webhooks, projections and checkpoints are alike for all, and would work here once for each of them.
    app.router.on_startup.clear()
    app.router.on_shutdown.clear()
    return app


def main() -> None:
    """Serve until a signal, and print the ports when the first request would be answered."""
    dsn, data, tenant, person, *ways = sys.argv[1:]
    somebody = Principal(tenant=tenant, person=person, name="Bench", role="supervisor")
    pool.open_pool = cache(pool.open_pool)
    apps = [_app_without(set(filter(None, parts.split(","))), dsn, data, somebody) for parts in ways]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in apps]
    ports = [each.getsockname()[1] for each in sockets]
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as `cairn up` does
    sys.setswitchinterval(0.001)

    def when_ready() -> None:
        os.write(1, " ".join(map(str, ports)).encode() + b"\n")

    serving = importlib.import_module("cairnfield.http_server")
    server = serving.http_server(apps[-1], when_ready, ws="none")  # the one whose modules are here
    server.config.app = ByPort(dict(zip(ports, apps, strict=True)))
    server.run(sockets)


if __name__ == "__main__":
    main()
