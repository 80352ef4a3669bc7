"""Rate limits kept by this process alone."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from commands.rate_limits import Ask, Taken, is_grantable, owed_us, told

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
        now_us = self._now_us()
        with self._lock:
            standing = [self._paid_off.get((ask.quota.name, ask.key), 0) for ask in asks]
            fits = [is_grantable(paid, ask, now_us) for paid, ask in zip(standing, asks, strict=True)]
            if all(fits):
                standing = [owed_us(paid, ask, now_us) for paid, ask in zip(standing, asks, strict=True)]
                for paid, ask in zip(standing, asks, strict=True):
                    self._paid_off[ask.quota.name, ask.key] = paid
                self._keep_small(now_us)
        return [
            told(paid, ask, now_us, is_granted=granted) for paid, ask, granted in zip(standing, asks, fits, strict=True)
        ]

    def _keep_small(self, now_us: int) -> None:
        if len(self._paid_off) <= self._keys_max:
            return
        owing = sorted((paid, key) for key, paid in self._paid_off.items() if paid > now_us)
        # Whoever owes least is forgiven first: a flood of new names must not free those who are being held back.
        self._paid_off = {key: paid for paid, key in owing[-(self._keys_max // 2) :]}
