"""Which file of vectors is built by which script, and how it is laid out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.vectors import (
    canonical,
    conflicts,
    envelopes,
    explanations,
    hybrid_clock,
    moves,
    pinned_log,
    policies,
    state_hashes,
    upcasts,
    values,
    vector_clock,
)
from tests.vectors.spelling import Case

HERE: Final = Path(__file__).parent

Family = tuple[str, Callable[[], list[Case]]]
"""What the file is about, and its cases."""

FAMILIES: Final[Mapping[str, Family]] = {
    "hybrid_clock": (hybrid_clock.ABOUT, hybrid_clock.cases),
    "vector_clock": (vector_clock.ABOUT, vector_clock.cases),
    "canonical": (canonical.ABOUT, canonical.cases),
    "envelopes": (envelopes.ABOUT, envelopes.cases),
    "values": (values.ABOUT, values.cases),
    "policies": (policies.ABOUT, policies.cases),
    "moves": (moves.ABOUT, moves.cases),
    "conflicts": (conflicts.ABOUT, conflicts.cases),
    "state_hashes": (state_hashes.ABOUT, state_hashes.cases),
    "upcasts": (upcasts.ABOUT, upcasts.cases),
    "explanations": (explanations.ABOUT, explanations.cases),
    "pinned_log": (pinned_log.ABOUT, pinned_log.cases),
}
"""By the name of the file, without its `.json`."""


def path_of(name: str) -> Path:
    """Where the vectors of a family are kept."""
    return HERE / f"{name}.json"


def text_of(name: str) -> str:
    """A family as its file should read: a member a line, and nothing but ASCII, so that every character can be seen."""
    about, cases = FAMILIES[name]
    return json.dumps({"about": about, "cases": cases()}, indent=1) + "\n"
