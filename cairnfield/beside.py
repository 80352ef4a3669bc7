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
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cairnfield.following import FOLLOWING
from infra.settings import Settings

NICENESS: Final = 10
"""As Unix counts: of a processor that both want, the server has nine tenths."""
AGAIN_S: Final = 1.0
"""Before it is started again; twice as long each time that it has not lived for as long as AGAIN_S_MAX."""
AGAIN_S_MAX: Final = 60.0
STOP_S_MAX: Final = 15.0
THREAD_FAILED: Final = 70
"""Exit status of a process that had a thread end by a failure."""
ROOT: Final = Path(__file__).resolve().parents[1]
"""Where our packages lie, in a clone or where they are installed."""

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
        pause_s = AGAIN_S
        while not self._is_over.is_set():
            began_s = time.monotonic()
            why = self._lived()
            if time.monotonic() - began_s > AGAIN_S_MAX:
                pause_s = AGAIN_S
            if not self._is_over.wait(pause_s):
                _log.warning("what follows the logs %s; it is started again", why)
            pause_s = min(2 * pause_s, AGAIN_S_MAX)

    def _lived(self) -> str:
        """Start it and wait for its end; how that came."""
        try:
            process = self._started()
        except OSError as failure:  # the system has no room for one more at the moment
            return f"could not be started: {failure}"
        if process is None:
            return "is not wanted any more"
        status = process.wait()
        _leave(process)
        return f"has ended with status {status}"

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
            # -P and the path: of the folder that somebody happens to stand in nothing is imported.
            command = [sys.executable, "-P", "-m", "cairnfield.beside"]
            paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
            # In a group of its own: Ctrl-C in a terminal is for the server, which tells us when it has come to that.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, process_group=0)
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
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)  # they reach the server too, which tells us when it has come to that
    os.nice(NICENESS)
    threading.excepthook = _end_with_thread

    from cairnfield.database import settings_with
    from cairnfield.following import following
    from cairnfield.wiring import now_ms
    from infra.postgres.doorbell import PostgresDoorbell

    told = json.loads(sys.stdin.buffer.readline())
    doorbell = PostgresDoorbell(told["dsn"])
    try:
        with following(told["dsn"], settings_with(data=Path(told["data"])), doorbell, now_ms):
            sys.stdin.buffer.read()
    finally:
        doorbell.close()


def _end_with_thread(failed: threading.ExceptHookArgs) -> None:
    """A thread that ends by a failure would leave a process that lives and follows nothing: whoever started us begins
    again."""
    threading.__excepthook__(failed)
    sys.stderr.flush()
    os._exit(THREAD_FAILED)


if __name__ == "__main__":
    main()
