"""A real server to measure: its own process, embedded Postgres with durable commits, spoken to over HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cairnfield.database import database, settings_with
from cairnfield.wiring import now_ms, open_accounts
from infra.postgres.pool import open_pool

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running `cairn up` and the database under it."""

    url: str
    dsn: str
    tenant: str
    token: str
    pid: int
    """The process that answers."""

    def another_tenant(self) -> "Server":
        """The same server with an empty tenant of its own."""
        return _new_tenant(self.url, self.dsn, self.pid)

    def connect(self) -> "Connection":
        """A kept-alive HTTP connection."""
        return Connection(self.url, self.token)


class Connection:
    """HTTP with as little of its own cost as Python allows: a socket, ready-made requests, bodies read whole."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        self._http = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """The body of the answer; anything but 2xx is an error."""
        self._http.request("POST", path, body, {**self._headers, "Content-Type": media_type})
        return self._answer()

    def get(self, path: str) -> bytes:
        """The body of the answer; anything but 2xx is an error."""
        self._http.request("GET", path, headers=self._headers)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self._http.getresponse()
        body = answer.read()
        assert answer.status < 300, body
        return body

    def mint(self) -> str:
        """A fresh replica of this connection's person."""
        return str(json.loads(self.post("/v1/sync/replicas", b'{"name":"bench"}', "application/json"))["replica"])


@contextmanager
def served(environment: Mapping[str, str] | None = None) -> Generator[Server]:
    """An empty tenant behind a `cairn up` of its own, in a folder that goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)  # as root the server keeps only to places that are open
        with database(settings_with(data=data)) as opened, _up(data, environment or {}) as (url, pid):
            yield _new_tenant(url, opened.dsn, pid)


def _new_tenant(url: str, dsn: str, pid: int) -> Server:
    with open_pool(dsn, size=1) as pool:
        accounts, person = open_accounts(pool), str(uuid.uuid4())
        tenant = accounts.add_tenant("Bench", now_ms=now_ms())
        accounts.add_person(tenant, person=person, name="Bench", role="supervisor")
        token = accounts.issue(tenant, person, now_ms=now_ms())
    return Server(url=url, dsn=dsn, tenant=tenant, token=token, pid=pid)


@contextmanager
def _up(data: Path, environment: Mapping[str, str]) -> Generator[tuple[str, int]]:
    command = [sys.executable, "-m", "cairnfield", "up", "--no-demo", "--port", "0", "--data", str(data)]
    ready = data / "up.json"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment}) as process:
        try:
            give_up = time.monotonic() + START_TIMEOUT_S
            while not ready.exists():
                assert process.poll() is None, "the server did not start"
                assert time.monotonic() < give_up, "the server took too long to start"
                time.sleep(0.05)
            yield json.loads(ready.read_text())["url"], process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
