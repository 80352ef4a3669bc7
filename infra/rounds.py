"""Looks at every log again and again while the server runs, in one thread: woken by the doorbell, and by the clock.

What goes wrong with one log is said in the server's log of its own and keeps the others from nothing. It is tried again
with the next sweep, because a database comes back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from infra.looping_thread import LoopingThread
from infra.said_once import SaidOnce
from sync.doorbell import Doorbell
from sync.log import LogUnavailable, TenantId, TenantUnknown

STOP_S_MAX: Final = 10.0


class Words(NamedTuple):
    """How it is spoken of in the server's log."""

    what: str
    """What is kept up: "checkpoints"."""
    of: str
    """With what: "log"."""


class Rounds:
    """Runs from `start` to `stop`, in a thread with an event loop of its own.

    `keep_up` does what is due of one log and returns when to look again, in milliseconds since 1970, or None for when
    `worth` more events are heard of; it raises TenantUnknown and LogUnavailable. What it raises of `told` is for
    somebody to look at, and said each time; whatever else it raises is said once.
    """

    def __init__(
        self,
        words: Words,
        tenants: Callable[[], Sequence[TenantId]],
        keep_up: Callable[[TenantId], int | None],
        doorbell: Doorbell,
        *,
        worth: int,
        now_ms: Callable[[], int],
        sweep_s: float,
        pause_s: float,
        told: tuple[type[Exception], ...] = (),
    ) -> None:
        self._words, self._tenants, self._keep_up = words, tenants, keep_up
        self._doorbell, self._worth, self._now_ms, self._told = doorbell, worth, now_ms, told
        self._sweep_s, self._pause_s = sweep_s, pause_s
        self._log = logging.getLogger(f"cairnfield.{words.what}")
        self._trouble = SaidOnce(self._log)
        self._thread = LoopingThread(self._main, name=words.what)
        self._ears: dict[TenantId, Callable[[], None]] = {}
        self._heads: dict[TenantId, int] = {}
        """As far as was heard."""
        self._looked_at: dict[TenantId, int] = {}
        """What was heard of it when it was last looked at."""
        self._due_ms: dict[TenantId, int] = {}

    def start(self) -> None:
        """Begin to keep up."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; what is not done yet is done after the next start."""
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
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest_s(swept_s)):
                    await self._is_woken.wait()

    def _sweep(self) -> None:
        """Listen to every log that there is, and look at each whether anybody rang or not."""
        stands_still = f"{self._words.what} cannot look for {self._words.of}s"
        try:
            now_ms = self._now_ms()
            for tenant in self._tenants():
                if tenant not in self._ears:
                    self._ears[tenant] = self._doorbell.listen(tenant, partial(self._hear, tenant))
                self._due_ms[tenant] = now_ms
        except LogUnavailable as why:
            self._log.warning("%s wait for the database: %s", self._words.what, why)
        except Exception as trouble:  # whatever it is, the next sweep may find it mended
            self._trouble.say(stands_still, trouble)
        else:
            self._trouble.is_well(stands_still)

    def _hear(self, tenant: TenantId, head: int) -> None:
        self._heads[tenant] = max(head, self._heads.get(tenant, 0))
        if self._has_grown(tenant):
            self._is_woken.set()

    def _has_grown(self, tenant: TenantId) -> bool:
        return self._heads.get(tenant, 0) - self._looked_at.get(tenant, 0) >= self._worth

    def _is_due(self, tenant: TenantId) -> bool:
        return self._has_grown(tenant) or self._due_ms.get(tenant, self._now_ms() + 1) <= self._now_ms()

    def _look(self, tenant: TenantId) -> None:
        self._looked_at[tenant] = self._heads.get(tenant, 0)
        self._due_ms.pop(tenant, None)
        of = f"{self._words.what} of the {self._words.of} of tenant {tenant}"
        try:
            due_ms = self._keep_up(tenant)
        except LogUnavailable as why:
            self._log.warning("%s wait for the database: %s", of, why)
        except TenantUnknown:
            self._ears.pop(tenant)()
        except Exception as trouble:  # a disk that is full, say: the next sweep may find it mended
            if isinstance(trouble, self._told):
                self._log.error("no %s: %s", of, trouble)  # what to do stands in its words
            else:
                self._trouble.say(f"no {of}", trouble)
        else:
            self._trouble.is_well(f"no {of}")
            if due_ms is not None:
                self._due_ms[tenant] = due_ms

    def _rest_s(self, swept_s: float) -> float:
        """Until the next sweep, or until something is due before."""
        until_due_s = [max(0.0, (due_ms - self._now_ms()) / 1_000) for due_ms in self._due_ms.values()]
        return min([max(0.0, swept_s + self._sweep_s - time.monotonic()), *until_due_s])
