"""Rate limits kept by this process alone."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from commands.rate_limits import Ask, Taken, granted, told

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
        now_us, takes = self._now_us(), list[tuple[tuple[str, str], int, Taken]]()
        with self._lock:
            for ask in asks:
                key = (ask.quota.name, ask.key)
                taken = granted(self._paid_off.get(key, 0), ask, now_us)
                if taken is None:
                    return self._refused(asks, now_us)
                takes.append((key, *taken))
            for key, paid_off_us, _ in takes:
                self._paid_off[key] = paid_off_us
            if len(self._paid_off) > self._keys_max:
                self._keep_small(now_us)
        return [taken for _, _, taken in takes]

    def _refused(self, asks: Sequence[Ask], now_us: int) -> list[Taken]:
        """How somebody stands of whose wishes one does not fit."""
        standing = [(ask, self._paid_off.get((ask.quota.name, ask.key), 0)) for ask in asks]
        return [told(paid, ask, now_us, is_granted=granted(paid, ask, now_us) is not None) for ask, paid in standing]

    def _keep_small(self, now_us: int) -> None:
        owing = sorted((paid, key) for key, paid in self._paid_off.items() if paid > now_us)
        # Whoever owes least is forgiven first: a flood of new names must not free those who are being held back.
        self._paid_off = {key: paid for paid, key in owing[-(self._keys_max // 2) :]}
