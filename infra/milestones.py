"""Has milestones of all logs made while the server runs, in one thread: woken by the doorbell, and by the clock.

Nobody waits for them: what is not made yet is folded from further back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from infra.looping_thread import LoopingThread
from infra.said_once import SaidOnce
from sync.doorbell import Doorbell
from sync.log import LogUnavailable, TenantId, TenantUnknown
from sync.milestones import MILESTONE_EVERY

SWEEP_S: Final = 60.0
PAUSE_S: Final = 1.0
"""Between two looks for what has grown."""
STOP_S_MAX: Final = 10.0

_STANDS_STILL: Final = "milestones cannot look for logs"

_log = logging.getLogger("cairnfield.milestones")


class Keeps(Protocol):
    """What makes them. Implemented by `infra.postgres.milestones.PostgresMilestones`."""

    def tenants(self) -> Sequence[TenantId]:
        """Whose logs there are; raises LogUnavailable."""
        ...

    def keep_up(self, tenant: TenantId) -> bool:
        """Go through one more stretch of a log; whether there is more. Raises TenantUnknown and LogUnavailable."""
        ...


class Milestones:
    """Runs from `start` to `stop`, in a thread with an event loop of its own."""

    def __init__(self, keeps: Keeps, doorbell: Doorbell, *, sweep_s: float = SWEEP_S, pause_s: float = PAUSE_S) -> None:
        self._keeps, self._doorbell = keeps, doorbell
        self._sweep_s, self._pause_s = sweep_s, pause_s
        self._thread = LoopingThread(self._main, name="milestones")
        self._trouble = SaidOnce(_log)
        self._ears: dict[TenantId, Callable[[], None]] = {}
        self._heads: dict[TenantId, int] = {}
        """As far as was heard."""
        self._looked_at: dict[TenantId, int] = {}
        """What was heard of it when it was last looked at."""
        self._due: set[TenantId] = set()

    def start(self) -> None:
        """Begin to keep up."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more; what is not made yet is made after the next start."""
        self._thread.stop(within_s=STOP_S_MAX)

    async def _main(self) -> None:
        self._is_woken = asyncio.Event()
        try:
            await self._for_ever()
        finally:
            for stop_listening in self._ears.values():
                stop_listening()

    async def _for_ever(self) -> None:
        swept_s = float("-inf")
        while True:
            self._is_woken.clear()
            if time.monotonic() - swept_s >= self._sweep_s:
                swept_s = time.monotonic()
                self._sweep()
            for tenant in [tenant for tenant in self._ears if self._is_due(tenant)]:
                self._look(tenant)
                await asyncio.sleep(0)  # whoever rang meanwhile is heard, and a stop is
            await asyncio.sleep(self._pause_s)
            if self._due:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, swept_s + self._sweep_s - time.monotonic())):
                    await self._is_woken.wait()

    def _sweep(self) -> None:
        """Listen to every log that there is, and look at each whether anybody rang or not."""
        try:
            tenants = self._keeps.tenants()
            for tenant in tenants:
                if tenant not in self._ears:
                    self._ears[tenant] = self._doorbell.listen(tenant, partial(self._hear, tenant))
        except LogUnavailable as why:
            _log.warning("milestones wait for the database: %s", why)
        except Exception as trouble:  # whatever it is, the next sweep may find it mended
            self._trouble.say(_STANDS_STILL, trouble)
        else:
            self._trouble.is_well(_STANDS_STILL)
            self._due |= {*tenants}

    def _hear(self, tenant: TenantId, head: int) -> None:
        self._heads[tenant] = max(head, self._heads.get(tenant, 0))
        if self._has_grown(tenant):
            self._is_woken.set()

    def _has_grown(self, tenant: TenantId) -> bool:
        """By so much that something may be due."""
        return self._heads.get(tenant, 0) - self._looked_at.get(tenant, 0) >= MILESTONE_EVERY

    def _is_due(self, tenant: TenantId) -> bool:
        return tenant in self._due or self._has_grown(tenant)

    def _look(self, tenant: TenantId) -> None:
        self._looked_at[tenant] = self._heads.get(tenant, 0)
        self._due.discard(tenant)
        what = f"no milestones of tenant {tenant}"
        try:
            if self._keeps.keep_up(tenant):
                self._due.add(tenant)
        except LogUnavailable as why:
            _log.warning("milestones of tenant %s wait for the database: %s", tenant, why)
        except TenantUnknown:
            self._ears.pop(tenant)()
        except Exception as trouble:  # the next sweep may find it mended
            self._trouble.say(what, trouble)
        else:
            self._trouble.is_well(what)
