"""Has checkpoints of all logs, or of all audits, signed while the server runs, in one thread.

The doorbell wakes it, and the clock.

What goes wrong with one log is said in the server's log of its own and keeps the others from nothing. It is tried again
with the next sweep, because a database comes back; a log that was touched does not, and is complained of until somebody
looks.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from infra.checkpoint_signer import SigningRefused
from infra.keyring import KeyringUnreadable
from infra.looping_thread import LoopingThread
from infra.said_once import SaidOnce
from infra.tree_keeper import EVENTS_PER_CHECKPOINT, LogTouched
from sync.checkpoint import SAID
from sync.doorbell import Doorbell
from sync.log import LogUnavailable, TenantId, TenantUnknown
from sync.proof_shelf import TreeShelf
from sync.tiles import TileMissing

SWEEP_S: Final = 60.0
PAUSE_S: Final = 1.0
"""Between two looks: a busy log has one checkpoint a second, not one for every push."""
AUDIT_SWEEP_S: Final = 10.0
"""No bell rings for audits: so long at most an entry is without its place."""
STOP_S_MAX: Final = 10.0

_log = logging.getLogger("cairnfield.checkpoints")


class Keeper(Protocol):
    """Implemented by `infra.tree_keeper.TreeKeeper` and `infra.audit_keeper.AuditKeeper`."""

    def keep_up(self, tenant: TenantId, /) -> int | None:
        """Sign what is due; returns when to look again, or None for when it has grown."""
        ...


class Checkpoints:
    """Runs from `start` to `stop`, in a thread with an event loop of its own."""

    def __init__(
        self,
        shelf: TreeShelf,
        keeper: Keeper,
        doorbell: Doorbell,
        *,
        now_ms: Callable[[], int],
        sweep_s: float = SWEEP_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._shelf, self._keeper, self._doorbell, self._now_ms = shelf, keeper, doorbell, now_ms
        self._sweep_s, self._pause_s = sweep_s, pause_s
        self._whole = SAID[shelf.stream].whole
        self._stands_still = f"checkpoints cannot look for {self._whole}s"
        self._thread = LoopingThread(self._main, name="checkpoints")
        self._trouble = SaidOnce(_log)
        self._ears: dict[TenantId, Callable[[], None]] = {}
        self._heads: dict[TenantId, int] = {}
        """As far as was heard, of those that have grown since they were looked at."""
        self._looked_at: dict[TenantId, int] = {}
        self._due_ms: dict[TenantId, int] = {}

    def start(self) -> None:
        """Begin to keep up."""
        self._thread.start()

    def stop(self) -> None:
        """Sign no more; what is not signed yet is signed after the next start."""
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
        try:
            now_ms = self._now_ms()
            for tenant in self._shelf.tenants():
                if tenant not in self._ears:
                    self._ears[tenant] = self._doorbell.listen(tenant, partial(self._hear, tenant))
                self._due_ms[tenant] = now_ms
        except LogUnavailable as why:
            _log.warning("checkpoints wait for the database: %s", why)
        except Exception as trouble:  # whatever it is, the next sweep may find it mended
            self._trouble.say(self._stands_still, trouble)
        else:
            self._trouble.is_well(self._stands_still)

    def _hear(self, tenant: TenantId, head: int) -> None:
        self._heads[tenant] = max(head, self._heads.get(tenant, 0))
        self._is_woken.set()

    def _is_due(self, tenant: TenantId) -> bool:
        grown_by = self._heads.get(tenant, 0) - self._looked_at.get(tenant, 0)
        return grown_by >= EVENTS_PER_CHECKPOINT or self._due_ms.get(tenant, self._now_ms() + 1) <= self._now_ms()

    def _look(self, tenant: TenantId) -> None:
        self._looked_at[tenant] = self._heads.get(tenant, 0)
        self._due_ms.pop(tenant, None)
        what = f"no checkpoint of the {self._whole} of tenant {tenant}"
        try:
            due_ms = self._keeper.keep_up(tenant)
        except LogUnavailable as why:
            _log.warning("checkpoints of the %s of tenant %s wait for the database: %s", self._whole, tenant, why)
        except (LogTouched, SigningRefused, TileMissing, KeyringUnreadable) as why:
            _log.error("%s: %s", what, why)
        except TenantUnknown:
            self._ears.pop(tenant)()
        except Exception as trouble:  # a disk that is full, say: the next sweep may find it mended
            self._trouble.say(what, trouble)
        else:
            self._trouble.is_well(what)
            if due_ms is not None:
                self._due_ms[tenant] = due_ms

    def _rest_s(self, swept_s: float) -> float:
        """Until the next sweep, or until something is due before."""
        until_due_s = [max(0.0, (due_ms - self._now_ms()) / 1_000) for due_ms in self._due_ms.values()]
        return min([max(0.0, swept_s + self._sweep_s - time.monotonic()), *until_due_s])
