"""Settings become adapters, adapters become services; nothing else constructs an adapter."""

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from commands.quotas import with_amounts
from infra import failpoints
from infra.settings import POOL_SIZE, Settings
from sync.log import Ring, TenantId, nobody_listens
from sync.replica_id import BYTES_DRAWN, replica_id
from sync.vector_clock import ReplicaId

if TYPE_CHECKING:
    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from api.services import Services
    from api.terms import Terms
    from domain.people import Role
    from infra.blobs import DiskBlobStore
    from infra.postgres.accounts import PostgresAccounts
    from infra.postgres.log import PostgresEventLog
    from infra.postgres.pool import Connection


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_replica(tenant: TenantId, person: str) -> ReplicaId:
    """A fresh replica id of that person's."""
    return replica_id(secrets.token_bytes(BYTES_DRAWN), tenant=tenant, person=person)


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


def open_terms(settings: Settings) -> "Terms":
    """To whom the door is open, and at what pace."""
    from api.terms import Terms
    from commands.quotas import QUOTAS
    from infra.process_limits import ProcessLimits
    from infra.redis_limits import RedisLimits
    from infra.redis_words import RedisWords

    door = settings.door
    quotas, terms = with_amounts(QUOTAS, door.limits), Terms(origins=door.origins, bearers=bearers(settings))
    if door.redis_url is not None:
        terms = replace(terms, words=RedisWords(door.redis_url))
    if not door.limits_are_on:
        return terms
    if door.redis_url is not None:
        return replace(terms, limiter=RedisLimits(door.redis_url, processes=door.processes), quotas=quotas)
    shares = {name: each.shared_by(door.processes) for name, each in quotas.items()}
    return replace(terms, limiter=ProcessLimits(), quotas=shares)


def bearers(settings: Settings) -> "frozenset[Role]":
    """In which roles opaque tokens are given out and taken: where others reach the server, people sign in."""
    from domain.people import Role

    return frozenset[Role](["integration"] if settings.is_reached_by_others else get_args(Role))


def build_app(dsn: str, settings: Settings, *, follows: bool = True) -> "FastAPI":
    """The API over the database at `dsn`, which is migrated already.

    `follows`: whether it keeps up the read model and the checkpoints itself, in threads beside the requests; otherwise
    some other process does.
    """
    from api.app import create_app
    from api.services import Services
    from cairnfield.checkpoints import open_proofs
    from cairnfield.following import follow
    from cairnfield.identity import open_identity, open_keyring
    from cairnfield.key_audit import note_keys
    from cairnfield.webhooks import deliver, open_webhooks
    from infra.failing_answers import FailingAnswers
    from infra.postgres.doorbell import PostgresDoorbell
    from infra.postgres.pool import answers, open_pool
    from infra.postgres.read_model.queries import PostgresViews

    pool = open_pool(dsn, size=POOL_SIZE)
    doorbell = PostgresDoorbell(dsn)
    log, accounts, keyring = open_log(pool, doorbell.ring), open_accounts(pool), open_keyring(settings, now_ms)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=now_ms,
        new_replica=new_replica,
        is_ready=lambda: answers(pool),
        identity=open_identity(pool, settings, keyring, now_ms=now_ms, home=_only(accounts)),
        views=PostgresViews(pool),
        webhooks=open_webhooks(pool, settings, now_ms),
        proofs=open_proofs(pool, settings, now_ms),
    )
    app = create_app(services, terms=open_terms(settings))
    if "webhooks" in settings.background:
        deliver(app, dsn, settings, doorbell, now_ms)
    if follows:
        follow(app, dsn, settings, doorbell, now_ms)
    app.router.on_startup.append(lambda: _read_again(accounts, services))
    note_keys(app, pool, keyring, accounts, now_ms)
    app.router.on_shutdown.append(doorbell.close)
    app.router.on_shutdown.append(pool.close)
    if failpoints.is_armed():
        app.add_middleware(FailingAnswers)
    return app


def _read_again(accounts: "PostgresAccounts", services: "Services") -> None:
    """Beside the first requests, what newer clients handed in before this start; where it breaks off, the next start
    goes on."""
    from api.newer_clients import take_in_what_can_be_read_now
    from sync.log import LogUnavailable

    def read() -> None:
        with suppress(LogUnavailable):
            take_in_what_can_be_read_now([tenant for tenant, _ in accounts.tenants()], services)

    threading.Thread(target=read, name="read-again", daemon=True).start()


def _only(accounts: "PostgresAccounts") -> TenantId | None:
    """The tenant whom people mean who name none: the only one."""
    tenants = accounts.tenants()
    return tenants[0][0] if len(tenants) == 1 else None
