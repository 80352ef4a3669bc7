"""`cairn prove mutants`: whether the proof of every run would notice if the merge were wrong."""

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cairnfield.prove.planting import Verdict


def mutants(
    language: Annotated[Literal["python", "typescript"] | None, typer.Option(help="Plant in this one only.")] = None,
    only: Annotated[str, typer.Option(metavar="NAME", help="Plant this bug only.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the kill list as JSON, and nothing else.")] = False,
) -> None:
    """Plant bugs in copies of the sources, and see that each is caught: by the vectors, else by generated histories."""
    from cairnfield.prove.mutants import mutants as declared
    from cairnfield.prove.planting import Trials
    from cairnfield.prove.run import USUAL

    chosen = [each for each in declared() if language in (None, each.language) and only in ("", each.name)]
    if not chosen:
        names = ", ".join(dict.fromkeys(each.name for each in declared()))
        raise typer.BadParameter(f"there is no such bug; there are {names}", param_hint="--only")
    started = time.monotonic()
    with _progress(len(chosen), quiet=as_json) as advance:
        verdicts: list[Verdict] = []
        for verdict in Trials(seeds=USUAL).verdicts(chosen, processes=len(os.sched_getaffinity(0))):
            verdicts.append(verdict)
            advance()
    verdicts.sort(key=lambda each: chosen.index(each.mutant))
    outcome = summary(verdicts, time.monotonic() - started)
    if as_json:
        print(json.dumps(outcome))
    else:
        _tell(verdicts, outcome)
    if not outcome["holds"]:
        sys.exit(1)


def summary(verdicts: "Sequence[Verdict]", seconds: float) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "mutants": [
            {
                "name": each.mutant.name,
                "language": each.mutant.language,
                "tells": each.mutant.tells,
                "file": each.mutant.file,
                "caught_by": each.by or None,
                "what": each.what,
                "after": each.after,
                "seconds": round(each.seconds, 1),
            }
            for each in verdicts
        ],
        "survivors": [f"{each.mutant.name} ({each.mutant.language})" for each in verdicts if not each.is_caught],
        "seconds": round(seconds, 1),
        "holds": all(each.is_caught for each in verdicts),
    }


def _tell(verdicts: "Sequence[Verdict]", outcome: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Bug", "Language", "Caught after", "Seconds", "What showed it"):
        table.add_column(title, no_wrap=True)
    for column in table.columns[:-1]:  # where there is little room, the last one is cut short
        column.min_width = 13
    table.columns[0].min_width = max(len(each.mutant.name) for each in verdicts)
    for each in verdicts:
        table.add_row(each.mutant.name, each.mutant.language, _after(each), f"{each.seconds:.1f}", escape(each.what))
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else 160
    console.print(table)
    for each in verdicts:
        if not each.is_caught:
            print(f"ALIVE: {each.mutant.name} in {each.mutant.file}. {each.mutant.tells}")
    caught = len(verdicts) - len(outcome["survivors"])
    print(f"{caught} of {len(verdicts)} planted bugs were caught, in {outcome['seconds']} s.")


def _after(verdict: "Verdict") -> str:
    match verdict.by:
        case "":
            return "[bold red]ALIVE[/]"
        case "vectors":
            return f"{verdict.after:,} vectors"
        case "convergence":
            return f"{verdict.after:,} histories"
        case other:
            return f"a {other}"


@contextmanager
def _progress(total: int, *, quiet: bool) -> "Generator[Callable[[], None]]":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("planted bugs", total=total)
        yield lambda: progress.advance(task)
