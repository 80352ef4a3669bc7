"""The planted bugs: small changes to the sources, each of which the proof must notice. They stand in `mutants.toml`."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cairnfield.failure import CannotGoOn

ROOT: Final = Path(__file__).parents[2]
DECLARED: Final = Path(__file__).with_name("mutants.toml")
LANGUAGES: Final = ("python", "typescript")


class Mutant(NamedTuple):
    """One bug in one language."""

    name: str
    tells: str
    """What it does to a user."""
    language: str
    file: str
    old: str
    """Occurs once in the file."""
    new: str


def mutants() -> list[Mutant]:
    """All that are declared, twins side by side."""
    declared: dict[str, dict[str, Any]] = tomllib.loads(DECLARED.read_text("utf-8"))
    return [
        Mutant(name, bug["tells"], language, **bug[language])
        for name, bug in declared.items()
        for language in LANGUAGES
        if language in bug
    ]


def plant(mutant: Mutant, root: Path) -> None:
    """Put a bug into a copy of the sources; CannotGoOn where its text is not there once."""
    path = root / mutant.file
    source = path.read_text("utf-8")
    times = source.count(mutant.old)
    if times != 1:
        raise CannotGoOn(
            f"{mutant.name} cannot be planted in {mutant.language}: its text occurs {times} times in {mutant.file}. "
            "The source has changed, so mutants.toml must follow it."
        )
    path.write_text(source.replace(mutant.old, mutant.new), "utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()  # it may be as old and as long as what was written now, and would be taken for it


def rotten(declared: Sequence[Mutant]) -> list[str]:
    """Those whose text is not once in today's sources."""
    return [
        f"{each.name} ({each.language}): {count} times in {each.file}"
        for each in declared
        if (count := (ROOT / each.file).read_text("utf-8").count(each.old)) != 1
    ]
