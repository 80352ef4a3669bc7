"""Everything that is done to a run on purpose: what strikes, whom and for how long, decided by the seed beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

STRIKES: Final[Mapping[str, int]] = {
    "disconnect": 3,
    "slow": 2,
    "partition in": 2,
    "partition out": 2,
    "partition": 2,
    "cut answer": 4,
    "cut answer softly": 2,
    "cut request": 3,
    "double": 2,
    "portal": 2,
    "stop device": 2,
    "kill device": 3,
    "pause device": 2,
    "clock jump": 2,
    "clone": 2,
    "roll back": 2,
    "flip grants": 3,
    "change version": 1,
    "mark durable": 2,
    "stop api": 2,
    "kill api": 3,
    "pause api": 2,
    "stop postgres": 1,
    "kill postgres": 2,
    "pause postgres": 1,
}
"""Every kind of blow, and how often it is chosen beside the others."""
BACK_UP: Final = "back up the server"
RESTORE: Final = "restore the server"
_COPIES: Final = (BACK_UP, RESTORE)
_NOT_WITH_RESTORES: Final = ("roll back", "mark durable")
RESTORES: Final = 0.5
"""In how many runs the server comes back from a copy of its data folder that is older than its clients."""
BYTES: Final = (0, 1, 17, 100, 200, 300, 400, 700, 1_500, 5_000)
JUMPS_MS: Final = (-86_400_000, -3_600_000, -1_000, 1_000, 240_000, 3_600_000, 86_400_000, 30 * 365 * 86_400_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One blow: `what` falls on device or worker number `on` at `at_s` and is taken back `for_s` later."""

    at_s: float
    what: str
    on: int
    for_s: float
    much: int = 0
    """Bytes, milliseconds or whatever the blow measures."""


def plan(*, seed: int, seconds: float, devices: int, kinds: Sequence[str] = ()) -> list[Strike]:
    """The blows of a run, in the order of their moments; two or three may be felt at once."""
    dice = Random(f"{seed}/strikes")  # noqa: S311
    restores = RESTORE in kinds or (not kinds and dice.random() < RESTORES)
    # A device put back to an older copy of itself has forgotten what it would offer again to a server put back to an
    # older copy: with both, something is lost by right. So it is where more is marked than the copy holds.
    left_out = {*_COPIES, *(_NOT_WITH_RESTORES if restores else ())}
    chosen = [kind for kind in kinds or STRIKES if kind not in left_out]
    weights = [STRIKES.get(kind, 1) for kind in chosen]
    strikes = [_restoring(BACK_UP, 0.2 * seconds), _restoring(RESTORE, 0.6 * seconds)] if restores else []
    at_s = 0.5
    while chosen and at_s < seconds:
        what, for_s = dice.choices(chosen, weights)[0], round(0.2 + 1.3 * dice.random(), 2)
        on = dice.randrange(devices)
        strikes.append(Strike(at_s=at_s, what=what, on=on, for_s=for_s, much=_measure(what, dice)))
        at_s = round(at_s + 0.2 + 0.6 * dice.random(), 2)
    return sorted(strikes, key=lambda strike: strike.at_s)


def _restoring(what: str, at_s: float) -> Strike:
    return Strike(at_s=at_s, what=what, on=0, for_s=0.1)


def _measure(what: str, dice: Random) -> int:
    if what.startswith("cut"):
        return dice.choice(BYTES)
    return dice.choice(JUMPS_MS) if what == "clock jump" else dice.randint(20, 200)
