"""Whether the time of an answer tells what another company has: the same read of what it has and of what nobody has.

The two are asked for by turns, and compared by the two-sample test of Kolmogorov and Smirnov: the largest distance
between their distributions. Two samples of a thousand of one distribution are further apart than `BY_CHANCE` in one of
a hundred runs.
"""

import math
import time
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from bench.server import Connection

PAIRS: Final = 1_000
BY_CHANCE: Final = 1.628 * math.sqrt(2 / PAIRS)
_NOT_FOUND: Final = 404


def distance_of_foreign_reads(connection: Connection, entity_type: str, foreign: Sequence[str]) -> float:
    """The distance between the times of reads of what is another company's and of what is nowhere, from 0 to 1."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(PAIRS):
        for is_foreign in (True, False) if number % 2 else (False, True):
            entity = foreign[number % len(foreign)] if is_foreign else str(uuid.uuid4())
            began = time.perf_counter()
            status = connection.status_of(f"/v1/entities/{entity_type}/{entity}")
            took[is_foreign].append(time.perf_counter() - began)
            assert status == _NOT_FOUND, status
    return distance(took[True], took[False])


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference between the shares of two samples that are at most as large as some value."""
    left, right = sorted(one), sorted(other)
    return max(
        abs(bisect_right(left, value) / len(left) - bisect_right(right, value) / len(right))
        for value in (*left, *right)
    )
