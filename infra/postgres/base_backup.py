"""Base backups by PostgreSQL's own programs: taken from a running server, checked file by file, served for a drill."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.postgres.cluster import Cluster, ServerUnavailable
from infra.postgres.embedded import SETTINGS
from infra.postgres.place import find_place, own_binaries

MANIFEST: Final = "backup_manifest"
_CHECKSUMS: Final = "--manifest-checksums=SHA256"
_STRONG: Final = frozenset({"sha224", "sha256", "sha384", "sha512"})
_OWN_FILES: Final = {"postgresql.auto.conf": "", "drill.conf": "", "drill_hba.conf": "local all all trust\n"}
"""What a copy is served with, in place of what its server was told: that names its archive, its network, its keys."""
_SERVED_WITH: Final = {"archive_mode": "off", "shared_preload_libraries": "", "shared_buffers": "64MB"}


class BackupUnfit(ServerUnavailable):
    """What lies in a folder is no backup that could be restored; the text says why and what to do."""


def take(dsn: str, folder: Path) -> None:
    """Take a base backup, with the write-ahead log that it needs, into a folder that is empty or not there yet.

    The DSN must sign in as somebody who may replicate. Raises BackupUnfit, and then leaves no half backup.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupUnfit(f"{folder} is not empty: a backup goes into a folder of its own. Name one that is not there.")
    asked: dict[str, Any] = conninfo_to_dict(dsn)
    password = str(asked.pop("password", ""))  # not on the command line, which everybody on this machine may read
    said = (f"--dbname={make_conninfo(**asked)}", f"--pgdata={folder}", "--checkpoint=fast", _CHECKSUMS)
    told = _run(own_binaries() / "pg_basebackup", *said, password=password)
    if told is not None:
        raise BackupUnfit(f"The backup was not taken: {told}.")


def check(folder: Path) -> None:
    """Compare every file of a base backup with its manifest, by size and SHA-256; raises BackupUnfit.

    What `pg_verifybackup` does, which ends with a segmentation fault in the wheel of the embedded server. Whether the
    write-ahead log is all there shows when it is restored: a server does not start before it has found its end.
    """
    files = _manifest(folder / MANIFEST)
    if any((folder / "pg_tblspc").iterdir()):
        raise BackupUnfit(
            f"{folder} has tablespaces, which lead out of it. Restore it by hand, and compare it with "
            "`cairn durable mark --copy`."
        )
    for name, told in files.items():
        path = folder / name
        if not path.is_file():
            raise _not_as_taken(folder, f"{name} is missing")
        if path.stat().st_size != told.size:
            raise _not_as_taken(folder, f"{name} has {path.stat().st_size} bytes, and had {told.size}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, told.algorithm).hexdigest() != told.checksum:
                raise _not_as_taken(folder, f"{name} is not the file that was taken: its checksum differs")


class _File(NamedTuple):
    """What a manifest tells of a file."""

    size: int
    algorithm: str
    checksum: str


def _manifest(path: Path) -> dict[str, _File]:
    """The files by their paths (https://www.postgresql.org/docs/18/backup-manifest-format.html)."""
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
        own = document["Manifest-Checksum"]
        files = {_path(each): _told(each) for each in document["Files"]}
    except FileNotFoundError as none:
        raise BackupUnfit(
            f"{path.parent} is no base backup: it has no {MANIFEST}. `cairn backup take` and pg_basebackup make one "
            "that has."
        ) from none
    except (ValueError, KeyError, TypeError) as cut:
        raise _not_as_taken(path.parent, f"{MANIFEST} cannot be read") from cut
    head, _, _ = raw.rpartition(b'"Manifest-Checksum"')
    if hashlib.sha256(head).hexdigest() != own:
        raise _not_as_taken(path.parent, f"{MANIFEST} is not what was written: its checksum differs")
    weak = sorted(name for name, told in files.items() if told.algorithm not in _STRONG)
    if weak:
        raise BackupUnfit(
            f"The manifest of {path.parent} has no SHA-2 checksum of {weak[0]}. Take it with `cairn backup take`, or "
            "with pg_basebackup --manifest-checksums=SHA256."
        )
    return files


def _path(each: Mapping[str, Any]) -> str:
    return str(each["Path"]) if "Path" in each else bytes.fromhex(each["Encoded-Path"]).decode(errors="surrogateescape")


def _told(each: Mapping[str, Any]) -> _File:
    algorithm = str(each.get("Checksum-Algorithm", "none")).lower()
    return _File(int(each["Size"]), algorithm, str(each.get("Checksum", "")))


def _not_as_taken(folder: Path, what: str) -> BackupUnfit:
    return BackupUnfit(f"The backup in {folder} is not what was taken: {what}. Nothing was restored or marked.")


@contextmanager
def restored(folder: Path, *, room: Path | None = None, binaries: Path | None = None) -> Generator[Cluster]:
    """A server on a copy of a base backup while the block runs; the backup stays as it is, and nobody else can ask it.

    `room` is where the copy lies meanwhile, with as much space as the backup takes. Raises ServerUnavailable.
    """
    with tempfile.TemporaryDirectory(prefix="cairn-drill-", dir=room) as made:
        Path(made).chmod(0o755)  # the account of root's server walks through; the copy in it is closed
        place = find_place(Path(made), may_move=False)
        shutil.copytree(folder, place.data, ignore=shutil.ignore_patterns(".s.PGSQL.*", MANIFEST))
        for name, text in _OWN_FILES.items():
            (place.data / name).write_text(text)
        place.data.chmod(0o700)
        if place.user is not None:
            for path in (place.data, *place.data.rglob("*")):
                os.chown(path, place.user.uid, place.user.gid)
        own = {"config_file": str(place.data / "drill.conf"), "hba_file": str(place.data / "drill_hba.conf")}
        if binaries is not None and not (binaries / "postgres").is_file():
            raise BackupUnfit(f"{binaries} has no program `postgres`: name the folder of your server's programs.")
        cluster = Cluster(
            binaries=binaries or place.binaries,
            data=place.data,
            user=place.user,
            settings={**SETTINGS, **_SERVED_WITH, **own},
        )
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _run(program: Path, *said: str, password: str = "") -> str | None:
    """What a program complained of first; None where it was content."""
    environment = {**os.environ, "PGPASSWORD": password} if password else None
    done = subprocess.run([program, *said], capture_output=True, text=True, check=False, env=environment)
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"{program.name} ended with {done.returncode}"]
    return lines[0].removeprefix(f"{program.name}: ").removeprefix("error: ").rstrip(".")
