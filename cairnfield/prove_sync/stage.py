"""The server of a run: real PostgreSQL, real API processes, each of which may be killed, stopped and started again."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psycopg

from cairnfield.failure import CannotGoOn
from cairnfield.wiring import now_ms
from infra.checkpoint_signer import CheckpointSigner
from infra.keyring import FileKeyring
from infra.postgres.cluster import Cluster, Running
from infra.postgres.embedded import INITDB_OPTIONS, SETTINGS
from infra.postgres.migrate import upgrade
from infra.postgres.place import find_place

START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
POLL_S: Final = 0.02
RESTART_S: Final = 0.1
LINES_TOLD: Final = 20
PORT_MIN: Final = 15_000
PORT_GIVEN_OUT_MIN: Final = 32_768
PORT_TRIES_MAX: Final = 100
_GIVEN_OUT: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
DATABASE: Final = "cairnfield"
SMALL: Final = {**SETTINGS, "shared_buffers": "64MB", "max_wal_size": "256MB", "min_wal_size": "32MB"}
"""A run is short, and its data folder is copied."""
KEYS: Final = "keys"
"""The folder of the servers' own keys, which no restore brings back."""


class Database:
    """A PostgreSQL server on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        place = find_place(folder, may_move=False)
        self._cluster = Cluster(
            binaries=place.binaries, data=place.data, user=place.user, settings=SMALL, initdb_options=INITDB_OPTIONS
        )
        self._copy = place.data.with_name("postgres.copy")
        self.has_copy = False

    def create(self) -> None:
        """Make it, with an empty, migrated database."""
        self._cluster.create()
        self.start()
        with psycopg.connect(self._cluster.dsn(self._running()), autocommit=True) as owner:
            owner.execute("CREATE DATABASE cairnfield")
        upgrade(self.dsn)

    @property
    def dsn(self) -> str:
        return self._cluster.dsn(self._running(), DATABASE)

    def _running(self) -> Running:
        running = self._cluster.running()
        assert running is not None
        return running

    def start(self) -> None:
        self._cluster.start()

    def stop(self) -> None:
        self._cluster.stop()

    @property
    def is_up(self) -> bool:
        return self._cluster.running() is not None

    def kill(self) -> None:
        """kill -9 for all of its processes."""
        for pid in self._family():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self._cluster.running() is not None:
            time.sleep(POLL_S)

    def signal(self, kind: int) -> None:
        """SIGSTOP or SIGCONT for all of its processes."""
        for pid in self._family():
            with suppress(ProcessLookupError):
                os.kill(pid, kind)

    def _family(self) -> list[int]:
        """The postmaster, then its children: each has a process group of its own."""
        postmaster = self._running().pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children")
        return [postmaster, *map(int, children.read_text().split())] if children.exists() else [postmaster]

    def copy(self) -> None:
        """Keep a copy of the folder; the server must be down. What it needs for recovery is in the copy."""
        shutil.rmtree(self._copy, ignore_errors=True)
        _copy(self._cluster.data, self._copy)
        self.has_copy = True

    def restore(self) -> None:
        """Put the copy back; the server must be down."""
        shutil.rmtree(self._cluster.data)
        _copy(self._copy, self._cluster.data)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["/bin/cp", "-a", str(source), str(target)], check=True)  # keeps the owner, as PostgreSQL asks


class Api:
    """One API process; it always listens where it listened first."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        number: int,
        *,
        options: Sequence[str] = ("--no-demo",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._database, self._folder, self._number = database, folder, number
        self._options, self._environment = options, environment or {}
        self.address = ("127.0.0.1", _free_port())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        command = [sys.executable, "-m", "cairnfield", "up", *self._options, "--port", str(self.address[1])]
        keys = str(self._folder / KEYS)  # one set of keys, as for all processes of a server
        told = {"DATABASE_URL": self._database.dsn, "CAIRN_SECRETS_DIR": keys}
        environment = {**os.environ, **told, **self._environment}
        with (self._folder / f"api-{self._number}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    @property
    def data(self) -> Path:
        """The folder where it keeps what is not in the database."""
        return self._folder / f"api-{self._number}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Raises CannotGoOn if it does not answer. One that ended, because the database was down, is started again."""
        give_up = time.monotonic() + START_S_MAX
        url = f"http://{self.address[0]}:{self.address[1]}/readyz"
        while time.monotonic() < give_up:
            if not self.is_running:
                self.start()
            with suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2, trust_env=False).is_success:
                    return
            time.sleep(RESTART_S)
        said = (self._folder / f"api-{self._number}.log").read_text(errors="replace").splitlines()
        raise CannotGoOn("An API process did not start. It said last:\n" + "\n".join(said[-LINES_TOLD:]))

    def signal(self, kind: int) -> None:
        """SIGSTOP or SIGCONT, where it runs."""
        if self._process is not None:
            self._process.send_signal(kind)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None


def _free_port() -> int:
    """A port that nobody is given while ours is down: the kernel gives out those of its range to whoever connects."""
    first_given_out = int(_GIVEN_OUT.read_text().split()[0]) if _GIVEN_OUT.exists() else PORT_GIVEN_OUT_MIN
    for _ in range(PORT_TRIES_MAX):
        port = random.randrange(PORT_MIN, max(first_given_out, PORT_MIN + 1))  # noqa: S311  # decides nothing
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise CannotGoOn(f"There is no free port from {PORT_MIN} to {first_given_out}.")


class Stage:
    """A database and some API processes in a folder; use it as a context manager."""

    def __init__(self, folder: Path, *, workers: int, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self.database = Database(folder)
        self.apis = [Api(self.database, folder, number) for number in range(workers)]
        self._say = say
        self._killed: set[Api] = set()

    def __enter__(self) -> Self:
        self._say("making a database")
        self.database.create()
        self._say("starting the API")
        self.start_apis()
        return self

    @property
    def url(self) -> str:
        """Where the first API process is asked directly."""
        host, port = self.apis[0].address
        return f"http://{host}:{port}"

    def signer(self) -> CheckpointSigner:
        """Who signs for these servers."""
        keys = self.folder / KEYS
        return CheckpointSigner(FileKeyring(keys, now_ms=now_ms), keys)

    def start_apis(self) -> None:
        """Start those that are down, and wait until all answer."""
        for api in self.apis:
            if not api.is_running:
                api.start()
        for api in self.apis:
            api.wait_until_ready()

    def kill_api(self, api: Api) -> None:
        """kill -9; it stays down until `let_start`."""
        self._killed.add(api)
        api.kill()

    def end_api(self, api: Api) -> None:
        """Let it answer what it was asked and end; it stays down until `let_start`."""
        self._killed.add(api)
        api.signal(signal.SIGTERM)

    def let_start(self, api: Api) -> None:
        self._killed.discard(api)

    def let_all_start(self) -> None:
        self._killed.clear()

    def keep_up(self) -> None:
        """Start again what should run, as a supervisor of processes does."""
        if self.database.is_up:
            for api in self.apis:
                if api not in self._killed and not api.is_running:
                    api.start()

    def mend(self) -> None:
        """Everything runs and answers."""
        self._killed.clear()
        self.database.start()
        self.start_apis()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for api in self.apis:
            api.stop()
        self.database.stop()
