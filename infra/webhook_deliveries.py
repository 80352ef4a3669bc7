"""Delivers what waits at the lines of all webhooks, in one thread: one message after the other at each, many lines at
once.

A line is claimed in the database, so that two processes never serve it at the same time. It is woken by the doorbell,
and looked at every few seconds all the same. Receivers that were slow or failed share a part of the places, so that
however many of them there are, the others are served as if they were not.
"""

import asyncio
import logging
import random
import secrets
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from commands.outbound_urls import Target, UrlRefused, read_url
from commands.webhooks import (
    ANSWER_BYTES_KEPT,
    Answer,
    Delivery,
    Errand,
    Message,
    Webhook,
    after,
    is_slow,
    message_of,
    ping,
)
from infra.failpoints import hit
from infra.looping_thread import LoopingThread
from infra.outbound import Caller, Outbound, Unanswered, retry_after_ms
from infra.postgres.webhook_lines import Claimed, Hold, PostgresLines, Tried, Waiting
from infra.webhook_secrets import WebhookSecrets
from sync.doorbell import Doorbell
from sync.log import LogUnavailable, TenantId
from sync.rows import EventRow

PLACES: Final = 200
PLACES_OF_SLOW_ONES: Final = 100
PAGE: Final = 50
LEASE_MS: Final = 30_000
"""Longer than one message can take; extended with each."""
SWEEP_S: Final = 5.0
SHORTEST_PAUSE_S: Final = 0.02
"""Between two looks for what is due: a busy log rings far more often than that."""
DATABASE_THREADS: Final = 4
KEPT_MS: Final = 14 * 86_400_000
"""How long what came of a try can be looked up."""
FORGET_EVERY_S: Final = 3_600.0
STOP_S_MAX: Final = 5.0

_log = logging.getLogger("cairnfield.webhooks")
_Found = TypeVar("_Found")


