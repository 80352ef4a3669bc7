"""`cairn prove sync`: whether sync keeps its promises while everything around it fails."""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from cairnfield.prove_sync.run import Outcome

FAULTS_SHOWN: Final = 12


def sync(  # noqa: PLR0917  # typer reads them by name
    runs: Annotated[int, typer.Option(min=1, help="How many runs, each with the next seed.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="The first seed: it decides who is struck, when and how.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="How long the blows of a run last.")] = 8,
    devices: Annotated[int, typer.Option(min=2, max=20, help="How many devices.")] = 6,
    workers: Annotated[int, typer.Option(min=1, max=8, help="How many API processes.")] = 2,
    nemesis: Annotated[list[str] | None, typer.Option(help="Only such blows; may be said again.")] = None,
    deaf: Annotated[bool, typer.Option("--deaf", help="Nobody listens for hints; all must come right.")] = False,
    keep: Annotated[Path, typer.Option(help="Where histories of failed runs are kept.")] = Path(".cairn/prove-sync"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON, and nothing else.")] = False,
) -> None:
    """Strike servers, databases, lines and devices, and check what everybody saw. Exit status 1 if it is not well."""
    from rich.console import Console

    from cairnfield.prove_sync.run import Script, run
    from cairnfield.prove_sync.stage import Stage

    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="cairn-prove-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)  # as root the server keeps only to places that are open
        with Stage(folder, workers=workers, say=console.print) as stage:
            for number in range(runs):
                place = folder / f"run-{number}"
                place.mkdir()
                kinds = tuple(nemesis or ())
                script = Script(seed=seed + number, seconds=seconds, devices=devices, kinds=kinds, is_deaf=deaf)
                outcome = run(stage, script, place)
                outcomes.append(outcome)
                kept = _keep(place, keep, outcome) if not outcome.holds else None
                _tell(console.print, outcome, kept)
    told = summary(outcomes)
    print(json.dumps(told) if as_json else _sentence(told))
    if not told["holds"]:
        sys.exit(1)


def _keep(place: Path, keep: Path, outcome: "Outcome") -> Path:
    """Copy everything a failed run wrote to where it stays, with what the API processes have said by then."""
    kept = keep / f"seed-{outcome.seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    shutil.copytree(place, kept)
    for log in place.parent.glob("api-*.log"):
        shutil.copyfile(log, kept / log.name)
    with (kept / "faults.txt").open("w") as file:
        file.writelines(f"{each.invariant}: {each.sentence} (line {each.line})\n" for each in outcome.faults)
    return kept


def _tell(say: Any, outcome: "Outcome", kept: Path | None) -> None:
    struck = ", ".join(f"{count} {what}" for what, count in sorted(outcome.struck.items()))
    say(f"seed {outcome.seed}: {outcome.seconds:.1f} s, struck: {struck}")
    say("  " + ", ".join(f"{what} {count}" for what, count in sorted(outcome.counts.items())))
    say(
        f"  {outcome.writes_per_s:.1f} events written a second; servers up {outcome.up_after_ms} ms after the last blow"
    )
    say(f"  {'at rest' if outcome.holds else 'NOT PROVEN'} {outcome.settled_ms} ms after that")
    for fault in outcome.faults[:FAULTS_SHOWN]:
        say(f"  {fault.invariant}: {fault.sentence} (line {fault.line})", markup=False)
    if kept is not None:
        say(f"  {len(outcome.faults)} faults; the history is kept in {kept}")


def summary(outcomes: "Sequence[Outcome]") -> dict[str, Any]:
    """What `--json` prints."""
    struck: Counter[str] = sum((each.struck for each in outcomes), Counter[str]())
    counts: Counter[str] = sum((each.counts for each in outcomes), Counter[str]())
    return {
        "hints": sum(each.hints for each in outcomes),
        "runs": len(outcomes),
        "seeds": [each.seed for each in outcomes],
        "failed": [each.seed for each in outcomes if not each.holds],
        "faults": [
            {"seed": each.seed, "invariant": fault.invariant, "sentence": fault.sentence, "line": fault.line}
            for each in outcomes
            for fault in each.faults[:FAULTS_SHOWN]
        ],
        "struck": dict(sorted(struck.items())),
        "counts": dict(sorted(counts.items())),
        "writes_per_s": {
            "least": round(min(each.writes_per_s for each in outcomes), 1),
            "most": round(max(each.writes_per_s for each in outcomes), 1),
        },
        "up_after_ms_max": max(each.up_after_ms for each in outcomes),
        "settled_ms_max": max(each.settled_ms for each in outcomes),
        "seconds": round(sum(each.seconds for each in outcomes), 1),
        "holds": all(each.holds for each in outcomes),
    }


def _sentence(told: dict[str, Any]) -> str:
    runs, failed = told["runs"], len(told["failed"])
    bound = f": at 95 % sure, fewer than {min(1, 3 / runs):.1%} of runs fail" if not failed else ""
    return (
        f"{failed} of {runs} runs failed{bound}. {sum(told['struck'].values())} blows, "
        f"{told['counts'].get('write ok', 0)} events written, {told['writes_per_s']['least']} to "
        f"{told['writes_per_s']['most']} a second in all. Servers were up {told['up_after_ms_max']} ms after the last "
        f"blow at most, and everything was at rest {told['settled_ms_max']} ms after that."
    )
