"""The doorbell of one process: rung by the threads that append, heard on event loops."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from sync.doorbell import Heard
from sync.log import TenantId


class _Ear:
    """Somebody who listens, on a loop of their own."""

    def __init__(self, heard: Heard) -> None:
        self._loop, self._heard = asyncio.get_running_loop(), heard
        self.is_open = True

    def call(self, head: int) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the loop is closed, and with it whoever listened there
            self._loop.call_soon_threadsafe(self._hear, head)

    def _hear(self, head: int) -> None:
        if self.is_open:  # it may have been closed while the call was on its way
            self._heard(head)


class ProcessDoorbell:
    """`sync.doorbell.Doorbell` within one process; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: dict[TenantId, list[_Ear]] = {}

    def ring(self, tenant: TenantId, head: int) -> None:
        with self._lock:
            ears = tuple(self._ears.get(tenant, ()))
        for ear in ears:
            ear.call(head)

    def listen(self, tenant: TenantId, heard: Heard) -> Callable[[], None]:
        ear = _Ear(heard)
        with self._lock:
            self._ears.setdefault(tenant, []).append(ear)
        return lambda: self._close(tenant, ear)

    def _close(self, tenant: TenantId, ear: _Ear) -> None:
        ear.is_open = False
        with self._lock:
            left = [each for each in self._ears.get(tenant, ()) if each is not ear]
            if left:
                self._ears[tenant] = left
            else:
                self._ears.pop(tenant, None)
