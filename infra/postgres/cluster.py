"""One PostgreSQL data directory and the server on it: made, started, found running, stopped."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

START_TIMEOUT_S = 600.0  # recovery after a crash reads the whole write-ahead log since the last checkpoint
STOP_TIMEOUT_S = 60.0
POLL_S = 0.02
SOCKET_PATH_BYTES_MAX = 90  # the kernel allows 107 with the name of the socket
PLAIN_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
LOG_BYTES_MAX = 8 * 1024 * 1024
LOG_END_BYTES = 4096
SUPERUSER = "postgres"
PORT = 5432  # names the socket; no network listens


class ServerUnavailable(Exception):
    """The PostgreSQL server could not be made or started; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUser:
    """The operating-system account that a server runs as, when it is not our own."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A live server, as its `postmaster.pid` describes it."""

    pid: int
    port: int
    socket_folder: Path


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A data directory, the binaries that serve it and the account that owns it.

    `binaries`: the folder with `initdb` and `postgres`.
    `user`: None runs the server as ourselves, which PostgreSQL refuses to root.
    `settings`: run-time parameters, given on the command line at every start.
    Nothing outside `data` and the server's own socket folder is created or has its mode changed.
    """

    binaries: Path
    data: Path
    user: SystemUser | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    initdb_options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def create(self) -> None:
        """Make the data directory, whole or not at all: it is built beside its place and renamed."""
        for half_made in self.data.parent.glob(f"{self.data.name}.new-*"):
            shutil.rmtree(half_made)
        building = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.new-", dir=self.data.parent))
        self._give(building)
        command = [
            str(self.binaries / "initdb"),
            *("-D", str(building), "-U", SUPERUSER, "--encoding=UTF8", "--auth-local=trust", "--auth-host=reject"),
            *self.initdb_options,
        ]
        done = self._run(command)
        if done.returncode != 0:
            shutil.rmtree(building)
            raise ServerUnavailable(f"initdb could not make {self.data}: {_last_lines(done.stderr or done.stdout)}")
        building.rename(self.data)

    def is_created(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def running(self) -> Running | None:
        """The server that is serving this directory now, whoever started it, ready or still recovering."""
        lines = self._pid_file()
        if not lines or not self._is_our_postmaster(int(lines[0])):
            return None
        lines += [""] * 5  # a server that is just starting has not written all of it
        return Running(pid=int(lines[0]), port=int(lines[3] or PORT), socket_folder=Path(lines[4] or self.data))

    def start(self) -> Running:
        """Start the server, or adopt the one that is running, and wait until it takes connections."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self.running() is None:
                self._spawn()
            try:
                return self._wait_until_ready(deadline)
            except ServerUnavailable as refusal:
                # A killed postmaster's children need a moment to notice and let go of its memory.
                if "pre-existing shared memory" not in str(refusal):
                    raise
                time.sleep(POLL_S * 10)

    def stop(self) -> None:
        """Stop the server and wait until it is gone; clients that are still connected are cut off."""
        running = self.running()
        if running is None:
            self._end_half_started()
            return
        for kind in (signal.SIGINT, signal.SIGQUIT):  # fast; then at once, which the next start repairs
            os.kill(running.pid, kind)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while self._is_our_postmaster(running.pid):
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_S)
            else:
                break
        self.let_go()
        self._remove_socket_folder(running.socket_folder)

    def _end_half_started(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_TIMEOUT_S)

    def let_go(self) -> None:
        """Leave the server running for somebody else; without this Popen warns about the child it still has."""
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0
        self._process = None

    def dsn(self, running: Running, database: str = SUPERUSER) -> str:
        folder = quote(str(running.socket_folder), safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={folder}&port={running.port}"

    def _spawn(self) -> None:
        self._clear_stale_locks()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.rename(self.log.with_suffix(".log.1"))
        settings = {**self.settings, "listen_addresses": "", "port": str(PORT)}
        settings["unix_socket_directories"] = str(self._socket_folder())
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # The account of the server opens its log: as root we would follow a link that it had put there.
        shell = ["/bin/sh", "-c", 'exec "$0" "$@" >>server.log 2>&1']
        self._process = subprocess.Popen(
            [*shell, str(self.binaries / "postgres"), "-D", str(self.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.data,
            env=_environment(),
            start_new_session=True,  # Ctrl-C at our terminal is for us; we stop the server when its clients are done
            umask=0o077,
            user=self.user.uid if self.user else None,
            group=self.user.gid if self.user else None,
            extra_groups=[] if self.user else None,
        )

    def _wait_until_ready(self, deadline: float) -> Running:
        while time.monotonic() < deadline:
            running = self.running()
            if running is not None and self._is_ready():
                return running
            ended = running is None if self._process is None else self._process.poll() is not None
            if ended:
                self._process = None
                raise ServerUnavailable(f"PostgreSQL did not start: {self._log_end()}")
            time.sleep(POLL_S)
        raise ServerUnavailable(f"PostgreSQL did not become ready in {START_TIMEOUT_S:.0f} s; see {self.log}")

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_ready(self) -> bool:
        lines = self._pid_file()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _is_our_postmaster(self, pid: int) -> bool:
        """Whether the process is alive and serves this directory; after a reboot its number may be anybody's."""
        if self._process is not None and self._process.pid == pid:
            self._process.poll()  # a child that ended stays a process until it is asked
        command_line = Path(f"/proc/{pid}/cmdline")  # readable by all; a container's root may not read cwd or exe
        if command_line.parent.parent.joinpath("self").exists():
            try:
                arguments = command_line.read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                return False
            return arguments[0].endswith(b"postgres") and os.fsencode(self.data) in arguments
        found = subprocess.run(
            ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
        )
        return f"postgres -D {self.data} " in found.stdout

    def _clear_stale_locks(self) -> None:
        """PostgreSQL replaces a dead server's locks itself, but not when its number is another process's by now."""
        lines = self._pid_file()
        if len(lines) >= 5 and lines[4]:
            self._remove_socket_folder(Path(lines[4]))
        if lines and _is_alive(int(lines[0])):
            for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
                (self.data / name).unlink(missing_ok=True)

    def _socket_folder(self) -> Path:
        """The data directory, which nobody else can enter, unless its path is too long or too odd for a socket."""
        path = str(self.data)
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX and PLAIN_CHARACTERS.issuperset(path):
            return self.data
        folder = Path(tempfile.mkdtemp(prefix="cairnfield-", dir="/tmp"))
        self._give(folder)
        return folder

    def _remove_socket_folder(self, folder: Path) -> None:
        if folder != self.data and folder.name.startswith("cairnfield-") and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)

    def _give(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self.user is not None:
            os.chown(folder, self.user.uid, self.user.gid)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=self.user.uid if self.user else None,
            group=self.user.gid if self.user else None,
            extra_groups=[] if self.user else None,
        )

    def _log_end(self) -> str:
        if not self.log.exists():
            return f"it wrote nothing to {self.log}"
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_END_BYTES))
            return _last_lines(log.read().decode(errors="replace"))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_lines(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-4:])


def _environment() -> dict[str, str]:
    """Nothing of ours reaches the server but where programs are: PGDATA or LD_PRELOAD would change what it is."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
