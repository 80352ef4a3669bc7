"""A real server to measure: its own process, embedded Postgres with durable commits, spoken to over HTTP."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from cairnfield.database import database, settings_with
from cairnfield.wiring import now_ms, open_accounts
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool

START_TIMEOUT_S = 60.0
IDLE_S_MAX = 3.0
NDJSON = "application/x-ndjson"
HEAD_AT_ONCE = 16 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running `cairn up` and the database under it."""

    url: str
    dsn: str
    tenant: str
    token: str
    pid: int
    """The process that answers."""
    data: Path
    """Its folder."""

    def another_tenant(self) -> "Server":
        """The same server with an empty tenant of its own."""
        return _new_tenant(self.url, self.dsn, self.pid, self.data)

    def another_person(self) -> "Server":
        """The same tenant, and somebody else of it."""
        with open_pool(self.dsn, size=1) as pool:
            return replace(self, token=_new_person(open_accounts(pool), self.tenant))

    def connect(self) -> "Connection":
        """A kept-alive HTTP connection."""
        return Connection(self.url, self.token)


class Connection:
    """HTTP with as little of its own cost as Python allows: one socket, and requests that can be made ready before."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        self._address = (address.hostname, address.port)
        self._about_us = f"Host: bench\r\nAuthorization: Bearer {token}\r\n"
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_s = time.monotonic()

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """The body of the answer; anything but 2xx is an error."""
        return self.ask(self.posting(path, body, media_type))

    def get(self, path: str) -> bytes:
        """The body of the answer; anything but 2xx is an error."""
        return self.ask(f"GET {path} HTTP/1.1\r\n{self._about_us}\r\n".encode())

    def posting(self, path: str, body: bytes, media_type: str = NDJSON) -> bytes:
        """A request made ready."""
        about_it = f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        return f"POST {path} HTTP/1.1\r\n{self._about_us}{about_it}\r\n".encode() + body

    def status_of(self, path: str) -> int:
        """The status of the answer, whatever it is."""
        return self._ask(f"GET {path} HTTP/1.1\r\n{self._about_us}\r\n".encode())[0]

    def ask(self, request: bytes) -> bytes:
        """The body of the answer to a request that was made ready; anything but 2xx is an error."""
        status, body = self._ask(request)
        assert status < 300, body
        return body

    def _ask(self, request: bytes) -> tuple[int, bytes]:
        if time.monotonic() - self._used_s > IDLE_S_MAX:  # the server does not keep a connection that rests
            self.close()
            self._connect()
        self._socket.sendall(request)
        told = self._answer()
        self._used_s = time.monotonic()
        return told

    def _answer(self) -> tuple[int, bytes]:
        """Status and body; the head is looked at as one, because its lines are not what is measured."""
        told = b""
        while (end := told.find(_END_OF_HEAD)) < 0:
            told += self._received(HEAD_AT_ONCE)
        length = _LENGTH.search(told, 0, end + 2)
        pieces = [told[end + len(_END_OF_HEAD) :]]
        left = (int(length[1]) if length else 0) - len(pieces[0])
        while left > 0:
            pieces.append(self._received(left))
            left -= len(pieces[-1])
        assert left == 0, "an answer that nobody asked for"
        return int(told.split(b" ", 2)[1]), b"".join(pieces)

    def _received(self, at_once: int) -> bytes:
        more = self._socket.recv(at_once)
        assert more, "the server hung up"
        return more

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

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
            yield _new_tenant(url, opened.dsn, pid, data)


def _new_tenant(url: str, dsn: str, pid: int, data: Path) -> Server:
    with open_pool(dsn, size=1) as pool:
        accounts = open_accounts(pool)
        tenant = accounts.add_tenant("Bench", now_ms=now_ms())
        token = _new_person(accounts, tenant)
    return Server(url=url, dsn=dsn, tenant=tenant, token=token, pid=pid, data=data)


def _new_person(accounts: PostgresAccounts, tenant: str) -> str:
    """The token of somebody new."""
    person = str(uuid.uuid4())
    accounts.add_person(tenant, person=person, name="Bench", role="supervisor")
    return accounts.issue(tenant, person, now_ms=now_ms())


@contextmanager
def _up(data: Path, environment: Mapping[str, str]) -> Generator[tuple[str, int]]:
    command = [sys.executable, "-m", "cairnfield", "up", "--no-demo", "--port", "0", "--data", str(data)]
    ready = data / "up.json"
    unpaced = {"CAIRN_RATE_LIMITS": "off"}  # one client here does what a thousand people do
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **unpaced, **environment}) as process:
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
