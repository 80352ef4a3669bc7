"""Histories that once showed a difference: written down whole, and put to the proof in every run of the tests for ever.

The seed alone would not do: a generator that changes tells another history under the same seed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from cairnfield.prove.convergence import Difference
from cairnfield.prove.history import History, Said

SEEDS: Final = Path(__file__).parents[2] / "tests" / "seeds"


def keep(seed: int, difference: Difference, history: History, *, folder: Path = SEEDS) -> Path | None:
    """Write a history down; None where there is no checkout to keep it in."""
    if not folder.is_dir():
        return None
    path = folder / f"{re.sub('[^a-z]+', '-', difference.what)}-{seed}.json"
    document = {
        "about": f"Seed {seed} showed a difference: {difference.what}.",
        "seed": seed,
        "said": [{**each._asdict(), "knew": _places(each.knew)} for each in history.said],
        "heard": history.heard,
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def kept(folder: Path = SEEDS) -> Iterator[tuple[str, int, History]]:
    """(file, seed, history) of everything that was kept."""
    for path in sorted(folder.glob("*.json")):
        document: dict[str, Any] = orjson.loads(path.read_bytes())
        said = [Said(**each)._replace(knew=sum(1 << place for place in each["knew"])) for each in document["said"]]
        yield path.name, document["seed"], History(said, document["heard"])


def _places(knew: int) -> list[int]:
    return [place for place in range(knew.bit_length()) if knew >> place & 1]
