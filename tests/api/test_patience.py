"""Whoever sends a byte now and then holds a connection for a while, and nobody else up."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from cairnfield.patience import HEADER_BYTES_MAX, Patience
from tests.api.office import NDJSON, Office, customers
from tests.api.serving import served_office

IMPATIENT = Patience(header_s=1.5, body_grace_s=1.5, body_bytes_per_s=50, idle_s=2)
ANSWERED_S_MAX = 60
SLOW = 60
FLOOD_BYTES = 256 * 1024 * 1024  # more than any buffer on the way

Served = tuple[Office, int]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_office(patience=IMPATIENT) as (office, _, port):
        yield office, port


def _connected(port: int, sends: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWERED_S_MAX)
    connection.sendall(sends)
    return connection


def _all(connection: socket.socket) -> bytes:
    """Everything until the other side closes; a reset is an end too."""
    told = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            told += piece
    return told


class Dripping:
    """Sends a byte again and again, until it is told that nobody listens."""

    def __init__(self, connections: list[socket.socket], every_s: float) -> None:
        self._connections, self._every_s, self._over = connections, every_s, threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        while not self._over.wait(self._every_s):
            for each in self._connections:
                with contextlib.suppress(OSError):
                    each.sendall(b"x")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _push_headers(office: Office, length: int) -> bytes:
    return (
        f"POST /v1/sync/push HTTP/1.1\r\nHost: cairn\r\nAuthorization: Bearer {office.tokens['dispatcher']}\r\n"
        f"Content-Type: {NDJSON}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_g17_slow_headers_bodies_and_silence_are_ended_and_others_served_meanwhile(served: Served) -> None:
    office, port = served
    silent = [_connected(port, b"") for _ in range(SLOW)]
    in_headers = [_connected(port, b"GET /livez HTTP/1.1\r\nX: ") for _ in range(SLOW)]
    in_body = [_connected(port, _push_headers(office, 100_000)) for _ in range(SLOW)]
    with Dripping(in_headers + in_body, every_s=0.2), httpx.Client(base_url=f"http://127.0.0.1:{port}") as honest:
        for _ in range(20):
            assert honest.get("/livez", timeout=ANSWERED_S_MAX).status_code == 200
        told = [_all(each) for each in silent + in_headers + in_body]
        assert honest.get("/livez", timeout=ANSWERED_S_MAX).status_code == 200
    said = [each for each in told if each]  # one that was sending when it was closed may be reset before it reads
    assert len(said) >= SLOW
    for answer in said:
        headers, _, body = answer.partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 408 Request Timeout")
        assert json.loads(body)["code"] == "request_too_slow"
        assert b"x-content-type-options: nosniff" in headers
    for each in silent + in_headers + in_body:
        each.close()


def test_g17_a_slow_but_steady_phone_hands_in_its_work(served: Served) -> None:
    """At about twice the least pace, for longer than the patience with those who stand still."""
    office, port = served
    body = b"\n".join(customers(office.device("steady"), 1))
    connection = _connected(port, _push_headers(office, len(body)))
    pause = threading.Event()
    for start in range(0, len(body), 20):
        connection.sendall(body[start : start + 20])
        pause.wait(0.15)
    answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"verdict":"accepted"' in answer
    connection.close()


def test_g17_a_connection_that_asks_again_is_kept_and_one_that_does_not_is_closed(served: Served) -> None:
    _, port = served
    connection = _connected(port, b"GET /livez HTTP/1.1\r\nHost: cairn\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: cairn\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert _all(connection) == b""
    connection.close()


def test_b1_headers_without_end_are_refused_before_they_fill_the_memory(served: Served) -> None:
    _, port = served
    connection = _connected(port, b"GET /livez HTTP/1.1\r\n")
    sent = 0
    with contextlib.suppress(ConnectionError, BrokenPipeError):
        while sent < FLOOD_BYTES:
            connection.sendall(b"X: " + b"y" * 8_000 + b"\r\n")
            sent += 8_005
    assert sent < FLOOD_BYTES
    connection.close()


def test_headers_of_a_usual_size_pass(served: Served) -> None:
    _, port = served
    connection = _connected(port, b"GET /livez HTTP/1.1\r\nX: " + b"y" * (HEADER_BYTES_MAX - 1_000) + b"\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    connection.close()


def test_g17_a_live_stream_is_silence_that_is_waited_for(served: Served) -> None:
    office, port = served
    asks = f"GET /v1/sync/live HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {office.tokens['technician']}\r\n\r\n"
    connection = _connected(port, asks.encode())
    slow = _connected(port, b"GET")
    told = connection.recv(65_536)
    while b"event: head" not in told:
        told += connection.recv(65_536)
    assert _all(slow).startswith(b"HTTP/1.1 408")  # by now the patience with requests is over
    office.push(*customers(office.device("heard"), 1))
    assert b"event: head" in connection.recv(65_536)
    for each in (connection, slow):
        each.close()
