"""The live stream: server-sent events that say how far the log has come. A hint to pull, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import bearer_token, looked_up, principal_of
from api.given import Ports
from api.live_streams import Device, LiveFull, Stream, Streams
from api.own_replica import own_replica
from api.problem import RETRY_AFTER_S, Problem
from api.services import Services
from commands.authority import Principal
from sync.log import LogUnavailable

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Who = Callable[[], Principal | None]
"""Whom the token of a stream speaks for now."""

HEARTBEAT: Final = b": here\n\n"
RECONNECT_MS: Final = 3_000
_DIGITS_MAX: Final = 16

router = APIRouter(prefix="/v1/sync", tags=["sync"])


@router.get("/live", summary="Hear that there is something to pull", response_class=Response)
async def live(
    request: Request,
    services: Ports,
    replica: Annotated[
        str | None, Query(pattern="^r[a-z2-7]{12}$", description="For which device: it has one stream, the newest.")
    ] = None,
    last_event_id: Annotated[str, Header(description="The head that was heard last.")] = "",
) -> Response:
    """Server-sent events (`text/event-stream`): `head` with the log's newest position, at once and whenever it grew.

    `replaced` and `unauthorized` end the stream. A comment comes every 15 seconds of silence.
    """
    speaking = await principal_of(request)
    if replica is not None:
        await run_in_threadpool(own_replica, replica, speaking, services)
    streams = request.app.state.streams
    assert isinstance(streams, Streams)
    heard = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) <= _DIGITS_MAX else None
    device = (speaking.tenant, speaking.person, replica or "")
    return _Hints(streams, services, device, who=partial(looked_up, bearer_token(request), request), heard=heard)


class _Hints(Response):
    """The stream as it is sent: less than a StreamingResponse would keep for each connection."""

    def __init__(self, streams: Streams, services: Services, device: Device, *, who: Who, heard: int | None) -> None:
        super().__init__(
            media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._streams, self._services, self._device, self._who = streams, services, device, who
        self._heard = heard

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            with self._streams.join(self._device) as stream:
                gone = asyncio.create_task(_end_when_gone(receive, stream))
                try:
                    await self._tell(stream, send)
                except TimeoutError:
                    pass  # it does not read: no more is written for it, and the connection is dropped
                finally:
                    gone.cancel()
        except LiveFull as full:
            raise _full(full.whose) from None

    async def _tell(self, stream: Stream, send: Send) -> None:
        pace, clock = self._streams.pace, asyncio.get_running_loop().time
        head = await run_in_threadpool(self._services.log.head, self._device[0])
        stream.hear(head.position)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        checked_at = spoke_at = clock()
        told, says = self._heard, b"retry: %d\n\n" % RECONNECT_MS
        while not stream.is_over:
            if stream.newest != told:
                told = stream.newest
                says += hint(told)
            if says:
                async with asyncio.timeout(pace.send_s_max):
                    await send({"type": "http.response.body", "body": says, "more_body": True})
                spoke_at, says = clock(), b""
            if clock() >= checked_at + pace.recheck_s:
                checked_at = clock()
                if not await run_in_threadpool(self._may_listen):
                    stream.end("unauthorized")
                stream.hear(await run_in_threadpool(self._look))
            elif stream.newest == told and not stream.is_over:
                await stream.sleep(min(spoke_at + pace.heartbeat_s, checked_at + pace.recheck_s) - clock())
                if clock() >= spoke_at + pace.heartbeat_s:
                    says = HEARTBEAT
        last = b"event: %s\ndata: {}\n\n" % stream.ending.encode() if stream.ending else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})

    def _look(self) -> int:
        """The head, for whoever no bell was rung for: a hint from another process may be lost; 0 if nobody can say."""
        try:
            return self._services.log.head(self._device[0]).position
        except LogUnavailable:
            return 0

    def _may_listen(self) -> bool:
        tenant, person, _ = self._device
        try:
            speaking = self._who()
        except LogUnavailable:
            return True  # nobody can say now; the next look will
        return speaking is not None and (speaking.tenant, speaking.person) == (tenant, person)


def hint(head: int) -> bytes:
    """One event of the stream."""
    return b'id: %d\nevent: head\ndata: {"head":%d}\n\n' % (head, head)


async def _end_when_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


_FULL: Final = {
    "person": "One person has as many devices connected live as they may.",
    "tenant": "As many devices of your company are connected live as may be.",
    "server": "As many devices are connected live as this server takes.",
}


def _full(whose: str) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "live-full",
        _FULL[whose],
        hint="Pull every few minutes instead, and try again later; nothing depends on the stream.",
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
