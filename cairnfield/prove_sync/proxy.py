"""A bad line between a device and its server: a TCP proxy that delays, withholds, cuts, doubles and lies.

Each device has a line with a port of its own, and each line its own weather, which may change at any moment.
The proxy knows TCP only, apart from the captive portal, which answers like one.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, Self

CHUNK_BYTES: Final = 65_536
RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends RST instead of FIN."""
PORTAL: Final = b"<!doctype html><title>Welcome to Harbour Wi-Fi</title><p>Accept our terms to go online."
PORTAL_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(PORTAL)
    + PORTAL
)

Address = tuple[str, int]
Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What a line does to what passes over it; the default is nothing."""

    is_up: bool = True
    """False: connections are reset, those that are there and new ones."""
    latency_ms: int = 0
    """How long each piece of a stream waits."""
    withholds: frozenset[Direction] = frozenset()
    """Nothing arrives in these directions, and nobody is told; it comes when the weather changes."""
    cut_after: tuple[Direction, int] | None = None
    """After so many more bytes in that direction the connection is cut; then the line is as before, for once."""
    cut_softly: bool = False
    """A cut ends the stream in its direction as if it were complete (FIN), instead of resetting the connection."""
    is_doubled: bool = False
    """What goes up on a new connection goes up on a second one too, whose answers nobody sees."""
    is_portal: bool = False
    """New connections are answered by somebody else, with 200 and HTML."""


CLEAR: Final = Weather()


class Line:
    """One device's way to the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: Callable[[], Address]) -> None:
        self._loop, self._upstream = loop, upstream
        self._weather, self._changed = CLEAR, asyncio.Event()
        self._left = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.cuts = 0
        """How often a connection was cut after its bytes."""

    def turn(self, weather: Weather) -> None:
        """Change the weather, from any thread; it holds when this returns."""
        asyncio.run_coroutine_threadsafe(self._turn(weather), self._loop).result()

    async def _turn(self, weather: Weather) -> None:
        anew = weather.is_doubled or weather.is_portal or not weather.is_up
        self._weather, self._left = weather, weather.cut_after[1] if weather.cut_after else 0
        self._changed.set()
        self._changed = asyncio.Event()
        if anew:
            for each in list(self._open):
                _reset(each)

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if not self._weather.is_up:
                _reset(writer)
            elif self._weather.is_portal:
                await reader.read(CHUNK_BYTES)
                writer.write(PORTAL_ANSWER)
                await writer.drain()
            else:
                await self._carry(reader, writer)
        except* OSError:
            _reset(writer)
        except* asyncio.CancelledError:
            _reset(writer)  # the proxy ends; asyncio's streams complain of a handler that was cancelled
        finally:
            self._open.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above, upward = await asyncio.open_connection(*self._upstream())
        double = await asyncio.open_connection(*self._upstream()) if self._weather.is_doubled else None
        self._open.add(upward)
        try:
            copies = [upward, double[1]] if double else [upward]
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._pump("up", reader, copies))
                both_ways.create_task(self._pump("down", above, [writer]))
                if double:
                    both_ways.create_task(_swallow(double[0]))
        finally:
            self._open.discard(upward)
            for each in (upward, double[1]) if double else (upward,):
                each.close()

    async def _pump(
        self, way: Direction, reader: asyncio.StreamReader, writers: Sequence[asyncio.StreamWriter]
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._wait_for_weather(way)
            kept = self._before_the_cut(way, chunk)
            for writer in writers:
                writer.write(chunk if kept is None else kept)
                await writer.drain()
            if kept is not None:
                return self._cut(writers)
        for writer in writers:
            if writer.can_write_eof():
                writer.write_eof()
        return None

    async def _wait_for_weather(self, way: Direction) -> None:
        while way in self._weather.withholds:
            await self._changed.wait()
        if self._weather.latency_ms:
            await asyncio.sleep(self._weather.latency_ms / 1_000)

    def _before_the_cut(self, way: Direction, chunk: bytes) -> bytes | None:
        """What of a chunk still passes; None where no cut is due."""
        if self._weather.cut_after is None or self._weather.cut_after[0] != way:
            return None
        if len(chunk) < self._left:
            self._left -= len(chunk)
            return None
        return chunk[: self._left]

    def _cut(self, writers: Sequence[asyncio.StreamWriter]) -> None:
        self.cuts += 1
        softly, self._weather = self._weather.cut_softly, replace(self._weather, cut_after=None)
        for writer in writers:
            if softly:
                writer.write_eof()
        if not softly:
            raise ConnectionResetError("the line was cut")


async def _swallow(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(CHUNK_BYTES):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    made: socket.socket | None = writer.get_extra_info("socket")
    if made is not None:
        with suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@dataclass(slots=True)
class Proxy:
    """The lines of many devices to one server, or to several of the same; use it as a context manager."""

    upstreams: Sequence[Address]
    """Where the server's processes listen; each connection goes to one of them. May be replaced at any time."""
    seed: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def line(self) -> Line:
        """One more way to the server."""
        number = len(self._servers)
        dice = Random(f"{self.seed}/line/{number}")  # noqa: S311
        line = Line(self._loop, lambda: dice.choice(self.upstreams))
        self._servers.append(self._run(line.serve()))
        return line

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        ours = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in ours:
            each.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
