"""Receivers of webhooks on this machine: real servers that note what they hear and answer as they are told."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

PATIENCE_S: Final = 120.0


class Heard(NamedTuple):
    """One request, in the order in which they came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def position(self) -> int:
        return int(json.loads(self.body)["data"]["position"])


class Says(NamedTuple):
    """An answer."""

    status: int = 204
    headers: Mapping[str, str] = {}
    body: bytes = b""


@dataclass
class Receivers:
    """As many receivers as there are paths; `answers` says what each says to whom."""

    url: str = ""
    answers: Callable[[Heard], Says] = lambda _heard: Says()
    heard: list[Heard] = field(default_factory=list[Heard])
    at_once: dict[str, int] = field(default_factory=dict[str, int])
    at_once_max: dict[str, int] = field(default_factory=dict[str, int])
    end: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: whoever keeps somebody waiting waits for it."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, path: str) -> list[Heard]:
        with self.lock:
            return [each for each in self.heard if each.path == path]

    def positions(self, path: str) -> list[int]:
        return [each.position for each in self.at(path)]

    def take(self, heard: Heard) -> Says:
        with self.lock:
            self.heard.append(heard)
            self.at_once[heard.path] = self.at_once.get(heard.path, 0) + 1
            self.at_once_max[heard.path] = max(self.at_once[heard.path], self.at_once_max.get(heard.path, 0))
        try:
            return self.answers(heard)
        finally:
            with self.lock:
                self.at_once[heard.path] -= 1


class _Server(ThreadingHTTPServer):
    """Fifty may call in one breath: where no more than five may wait to be let in, a busy machine turns some away."""

    request_queue_size = 128


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Receivers, as long as the block."""
    told = Receivers()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            says = told.take(Heard(self.path, headers, body))
            try:
                self.send_response(says.status)
                for name, value in {"content-length": str(len(says.body)), **says.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(says.body)
            except OSError:
                self.close_connection = True  # whoever called has gone

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        told.end.set()
        server.shutdown()
        thread.join()
        server.server_close()
