"""What proves the logs: the adapters by which people ask for proofs, and the thread that has checkpoints signed."""

from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from api.proof_ports import Proofs
    from infra.checkpoint_signer import CheckpointSigner
    from infra.postgres.pool import Connection
    from infra.tree_keeper import TreeKeeper
    from sync.doorbell import Doorbell


def open_signer(settings: Settings, now_ms: "Callable[[], int]") -> "CheckpointSigner":
    """The signer of all logs, which remembers beside the server's own keys what it has signed."""
    from cairnfield.identity import open_keyring
    from infra.checkpoint_signer import CheckpointSigner

    return CheckpointSigner(open_keyring(settings, now_ms), settings.keys)


def open_proofs(pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]") -> "Proofs":
    """By what people ask for proofs."""
    from api.proof_ports import Proofs
    from infra.evidence_zip import packed
    from infra.postgres.proof_shelf import PostgresProofShelf

    return Proofs(shelf=PostgresProofShelf(pool), publics=open_signer(settings, now_ms).publics, packed=packed)


def open_keeper(pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]") -> "TreeKeeper":
    """What keeps the trees of all logs, over connections of the projector's."""
    from infra.postgres.proof_shelf import PostgresProofShelf
    from infra.tree_keeper import TreeKeeper

    return TreeKeeper(PostgresProofShelf(pool), open_signer(settings, now_ms), now_ms=now_ms)


def keep_checkpoints(
    app: "FastAPI", dsn: str, settings: Settings, doorbell: "Doorbell", now_ms: "Callable[[], int]"
) -> None:
    """Have checkpoints signed from when the application begins to answer until it stops, over one connection."""
    from contextlib import ExitStack

    from infra.checkpoints import Checkpoints
    from infra.postgres.pool import open_pool
    from infra.postgres.proof_shelf import PostgresProofShelf
    from infra.postgres.roles import PROJECTOR

    running = ExitStack()

    def start() -> None:
        pool = running.enter_context(open_pool(dsn, size=1, role=PROJECTOR))
        keeper = open_keeper(pool, settings, now_ms)
        checkpoints = Checkpoints(PostgresProofShelf(pool), keeper, doorbell, now_ms=now_ms)
        running.callback(checkpoints.stop)
        checkpoints.start()

    app.router.on_startup.append(start)
    app.router.on_shutdown.append(running.close)
