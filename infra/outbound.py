"""Calling somebody else's server: at an address that was checked, within a bound of time and of bytes.

A name is resolved once for each connection, every address that it leads to is checked, and one of those is connected
to. TLS and HTTP go on with the name: a certificate must be for it. A redirect is an answer like any other.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, cast

import httpcore

from commands.outbound_urls import Address, AddressRefused, Target, check_addresses

TIMEOUT_S: Final = 15.0
"""For all of it: the name, the connection, the request and the answer, however slowly it drips."""
CONNECT_S_MAX: Final = 5.0
"""For one address, so that there is time for another."""
ANSWER_BYTES_MAX: Final = 65_536
NAMES_AT_ONCE: Final = 64
KEPT_OPEN_S: Final = 5.0

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a host; raises OSError where there are none."""

_ANSWERED_BADLY: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)


class Unanswered(Exception):
    """Nothing came back that is an answer; the message says why, for whoever chose the address."""


class Answered(NamedTuple):
    """An answer, of which no more than ANSWER_BYTES_MAX was read."""

    status: int
    head: bytes
    headers: Mapping[str, str]
    """By name in lower case."""


class Names:
    """The system's resolver, which blocks: in threads of its own, so that slow names delay nothing but themselves."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(NAMES_AT_ONCE, thread_name_prefix="names")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return [ipaddress.ip_address(address) for address in dict.fromkeys(found)]

    def close(self) -> None:
        """Let the threads end; nobody waits for one that asks a dead name server."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _CheckedAddresses(httpcore.AsyncNetworkBackend):
    """Connects to a checked address of a host, and never asks for the name again."""

    def __init__(self, resolve: Resolve, *, allow_local: bool, beneath: httpcore.AsyncNetworkBackend) -> None:
        self._resolve, self._allow_local, self._beneath = resolve, allow_local, beneath

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        failure: Exception = OSError("no address")
        for address in addresses:
            try:
                return await self._beneath.connect_tcp(str(address), port, CONNECT_S_MAX, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as why:
                failure = why
        raise failure

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses: Sequence[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            addresses = await self._resolve(host, port)
        if not self._allow_local:
            check_addresses(addresses)
        return addresses

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused(path)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Outbound:
    """Calls servers outside; on one event loop.

    `allow_local` lets addresses of this network pass: for tests and development.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        allow_local: bool = False,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        beneath: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._timeout_s, self._tls = timeout_s, tls or httpcore.default_ssl_context()
        sockets = beneath or cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._backend = _CheckedAddresses(resolve, allow_local=allow_local, beneath=sockets)

    def caller(self) -> "Caller":
        """Somebody who makes one call after the other; use it as a context manager."""
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=1,
            keepalive_expiry=KEPT_OPEN_S,
            http2=False,
            network_backend=self._backend,
        )
        return Caller(pool, self._timeout_s)


class Caller:
    """One call at a time, over a connection that is kept while there is more to say."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    async def post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answered:
        """The answer to a POST; raises Unanswered."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, body, headers)
        except (TimeoutError, httpcore.TimeoutException):
            raise Unanswered(f"no answer within {self._timeout_s:g} s") from None
        except AddressRefused as why:
            raise Unanswered(str(why)) from None
        except socket.gaierror:
            raise Unanswered("the name of the host leads nowhere") from None
        except (*_ANSWERED_BADLY, OSError, UnicodeError) as why:
            raise Unanswered(f"{type(why).__name__}: {why}"[:200]) from None

    async def _post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answered:
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        always = {"host": target.host_header, "accept-encoding": "identity", "content-length": str(len(body))}
        told: list[tuple[bytes | str, bytes | str]] = [*always.items(), *headers.items()]
        async with self._pool.stream("POST", url, headers=told, content=body) as response:
            head = await _head(response)
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answered(response.status, head, found)


async def _head(response: httpcore.Response) -> bytes:
    """What is read of an answer: whoever sends more is not listened to any longer."""
    read = bytearray()
    async for piece in response.aiter_stream():
        read += piece
        if len(read) >= ANSWER_BYTES_MAX:
            break
    return bytes(read[:ANSWER_BYTES_MAX])


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """For how long an answer asks to be left alone: seconds only, as a date needs two clocks that agree."""
    told = headers.get("retry-after", "")
    return int(told) * 1_000 if re.fullmatch(r"[0-9]{1,9}", told) else None
