"""A thousand devices that were offline for a day come back at the same moment: how long until the last is rid of it."""

import asyncio
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from bench.push import ACCEPTED
from bench.server import Server
from bench.workload import days
from cairnfield.wiring import now_ms, open_accounts
from infra.postgres.pool import open_pool

DEVICES: Final = 1_000
EVENTS_OF_A_DAY: Final = 50
DRAINED_S_MAX: Final = 300.0
BUSY: Final = (429, 503)
RETRY_AFTER_S: Final = 1.0
_END_OF_HEAD: Final = b"\r\n\r\n"


def herd(server: Server) -> dict[str, float]:
    """Seconds from their coming until all events of all devices are accepted, and how often one was told to wait."""
    tokens = _people(server, DEVICES)
    pushes = [_a_day(replace(server, token=token), number) for number, token in enumerate(tokens)]
    took_s, told_to_wait = asyncio.run(_come_back(server, pushes))
    return {"herd_s": took_s, "herd_told_to_wait": float(told_to_wait)}


def _people(server: Server, count: int) -> list[str]:
    """The tokens of so many people, so that each is held to a pace of their own."""
    with open_pool(server.dsn, size=1) as pool:
        accounts, people = open_accounts(pool), [str(uuid.uuid4()) for _ in range(count)]
        for person in people:
            accounts.add_person(server.tenant, person=person, name="Bench", role="supervisor")
        return [accounts.issue(server.tenant, person, now_ms=now_ms()) for person in people]


def _a_day(home: Server, seed: int) -> bytes:
    """What a device hands in of its day, as a request made ready."""
    connection = home.connect()
    push = connection.posting("/v1/sync/push", b"\n".join(islice(days(connection.mint(), seed), EVENTS_OF_A_DAY)))
    connection.close()
    return push


async def _come_back(server: Server, pushes: list[bytes]) -> tuple[float, int]:
    address, loop = urlsplit(server.url), asyncio.get_running_loop()
    assert address.hostname
    assert address.port
    where = (address.hostname, address.port)
    devices = [_Device(push, loop.create_future()) for push in pushes]
    began = time.perf_counter()
    async with asyncio.timeout(DRAINED_S_MAX):
        await asyncio.gather(
            *(loop.create_connection(lambda each=each: each, *where) for each in devices)  # type: ignore[misc]  # bound here
        )
        await asyncio.gather(*(each.drained for each in devices))
    took_s = time.perf_counter() - began
    for each in devices:
        each.transport.close()
    return took_s, sum(each.told_to_wait for each in devices)


class _Device(asyncio.Protocol):
    """One device: it hands in its day, waits when it is told to, and takes no other answer."""

    def __init__(self, push: bytes, drained: "asyncio.Future[None]") -> None:
        self._push, self.drained, self.told_to_wait = push, drained, 0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._push)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(_END_OF_HEAD)
        if end:
            status, headers = _read(head)
            if len(body) >= int(headers[b"content-length"]):
                self._answer = b""
                self._hear(status, headers, body)

    def _hear(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        if status in BUSY:
            self.told_to_wait += 1
            wait_s = float(headers.get(b"retry-after", RETRY_AFTER_S)) * random.uniform(1, 2)
            asyncio.get_running_loop().call_later(wait_s, self.transport.write, self._push)
        elif status == 200 and body.count(ACCEPTED) == EVENTS_OF_A_DAY:
            self.drained.set_result(None)
        else:
            self.drained.set_exception(AssertionError(f"{status}: {body[:1_000]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.drained.done():
            self.drained.set_exception(ConnectionError(f"the server hung up: {exc}"))


def _read(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    told = (line.partition(b":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in told}
