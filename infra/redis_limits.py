"""Rate limits shared by all processes of an installation, in Redis."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from commands.rate_limits import Ask, Taken, told, unknowable
from infra.process_limits import ProcessLimits

WAIT_S_MAX: Final = 0.25
"""How long a request may wait for Redis before it is counted here."""
LOOK_AGAIN_S: Final = 1.0
"""How long Redis is not asked after it failed, so that not every request waits for it."""

_log = logging.getLogger("cairnfield.limits")

TAKE: Final = """
-- The same algorithm as commands/rate_limits.py, for all keys at once: grant all or none.
local now = tonumber(ARGV[1])
if now < 0 then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local standing, fits, all_fit = {}, {}, true
for i, key in ipairs(KEYS) do
    local price, fitting, window = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
    local owed = math.max(tonumber(redis.call('GET', key) or 0), now)
    standing[i] = owed
    fits[i] = (owed + fitting <= now + window) and 1 or 0
    if fits[i] == 0 then all_fit = false end
end
if all_fit then
    for i, key in ipairs(KEYS) do
        standing[i] = standing[i] + tonumber(ARGV[3 * i - 1])
        local ttl = math.max(1, math.ceil((standing[i] - now) / 1000))
        redis.call('SET', key, string.format('%.0f', standing[i]), 'PX', ttl)
    end
end
local answer = {string.format('%.0f', now)}
for i in ipairs(KEYS) do
    answer[2 * i], answer[2 * i + 1] = string.format('%.0f', standing[i]), fits[i]
end
return answer
"""


class RedisLimits:
    """One key for each that owes something, gone when it is paid off; Redis's own clock decides.

    While Redis cannot be asked, each of `processes` counts alone and gives out its share, and what is strict is
    refused. Nothing here is truth: a Redis that was emptied forgives.
    """

    def __init__(self, url: str, *, processes: int = 1, now_us: Callable[[], int] | None = None) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # its options are untyped
            url,
            socket_timeout=WAIT_S_MAX,
            socket_connect_timeout=WAIT_S_MAX,
            retry=Retry(NoBackoff(), 0),  # the next request asks again soon enough
        )
        self._take = self._redis.register_script(TAKE)
        self._processes, self._now_us = processes, now_us
        self._alone = ProcessLimits() if now_us is None else ProcessLimits(now_us)
        self._ask_again_at = 0.0

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Waits for Redis at most WAIT_S_MAX."""
        if time.monotonic() >= self._ask_again_at:
            try:
                return await self._shared(asks)
            except (RedisError, OSError, TimeoutError) as why:
                _log.warning("rate limits are counted by each process alone: Redis does not answer: %s", why)
                self._ask_again_at = time.monotonic() + LOOK_AGAIN_S
        return self._counted_alone(asks)

    async def _shared(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        keys = [f"cairn:rl:{ask.quota.name}:{ask.key}" for ask in asks]
        numbers = [-1 if self._now_us is None else self._now_us()]
        for ask in asks:
            fitting = ask.quota.price_us(min(ask.cost, ask.quota.amount))
            numbers += [ask.quota.price_us(ask.cost), fitting, ask.quota.window_us]
        answer = cast("list[Any]", await self._take(keys=keys, args=numbers))
        now_us = int(answer[0])
        return [
            told(int(paid), ask, now_us, is_granted=bool(fits))
            for ask, paid, fits in zip(asks, answer[1::2], answer[2::2], strict=True)
        ]

    def _counted_alone(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        shares = [ask._replace(quota=ask.quota.shared_by(self._processes)) for ask in asks]
        if any(ask.quota.is_strict for ask in asks):
            return [unknowable(ask) for ask in asks if ask.quota.is_strict]
        return self._alone.take_now(shares)

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()
