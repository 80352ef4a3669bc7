"""The devices of a run: their processes, their disks and their lines, and everything that can be done to them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from cairnfield.prove_sync.life import live
from cairnfield.prove_sync.part import Orders, Part, Phase, Why, order
from cairnfield.prove_sync.proxy import CLEAR, Line
from cairnfield.prove_sync.store import copy_disk

STOP_S_MAX: Final = 10.0
POLL_S: Final = 0.001
_PROCESSES: Final = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([live.__module__])


@dataclass(slots=True)
class Actor:
    """One device."""

    part: Part
    line: Line
    orders: Orders = field(default_factory=Orders)
    crashed: bool = False
    """Its process ended, and nobody had killed it."""
    is_paused: bool = False
    _process: ForkServerProcess | None = None

    @property
    def is_alive(self) -> bool:
        self._look_whether_it_crashed()
        return self._process is not None

    def start(self, why: Why = "started") -> None:
        """Start its process on what its disk holds."""
        if why == "killed" and not self.part.is_open.exists():
            why = self.part.why  # killed before it said how it began: it still begins like that
        self.part = replace(self.part, why=why)
        self.part.is_open.unlink(missing_ok=True)
        order(self.part, self.orders)
        self._process = _PROCESSES.Process(target=live, args=(self.part,), name=self.part.name)
        self._process.start()

    def told(self, *, phase: Phase | None = None, wrong_by_ms: int | None = None, flips: int = 0) -> None:
        """Give it other orders."""
        before = self.orders
        wrong_by_ms = before.wrong_by_ms if wrong_by_ms is None else wrong_by_ms
        self.orders = Orders(phase or before.phase, wrong_by_ms, before.flips + flips)
        order(self.part, self.orders)

    def change_version(self) -> None:
        """Let it run the other version from its next start on."""
        self.part = replace(self.part, is_old=not self.part.is_old)

    def kill(self) -> None:
        """kill -9."""
        self._look_whether_it_crashed()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)
        self.is_paused = True

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)
        self.is_paused = False

    @contextmanager
    def _held_still(self) -> Generator[None]:
        """It writes nothing meanwhile, so that a copy of its disk is of one moment, as after a power cut."""
        if self.is_paused or not self.is_alive:
            yield
            return
        self._signal(signal.SIGSTOP)
        while self._process is not None and _is_running(self._process.pid):
            time.sleep(POLL_S)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, kind: int) -> None:
        self._look_whether_it_crashed()
        if self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, kind)

    def _look_whether_it_crashed(self) -> None:
        if self._process is not None and self._process.exitcode is not None:
            self.crashed = self.crashed or self._process.exitcode != 0
            self._process = None

    def back_up(self) -> None:
        """Keep a copy of its disk."""
        self.copy_to(self.part.disk.with_suffix(".copy"))

    def copy_to(self, target: Path) -> None:
        """Copy its disk as it is at this moment."""
        if self.part.disk.exists():
            with self._held_still():
                copy_disk(self.part.disk, target)

    def roll_back(self) -> bool:
        """Put the copy of its disk back, if there is one; its process must be gone."""
        copy = self.part.disk.with_suffix(".copy")
        if copy.exists():
            copy_disk(copy, self.part.disk)
            copy.unlink()
            return True
        return False

    def stop(self) -> None:
        """Let it end by itself, and if it does not, by force."""
        self.go_on()
        if self._process is not None:
            self.told(phase="stop")
            self._process.join(STOP_S_MAX)
            self._look_whether_it_crashed()
            self.kill()

    def start_again(self) -> None:
        """Start it once it has ended by itself, as somebody who closes the app and opens it."""
        self.stop()
        self.told(phase="work")
        self.start("killed")


def _is_running(pid: int | None) -> bool:
    """Whether a process has not stopped yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"T", "Z"}
    except FileNotFoundError:
        return False


@dataclass(slots=True)
class Cast:
    """All devices of a run; a clone that appears on the way is one of them from then on."""

    actors: list[Actor]
    new_line: Callable[[], Line]
    clones_max: int = 2

    def clone(self, actor: Actor, number: int) -> Actor | None:
        """Another device on a copy of a device's disk, with the same user."""
        if sum("-clone-" in each.part.name for each in self.actors) >= self.clones_max or not actor.part.disk.exists():
            return None
        line = self.new_line()
        name = f"{actor.part.name}-clone-{number}"
        part = replace(actor.part, name=name, url=f"http://127.0.0.1:{line.port}")
        twin = Actor(part, line)
        actor.copy_to(part.disk)
        self.actors.append(twin)
        twin.start("cloned")
        return twin

    def clear(self) -> None:
        """The weather is fine everywhere, and every clock is right."""
        for actor in self.actors:
            actor.line.turn(CLEAR)
            actor.go_on()
            actor.told(wrong_by_ms=0)
