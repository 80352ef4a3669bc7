"""An append that is awaited, so that no thread stands still for it."""

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

from api.services import Services
from sync.log import Decision, TenantId, Wanted

Answer = TypeVar("Answer")


async def appended(
    wanted: Wanted, decide: Decision[Answer], tenant: TenantId, services: Services, *, now_ms: int
) -> Answer:
    """What `decide` answers, once it is stored; raises what it raised, or what storing raised."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def done(answer: Any, failure: Exception | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(_tell, future, answer, failure)

    services.log.append_soon(tenant, wanted, decide, now_ms=now_ms, done=done)
    return await future


def _tell(future: "asyncio.Future[Any]", answer: Any, failure: Exception | None) -> None:
    if future.cancelled():
        return
    if failure is None:
        future.set_result(answer)
    else:
        future.set_exception(failure)
