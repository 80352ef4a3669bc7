"""The doorbell of all processes on one database: a ring is passed on by NOTIFY, after the commit and in its own time.

Within an append a NOTIFY costs half of the commits, because such transactions commit one after the other. So a ring is
heard in this process at once, and told to the others by a thread of its own on a connection of its own, all that came
in `APART_S` in one go. What is rung while nobody is connected to hear it is lost, as hints may be: whoever listens
looks for themselves now and then.
"""

import secrets
import threading
from collections.abc import Callable
from typing import Final, LiteralString

import psycopg

from infra.doorbell import ProcessDoorbell
from infra.postgres.pool import Connection, connect
from sync.doorbell import Heard
from sync.log import TenantId

APART_S: Final = 0.02
AGAIN_S: Final = 1.0
"""How long until a lost connection is tried again, and until a thread that listens notices that it is over."""

_LISTEN: Final[LiteralString] = "listen cairn_head"
_NOTIFY: Final[LiteralString] = "select pg_notify('cairn_head', told) from unnest(%(told)s::text[]) as told"


class PostgresDoorbell:
    """`sync.doorbell.Doorbell` for every process on the database at `dsn`; safe to share between threads.

    Two connections beside the pool's, each from when it is first needed on: LISTEN needs a session of its own, so a
    pooler that shares sessions between clients must be gone around.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn, self._name = dsn, secrets.token_hex(8)
        self._here = ProcessDoorbell()
        self._lock, self._news, self._is_over = threading.Lock(), threading.Event(), threading.Event()
        self._newest: dict[TenantId, int] = {}
        self._threads: dict[str, threading.Thread] = {}

    def ring(self, tenant: TenantId, head: int) -> None:
        self._here.ring(tenant, head)
        with self._lock:
            self._newest[tenant] = max(head, self._newest.get(tenant, 0))
        self._news.set()
        self._begin("doorbell-tells", self._tell)

    def listen(self, tenant: TenantId, heard: Heard) -> Callable[[], None]:
        self._begin("doorbell-hears", self._hear)
        return self._here.listen(tenant, heard)

    def close(self) -> None:
        """End both threads and their connections."""
        self._is_over.set()
        self._news.set()
        for thread in list(self._threads.values()):
            thread.join()

    def _begin(self, name: str, work: Callable[[Connection], None]) -> None:
        with self._lock:
            if name not in self._threads and not self._is_over.is_set():
                thread = threading.Thread(target=self._again_and_again, args=(work,), name=name, daemon=True)
                self._threads[name] = thread
                thread.start()

    def _again_and_again(self, work: Callable[[Connection], None]) -> None:
        while not self._is_over.is_set():
            try:
                with connect(self._dsn) as connection:
                    work(connection)
            except psycopg.Error:
                self._is_over.wait(AGAIN_S)

    def _tell(self, connection: Connection) -> None:
        while not self._is_over.is_set():
            self._news.wait()
            self._news.clear()
            with self._lock:
                newest, self._newest = self._newest, {}
            if newest:
                self._tell_all(connection, newest)
            self._is_over.wait(APART_S)

    def _tell_all(self, connection: Connection, newest: dict[TenantId, int]) -> None:
        told = [f"{self._name} {tenant} {head}" for tenant, head in newest.items()]
        try:
            connection.execute(_NOTIFY, {"told": told})
        except psycopg.Error:  # told on the next connection, unless something newer is
            with self._lock:
                self._newest = {**newest, **self._newest}
            self._news.set()
            raise

    def _hear(self, connection: Connection) -> None:
        connection.execute(_LISTEN)
        while not self._is_over.is_set():
            for told in connection.notifies(timeout=AGAIN_S):
                name, tenant, head = told.payload.split(" ")
                if name != self._name:
                    self._here.ring(tenant, int(head))
