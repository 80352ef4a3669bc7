"""The doorbell of one process: rung after a commit, it wakes who waits for the next event of a tenant.

A hint, never the truth: whoever waits also looks by itself from time to time, because other processes ring elsewhere.
"""

import threading
from collections import defaultdict
from weakref import WeakSet

from sync.log import TenantId


class Doorbell:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[TenantId, WeakSet[threading.Event]] = defaultdict(WeakSet)

    def listen(self, tenant: TenantId, waiting: threading.Event) -> None:
        """Set this event whenever the tenant's log grows, until `leave` or until nobody else holds it."""
        with self._lock:
            self._waiting[tenant].add(waiting)

    def leave(self, tenant: TenantId, waiting: threading.Event) -> None:
        """Ring no more."""
        with self._lock:
            self._waiting[tenant].discard(waiting)
            if not self._waiting[tenant]:
                del self._waiting[tenant]

    def ring(self, tenant: TenantId) -> None:
        """Tell everybody who waits that the tenant's log has grown."""
        with self._lock:
            for waiting in self._waiting.get(tenant, ()):
                waiting.set()
