"""How long to wait before asking again: full jitter, so that a thousand devices that lost the same server do not come
back at the same moment (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""

from random import Random
from typing import Final

FIRST_S_MAX: Final = 0.5
PAUSE_S_MAX: Final = 60.0
RETRY_AFTER_S_MAX: Final = 3_600.0
"""No server makes us wait longer than this, whatever it says."""
_DOUBLINGS_MAX: Final = 16


def pause_s(
    failures: int, dice: Random, *, retry_after_s: float | None = None, at_most_s: float = PAUSE_S_MAX
) -> float:
    """Seconds to wait after so many failures in a row: anything up to a bound that doubles with each.

    `retry_after_s` is what the server asked for: then it is that and the jitter on top.
    """
    bound = min(at_most_s, FIRST_S_MAX * 2 ** min(max(failures - 1, 0), _DOUBLINGS_MAX))
    return dice.uniform(0.0, bound) + min(max(retry_after_s or 0.0, 0.0), RETRY_AFTER_S_MAX)
