"""How soon a thousand devices that listen live hear of an edit, and what each of them costs a worker."""

import asyncio
import re
import statistics
import time
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.server import Server
from bench.workload import days
from sync.limits import LIVE_CONNECTIONS_PER_PERSON_MAX

DEVICES: Final = 1_000
BETWEEN_EDITS_S: Final = 0.4  # longer than hints are apart, so that every edit has one of its own
HEARD_S_MAX: Final = 30.0
_HEAD: Final = re.compile(rb"^id: (\d+)\n", re.MULTILINE)


class _Device(asyncio.Protocol):
    """One live connection, with as little cost of its own as Python allows: it notes when it heard of which head."""

    def __init__(self, request: bytes, heard: dict[int, list[float]], news: asyncio.Event) -> None:
        self._request, self._heard, self._news = request, heard, news

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        for head in _HEAD.findall(data):
            times = self._heard.setdefault(int(head), [])
            times.append(time.perf_counter())
            if len(times) == DEVICES:
                self._news.set()


def fanout(server: Server, *, edits: int) -> tuple[float, float]:
    """(99th percentile of milliseconds from edit to hint, kB of the worker's memory for each connection)."""
    people = [server.another_person() for _ in range(-(-DEVICES // LIVE_CONNECTIONS_PER_PERSON_MAX))]
    asking = [
        _asking(each, replica)
        for each in people
        for connection in [each.connect()]
        for replica in [connection.mint() for _ in range(LIVE_CONNECTIONS_PER_PERSON_MAX)]
    ]
    author = server.connect().mint()
    return asyncio.run(_fanout(server, asking[:DEVICES], list(islice(days(author, seed=7), edits + 1))))


async def _fanout(server: Server, asking: list[bytes], edits: list[bytes]) -> tuple[float, float]:
    heard, news = dict[int, list[float]](), asyncio.Event()
    address = urlsplit(server.url)
    assert address.hostname
    assert address.port
    loop, before_kb = asyncio.get_running_loop(), _resident_kb(server.pid)
    devices = [
        await loop.create_connection(
            lambda request=request: _Device(request, heard, news),  # type: ignore[misc]  # bound here
            address.hostname,
            address.port,
        )
        for request in asking
    ]
    await _all_heard(heard, 0, news)
    kb_each = (_resident_kb(server.pid) - before_kb) / len(devices)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    delays_ms: list[float] = []
    for head, edit in enumerate(edits, 1):
        await asyncio.sleep(BETWEEN_EDITS_S)
        began = time.perf_counter()
        writer.write(_pushing(server, edit))
        await _all_heard(heard, head, news)
        if head > 1:  # the first one warms up
            delays_ms += [(at - began) * 1_000 for at in heard[head]]
        await reader.readuntil(b"}")
        reader._buffer.clear()  # type: ignore[attr-defined]  # whatever is left of the answer
    for transport, _ in devices:
        transport.close()
    writer.close()
    return statistics.quantiles(delays_ms, n=100)[98], kb_each


async def _all_heard(heard: dict[int, list[float]], head: int, news: asyncio.Event) -> None:
    async with asyncio.timeout(HEARD_S_MAX):
        while len(heard.get(head, ())) < DEVICES:
            news.clear()
            await news.wait()


def _asking(server: Server, replica: str) -> bytes:
    return (
        f"GET /v1/sync/live?replica={replica} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    ).encode()


def _pushing(server: Server, event: bytes) -> bytes:
    head = (
        f"POST /v1/sync/push HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(event)}\r\n\r\n"
    )
    return head.encode() + event


def _resident_kb(pid: int) -> float:
    (line,) = re.findall(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return float(line)
