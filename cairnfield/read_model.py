"""What people look at is kept up with the log, beside the requests: the thread that does it, and its connections."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from sync.doorbell import Doorbell


def follow(app: "FastAPI", dsn: str, doorbell: "Doorbell", now_ms: "Callable[[], int]") -> None:
    """Follow every log from when the application begins to answer until it stops.

    Over connections of its own, as the role that works through the logs of all tenants. Any number of processes may do
    so on one database: they share the tenants between them.
    """
    from contextlib import ExitStack

    from infra.postgres.pool import open_pool
    from infra.postgres.read_model.choosing import Chooser
    from infra.postgres.roles import PROJECTOR
    from infra.read_model_service import WORKERS, ReadModelService

    running = ExitStack()

    def start() -> None:
        pool = running.enter_context(open_pool(dsn, size=WORKERS, role=PROJECTOR))
        service = ReadModelService(Chooser(pool, dsn, now_ms=now_ms), doorbell)
        running.callback(service.stop)
        service.start()

    app.router.on_startup.append(start)
    app.router.on_shutdown.append(running.close)
