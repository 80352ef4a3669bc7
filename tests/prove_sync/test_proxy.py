"""The proxy does to a stream what its weather says, byte by byte, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cairnfield.prove_sync.proxy import CLEAR, PORTAL, Line, Proxy, Weather

BODY = bytes(range(256)) * 40


class Echo:
    """A server that sends back what it gets, and keeps it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = ("127.0.0.1", int(self._listener.getsockname()[1]))

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.heard.append(b"")
            threading.Thread(target=self._answer, args=(connection, len(self.heard) - 1), daemon=True).start()

    def _answer(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                while chunk := connection.recv(4096):
                    self.heard[number] += chunk
                    connection.sendall(chunk)
            except ConnectionError:
                pass

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def line_to(echo: Echo) -> Iterator[Line]:
    with Proxy(upstreams=[echo.address]) as proxy:
        yield proxy.line()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join()


def call(line: Line) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=10)


def heard(connection: socket.socket) -> tuple[bytes, bool]:
    """All that comes, and whether it ended as a stream should."""
    got = b""
    try:
        while chunk := connection.recv(4096):
            got += chunk
    except ConnectionResetError:
        return got, False
    return got, True


def is_reset(line: Line) -> bool:
    """Whether a new connection is reset, which may be told as early as to `connect`."""
    try:
        with call(line) as connection:
            return heard(connection) == (b"", False)
    except ConnectionResetError:
        return True


def test_in_clear_weather_everything_passes(echo: Echo) -> None:
    with line_to(echo) as line, call(line) as connection:
        connection.sendall(BODY)
        connection.shutdown(socket.SHUT_WR)
        assert heard(connection) == (BODY, True)


@pytest.mark.parametrize("count", [0, 1, 4000, len(BODY) - 1])
def test_a_line_is_cut_after_so_many_bytes_of_the_answer(echo: Echo, count: int) -> None:
    with line_to(echo) as line, call(line) as connection:
        line.turn(Weather(cut_after=("down", count)))
        connection.sendall(BODY)
        got, whole = heard(connection)
        assert not whole
        assert BODY[:count].startswith(got), "a reset may overtake what was sent before it"
        assert line.cuts == 1
        with call(line) as again:
            again.sendall(BODY)
            again.shutdown(socket.SHUT_WR)
            assert heard(again) == (BODY, True)


@pytest.mark.parametrize("count", [1, 4000])
def test_a_soft_cut_looks_like_the_end_of_the_answer(echo: Echo, count: int) -> None:
    with line_to(echo) as line, call(line) as connection:
        line.turn(Weather(cut_after=("down", count), cut_softly=True))
        connection.sendall(BODY)
        assert heard(connection) == (BODY[:count], True)


@pytest.mark.parametrize("count", [0, 1, 4000])
def test_a_line_is_cut_after_so_many_bytes_of_the_request(echo: Echo, count: int) -> None:
    with line_to(echo) as line, call(line) as connection:
        line.turn(Weather(cut_after=("up", count)))
        connection.sendall(BODY)
        assert heard(connection)[1] is False
    assert all(BODY[:count].startswith(each) for each in echo.heard)


@pytest.mark.parametrize("way", ["up", "down"])
def test_what_is_withheld_comes_when_the_weather_clears(echo: Echo, way: str) -> None:
    with line_to(echo) as line, call(line) as connection:
        line.turn(Weather(withholds=frozenset({"up"} if way == "up" else {"down"})))
        connection.sendall(BODY)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert (b"".join(echo.heard) == b"") == (way == "up")
        connection.settimeout(10)
        line.turn(CLEAR)
        assert heard(connection) == (BODY, True)


def test_a_line_that_is_down_resets_old_connections_and_new_ones(echo: Echo) -> None:
    with line_to(echo) as line, call(line) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        line.turn(Weather(is_up=False))
        assert heard(connection) == (b"", False)
        assert is_reset(line)


def test_a_doubled_connection_is_heard_twice_and_answered_once(echo: Echo) -> None:
    with line_to(echo) as line:
        line.turn(Weather(is_doubled=True))
        with call(line) as connection:
            connection.sendall(BODY)
            connection.shutdown(socket.SHUT_WR)
            assert heard(connection) == (BODY, True)
        give_up = time.monotonic() + 10
        while echo.heard != [BODY, BODY]:  # the other copy may be on its way when this one is answered
            assert time.monotonic() < give_up, echo.heard
            time.sleep(0.01)


def test_a_captive_portal_answers_in_its_own_words(echo: Echo) -> None:
    with line_to(echo) as line:
        line.turn(Weather(is_portal=True))
        with call(line) as connection:
            connection.sendall(b"GET /v1/sync/pull HTTP/1.1\r\n\r\n")
            got, _ = heard(connection)
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
            assert got.endswith(PORTAL)
    assert echo.heard == []


def test_a_line_to_nobody_resets(echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()
    with Proxy(upstreams=[nobody]) as proxy:
        assert is_reset(proxy.line())
