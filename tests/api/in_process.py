"""An HTTP client that speaks to an application in this process, without sockets."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class _Pieces(httpx.AsyncByteStream):
    """A body in the pieces in which it is sent."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._stream:
            yield piece


class InProcess(httpx.BaseTransport):
    """Carries each request to an ASGI application that runs on a loop in a thread of its own."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        # What the application raises is not raised here: a client sees what a server would send.
        self._carrier = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._carry(request), self._loop).result(timeout=60)

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        carried = httpx.Request(request.method, request.url, headers=request.headers, stream=_Pieces(request.stream))
        response = await self._carrier.handle_async_request(carried)
        return httpx.Response(response.status_code, headers=response.headers, content=await _as_sent(response))


async def _as_sent(response: httpx.Response) -> bytes:
    """The body as it is on the wire, packed if it is packed."""
    return b"".join([piece async for piece in response.aiter_raw()])


@contextmanager
def client_of(app: Any) -> Iterator[httpx.Client]:
    """A client of the application, as long as the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        with httpx.Client(transport=InProcess(app, loop), base_url="http://cairn") as client:
            yield client
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
