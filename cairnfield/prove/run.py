"""Many seeds over several processes, each with a Node of its own, until they are through or one shows a difference."""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cairnfield.prove.check import difference_in, outcomes
from cairnfield.prove.convergence import Difference
from cairnfield.prove.generate import history
from cairnfield.prove.history import History
from cairnfield.prove.shrink import shrunk
from cairnfield.prove.sometimes import expected
from cairnfield.prove.typescript import TypeScript

PIECE: Final = 25
"""How many seeds a process is handed at a time."""
USUAL: Final = 2_000
"""From so many seeds on, everything that must be met must have been met."""


class Piece(NamedTuple):
    """What came of some seeds; `seed` and `difference` of the first that showed one."""

    seeds: int
    events: int
    met: Counter[str]
    seed: int = 0
    difference: Difference | None = None


class Shown(NamedTuple):
    """A seed that showed a difference, and the shortest history found that still does."""

    seed: int
    difference: Difference
    history: History


@dataclass(slots=True, kw_only=True)
class Run:
    """What came of a run, so far."""

    seeds: int = 0
    events: int = 0
    met: Counter[str] = field(default_factory=Counter[str])
    shown: Shown | None = None
    seconds: float = 0.0

    @property
    def never(self) -> list[str]:
        """What should have been met and was not; a short run promises nothing."""
        return sorted(expected() - self.met.keys()) if self.seeds >= USUAL else []

    @property
    def holds(self) -> bool:
        return self.shown is None and not self.never


def prove(seeds: Sequence[int], *, processes: int, with_typescript: bool, say: Callable[[Run], None]) -> Run:
    """Put seeds to the proof; `say` is told after every piece. Stops at the first difference and shortens it."""
    run, started = Run(), time.monotonic()
    first: Piece | None = None
    for piece in _pieces(seeds, processes, with_typescript):
        run.seeds, run.events, run.met = run.seeds + piece.seeds, run.events + piece.events, run.met + piece.met
        run.seconds = time.monotonic() - started
        say(run)
        if piece.difference is not None:
            first = piece
            break
    if first is not None and first.difference is not None:
        run.shown = _shortened(first.seed, first.difference, with_typescript)
    run.seconds = time.monotonic() - started
    return run


def _pieces(seeds: Sequence[int], processes: int, with_typescript: bool) -> Iterator[Piece]:
    pieces = [seeds[start : start + PIECE] for start in range(0, len(seeds), PIECE)]
    # Processes that begin anew: a copy of this one would share its pipes and threads.
    begin = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(pieces)), mp_context=begin, initializer=_begin) as pool:
        futures: list[Future[Piece]] = [pool.submit(_piece, piece, with_typescript) for piece in pieces]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


_nodes: list[TypeScript] = []


def _begin() -> None:
    gc.disable()  # a history makes no cycles worth looking for, and looking costs a tenth of the time


def _piece(seeds: Sequence[int], with_typescript: bool) -> Piece:
    """Some seeds, in a process of its own, which keeps its Node for the next."""
    if with_typescript and not _nodes:
        _nodes.append(TypeScript())
    events, met = 0, Counter[str]()
    for number, outcome in enumerate(outcomes(seeds, _nodes[0] if with_typescript else None), 1):
        events += outcome.events
        met += outcome.met
        if outcome.difference is not None:
            return Piece(number, events, met, outcome.seed, outcome.difference)
    gc.collect()
    return Piece(len(seeds), events, met)


def _shortened(seed: int, difference: Difference, with_typescript: bool) -> Shown:
    with ExitStack() as stack:
        typescript = stack.enter_context(TypeScript()) if with_typescript else None

        def shows(shorter: History) -> bool:
            found = difference_in(shorter, typescript)
            return found is not None and found.what == difference.what

        short = shrunk(history(seed), shows, entity=difference.entity)
        return Shown(seed, difference_in(short, typescript) or difference, short)
