"""Which version of the read model a process moves along, and when it lets people see one that they do not see yet."""

import threading
import time
from collections.abc import Callable
from typing import Final

from psycopg_pool import ConnectionPool

from infra.postgres.pool import Connection, connect
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.versions import Version, VersionUnknown, let_see, versions
from infra.postgres.roles import PROJECTOR
from infra.postgres.trouble import told_as_ours
from infra.projector import Projector
from projections.read_model import GROUP, PROJECTIONS, fingerprint

LOOK_EVERY_S: Final = 0.5


class Chooser:
    """Chooses the version that people see if it holds what this program writes, else the newest that does.

    After an upgrade that is a version which nobody sees yet: it is built with nothing left out, and shown once it holds
    every log. A process shows a version at most once, and never where its own was seen when it started: two programs
    that differ and run side by side would take turns for ever.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        dsn: str,
        *,
        now_ms: Callable[[], int],
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._pool, self._dsn, self._now_ms, self._look_every_s = pool, dsn, now_ms, look_every_s
        self._lock = threading.Lock()
        self._looked_s = float("-inf")
        self._chosen: Projector | None = None
        self._version: Version | None = None
        self._may_show: bool | None = None

    def __call__(self) -> Projector:
        """What is to be moved along now; raises VersionUnknown and LogUnavailable."""
        with self._lock:
            if self._chosen is None or time.monotonic() - self._looked_s >= self._look_every_s:
                self._look()
                self._looked_s = time.monotonic()
            assert self._chosen is not None, "a look chooses, or raises"
            return self._chosen

    def _look(self) -> None:
        with told_as_ours(), self._pool.connection() as connection:
            ours = [each for each in versions(connection) if each.fingerprint == fingerprint()]
        if not ours:
            raise VersionUnknown("no version of the read model holds what this program writes; run `cairn up` again")
        best = max(ours, key=self._rank)
        if self._may_show is None:
            self._may_show = best.state != "shown"
        if self._version is None or (best.number, best.state) != (self._version.number, self._version.state):
            self._chosen = self._projector(best)
        self._version = best
        if self._may_show and best.state != "shown" and self._holds_every_log():
            with told_as_ours(), connect(self._dsn, role=PROJECTOR) as maker:
                let_see(maker, best.number, now_ms=self._now_ms())
            self._may_show = False

    def _rank(self, version: Version) -> tuple[bool, bool, int]:
        """What is shown, then what is being built here already: a newer one may be somebody's rebuild by hand."""
        is_begun = self._version is not None and version.number == self._version.number and version.state == "building"
        return version.state == "shown", is_begun, version.number

    def _projector(self, version: Version) -> Projector:
        store = PostgresStore(self._pool, version.number, PROJECTIONS, is_bare=version.state == "building")
        return Projector(store=store, group=GROUP, now_ms=self._now_ms, is_strict=version.state == "building")

    def _holds_every_log(self) -> bool:
        assert self._chosen is not None
        store = self._chosen.store
        return all(store.standing(tenant, now_ms=self._now_ms()).behind == 0 for tenant in store.tenants())
