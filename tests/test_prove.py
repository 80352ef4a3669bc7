"""`cairn prove convergence` in the size of every run: two thousand histories, in Python and in TypeScript."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from cairnfield.cli import app
from cairnfield.prove import kept as kept_histories
from cairnfield.prove.check import difference_in
from cairnfield.prove.convergence import Difference
from cairnfield.prove.generate import history
from cairnfield.prove.history import History, spelled, without
from cairnfield.prove.kept import SEEDS, keep
from cairnfield.prove.run import USUAL
from cairnfield.prove.shrink import shrunk
from cairnfield.prove.typescript import TypeScript

KEPT: Final = list(kept_histories.kept())


def outcome_of(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["prove", "convergence", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.timeout(1_200)
def test_two_thousand_histories_come_to_the_same_in_both_languages_and_leave_nothing_out() -> None:
    status, outcome = outcome_of("--seeds", str(USUAL))
    assert outcome["difference"] is None
    assert outcome["never"] == []
    assert (status, outcome["holds"], outcome["seeds"]) == (0, True, USUAL)
    assert outcome["languages"] == ["python", "typescript"]


@pytest.mark.parametrize(("name", "seed", "told"), KEPT, ids=[name for name, _, _ in KEPT])
def test_what_once_differed_agrees(name: str, seed: int, told: History) -> None:
    with TypeScript() as typescript:
        assert difference_in(told, typescript) is None
        assert difference_in(history(seed), typescript) is None


def test_the_same_seed_tells_the_same_history() -> None:
    assert history(5) == history(5) != history(6)


def test_a_history_is_kept_as_it_was(tmp_path: Path) -> None:
    told, difference = history(3), Difference("typescript state", "", "", None, None)
    path = keep(3, difference, told, folder=tmp_path)
    assert path == tmp_path / "typescript-state-3.json"
    ((name, seed, again),) = kept_histories.kept(tmp_path)
    assert (name, seed) == ("typescript-state-3.json", 3)
    assert [each.event for each in spelled(again.said)] == [each.event for each in spelled(told.said)]
    assert [list(order) for order in again.heard] == [list(order) for order in told.heard]


def test_a_history_without_an_event_is_one_in_which_nobody_knew_of_it() -> None:
    told = history(7)
    shorter = without(told, 1)
    assert len(shorter.said) == len(told.said) - 1
    assert shorter.said[-1].knew == told.said[-1].knew >> 1
    assert difference_in(shorter, None) is None


def test_a_history_is_shortened_to_what_shows_the_difference() -> None:
    told = history(1)
    wanted = {repr(told.said[-1].data), repr(told.said[len(told.said) // 2].data)}

    def shows(shorter: History) -> bool:
        return wanted <= {repr(each.data) for each in shorter.said}

    assert len(shrunk(told, shows).said) == len(wanted)


def test_there_is_a_place_for_what_differs() -> None:
    assert SEEDS.is_dir()
