"""Settings become adapters, adapters become services; nothing else constructs an adapter."""

import secrets
import time
from typing import TYPE_CHECKING, Final

from infra import failpoints
from infra.settings import Settings
from sync.log import Ring, nobody_listens

if TYPE_CHECKING:
    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from infra.blobs import DiskBlobStore
    from infra.postgres.accounts import PostgresAccounts
    from infra.postgres.log import PostgresEventLog
    from infra.postgres.pool import Connection

POOL_SIZE: Final = 8
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_replica() -> str:
    """A replica id with 60 random bits."""
    return "r" + "".join(secrets.choice(_BASE32) for _ in range(12))


def open_accounts(pool: "ConnectionPool[Connection]") -> "PostgresAccounts":
    """The accounts of a database."""
    from infra.postgres.accounts import PostgresAccounts

    return PostgresAccounts(pool)


def open_log(pool: "ConnectionPool[Connection]", ring: Ring = nobody_listens) -> "PostgresEventLog":
    """The log of a database, and the bell that it rings whenever it has grown."""
    from infra.postgres.log import PostgresEventLog

    return PostgresEventLog(pool, ring)


def open_blobs(settings: Settings) -> "DiskBlobStore":
    """The bytes of photos, in the data folder."""
    from infra.blobs import DiskBlobStore

    return DiskBlobStore(settings.data)


def build_app(dsn: str, settings: Settings) -> "FastAPI":
    """The API over the database at `dsn`, which is migrated already."""
    from api.app import create_app
    from api.services import Services
    from infra.doorbell import ProcessDoorbell
    from infra.failing_answers import FailingAnswers
    from infra.postgres.pool import open_pool

    del settings  # the host and port are the server's; the rest comes with later adapters
    pool = open_pool(dsn, size=POOL_SIZE)
    doorbell = ProcessDoorbell()
    log, accounts = open_log(pool, doorbell.ring), open_accounts(pool)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=now_ms,
        new_replica=new_replica,
        is_ready=lambda: _answers(accounts),
    )
    app = create_app(services)
    app.router.on_shutdown.append(pool.close)
    if failpoints.is_armed():
        app.add_middleware(FailingAnswers)
    return app


def _answers(accounts: "PostgresAccounts") -> bool:
    from sync.log import LogUnavailable

    try:
        accounts.tenants()
    except LogUnavailable:
        return False
    return True
