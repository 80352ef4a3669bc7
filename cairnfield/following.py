"""What is kept up with every log: the read model, signed checkpoints and milestones, beside the requests or apart."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from infra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from sync.doorbell import Doorbell

FOLLOWING: Final = frozenset({"read-model", "checkpoints", "milestones"})
"""What of the settings' `background` is done here."""


@contextmanager
def following(dsn: str, settings: Settings, doorbell: "Doorbell", now_ms: "Callable[[], int]") -> Generator[None]:
    """Follow every log while the block runs, in threads, over connections of their own, as far as the settings say.

    As the role that works through the logs of all tenants. Any number of processes may do so on one database: they
    share the tenants between them.
    """
    from cairnfield.checkpoints import open_audit_keeper, open_keeper
    from infra.checkpoints import AUDIT_SWEEP_S, Checkpoints
    from infra.doorbell import ProcessDoorbell
    from infra.milestones import Milestones
    from infra.postgres.milestones import PostgresMilestones
    from infra.postgres.pool import open_pool
    from infra.postgres.proof_shelf import PostgresAuditShelf, PostgresProofShelf
    from infra.postgres.read_model.choosing import Chooser
    from infra.postgres.roles import PROJECTOR
    from infra.read_model_service import WORKERS, ReadModelService

    with ExitStack() as running:
        if "read-model" in settings.background:
            pool = running.enter_context(open_pool(dsn, size=WORKERS, role=PROJECTOR))
            service = ReadModelService(Chooser(pool, dsn, now_ms=now_ms), doorbell)
            running.callback(service.stop)
            service.start()
        if "checkpoints" in settings.background:
            pool = running.enter_context(open_pool(dsn, size=2, role=PROJECTOR))
            keeper, audits = open_keeper(pool, settings, now_ms), open_audit_keeper(pool, settings, now_ms)
            for checkpoints in (
                Checkpoints(PostgresProofShelf(pool), keeper, doorbell, now_ms=now_ms),
                Checkpoints(PostgresAuditShelf(pool), audits, ProcessDoorbell(), now_ms=now_ms, sweep_s=AUDIT_SWEEP_S),
            ):
                running.callback(checkpoints.stop)
                checkpoints.start()
        if "milestones" in settings.background:
            pool = running.enter_context(open_pool(dsn, size=1, role=PROJECTOR))
            milestones = Milestones(PostgresMilestones(pool=pool), doorbell, now_ms=now_ms)
            running.callback(milestones.stop)
            milestones.start()
        yield


def follow(app: "FastAPI", dsn: str, settings: Settings, doorbell: "Doorbell", now_ms: "Callable[[], int]") -> None:
    """Follow every log from when the application begins to answer until it stops."""
    running = ExitStack()
    app.router.on_startup.append(lambda: running.enter_context(following(dsn, settings, doorbell, now_ms)))
    app.router.on_shutdown.append(running.close)
