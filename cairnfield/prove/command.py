"""`cairn prove`: whether what we promise of the merge holds, by as many generated histories as you like."""

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cairnfield.prove.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def prove() -> None:
    """Prove what is promised of the merge."""


@app.command()
def convergence(
    seeds: Annotated[int, typer.Option(min=1, help="How many histories.")] = 2_000,
    first: Annotated[int, typer.Option("--from", min=0, help="The first seed.")] = 0,
    processes: Annotated[int, typer.Option(min=0, help="How many at a time; 0: one per core.")] = 0,
    python_only: Annotated[bool, typer.Option("--python-only", help="Leave TypeScript out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and nothing else.")] = False,
) -> None:
    """Let replicas edit apart, by seed, and compare what each of them comes to, in Python and in TypeScript."""
    from rich.console import Console

    from cairnfield.prove.run import prove as run_all

    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
    with _progress(console, seeds) as say:
        run = run_all(
            range(first, first + seeds),
            processes=processes or len(os.sched_getaffinity(0)),
            with_typescript=not python_only,
            say=say,
        )
    outcome = summary(run, with_typescript=not python_only)
    if as_json:
        print(json.dumps(outcome))
    else:
        _tell(outcome, run)
    if not run.holds:
        sys.exit(1)


def summary(run: "Run", *, with_typescript: bool) -> dict[str, Any]:
    """What `--json` prints; a difference is kept in `tests/seeds` by the way."""
    from cairnfield.prove.kept import keep

    shown: dict[str, Any] | None = None
    if run.shown is not None:
        seed, difference, history = run.shown
        path = keep(seed, difference, history)
        shown = {"seed": seed, **difference._asdict(), "events": len(history.said), "kept": str(path or "")}
    return {
        "seeds": run.seeds,
        "events": run.events,
        "seconds": round(run.seconds, 1),
        "seeds_per_s": round(run.seeds / max(run.seconds, 0.001), 1),
        "languages": ["python", "typescript"] if with_typescript else ["python"],
        "met": dict(sorted(run.met.items())),
        "never": run.never,
        "difference": shown,
        "holds": run.holds,
    }


def _tell(outcome: dict[str, Any], run: "Run") -> None:
    print(
        f"{outcome['seeds']:,} histories, {outcome['events']:,} events, {' and '.join(outcome['languages'])}, "
        f"{outcome['seconds']} s ({outcome['seeds_per_s']} histories/s)"
    )
    print(f"{len(run.met)} kinds of things were met; the rarest:")
    for name, times in run.met.most_common()[:-6:-1]:
        print(f"  {times:>7,}  {name}")
    for name in outcome["never"]:
        print(f"never met: {name}")
    if run.shown is None:
        print("Every replica, every order and both languages came to the same." if run.holds else "Not proven.")
        return
    _tell_difference(outcome["difference"], run)


def _tell_difference(told: dict[str, Any], run: "Run") -> None:
    from cairnfield.prove.history import spelled

    assert run.shown is not None
    print(f"\nDIFFERENCE at seed {told['seed']}: {told['what']}, entity {told['entity']}, at {told['field'] or '/'}")
    print(f"  one:   {json.dumps(told['one'], ensure_ascii=False)}")
    print(f"  other: {json.dumps(told['other'], ensure_ascii=False)}")
    print(f"The shortest history found that shows it has {told['events']} events:")
    for place, (each, said) in enumerate(zip(spelled(run.shown.history.said), run.shown.history.said, strict=True)):
        knew = [str(other) for other in range(place) if said.knew >> other & 1]
        data = json.dumps(each.event.data, ensure_ascii=False)
        print(
            f"  {place}: {said.replica} {said.type} {data} as of {said.effective}, knew {', '.join(knew) or 'nothing'}"
        )
    print(
        f"Kept as {told['kept']}; every `cairn test` runs it from now on." if told["kept"] else "Not kept: no checkout."
    )


@contextmanager
def _progress(console: "Console", seeds: int) -> "Generator[Callable[[Run], None]]":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("histories", total=seeds)
        yield lambda run: progress.update(task, completed=run.seeds)
