"""Builds a version of the read model beside the one that people see, and lets it take its place.

Tenants are built side by side, each by one process at a time. Nothing is left out: an event that cannot be taken in
ends the rebuild, and what was built is taken away again.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from time import sleep
from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import of_tenant
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.read_model.store import PostgresStore, follower_of
from infra.postgres.read_model.tables import count_tables, schema_of
from infra.postgres.read_model.versions import drop, let_see, make, versions
from infra.postgres.roles import PROJECTOR
from infra.projector import Projector
from projections.read_model import GROUP, PROJECTIONS
from sync.log import LogUnavailable, TenantId

LOOK_EVERY_S: Final = 0.2
AGAIN_S: Final = 0.05
TRIES_MAX: Final = 600
"""In a row, for a tenant whom another process is bringing along: half a minute."""

Progress = Callable[[int, int], None]
"""Told now and then how many events are in the new tables, and how many there are."""

_HOLD: Final[LiteralString] = """
    select position from tracking where tenant = %(tenant)s and application = %(follower)s for update
"""


def rebuild(dsn: str, *, now_ms: Callable[[], int], processes: int | None = None, progress: Progress) -> int:
    """Build a new version of every tenant's tables, show it, and keep the one of before; the new one's number.

    Raises ProjectionPoisoned, LogHasGap and LogUnavailable, and then all is as before.
    """
    with connect(dsn, role=PROJECTOR) as maker, open_pool(dsn, size=1, role=PROJECTOR) as pool:
        number = make(maker, now_ms=now_ms())
        try:
            store = PostgresStore(pool, number, PROJECTIONS)
            _build(dsn, store, processes or os.cpu_count() or 1, now_ms, progress)
            take_its_place(maker, _projector(pool, number, now_ms), number, now_ms=now_ms)
        except BaseException:
            drop(maker, number)
            raise
    return number


def _build(dsn: str, store: PostgresStore, processes: int, now_ms: Callable[[], int], progress: Progress) -> None:
    tenants = store.tenants()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, min(processes, len(tenants))), mp_context=spawn) as workers:
        waiting = {workers.submit(build_tenant, dsn, store.version, tenant) for tenant in tenants}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=LOOK_EVERY_S, return_when=FIRST_EXCEPTION)
                _raise_first(done)
                standing = [store.standing(tenant, now_ms=now_ms()) for tenant in tenants]
                progress(sum(each.position for each in standing), sum(each.head for each in standing))
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _raise_first(done: set[Future[int]]) -> None:
    for each in done:
        each.result()


def build_tenant(dsn: str, version: int, tenant: TenantId) -> int:
    """Bring one tenant's tables to the end of its log, in a process of its own; how far that is."""
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 100)  # a page makes hundreds of thousands of small objects, which all die with it
    with open_pool(dsn, size=1, role=PROJECTOR) as pool:
        return _to_the_end(_projector(pool, version, lambda: 0), tenant)


def _projector(
    pool: ConnectionPool[Connection], version: int, now_ms: Callable[[], int], *, is_bare: bool = True
) -> Projector:
    store = PostgresStore(pool, version, PROJECTIONS, is_bare=is_bare)
    return Projector(store=store, group=GROUP, now_ms=now_ms, is_strict=True)


def _to_the_end(projector: Projector, tenant: TenantId, *, at_least: int = 0) -> int:
    tries = 0
    while tries < TRIES_MAX:
        step = projector.step(tenant)
        if step is None:  # a server that was just upgraded builds the newest version too
            tries += 1
            sleep(AGAIN_S)
        elif step.events == 0 or 0 < at_least <= step.position:
            return step.position
        else:
            tries = 0
    raise LogUnavailable(
        f"another process has been bringing tenant {tenant} along all the while; run this again when it is done"
    )


def take_its_place(maker: Connection, projector: Projector, number: int, *, now_ms: Callable[[], int]) -> None:
    """Show a version that holds nearly every log, at a moment when it holds at least what people have seen.

    First to the end of every log once more, without holding anybody up; then the version of before is held where it
    is, the new one brought that far, and shown.
    """
    store = projector.store
    tenants = store.tenants()
    for tenant in tenants:
        _to_the_end(projector, tenant)
    count_tables(maker, schema_of(number), PROJECTIONS)
    with maker.transaction():
        seen = next((each.number for each in versions(maker) if each.state == "shown"), None)
        for tenant in tenants if seen is not None and seen != number else ():
            assert seen is not None
            reached = _held_at(maker, tenant, seen)
            if store.standing(tenant, now_ms=now_ms()).position < reached:
                _to_the_end(projector, tenant, at_least=reached)
        let_see(maker, number, now_ms=now_ms())


def _held_at(maker: Connection, tenant: TenantId, version: int) -> int:
    of_tenant.set_tenant(maker, tenant)
    found = maker.execute(_HOLD, {"tenant": tenant, "follower": follower_of(version)}).fetchone()
    return int(found[0]) if found else 0


def go_back(dsn: str, number: int, *, now_ms: Callable[[], int]) -> None:
    """Show a version that was kept, once it has caught up; raises as `rebuild` does, and VersionUnknown."""
    with connect(dsn, role=PROJECTOR) as maker, open_pool(dsn, size=1, role=PROJECTOR) as pool:
        take_its_place(maker, _projector(pool, number, now_ms, is_bare=False), number, now_ms=now_ms)