class WebhookDeliveries:
    """Runs from `start` to `stop`, in a thread with an event loop of its own."""

    def __init__(
        self,
        lines: PostgresLines,
        outbound: Outbound,
        keys: WebhookSecrets,
        doorbell: Doorbell,
        *,
        now_ms: Callable[[], int],
        allow_local: bool = False,
        places: int = PLACES,
        places_of_slow_ones: int = PLACES_OF_SLOW_ONES,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._lines, self._outbound, self._keys, self._doorbell = lines, outbound, keys, doorbell
        self._now_ms, self._allow_local, self._sweep_s = now_ms, allow_local, sweep_s
        self._places, self._places_of_slow_ones = places, places_of_slow_ones
        self._dice = random.Random(secrets.randbits(64))  # noqa: S311  # it spreads, and hides nothing
        self._thread = LoopingThread(self._main, name="webhooks")

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver no more; what is under way is given up, and sent again by whoever is next."""
        self._thread.stop(within_s=STOP_S_MAX)

    async def _main(self) -> None:
        self._database = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="webhooks")
        self._is_woken = asyncio.Event()
        self._woken: set[TenantId] = set()
        self._ears: dict[TenantId, Callable[[], None]] = {}
        self._served: dict[asyncio.Task[None], bool] = {}
        try:
            await self._for_ever()
        finally:
            await self._end()

    async def _end(self) -> None:
        for stop_listening in self._ears.values():
            stop_listening()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)
        self._database.shutdown(wait=False, cancel_futures=True)

    async def _for_ever(self) -> None:
        swept_s, forgot_s = float("-inf"), time.monotonic()
        while True:
            self._is_woken.clear()
            woken, self._woken = self._woken, set[TenantId]()
            try:
                if time.monotonic() - swept_s >= self._sweep_s:
                    swept_s = time.monotonic()
                    woken |= await self._sweep()
                for tenant in woken:
                    await self._claim(tenant)
                if time.monotonic() - forgot_s >= FORGET_EVERY_S:
                    forgot_s = time.monotonic()
                    await self._forget()
            except LogUnavailable as why:
                _log.warning("webhooks wait for the database: %s", why)
            await asyncio.sleep(SHORTEST_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, swept_s + self._sweep_s - time.monotonic())):
                    await self._is_woken.wait()

    async def _sweep(self) -> set[TenantId]:
        """Look at every tenant, and listen to the logs of those that tell anybody anything."""
        telling = set[TenantId]()
        for tenant in await self.ask(self._lines.tenants):
            if await self.ask(partial(self._lines.has_any, tenant)):
                telling.add(tenant)
        for tenant in telling - self._ears.keys():
            self._ears[tenant] = self._doorbell.listen(tenant, partial(self._hear, tenant))
        for tenant in self._ears.keys() - telling:
            self._ears.pop(tenant)()
        return telling

    def _hear(self, tenant: TenantId, head: int) -> None:
        del head
        self._woken.add(tenant)
        self._is_woken.set()

    async def _claim(self, tenant: TenantId) -> None:
        free = self._places - len(self._served)
        free_for_slow = self._places_of_slow_ones - sum(self._served.values())
        now_ms, claim = self._now_ms(), str(uuid.uuid4())
        for slow_too, limit in ((False, free), (True, min(free, free_for_slow))):
            if limit <= 0:
                continue
            until_ms = now_ms + LEASE_MS
            claiming = partial(self._lines.claim, tenant, claim, now_ms=now_ms, until_ms=until_ms)
            claimed = await self.ask(partial(claiming, limit=limit, slow_too=slow_too))
            for line in claimed:
                self._begin(Hold(tenant=tenant, webhook=line.webhook, claim=claim), line)
            free -= len(claimed)

    def _begin(self, hold: Hold, line: Claimed) -> None:
        task = asyncio.create_task(self._serve(hold, line))
        self._served[task] = line.is_slow
        task.add_done_callback(partial(self._done, hold.tenant))

    def _done(self, tenant: TenantId, task: asyncio.Task[None]) -> None:
        """Something may have come while the line was ours, and nobody else could claim it."""
        del self._served[task]
        if task.cancelled():
            return
        if task.exception() is None:
            self._hear(tenant, 0)
        else:  # a bug: the line is looked at again with the next sweep
            _log.error("a webhook's line was left", exc_info=task.exception())

    async def _serve(self, hold: Hold, claimed: Claimed) -> None:
        try:
            async with self._outbound.caller() as caller:
                line = _Line(self, self._lines, hold, caller, is_slow=claimed.is_slow)
                while await line.go_on():
                    pass
        finally:
            with suppress(LogUnavailable):
                await self.ask(partial(self._lines.release, hold))

    async def _forget(self) -> None:
        before_ms = self._now_ms() - KEPT_MS
        for tenant in await self.ask(self._lines.tenants):
            await self.ask(partial(self._lines.forget, tenant, before_ms=before_ms))

    async def ask(self, what: Callable[[], _Found]) -> _Found:
        """What a call of the database says, which is waited for in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._database, what)

    def wait_until_ms(self) -> int:
        """Until when a line is ours that is served now."""
        return self._now_ms() + LEASE_MS

    def now_ms(self) -> int:
        return self._now_ms()

    def dice(self) -> float:
        return self._dice.random()

    async def send(self, caller: Caller, tenant: TenantId, webhook: Webhook, message: Message) -> Answer:
        """The answer to one message."""
        began_s = time.monotonic()
        try:
            if webhook.key != self._keys.name:
                raise Unanswered("not sent: its secret is of another key than this server has; rotate it")
            headers = self._keys.headers(tenant, webhook, message, now_ms=self._now_ms())
            answered = await caller.post(self._target(webhook.url), message.body, headers)
        except Unanswered as why:
            return Answer(None, _ms_since(began_s), error=str(why))
        hit("webhook.answered")
        return Answer(
            answered.status,
            _ms_since(began_s),
            head=answered.head[:ANSWER_BYTES_KEPT],
            retry_after_ms=retry_after_ms(answered.headers),
        )

    def _target(self, url: str) -> Target:
        """Read anew each time: what was allowed when it was subscribed to need not be allowed now."""
        try:
            return read_url(url, allow_local=self._allow_local)
        except UrlRefused as why:
            raise Unanswered(f"not sent: {why}") from None


