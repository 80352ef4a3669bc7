"""How much somebody may ask in how much time, by the generic cell rate algorithm (ITU-T I.371; GCRA).

All that is kept for a key is one moment: when everything asked so far is paid off at the quota's even pace. Up to a
whole window may be owed, so a phone that was offline catches up at once, and is then held to the pace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

MICROSECONDS: Final = 1_000_000
Unit = Literal["requests", "content-bytes", "events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """`amount` of a unit in any `window_s` seconds."""

    name: str
    amount: int
    window_s: int
    unit: Unit = "requests"
    is_strict: bool = False
    """Where nobody can say how much was asked: refuse, instead of counting roughly."""

    window_us: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "window_us", self.window_s * MICROSECONDS)

    def price_us(self, cost: int) -> int:
        """How long it takes to pay off so much at the even pace."""
        return -(-cost * self.window_us // self.amount)

    def shared_by(self, processes: int) -> "Quota":
        """What each of so many processes gives out that do not know of each other."""
        amount = max(1, self.amount // processes)
        return Quota(name=self.name, amount=amount, window_s=self.window_s, unit=self.unit, is_strict=self.is_strict)


class Ask(NamedTuple):
    """Somebody's wish to spend; `key` says who, within the quota."""

    quota: Quota
    key: str
    cost: int = 1


class Taken(NamedTuple):
    """What became of a wish."""

    quota: Quota
    is_granted: bool
    left: int
    """Units that could be spent now."""
    whole_in_s: int
    """Seconds until the quota is whole again."""
    retry_in_s: int
    """Seconds until the same wish may be granted; 0 where it was."""


class Limiter(Protocol):
    """Keeps what everybody owes.

    Implemented by `infra.process_limits.ProcessLimits` and `infra.redis_limits.RedisLimits`.
    """

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Grant all wishes or none; where one is refused, the others are told as they stand. Never raises."""
        ...


def granted(paid_off_us: int, ask: Ask, now_us: int) -> tuple[int, Taken] | None:
    """The moment at which everything is paid off after this wish, and how somebody stands then; None: it does not fit.

    Asked of every request, so it asks nothing twice.
    """
    quota, _, cost = ask
    begins_us = paid_off_us if paid_off_us > now_us else now_us
    price_us = quota.price_us(cost)
    if begins_us + (price_us if cost <= quota.amount else quota.window_us) > now_us + quota.window_us:
        return None
    after_us = begins_us + price_us
    return after_us, told(after_us, ask, now_us, is_granted=True)


def told(paid_off_us: int, ask: Ask, now_us: int, *, is_granted: bool) -> Taken:
    """How somebody stands, whose debt is paid off then."""
    quota = ask.quota
    window_us, owes_us = quota.window_us, paid_off_us - now_us if paid_off_us > now_us else 0
    left = (window_us - owes_us) * quota.amount // window_us if owes_us < window_us else 0
    if is_granted:
        return Taken(quota, True, left, -(-owes_us // MICROSECONDS), 0)  # a field of a tuple
    waits_us = max(0, owes_us + quota.price_us(min(ask.cost, quota.amount)) - window_us)
    return Taken(quota, False, left, -(-owes_us // MICROSECONDS), -(-waits_us // MICROSECONDS))


def unknowable(ask: Ask) -> Taken:
    """The answer to a wish under a strict quota when nobody can say what is owed."""
    return Taken(ask.quota, is_granted=False, left=0, whole_in_s=ask.quota.window_s, retry_in_s=5)
