"""`cairn bench`: measures what the project promises, on this machine, now."""

import importlib
import json
from pathlib import Path
from typing import Annotated

import typer

from cairnfield.failure import CannotGoOn

BENCHES = Path(__file__).parents[1] / "bench"


def bench(
    name: Annotated[str, typer.Argument(help="Which: push, pull, sync, merge, projections.")],
    as_json: Annotated[
        bool, typer.Option("--json", help='Print {"figures": {name: number}} and nothing else.')
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A rougher answer, sooner.")] = False,
) -> None:
    """Measure; every figure stands beside a limit or a peer of the same run."""
    from rich.console import Console
    from rich.table import Table

    known = sorted(path.stem for path in BENCHES.glob("*.py") if "def figures(" in path.read_text())
    if name not in known:
        raise CannotGoOn(f"There is no bench {name!r}. There are: {', '.join(known) or 'none outside a checkout'}.")
    console = Console(stderr=True)
    with console.status(name) as status:

        def say(step: str) -> None:
            status.update(f"{name}: {step}")

        figures: dict[str, float] = importlib.import_module(f"bench.{name}").figures(quick=quick, say=say)
    if as_json:
        print(json.dumps({"figures": figures}))
        return
    table = Table("Figure", "", box=None, pad_edge=False)
    for figure, number in figures.items():
        table.add_row(figure, f"{number:,.3f}" if number < 100 else f"{number:,.0f}")
    Console().print(table)
