"""A server with parts of the door left out: `python -m bench.door_parts DSN DATA TENANT PERSON [part...]`.

What is left out is replaced before the routes are imported, here and nowhere in the program itself. Nothing works
behind the answers.
"""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request

from commands.authority import Principal
from infra.settings import from_environment

PARTS: Final = ("token", "policy", "limits", "headers")
"""Who speaks, whether they may ask, how much they may, and what every answer carries; row-level security is apart."""


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


def main() -> None:
    """Serve until a signal, and print the port when the first request would be answered."""
    dsn, data, tenant, person, *parts = sys.argv[1:]
    leave_out(set(parts), Principal(tenant=tenant, person=person, name="Bench", role="supervisor"))
    wiring, serving = (importlib.import_module(f"cairnfield.{name}") for name in ("wiring", "http_server"))
    environment = {"CAIRN_DATA": data, "CAIRN_RATE_LIMITS": "off" if "limits" in parts else ""}
    app = wiring.build_app(dsn, from_environment(environment, home=Path(data)))
    # Webhooks, projections and checkpoints are alike for all, and would work here once for each of them.
    app.router.on_startup.clear()
    app.router.on_shutdown.clear()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as `cairn up` does
    sys.setswitchinterval(0.001)

    def when_ready() -> None:
        os.write(1, b"%d\n" % server.servers[0].sockets[0].getsockname()[1])

    server = serving.http_server(app, when_ready, port=0, ws="none")
    server.run()


if __name__ == "__main__":
    main()
