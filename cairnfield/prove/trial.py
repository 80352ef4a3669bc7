"""One copy of the sources put to the proof in the size of every run, in a process of its own: vectors, then histories.

Started in the copy as `python -m cairnfield.prove.trial LANGUAGE SEEDS`. Says a line of JSON after every step, so that
whoever waits knows how far it came; ends at the first step that comes out wrong.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from cairnfield.node import node

ROOT: Final = Path(__file__).parents[2]


class Step(NamedTuple):
    """How far a trial came."""

    by: str
    """`vectors` or `convergence`."""
    done: int
    """How many vectors or histories."""
    wrong: str = ""
    """What came out wrong; nothing as long as all is well."""


def steps(language: str, seeds: int) -> Iterator[Step]:
    """The vectors of a language, because they are quick, and then histories in both."""
    yield from (_vectors_in_python if language == "python" else _vectors_in_typescript)()
    if seeds:
        yield from _histories(seeds)


def _vectors_in_python() -> Iterator[Step]:
    shared: Any = importlib.import_module("tests.sync.test_vectors")
    done = 0
    for family, file in shared.COMMITTED.items():
        for case in file["cases"]:
            try:
                shared.RUN[family](case)
            except BaseException:  # pytest's own failures are no Exceptions, and nobody presses Ctrl-C here
                yield Step("vectors", done, f"{family}: {case['name']}")
                return
            done += 1
    yield Step("vectors", done)


def _vectors_in_typescript() -> Iterator[Step]:
    report = ROOT / "pwa" / "vectors-report.json"
    vitest = [
        str(node()),
        "node_modules/vitest/vitest.mjs",
        "run",
        "sdk/test/vectors.test.ts",
        "--bail=1",
        "--cache=false",
    ]
    reporting = ["--reporter=json", f"--outputFile={report}"]
    subprocess.run([*vitest, *reporting], cwd=ROOT / "pwa", stdout=subprocess.DEVNULL, check=False)
    told = json.loads(report.read_text("utf-8"))
    for file in told["testResults"]:
        for each in file["assertionResults"]:
            if each["status"] == "failed":
                yield Step("vectors", told["numPassedTests"], f"{each['ancestorTitles'][-1]}: {each['title']}")
                return
    if not told["success"]:
        sys.exit(f"vitest came to no answer: {told['testResults']}")
    yield Step("vectors", told["numPassedTests"])


def _histories(seeds: int) -> Iterator[Step]:
    from cairnfield.prove.check import outcomes
    from cairnfield.prove.run import USUAL
    from cairnfield.prove.sometimes import expected
    from cairnfield.prove.typescript import TypeScript

    never = set(expected())
    with TypeScript() as typescript:
        for done, outcome in enumerate(outcomes(range(seeds), typescript), 1):
            never -= outcome.met.keys()
            if outcome.difference is not None:
                what, field = outcome.difference.what, outcome.difference.field
                yield Step("convergence", done, f"seed {outcome.seed}: {what} {field}".strip())
                return
            yield Step("convergence", done)
    if never and seeds >= USUAL:
        yield Step("convergence", seeds, f"never met: {min(never)}")


def main() -> None:
    """Exit status 0 whatever came out; 1 where the copy cannot even be tried."""
    language, seeds = sys.argv[1:]
    for step in steps(language, int(seeds)):
        print(json.dumps(step), flush=True)
        if step.wrong:
            return


if __name__ == "__main__":
    main()
