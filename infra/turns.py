"""How many threads may be at a tenant's lock: one that has it, one that is next; others wait without a connection.

Otherwise a tenant whom everybody writes to would take every connection of the pool to wait on, and the other tenants
would find none.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sync.log import LogUnavailable, TenantId

AT_THE_LOCK_MAX: Final = 2
TURN_WAIT_S_MAX: Final = 10.0


class _Queue:
    """The threads that want to a tenant's lock."""

    def __init__(self) -> None:
        self.free = threading.Semaphore(AT_THE_LOCK_MAX)
        self.threads = 0


class Turns:
    """Turns for many threads, each tenant's apart from the others'."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[TenantId, _Queue] = {}

    @contextmanager
    def of(self, tenant: TenantId) -> Generator[None]:
        """Wait for a turn and have it while the block runs; raises LogUnavailable after TURN_WAIT_S_MAX."""
        queue = self._joined(tenant)
        try:
            if not queue.free.acquire(timeout=TURN_WAIT_S_MAX):
                raise LogUnavailable(f"{queue.threads} are waiting to write to this tenant's log")
            try:
                yield
            finally:
                queue.free.release()
        finally:
            self._leave(tenant, queue)

    def _joined(self, tenant: TenantId) -> _Queue:
        with self._lock:
            queue = self._queues.setdefault(tenant, _Queue())
            queue.threads += 1
            return queue

    def _leave(self, tenant: TenantId, queue: _Queue) -> None:
        with self._lock:
            queue.threads -= 1
            if not queue.threads:
                del self._queues[tenant]
