"""Keeps the read model up with every tenant's log: woken by the doorbell, and looking for itself every few seconds.

It works on the newest version of the read model that holds what this program writes. One that people do not see yet is
brought to the end of every log first, with nothing left out, and shown then; until that is done, or where it cannot be,
people go on seeing the one of before.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from infra.looping_thread import LoopingThread
from infra.projector import LogHasGap, ProjectionPoisoned, Projector
from infra.said_once import SaidOnce
from sync.doorbell import Doorbell
from sync.log import LogUnavailable, TenantId

WORKERS: Final = 2
SWEEP_S: Final = 5.0
APART_S: Final = 0.05
"""Between two looks at the same tenant: a busy log rings far more often than that, and a look costs a dozen statements
however little there is. The first after a rest is taken at once."""
STOP_S_MAX: Final = 10.0

_STANDS_STILL: Final = "the read model cannot look for logs"

_log = logging.getLogger("cairnfield.read_model")
_Found = TypeVar("_Found")


class ReadModelService:
    """Runs from `start` to `stop`, in a thread with an event loop of its own.

    `choose` says what is to be moved along now, and is asked before every look: another version may have been shown.
    """

    def __init__(
        self,
        choose: Callable[[], Projector],
        doorbell: Doorbell,
        *,
        workers: int = WORKERS,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._choose, self._doorbell = choose, doorbell
        self._workers, self._sweep_s = workers, sweep_s
        self._thread = LoopingThread(self._main, name="read-model")
        self._is_over, self._trouble = False, SaidOnce(_log)
        self._retried: set[TenantId] = set()
        """Whose entities that stand still were given another chance: once by each start, which may be an upgrade."""

    def start(self) -> None:
        """Begin to follow all logs."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more, when the pages that are under way are done."""
        self._is_over = True
        self._thread.stop(within_s=STOP_S_MAX)

    async def _main(self) -> None:
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="read-model")
        self._is_woken = asyncio.Event()
        self._woken: set[TenantId] = set()
        self._ears: dict[TenantId, Callable[[], None]] = {}
        self._served: dict[TenantId, asyncio.Task[None]] = {}
        try:
            await self._for_ever()
        finally:
            for stop_listening in self._ears.values():
                stop_listening()
            self._threads.shutdown(wait=True, cancel_futures=True)

    async def _for_ever(self) -> None:
        swept_s = float("-inf")
        while True:
            self._is_woken.clear()
            if time.monotonic() - swept_s >= self._sweep_s:
                swept_s = time.monotonic()
                await self._sweep()
            free = {tenant for tenant in self._woken if tenant not in self._served}
            self._woken -= free
            for tenant in free:
                self._served[tenant] = task = asyncio.create_task(self._serve(tenant))
                task.add_done_callback(partial(self._done, tenant))
            await asyncio.sleep(APART_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, swept_s + self._sweep_s - time.monotonic())):
                    await self._is_woken.wait()

    async def _sweep(self) -> None:
        """Look at every tenant, whether or not its bell was heard, and listen to those that are new."""
        try:
            projector = await self._ask(self._choose)
            tenants = await self._ask(projector.store.tenants)
            for tenant in tenants:
                if tenant not in self._ears:
                    self._ears[tenant] = self._doorbell.listen(tenant, partial(self._hear, tenant))
        except LogUnavailable as why:
            _log.warning("the read model waits for the database: %s", why)
        except Exception as trouble:  # whatever it is, the next sweep may find it mended
            self._trouble.say(_STANDS_STILL, trouble)
        else:
            self._trouble.is_well(_STANDS_STILL)
            self._woken |= set(tenants)

    def _hear(self, tenant: TenantId, head: int) -> None:
        del head
        self._woken.add(tenant)
        self._is_woken.set()

    def _done(self, tenant: TenantId, task: asyncio.Task[None]) -> None:
        del self._served[tenant]
        if not task.cancelled() and (failure := task.exception()):  # a bug: the next sweep tries again
            _log.error("the read model of tenant %s stands still", tenant, exc_info=failure)
        self._is_woken.set()

    async def _serve(self, tenant: TenantId) -> None:
        await self._ask(partial(self._bring_along, tenant))

    def _bring_along(self, tenant: TenantId) -> None:
        """Page after page until nothing is left, or somebody else is at it."""
        try:
            while not self._is_over:
                projector = self._choose()
                step = projector.step(tenant)
                if step is None:
                    return
                if step.events == 0:
                    if tenant not in self._retried:
                        self._retried.add(tenant)
                        projector.retry(tenant)
                    return
        except LogUnavailable as why:
            _log.warning("the read model waits for the database: %s", why)
        except (ProjectionPoisoned, LogHasGap) as why:
            _log.error("the read model stands still: %s", why)

    async def _ask(self, what: Callable[[], _Found]) -> _Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, what)
