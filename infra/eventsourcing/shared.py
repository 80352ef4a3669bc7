"""One pool and one doorbell for each database in a process, however many applications there are.

An application per tenant would otherwise mean connections per tenant. The first lease opens the pool, the last one
that is given back closes it. A lease that nobody gave back ends with its last user, because the library's projection
runner drops a factory whose recorder it keeps.
"""

import threading
import weakref
from typing import Final

from psycopg_pool import ConnectionPool

from infra.eventsourcing.doorbell import Doorbell
from infra.postgres.pool import Connection, open_pool

_lock: Final = threading.RLock()  # the garbage collector may give a lease back while another is taken
_open: Final[dict[str, "_Shared"]] = {}


class _Shared:
    """What is shared, and by how many."""

    def __init__(self, dsn: str, size: int) -> None:
        self.pool = open_pool(dsn, size=size, application_name="cairn-eventsourcing")
        self.doorbell = Doorbell()
        self.leases = 0


class Lease:
    """The right to use a database's pool and doorbell, until `give_back`."""

    def __init__(self, dsn: str, *, size: int) -> None:
        """Raises psycopg_pool.PoolTimeout if the database does not answer."""
        with _lock:
            shared = _open.get(dsn) or _Shared(dsn, size)
            shared.leases += 1
            _open[dsn] = shared
        self.pool: ConnectionPool[Connection] = shared.pool
        self.doorbell = shared.doorbell
        self._give_back = weakref.finalize(self, _returned, dsn)

    def give_back(self) -> None:
        """End it; doing so again changes nothing."""
        self._give_back()


def _returned(dsn: str) -> None:
    with _lock:
        shared = _open[dsn]
        shared.leases -= 1
        if shared.leases:
            return
        del _open[dsn]
    shared.pool.close()
