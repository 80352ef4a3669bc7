"""`cairn replicate`: two hubs that were apart take in each other's logs."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import INTERNAL_SERVER_ERROR, TOO_MANY_REQUESTS
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from cairnfield.failure import CannotGoOn

if TYPE_CHECKING:
    from rich.console import Console

    from cairnfield.carrying import Carried, Hub, Patience, Progress

TRIES_MAX: Final = 6
"""In a row without a step forward, before `--once` gives up."""
FOLLOW_PAUSE_S_MAX: Final = 10.0
"""Between two looks for news with `--follow`; half of it on average."""
_Done = TypeVar("_Done")


def replicate(  # noqa: PLR0917  # typer reads them by name
    source: Annotated[str, typer.Option("--from", help="The hub whose log is carried.")],
    target: Annotated[str, typer.Option("--to", help="The hub that takes it in.")],
    token_from: Annotated[str, typer.Option(envvar="CAIRN_TOKEN_FROM", help="An integration's token of --from.")],
    token_to: Annotated[str, typer.Option(envvar="CAIRN_TOKEN_TO", help="An integration's token of --to.")],
    both: Annotated[bool, typer.Option("--both", help="The other way too, and compare the hubs.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C, also while there is no line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON, and nothing else.")] = False,
) -> None:
    """Carry one hub's log to another; stop it whenever you like, and run it again. Exit status 1 if hubs differ."""
    from rich.console import Console

    from cairnfield.carrying import Hub
    from infra.http_client import SyncClient

    console = Console(highlight=False, soft_wrap=True, quiet=as_json)
    with ExitStack() as stack:
        here = Hub(url=source, client=stack.enter_context(SyncClient(source, token_from)))
        there = Hub(url=target, client=stack.enter_context(SyncClient(target, token_to)))
        with _bar(console) as progress:
            ways = (_follow if follow else _once)(here, there, progress, both=both)
        equal = _patiently(lambda: _are_equal(here, there)) if both and not follow else None
    if as_json:
        print(json.dumps({"carried": [_told(way) for way in ways], "equal": equal}))
    else:
        _tell(console, ways, equal=equal)
    if equal is False:
        sys.exit(1)


def _once(here: "Hub", there: "Hub", progress: "Progress", *, both: bool) -> "list[Carried]":
    return _carried(here, there, progress, _patiently, both=both)


def _carried(here: "Hub", there: "Hub", progress: "Progress", patiently: "Patience", *, both: bool) -> "list[Carried]":
    from cairnfield.carrying import carry, carry_both_ways

    if both:
        return [*carry_both_ways(here, there, progress, patiently)]
    return [carry(here, there, progress, patiently)]


def _follow(here: "Hub", there: "Hub", progress: "Progress", *, both: bool) -> "list[Carried]":
    """Carry again and again until Ctrl-C; returns what was carried in all."""
    carried: list[Carried] = []
    dice = Random()  # noqa: S311  # spreads, hides nothing
    try:
        while True:
            ways = _carried(here, there, progress, partial(_patiently, tries_max=None), both=both)
            carried = [one + more for one, more in zip(carried, ways, strict=True)] if carried else ways
            time.sleep(dice.uniform(0.0, FOLLOW_PAUSE_S_MAX))
    except KeyboardInterrupt:
        return carried


def _patiently(step: Callable[[], _Done], *, tries_max: int | None = TRIES_MAX) -> _Done:
    """Try a step until it is done: what it did before it failed is done, and it goes on from there."""
    from infra.backoff import pause_s
    from infra.http_client import OfflineError, ServerRefused

    failures, dice = 0, Random()  # noqa: S311  # spreads, hides nothing
    while True:
        retry_after_s = None
        try:
            return step()
        except OfflineError as failure:
            why = str(failure)
        except ServerRefused as refused:
            why, retry_after_s = str(refused), refused.retry_after_s
            if refused.is_ours and refused.status < INTERNAL_SERVER_ERROR and refused.status != TOO_MANY_REQUESTS:
                raise CannotGoOn(_explained(refused)) from refused
        failures += 1
        if tries_max is not None and failures >= tries_max:
            raise CannotGoOn(f"{why} Tried {failures} times; run it again when both hubs answer.")
        time.sleep(pause_s(failures, dice, retry_after_s=retry_after_s))


def _are_equal(here: "Hub", there: "Hub") -> bool:
    return here.client.digest()[1] == there.client.digest()[1]


def _explained(refused: Exception) -> str:
    return " ".join(str(refused).split())


def _told(way: "Carried") -> dict[str, Any]:
    return {
        "from": way.source,
        "to": way.target,
        "added": way.added,
        "known": way.known,
        "set_aside": way.set_aside,
        "position": way.position,
    }


def _tell(console: "Console", ways: "list[Carried]", *, equal: bool | None) -> None:
    for way in ways:
        aside = f", [red]{way.set_aside} set aside there[/red]" if way.set_aside else ""
        console.print(
            f"{way.source} -> {way.target}: {way.added} events new there, {way.known} known there{aside}; "
            f"its log is taken in up to {way.position}"
        )
    if equal is not None:
        console.print("[green]both hubs show the same[/green]" if equal else "[red]the hubs differ: run it again[/red]")


@contextmanager
def _bar(console: "Console") -> "Generator[Progress]":
    """A progress bar for each way on a terminal, nothing elsewhere."""
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(url: str, done: int, total: int) -> None:
            if url not in tasks:
                tasks[url] = bar.add_task(url)
            bar.update(tasks[url], completed=done, total=total)

        yield show
