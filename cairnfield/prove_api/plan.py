"""Who asks for what, and how often: so many requests in all, spread over everybody and every operation by a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from api.policy import POLICY

ANONYMOUS: Final = "anonymous"
REQUESTS_PER_PAIR: Final = 12
"""Fewer would leave a phase without a case: then fewer of those who ask are sent to each operation."""
_EXAMPLES: Final = 2
"""Of the cases of an operation, how many are written into the description as examples."""
_COVERED, _DRAWN, _FOLLOWED = 0.40, 0.35, 0.25
_BESIDE: Final = 1.2
"""For each request that is planned, so many are sent: examples, and what some checks ask beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of them asks."""

    who: str
    """A role, or ANONYMOUS."""
    operations: tuple[str, ...]
    """By operation id."""
    covered: int
    """About how many cases of each operation are kept of those that walk along the limits of its description."""
    drawn: int
    """How many cases of each operation are drawn at random."""
    chains: int
    """How many chains of operations are followed, each feeding the next from its answers."""


def shares(
    operations: Mapping[str, tuple[str, str]], everybody: Sequence[str], *, requests: int, seed: int, steps: int
) -> list[Share]:
    """Every operation is asked by somebody who may, where anybody may, and by as many others as there is room for.

    `operations`: method and path by operation id; `steps`: how many operations a chain has.
    """
    chance = Random(seed)  # noqa: S311  # which is drawn may be known
    each_by = max(1, min(len(everybody), requests // (REQUESTS_PER_PAIR * len(operations))))
    asked: dict[str, list[str]] = {who: [] for who in everybody}
    for operation, route in sorted(operations.items()):
        admitted = [who for who in everybody if _may_ask(who, route)]
        others = [who for who in everybody if who not in admitted]
        chance.shuffle(admitted)
        chance.shuffle(others)
        first, rest = admitted[:1], [*others[:1], *admitted[1:], *others[1:]]
        for who in [*first, *rest][:each_by]:
            asked[who].append(operation)
    per_pair = requests / _BESIDE / (each_by * len(operations))
    return [
        Share(
            who=who,
            operations=tuple(found),
            covered=max(1, round(per_pair * _COVERED)),
            drawn=max(1, round(per_pair * _DRAWN)),
            chains=max(1, round(len(found) * per_pair * _FOLLOWED / steps)),
        )
        for who, found in asked.items()
    ]


def _may_ask(who: str, route: tuple[str, str]) -> bool:
    row = POLICY[route]
    return row.who is None or (who != ANONYMOUS and who in row.who)
