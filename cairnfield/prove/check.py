"""One history put to the proof, in Python and, where there is Node, in TypeScript."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cairnfield.prove.convergence import Agreed, Difference, agreed
from cairnfield.prove.generate import history
from cairnfield.prove.history import History, spelled
from cairnfield.prove.sometimes import reached
from cairnfield.prove.typescript import TypeScript, expected

AHEAD: Final = 3
"""How many questions Node may have before it; their answers are far smaller than a pipe, so nobody waits for ever."""


class Outcome(NamedTuple):
    """What came of one seed."""

    seed: int
    events: int
    met: Counter[str]
    difference: Difference | None


def difference_in(told: History, typescript: TypeScript | None) -> Difference | None:
    """The first two answers about a history that should have been one; no question to Node may be open."""
    found = _agreed(told)
    if isinstance(found, Difference):
        return found
    return typescript.differing(found, told.heard[-1]) if typescript is not None else None


def outcomes(seeds: Iterable[int], typescript: TypeScript | None) -> Iterator[Outcome]:
    """Put seed after seed to the proof; Node folds one history while Python is at the next."""
    asked: list[tuple[int, History, Agreed]] = []
    for seed in seeds:
        told = history(seed)
        found = _agreed(told)
        if isinstance(found, Difference):
            yield Outcome(seed, len(told.said), Counter(), found)
        elif typescript is None:
            yield Outcome(seed, len(told.said), reached(found), None)
        else:
            typescript.ask(found, told.heard[-1])
            asked.append((seed, told, found))
        if typescript is not None and len(asked) > AHEAD:
            yield _answered(*asked.pop(0), typescript)
    while typescript is not None and asked:
        yield _answered(*asked.pop(0), typescript)


def _answered(seed: int, told: History, found: Agreed, typescript: TypeScript) -> Outcome:
    difference = None
    if typescript.answered() != expected(found, told.heard[-1]):
        with TypeScript() as alone:  # a closer look is another question, and this one has others before it
            difference = alone.differing(found, told.heard[-1])
    return Outcome(seed, len(told.said), reached(found), difference)


def _agreed(told: History) -> Agreed | Difference:
    try:
        return agreed(told, spelled(told.said))
    except Exception as fault:  # a proof answers for every bug there is, by naming the history that shows it
        return Difference("error", "", "", "an answer", repr(fault))
