"""`cairn prove api`: whether the API is as it describes itself, whoever asks whatever."""

import json
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cairnfield.prove_api.findings import Findings


def api(
    requests: Annotated[int, typer.Option(min=100, help="About how many requests, by everybody together.")] = 5_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides what is asked.")] = 1,
    who: Annotated[list[str] | None, typer.Option(help="Only as this role, or `anonymous`; may be said again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and nothing else.")] = False,
) -> None:
    """Ask a server everything that its description allows and forbids, as everybody. Exit status 1 if it is not so."""
    from rich.console import Console

    from cairnfield.prove_api.run import EVERYBODY, prove
    from cairnfield.prove_api.stage import Stage

    unknown = sorted(set(who or ()) - set(EVERYBODY))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(EVERYBODY)}.", param_hint="--who")
    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
    with tempfile.TemporaryDirectory(prefix="cairn-prove-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)  # as root the server keeps only to places that are open
        with Stage(folder, say=console.print) as stage, _progress(console, requests) as say:
            findings = prove(stage, requests=requests, seed=seed, everybody=who or EVERYBODY, say=say)
    told = findings.summary()
    if as_json:
        print(json.dumps(told))
    else:
        _tell(told)
    if not told["holds"]:
        sys.exit(1)


def _tell(told: dict[str, Any]) -> None:
    print(f"{told['requests']:,} requests, {sum(told['checks'].values()):,} checks of {len(told['checks'])} kinds")
    print("answered " + ", ".join(f"{status}: {count:,}" for status, count in told["statuses"].items()))
    print(f"{len(told['done'])} operations were carried out, {len(told['not_done'])} only ever refused")
    for each in told["findings"]:
        print(f"\n{each['operation']} as {each['who']}: {each['check']}")
        for name in ("message", "answer", "curl"):
            print(f"  {each[name]}")
    print("The API is as it describes itself." if told["holds"] else f"\n{len(told['findings'])} findings.")


@contextmanager
def _progress(console: "Console", requests: int) -> "Generator[Callable[[Findings], None]]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("requests", total=requests)
        yield lambda findings: progress.update(task, completed=min(findings.asked, requests))
