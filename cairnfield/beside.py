"""A process beside the server that follows every log for it.

What people look at costs more than what they hand in does, and one Python process thinks one thought at a time: within
the server a full log that is worked through would make everybody wait who pushes. Apart, and with less of the processor
when both want it, it lags in a rush and catches up after.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cairnfield.following import FOLLOWING
from infra.settings import Settings

NICENESS: Final = 10
"""As Unix counts: of a processor that both want, the server has nine tenths."""
AGAIN_S: Final = 1.0
STOP_S_MAX: Final = 15.0

_log = logging.getLogger("cairnfield.beside")


@contextmanager
def followed_beside(dsn: str, settings: Settings) -> Generator[None]:
    """Every log is followed while the block runs; the process is started again where it dies.

    None is started where the settings leave both, the read model and the checkpoints, to others.
    """
    if not settings.background & FOLLOWING:
        yield
        return
    beside = _Beside(dsn, settings)
    thread = threading.Thread(target=beside.keep_alive, name="beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        beside.stop()
        thread.join()


class _Beside:
    """The process, whichever it is at the moment."""

    def __init__(self, dsn: str, settings: Settings) -> None:
        self._told = json.dumps({"dsn": dsn, "data": str(settings.data)}).encode() + b"\n"
        self._is_over, self._lock = threading.Event(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def keep_alive(self) -> None:
        """Start it, wait for its end, and begin again until that was meant."""
        while (process := self._started()) is not None:
            status = process.wait()
            _leave(process)
            if not self._is_over.wait(AGAIN_S):
                _log.warning("what follows the logs has ended with status %d; it is started again", status)

    def stop(self) -> None:
        """End it as planned: it finishes its page first."""
        with self._lock:
            self._is_over.set()
            process = self._process
        if process is None:
            return
        _leave(process)
        try:
            process.wait(timeout=STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()

    def _started(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._is_over.is_set():
                return None
            command = [sys.executable, "-m", "cairnfield.beside"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
            assert self._process.stdin
            with suppress(BrokenPipeError):  # then it has died already, and that is noticed
                # Not as an argument, which everybody on the machine can read: it may hold a password.
                self._process.stdin.write(self._told)
                self._process.stdin.flush()
            return self._process


def _leave(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    with suppress(BrokenPipeError):  # it has ended by itself
        process.stdin.close()


def main() -> None:
    """Follow until whoever started us closes our input, or dies, which does the same."""
    from cairnfield.database import settings_with
    from cairnfield.following import following
    from cairnfield.wiring import now_ms
    from infra.postgres.doorbell import PostgresDoorbell

    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)  # they reach the server too, which tells us when it has come to that
    os.nice(NICENESS)
    told = json.loads(sys.stdin.buffer.readline())
    doorbell = PostgresDoorbell(told["dsn"])
    try:
        with following(told["dsn"], settings_with(data=Path(told["data"])), doorbell, now_ms):
            sys.stdin.buffer.read()
    finally:
        doorbell.close()


if __name__ == "__main__":
    main()
