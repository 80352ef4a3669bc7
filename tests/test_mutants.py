"""`cairn prove mutants`: every planted bug is caught, and a bug that nobody catches would be said."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from cairnfield.cli import app
from cairnfield.failure import CannotGoOn
from cairnfield.prove.mutants import LANGUAGES, Mutant, mutants, plant, rotten
from cairnfield.prove.planting import Trials, Verdict, copied

ROOT: Final = Path(__file__).resolve().parents[1]
PLANTED_MIN: Final = 30


def planted(language: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(f"{file}: {new}", "It is for this test alone.", language, file, old, new)


HARMLESS: Final = [
    planted("python", "sync/shown.py", "return max(writes, key=_age)", "return max(*writes, key=_age)"),
    planted("typescript", "pwa/sdk/src/shown.ts", "return isNewer(other, one);", "return !!isNewer(other, one);"),
]
HANGING: Final = planted(
    "typescript",
    "pwa/sdk/src/hybrid_clock.ts",
    "export function tick(last: Stamp, nowMs: number): Stamp {",
    "export function tick(last: Stamp, nowMs: number): Stamp { for (;;);",
)
UNREADABLE: Final = planted("python", "sync/merge.py", "MILLION: Final = 1_000_000", "MILLION: Final = one million")
KNOWN_TO_HISTORIES: Final = planted(
    "typescript", "pwa/sdk/proof/fold.ts", "hash: agreedHash(one, other, encode),", 'hash: "none",'
)


def verdicts(*chosen: Mutant, **trials: float) -> dict[Mutant, Verdict]:
    tried = Trials(seeds=4, **trials)  # type: ignore[arg-type]
    return {each.mutant: each for each in tried.verdicts(chosen, processes=2)}


@pytest.mark.timeout(1_200)
def test_every_planted_bug_is_caught_in_both_languages() -> None:
    done = CliRunner().invoke(app, ["prove", "mutants", "--json"])
    outcome = json.loads(done.stdout)
    assert outcome["survivors"] == []
    assert (done.exit_code, outcome["holds"]) == (0, True)
    languages = Counter(each["language"] for each in outcome["mutants"])
    assert [languages[each] >= PLANTED_MIN for each in LANGUAGES] == [True, True]
    by = Counter(each["caught_by"] for each in outcome["mutants"])
    assert by.keys() <= {"vectors", "convergence"}, "a bug that does not even start says nothing about the proof"


def test_the_text_of_every_bug_is_once_in_the_sources_of_today() -> None:
    assert rotten(mutants()) == []
    assert rotten([HARMLESS[0]._replace(old="no source says this")]) != []


def test_every_bug_changes_something_and_says_what_it_does_to_whom() -> None:
    declared = mutants()
    assert [each.name for each in declared if each.old == each.new or not each.tells.endswith(".")] == []
    assert len({(each.file, each.old, each.new) for each in declared}) == len(declared)


@pytest.mark.timeout(600)
def test_what_nobody_notices_is_said_to_be_alive() -> None:
    found = verdicts(*HARMLESS, KNOWN_TO_HISTORIES)
    assert [found[each].is_caught for each in HARMLESS] == [False, False]
    assert (found[KNOWN_TO_HISTORIES].by, found[KNOWN_TO_HISTORIES].after) == ("convergence", 1)
    assert "typescript" in found[KNOWN_TO_HISTORIES].what


@pytest.mark.timeout(600)
def test_what_hangs_or_does_not_start_is_caught_and_leaves_nothing_behind() -> None:
    found = verdicts(HANGING, UNREADABLE, silence_s_max=25.0)
    assert found[HANGING].by == "silence"
    assert (found[UNREADABLE].by, found[UNREADABLE].what) == ("crash", "SyntaxError: invalid syntax")
    assert left_behind() == []


def left_behind() -> list[str]:
    """Processes whose copy of the sources is gone."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            folder = str((process / "cwd").readlink())
        except OSError:  # it is over, or somebody else's
            continue
        if "cairn-mutant-" in folder and folder.endswith("(deleted)"):
            found.append(process.name)
    return found


@pytest.mark.timeout(600)
def test_nothing_counts_while_the_sources_fail_as_they_are() -> None:
    with copied(ROOT) as broken:
        plant(next(each for each in mutants() if each.name == "dropped-sibling"), broken)
        with pytest.raises(CannotGoOn, match="Nothing was planted, and the proof fails all the same"):
            [*Trials(seeds=1, root=broken).verdicts(HARMLESS, processes=1)]


def test_a_bug_that_has_no_place_is_said() -> None:
    with copied(ROOT) as folder:
        before = (folder / "sync" / "merge.py").read_text()
        with pytest.raises(CannotGoOn, match=r"its text occurs 0 times in sync/merge\.py"):
            plant(UNREADABLE._replace(old="no source says this"), folder)
        assert (folder / "sync" / "merge.py").read_text() == before


def test_a_bug_that_does_not_exist_is_asked_wrongly() -> None:
    done = CliRunner().invoke(app, ["prove", "mutants", "--only", "no-such-bug"])
    assert done.exit_code == 2
    assert "dropped-sibling" in done.output
