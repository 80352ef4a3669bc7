"""Which server a simulation talks to: the one it is told, one that runs on the data folder, or one that it starts."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from cairnfield.failure import CannotGoOn
from cairnfield.up import READY_FILE

START_S_MAX: Final = 120
STOP_S_MAX: Final = 30
ASK_S_MAX: Final = 5.0


class Server(NamedTuple):
    """Where a server answers, and a bearer token by role."""

    url: str
    tokens: Mapping[str, str]


@contextmanager
def reach(data: Path) -> Generator[Server]:
    """The server of a data folder: the one that runs, or else one that runs as long as the block."""
    running = _running(data)
    if running is not None:
        yield running
        return
    command = [sys.executable, "-m", "cairnfield", "up", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield _started(process, data)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=STOP_S_MAX)


def _started(process: subprocess.Popen[bytes], data: Path) -> Server:
    give_up = time.monotonic() + START_S_MAX
    while time.monotonic() < give_up:
        if process.poll() is not None:
            said = process.communicate()[0].decode(errors="replace").strip().splitlines()
            raise CannotGoOn(f"No server could be started: {said[-1] if said else 'it said nothing'}")
        found = _running(data)
        if found is not None:
            return found
        time.sleep(0.05)
    raise CannotGoOn(
        f"The server was not ready within {START_S_MAX} s. Start it with `cairn up` and look what it says."
    )


def _running(data: Path) -> Server | None:
    """What `up.json` tells of, if somebody answers there; a killed server leaves the file behind."""
    try:
        told = json.loads((data / READY_FILE).read_text())
        httpx.get(f"{told['url']}/livez", timeout=ASK_S_MAX, trust_env=False).raise_for_status()
    except (FileNotFoundError, httpx.HTTPError):
        return None
    return Server(told["url"], told["tokens"])
