"""The failpoints of a request and of its answer, around the whole application; only a server under test has it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple

from infra.failpoints import hit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class _Points(NamedTuple):
    """Where the requests of one route may fail."""

    received: str | None
    answering: str
    mid_response: str


_POINTS: Final = {
    "/v1/sync/push": _Points("push.received", "push.answering", "push.mid_response"),
    "/v1/sync/pull": _Points(None, "pull.answering", "pull.mid_response"),
}


class FailingAnswers:
    """An ASGI application around another one."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, with a failpoint on its way in and two on the way out."""
        points = _POINTS.get(scope.get("path", "")) if scope["type"] == "http" else None
        if points is None:
            await self._app(scope, receive, send)
        else:
            await self._app(scope, _failing_receive(receive, points), _failing_send(send, points))


def _failing_receive(receive: Receive, points: _Points) -> Receive:
    async def received() -> Message:
        message = await receive()
        if points.received and message["type"] == "http.request" and not message.get("more_body"):
            await _hit(points.received)
        return message

    return received


def _failing_send(send: Send, points: _Points) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            await _hit(points.answering)
        elif message["type"] == "http.response.body" and len(message.get("body", b"")) > 1:
            body = message["body"]
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
            await _hit(points.mid_response)
            message = {**message, "body": body[len(body) // 2 :]}
        await send(message)

    return sent


async def _hit(name: str) -> None:
    await asyncio.to_thread(hit, name)  # whoever sleeps there must not keep the others waiting
