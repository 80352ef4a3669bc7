"""PostgreSQL 18 from a wheel: started for the first who needs it, shared, and stopped by the last one out."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg

from infra.postgres.cluster import Cluster, ServerUnavailable
from infra.postgres.place import find_place

DATABASE = "cairnfield"

# A log that is appended to and read in order, on a small machine, losing nothing that was answered for.
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_sync_retry": "off",
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",  # the wheel is built without lz4
    "max_connections": "100",
    "autovacuum": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_checkpoints": "off",
}
# The built-in locale sorts the same on every machine and after every upgrade of its C library.
INITDB_OPTIONS = ("--data-checksums", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running embedded server: `dsn` names our database as a libpq URI, `data` is where it keeps its files."""

    dsn: str
    data: Path


@contextmanager
def embedded(folder: Path, *, may_move: bool = False) -> Generator[Server]:
    """Run the embedded server of `folder` while the block runs, made on first use.

    Every process and thread that asks for the same folder shares one server. The last to leave stops it. One that was
    killed leaves it running or half stopped; the next one adopts it or repairs it.
    `may_move`: see `infra.postgres.place.find_place`.
    Raises `ServerUnavailable` when it cannot be made or started.
    """
    folder = _own_folder(folder)
    with _open_lock(folder / "starting.lock") as starting, _open_lock(folder / "users.lock") as users:
        fcntl.flock(starting, fcntl.LOCK_EX)
        place = find_place(folder, may_move=may_move)
        cluster = Cluster(
            binaries=place.binaries,
            data=place.data,
            user=place.user,
            settings=SETTINGS,
            initdb_options=INITDB_OPTIONS,
        )
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if not cluster.is_created():
                cluster.create()
            running = cluster.start()
            _ensure_database(cluster.dsn(running))
            fcntl.flock(starting, fcntl.LOCK_UN)
            yield Server(dsn=cluster.dsn(running, DATABASE), data=place.data)
        finally:
            # Under the lock, so that nobody adopts a server that is about to stop.
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_UN)
            if _is_unused(users):
                cluster.stop()
            cluster.let_go()


def _own_folder(folder: Path) -> Path:
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            if os.geteuid() == 0:
                folder.chmod(0o755)  # the account of root's server walks through; what is secret in it has its own mode
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written")
    except (PermissionError, FileExistsError, NotADirectoryError) as refusal:
        raise ServerUnavailable(
            f"The data folder {folder} cannot be used ({refusal}). Choose another with --data."
        ) from refusal
    return folder.resolve()


@contextmanager
def _open_lock(path: Path) -> Generator[IO[bytes]]:
    """A file for the kernel's lock, which ends with the process that holds it, however that ends."""
    try:
        lock = path.open("ab")
    except PermissionError as refusal:
        raise ServerUnavailable(
            f"{path.parent} belongs to another user, who has to run this. Choose a folder of your own with --data."
        ) from refusal
    with lock:
        yield lock


def _is_unused(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_database(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute("CREATE DATABASE cairnfield")
