"""Rate limits kept by this process alone."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from commands.rate_limits import Ask, Taken, is_grantable, spent, told

KEYS_MAX: Final = 200_000
"""Of which each takes about 200 bytes."""


def monotonic_us() -> int:
    """A clock that never goes back."""
    return time.monotonic_ns() // 1_000


class ProcessLimits:
    """One moment for each key that owes something; the keys that owe nothing are dropped when there are many."""

    def __init__(self, now_us: Callable[[], int] = monotonic_us, *, keys_max: int = KEYS_MAX) -> None:
        self._now_us, self._keys_max = now_us, keys_max
        self._paid_off: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Never waits."""
        return self.take_now(asks)

    def take_now(self, asks: Sequence[Ask]) -> list[Taken]:
        """The same, from anywhere."""
        now_us, keys = self._now_us(), [(ask.quota.name, ask.key) for ask in asks]
        with self._lock:
            before = [self._paid_off.get(key, 0) for key in keys]
            after = spent(before, asks, now_us)
            if after is not None:
                self._paid_off.update(zip(keys, after, strict=True))
                self._keep_small(now_us)
        if after is not None:
            return [told(paid, ask, now_us, is_granted=True) for paid, ask in zip(after, asks, strict=True)]
        return [
            told(paid, ask, now_us, is_granted=is_grantable(paid, ask, now_us))
            for paid, ask in zip(before, asks, strict=True)
        ]

    def _keep_small(self, now_us: int) -> None:
        if len(self._paid_off) <= self._keys_max:
            return
        owing = sorted((paid, key) for key, paid in self._paid_off.items() if paid > now_us)
        # Whoever owes least is forgiven first: a flood of new names must not free those who are being held back.
        self._paid_off = {key: paid for paid, key in owing[-(self._keys_max // 2) :]}
