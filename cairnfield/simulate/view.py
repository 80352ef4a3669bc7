"""The day as it passes: who has a signal, who keeps how much to hand in, how far everybody has pulled."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from cairnfield.simulate.plan import MINUTE, Plan
from cairnfield.simulate.run import Run

PER_SECOND_MAX: Final = 8
ROWS_MAX: Final = 24


class NoView:
    """Nobody looks on."""

    def look(self, run: Run, ms: int) -> None:
        """Nothing to show."""


class LiveView:
    """A table of the devices and a clock, on a terminal; use it as a context manager."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._plan, self._drawn = plan, 0.0
        self._clock = Progress(TextColumn("{task.description}"), BarColumn(), console=console)
        self._task = self._clock.add_task("00:00", total=plan.end_ms)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def look(self, run: Run, ms: int) -> None:
        """Draw, but not more often than eyes can follow."""
        now = time.monotonic()
        if now - self._drawn < 1 / PER_SECOND_MAX and ms < self._plan.end_ms:
            return
        self._drawn = now
        minutes = ms // MINUTE
        self._clock.update(self._task, completed=ms, description=f"{minutes // 60:02}:{minutes % 60:02}")
        self._live.update(Group(self._clock, _table(run, ms)), refresh=True)


def _table(run: Run, ms: int) -> Table:
    head = max(device.cursor for device in run.devices)
    table = Table("Device", "Signal", "To hand in", "Set aside", "Behind", box=None, pad_edge=False)
    for number, (device, plan) in enumerate(zip(run.devices, run.plan.devices, strict=True)):
        if number == ROWS_MAX:
            table.add_row(f"and {len(run.devices) - ROWS_MAX} more", "", "", "", "")
            break
        signal = "[green]online[/green]" if plan.is_online(ms) else "[yellow]offline[/yellow]"
        waiting = "▪" * min(len(device.outbox), 20) + f" {len(device.outbox) or ''}"
        table.add_row(
            f"{plan.role} {number}",
            signal,
            waiting,
            str(len(device.quarantined) or ""),
            str(head - device.cursor or ""),
        )
    table.caption = f"{len(run.authored)} events written, {head} positions in the log, {run.lost_answers} answers lost"
    return table
