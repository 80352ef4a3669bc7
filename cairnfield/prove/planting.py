"""Trying planted bugs: each in a copy of the sources of its own, in a process of its own, a few at a time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Final, NamedTuple

from cairnfield.failure import CannotGoOn
from cairnfield.node import packages
from cairnfield.prove.mutants import ROOT, Mutant, plant
from cairnfield.prove.trial import Step

COPIED: Final = ("cairnfield", "domain", "infra", "sync", "tests/vectors", "pwa/sdk")
COPIED_ALONE: Final = ("tests/devices.py", "tests/sync/test_vectors.py", "pwa/package.json", "pwa/tsconfig.json")
_COMPILED: Final = shutil.ignore_patterns("__pycache__")  # files come and go there while others work in the tree
CLEAN_SEEDS: Final = 50
"""How many histories the sources as they are must pass before anything is planted; more, where a bug takes longer."""
SILENCE_S_MAX: Final = 120.0
"""Who says nothing for so long hangs; a step takes a second or two."""


class Verdict(NamedTuple):
    """What came of one planted bug."""

    mutant: Mutant
    by: str
    """`vectors` or `convergence`, `crash` or `silence`; nothing where nobody noticed."""
    what: str
    """The vector, the difference or the last words that showed it."""
    after: int
    """How many vectors had passed, or how many histories it took."""
    seconds: float

    @property
    def is_caught(self) -> bool:
        return self.by != ""

    @property
    def seeds(self) -> int:
        """How many histories the sources as they are must pass for this to count."""
        return 0 if self.by in ("", "vectors") else self.after


class Trials:
    """The copies and processes of a run; none outlives it."""

    def __init__(self, *, seeds: int, root: Path = ROOT, silence_s_max: float = SILENCE_S_MAX) -> None:
        self._seeds, self._root, self._silence_s_max = seeds, root, silence_s_max
        self._running: set[subprocess.Popen[str]] = set()

    def verdicts(self, mutants: Sequence[Mutant], processes: int) -> Iterator[Verdict]:
        """What comes of each, as it comes; CannotGoOn where the sources as they are fail too."""
        if not (self._root / "tests").is_dir():
            raise CannotGoOn("The vectors are not here: this Cairnfield is installed, not a checkout.")
        packages(ROOT)
        with copied(self._root) as clean:
            self._hold(clean, min(CLEAN_SEEDS, self._seeds))
            seeds = CLEAN_SEEDS
            for verdict in self._of_each(mutants, clean, processes):
                seeds = max(seeds, verdict.seeds)
                yield verdict
            if seeds > CLEAN_SEEDS:
                self._hold(clean, seeds)

    def _of_each(self, mutants: Sequence[Mutant], clean: Path, processes: int) -> Iterator[Verdict]:
        with ThreadPoolExecutor(processes) as pool:
            futures = [pool.submit(self._verdict, mutant, clean) for mutant in mutants]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in [*self._running]:
                    _end(process)

    def _hold(self, clean: Path, seeds: int) -> None:
        """The sources as they are pass; also leaves them compiled, for the copies that are made of them."""
        with ThreadPoolExecutor(2) as pool:
            tried = [pool.submit(self._tried, clean, *each) for each in (("python", seeds), ("typescript", 0))]
        for last in (each.result() for each in tried):
            if last.wrong:
                raise CannotGoOn(
                    f"Nothing was planted, and the proof fails all the same ({last.by}: {last.wrong}). "
                    "See ./cairn test and ./cairn prove convergence pass first."
                )

    def _verdict(self, mutant: Mutant, clean: Path) -> Verdict:
        with copied(clean, compiled=True) as planted:
            plant(mutant, planted)
            started = time.monotonic()
            last = self._tried(planted, mutant.language, self._seeds)
            seconds = time.monotonic() - started
        return Verdict(mutant, last.by if last.wrong else "", last.wrong, last.done, seconds)

    def _tried(self, folder: Path, language: str, seeds: int) -> Step:
        """The last step of a trial, or how it ended before it could say one."""
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "cairnfield.prove.trial", language, str(seeds)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,  # so that whatever it starts ends with it
            )
            self._running.add(process)
            last = Step("", 0)
            for line in self._lines(process):
                last = Step(*json.loads(line))
            status = process.returncode
            self._running.discard(process)
            said.seek(0)
            words = said.read().strip().rpartition("\n")[2]
        if status == 0 or last.wrong:
            return last
        reached = last.done + 1 if last.by == "convergence" else 0
        return Step("silence" if status == -signal.SIGKILL else "crash", reached, words or f"exit status {status}")

    def _lines(self, process: "subprocess.Popen[str]") -> Iterator[str]:
        """What a process says, until it ends or says nothing for too long; it and all that it started are over then."""
        assert process.stdout is not None
        line = "-"
        with process.stdout:
            while line:
                watchdog = Timer(self._silence_s_max, _end, [process])
                watchdog.start()
                line = process.stdout.readline()
                watchdog.cancel()
                if line:
                    yield line
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its number is nobody else's before `wait`
        _end(process)
        process.wait()


def _end(process: "subprocess.Popen[str]") -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def copied(root: Path, *, compiled: bool = False) -> Generator[Path]:
    """What a trial needs of the sources, in a folder of its own: nothing that is planted touches where it came from."""
    with tempfile.TemporaryDirectory(prefix="cairn-mutant-") as made:
        folder = Path(made)
        for name in COPIED:
            shutil.copytree(root / name, folder / name, ignore=None if compiled else _COMPILED)
        for name in COPIED_ALONE:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
        (folder / "pwa" / "node_modules").symlink_to(ROOT / "pwa" / "node_modules")
        yield folder
