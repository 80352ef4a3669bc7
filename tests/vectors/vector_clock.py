"""Vectors of the vector clock."""

from typing import Any, Final

from tests.devices import replica_named
from tests.vectors.spelling import Case

ABOUT: Final = (
    "Vector clocks: `call` with the other members as arguments must give `gives`."
    " A clock says for each replica the highest sequence number of its events that an author had merged."
)
ADA, BEN, EVE = map(replica_named, ("ada", "ben", "eve"))


def _covers(name: str, why: str, clock: dict[str, int], dot: tuple[str, int], gives: bool) -> Case:
    seen = {"clock": clock, "replica": dot[0], "seq": dot[1]}
    return {"name": name, "why": why, "call": "covers", **seen, "gives": gives}


def _missing(name: str, why: str, clock: dict[str, int], known: dict[str, int], gives: list[tuple[str, int]]) -> Case:
    dots = [list(dot) for dot in gives]
    return {"name": name, "why": why, "call": "missing", "clock": clock, "known": known, "gives": dots}


def _joined(name: str, why: str, one: dict[str, int], other: dict[str, int], gives: dict[str, Any]) -> Case:
    return {"name": name, "why": why, "call": "joined", "one": one, "other": other, "gives": gives}


def cases() -> list[Case]:
    """All of them."""
    return [
        _covers(
            "the event itself", "Up to and including: a clock names the last event seen.", {ADA: 3}, (ADA, 3), True
        ),
        _covers("an earlier event", "Whoever saw the third saw the first.", {ADA: 3}, (ADA, 1), True),
        _covers("a later event", "The fourth was not seen.", {ADA: 3}, (ADA, 4), False),
        _covers("a replica it does not name", "Unnamed is unseen.", {ADA: 3}, (BEN, 1), False),
        _covers("an empty clock", "Whoever has seen nothing has not seen the first.", {}, (ADA, 1), False),
        _covers(
            "the greatest sequence number",
            "2^53 - 1 is compared exactly.",
            {ADA: 2**53 - 2},
            (ADA, 2**53 - 1),
            False,
        ),
        _missing(
            "nothing is missing",
            "All that is named is known, and more besides.",
            {ADA: 2, BEN: 1},
            {ADA: 2, BEN: 7, EVE: 1},
            [],
        ),
        _missing(
            "behind and unknown",
            "What is asked for is the last event named, in the order of the replicas' names.",
            {EVE: 1, BEN: 5, ADA: 2},
            {ADA: 2, BEN: 4},
            [(BEN, 5), (EVE, 1)],
        ),
        _missing("nothing is named", "A first event waits for nobody.", {}, {ADA: 1}, []),
        _missing("nothing is known", "Everything is missing.", {ADA: 1}, {}, [(ADA, 1)]),
        _joined(
            "the greater of each",
            "Who has seen what both have seen.",
            {ADA: 3, BEN: 1},
            {ADA: 2, BEN: 4},
            {ADA: 3, BEN: 4},
        ),
        _joined(
            "replicas that only one names",
            "Are kept from either side.",
            {ADA: 3},
            {EVE: 1},
            {ADA: 3, EVE: 1},
        ),
        _joined("with nothing", "An empty clock adds nothing.", {ADA: 3}, {}, {ADA: 3}),
        _joined("nothing with something", "Nor does it take anything away.", {}, {ADA: 3}, {ADA: 3}),
        _joined("with itself", "Joining is idempotent.", {ADA: 3, BEN: 2}, {ADA: 3, BEN: 2}, {ADA: 3, BEN: 2}),
    ]
