"""API worker processes that tests may kill and stop: forked from one that has loaded all, so that each starts at once.

Run as a program it is that one: a line on its input asks for a worker, a line on its output says where it answers.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

import uvicorn

from cairnfield.database import settings_with
from cairnfield.wiring import build_app

ROOT: Final = Path(__file__).resolve().parents[1]
LOADED_ONCE: Final = (
    *("api.app", "infra.failing_answers", "infra.postgres.accounts", "infra.postgres.log", "infra.postgres.pool"),
    *("uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto"),
)
"""What a worker imports when it starts, and need not when its parent has."""
START_S_MAX: Final = 60.0
PAUSE_S: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One process that answers HTTP."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_gone(self) -> bool:
        return self._state() in ("", "Z")

    @property
    def is_stopped(self) -> bool:
        return self._state() == "T"

    @property
    def memory_kib(self) -> int:
        """What it holds in memory now."""
        return self._told("VmRSS")

    @property
    def memory_kib_max(self) -> int:
        """The most that it has held since `forget_memory_max`."""
        return self._told("VmHWM")

    def forget_memory_max(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def _told(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


class Workers:
    """Where workers come from; use `workers()`."""

    def __init__(self, source: "subprocess.Popen[str]") -> None:
        self._source = source

    def start(self, dsn: str, *, failpoints: str = "") -> Worker:
        """A worker of its own over a database, told how it shall fail."""
        assert self._source.stdin
        assert self._source.stdout
        environment = {"CAIRN_FAILPOINTS": failpoints, "CAIRN_TESTING": "1"}
        print(json.dumps({"dsn": dsn, "environment": environment}), file=self._source.stdin, flush=True)
        pid, port = self._source.stdout.readline().split()
        return Worker(pid=int(pid), port=int(port))


@contextmanager
def workers(root: Path = ROOT) -> Iterator[Workers]:
    """Workers for as long as the block runs, of the program whose sources lie there."""
    command = [sys.executable, "-m", "tests.workers"]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as source:
        try:
            yield Workers(source)
        finally:
            assert source.stdin
            source.stdin.close()
            source.wait(timeout=START_S_MAX)


def until(what: object, *, within_s: float = START_S_MAX) -> None:
    """Wait for a condition: a function that comes to say yes."""
    assert callable(what)
    give_up = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < give_up, f"{what} did not come true"
        time.sleep(PAUSE_S)


def main() -> None:
    """Fork a worker for every line that is read; when there are no more, end them all."""
    for module in LOADED_ONCE:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them, and none stays as a zombie
    started: list[int] = []
    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _work(asked["dsn"], asked["environment"], writing)
        os.close(writing)
        started.append(pid)
        with open(reading) as told:  # noqa: PTH123  # a pipe
            print(pid, told.readline().strip(), flush=True)
    for pid in started:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _work(dsn: str, environment: Mapping[str, str], writing: int) -> NoReturn:
    """Be a worker until somebody ends it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, sys.stdin.fileno())
    os.environ.update(environment)
    app = build_app(dsn, settings_with())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.dup2(null, sys.stdout.fileno())

        class Announcing(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                os.write(writing, b"%d\n" % listener.getsockname()[1])
                os.close(writing)

        Announcing(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listener])
    os._exit(0)


if __name__ == "__main__":
    main()