class _Line:
    """One webhook while it is ours."""

    def __init__(
        self, deliveries: WebhookDeliveries, lines: PostgresLines, hold: Hold, caller: Caller, *, is_slow: bool
    ) -> None:
        self._of, self._lines, self._hold, self._caller = deliveries, lines, hold, caller
        self._is_slow = is_slow

    async def go_on(self) -> bool:
        """Send what waits, a page of each kind; False where there is nothing now, or it is not ours any more."""
        webhook = await self._of.ask(partial(self._lines.keep, self._hold, until_ms=self._of.wait_until_ms()))
        if webhook is None:
            return False
        if await self._run_errand(webhook, "ping"):
            return True
        if webhook.state != "active" or webhook.next_at_ms > self._of.now_ms():
            return False
        has_moved = await self._tell_events(webhook)
        return await self._run_errand(webhook, "replay") if has_moved is None else has_moved

    async def _tell_events(self, webhook: Webhook) -> bool | None:
        """Whether the line goes on; None: nothing waits at it."""
        tenant, failures = self._hold.tenant, webhook.failures
        found = await self._wanted(tenant, webhook, after=webhook.position, limit=PAGE)
        for row in found.events:
            tried = await self._try(webhook, message_of(row), "event", row, failures)
            mark = partial(self._lines.mark, self._hold, webhook, tried, until_ms=self._of.wait_until_ms())
            if not self._goes_on(tried, await self._of.ask(mark), webhook):
                return False
            if tried.step.outcome == "dead":
                return True  # what comes next is judged by that
            failures = 0
        if found.up_to <= webhook.position:
            return None
        until_ms = self._of.wait_until_ms()
        await self._of.ask(partial(self._lines.pass_by, self._hold, webhook, found.up_to, until_ms=until_ms))
        return True if found.events else None

    async def _run_errand(self, webhook: Webhook, kind: str) -> bool:
        """Whether there was one, and the line goes on."""
        now_ms = self._of.now_ms()
        errand = await self._of.ask(partial(self._lines.errand, self._hold, kind, now_ms=now_ms))
        if errand is None:
            return False
        if kind == "ping":
            return await self._tell(webhook, errand, ping(errand.errand, now_ms=errand.asked_at_ms), None)
        found = await self._wanted(self._hold.tenant, webhook, after=errand.position, limit=1, to=errand.to_position)
        if found.events:
            return await self._tell(webhook, errand, message_of(found.events[0]), found.events[0])
        await self._of.ask(partial(self._lines.pass_errand_by, self._hold, errand, found.up_to, now_ms=now_ms))
        return True

    async def _tell(self, webhook: Webhook, errand: Errand, message: Message, row: EventRow | None) -> bool:
        tried = await self._try(webhook, message, errand.kind, row, errand.failures)
        until_ms = self._of.wait_until_ms()
        marked = await self._of.ask(
            partial(self._lines.mark_errand, self._hold, webhook, errand, tried, until_ms=until_ms)
        )
        return self._goes_on(tried, marked, webhook) or errand.kind == "ping"

    def _goes_on(self, tried: Tried, version: int | None, webhook: Webhook) -> bool:
        """Unless it failed, is not ours, was changed meanwhile, or belongs among the slow ones from now on."""
        return tried.step.moves_on and version == webhook.version and (self._is_slow or not tried.is_slow)

    async def _wanted(
        self, tenant: TenantId, webhook: Webhook, *, after: int, limit: int, to: int | None = None
    ) -> Waiting:
        waiting = partial(self._lines.waiting, tenant, webhook.facts, after=after, limit=limit, to=to)
        return await self._of.ask(waiting)

    async def _try(self, webhook: Webhook, message: Message, kind: str, row: EventRow | None, failures: int) -> Tried:
        sent_at_ms = self._of.now_ms()
        answer = await self._of.send(self._caller, self._hold.tenant, webhook, message)
        just_buried = webhook.just_buried and kind == "event"
        step = after(answer, failures=failures, just_buried=just_buried, now_ms=self._of.now_ms(), dice=self._of.dice())
        delivery = Delivery(
            delivery=_name_of_try(),
            message=message.id,
            kind=kind,
            position=row.position if row else None,
            attempt=failures + 1,
            sent_at_ms=sent_at_ms,
            took_ms=answer.took_ms,
            status=answer.status,
            error=answer.error,
            answer=answer.head,
            outcome=step.outcome,
        )
        return Tried(delivery, step, is_slow(answer))


def _name_of_try() -> str:
    """A UUID that sorts after those before it, where several tries are made within a millisecond."""
    return str(uuid.UUID(int=time.time_ns() << 64 | secrets.randbits(64)))


def _ms_since(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1_000)
