"""Whether the migrations follow each other: two that were written side by side may have taken the same number."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

VERSIONS: Final = Path("infra/postgres/migrations/versions")
_FILE: Final = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+\.py")
_SAID: Final = re.compile(r"^(?P<name>revision|down_revision) = (?P<value>.+)$", re.MULTILINE)


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with the migrations of a folder, each as a sentence that says what to do."""
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    for path in files:
        if not _FILE.fullmatch(path.name):
            yield f"{path.name} is not called by four digits and what it brings: 0042_who_is_told.py."
    numbers = [path.name[:4] for path in files if _FILE.fullmatch(path.name)]
    for number, count in Counter(numbers).items():
        if count > 1:
            named = " and ".join(path.name for path in files if path.name.startswith(f"{number}_"))
            yield f"{named} have the same number: give the later one the next that is free."
    before = ["None", *(f'"{number}"' for number in numbers)]
    for (earlier, own), path in zip(pairwise(before), files, strict=False):
        said = {found["name"]: found["value"] for found in _SAID.finditer(path.read_text())}
        if said != {"revision": own, "down_revision": earlier}:
            yield f"{path.name} must say `revision = {own}` and `down_revision = {earlier}`."


def main() -> None:
    """Tell what is wrong; exit status 1 if something is."""
    found = list(faults(VERSIONS))
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
