"""Finds cold files that nothing names any more, and removes them when it is told to.

These are files that a mover left behind who was killed before it wrote down that they are there, and files whose
bodies were brought back. Of the second kind a backup may still say that the bodies lie in them. Backups cannot be found
from here, but whoever marked one as durable can say where it is restored: it is asked, and what it reads stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple
from uuid import UUID

from infra.postgres.cold_mover import ColdFile, ColdMover
from infra.postgres.log_copy import LogCopy
from infra.whole_file import sync_to_disk
from sync.limits import DAY_MS
from sync.log import TenantId, TenantUnknown

READ_FOR_MS_MAX: Final = DAY_MS
"""Whoever began to read before bodies were brought back has ended by then."""
_BEGINS: Final = 36
"""Letters of a file's id, with which the names of all that belongs to it begin."""


class Leftover(NamedTuple):
    """A file that the log does not read."""

    file: str
    why: Literal["unnamed", "brought_back"]
    paths: Sequence[Path]
    """It and all that lies beside it."""
    size: int
    """In bytes, of all of it."""
    kept_for: str | None
    """Why it must stay; None: nothing needs it."""


class CopyUnfit(Exception):
    """A database is not the backup that was marked; the text says why."""


def leftovers(
    mover: ColdMover, tenant: TenantId, folder: Path, copies: Sequence[LogCopy], *, durable: int, now_ms: int
) -> Sequence[Leftover]:
    """What lies in a tenant's folder, and wherever else its files are, that its log does not read.

    `durable` is up to where a marked backup holds the log; `copies` are backups that were restored. Raises CopyUnfit.
    """
    needed = _needed(copies, tenant, durable)
    files = {each.file: each for each in mover.files(tenant)}
    found: list[Leftover] = []
    for file, paths in _lying(folder, *(Path(each.path).parent for each in files.values())).items():
        cold = files.get(file)
        if cold is not None and cold.restored_at_ms is None:
            continue
        kept_for = _kept_for(mover, tenant, cold, now_ms)
        if kept_for is None and file in needed:
            kept_for = "a copy of the log still reads it"
        if kept_for is None and durable and not copies:
            kept_for = f"a backup is marked up to {durable}: say with --copy where it is restored"
        size = sum(path.stat().st_size for path in paths)
        found.append(Leftover(file, "brought_back" if cold else "unnamed", paths, size, kept_for))
    return found


def remove(mover: ColdMover, tenant: TenantId, found: Iterable[Leftover]) -> Sequence[Leftover]:
    """Remove what nothing needs; returns that. Whoever is killed in between leaves a file that is unnamed from then
    on."""
    files = {each.file: each for each in mover.files(tenant)}
    gone = [each for each in found if each.kept_for is None]
    for each in gone:
        if each.file in files:
            mover.forget(tenant, files[each.file])
        for path in each.paths:
            path.unlink(missing_ok=True)
        for parent in {path.parent for path in each.paths}:
            sync_to_disk(parent)
    return gone


def _kept_for(mover: ColdMover, tenant: TenantId, cold: ColdFile | None, now_ms: int) -> str | None:
    if cold is None:
        return None
    if cold.restored_at_ms is not None and now_ms - cold.restored_at_ms < READ_FOR_MS_MAX:
        return "it was brought back less than a day ago, and somebody may still be reading it"
    return "the log names it all the same: `cairn verify` says more" if mover.is_named(tenant, cold) else None


def _needed(copies: Sequence[LogCopy], tenant: TenantId, durable: int) -> frozenset[str]:
    needed: set[str] = set()
    reached = 0
    for copy in copies:
        try:
            reached = max(reached, copy.head(tenant).position)
        except TenantUnknown:
            continue
        needed |= copy.files(tenant).keys()
    if copies and reached < durable:
        raise CopyUnfit(
            f"Of tenant {tenant} a backup is marked up to {durable}, and these copies hold the log up to {reached} "
            "only. Nothing was removed. Name the one that was marked too."
        )
    return frozenset(needed)


def _lying(*folders: Path) -> Mapping[str, Sequence[Path]]:
    """By the id of the file, what is there of it."""
    found: dict[str, list[Path]] = {}
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            file = path.name[:_BEGINS]
            if path.is_file() and path.name[_BEGINS : _BEGINS + 1] == "." and _is_id(file):
                found.setdefault(file, []).append(path)
    return found


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
