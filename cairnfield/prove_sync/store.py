"""What a device of a run keeps on its disk, so that a kill leaves what was there before the step or after it."""

import pickle
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, cast

from cairnfield.prove_sync.own import Own, Owned
from infra.device_file import DeviceFile, Owner
from sync.device import Device

_JOURNAL: Final = "-wal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A device, and the last events that its user wrote and expects to see."""

    device: Device
    own: Owned = field(default_factory=dict[str, Own])


class Disk(Protocol):
    """Where a device is kept; use it as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def load(self) -> Kept | None:
        """What was saved last; None on a new device."""
        ...

    def save(self, kept: Kept) -> None:
        """Keep this from now on."""
        ...


def open_disk(path: Path, *, is_lasting: bool) -> Disk:
    """The disk in a file: as `infra.device_file` keeps devices that last, or all at once."""
    return _LastingDisk(path) if is_lasting else _Whole(path)


def copy_disk(source: Path, target: Path) -> None:
    """Keep a copy of a disk that nobody writes to at this moment."""
    for end in ("", _JOURNAL):
        there, copy = source.with_name(source.name + end), target.with_name(target.name + end)
        copy.unlink(missing_ok=True)
        if there.exists():
            shutil.copyfile(there, copy)


class _Whole:
    """One file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # nothing is open between two steps

    def load(self) -> Kept | None:
        if not self._path.exists():
            return None
        return cast("Kept", pickle.loads(self._path.read_bytes()))  # noqa: S301  # we wrote it

    def save(self, kept: Kept) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(pickle.dumps(kept, pickle.HIGHEST_PROTOCOL))
        fresh.replace(self._path)


class _LastingDisk:
    """The file that scripts and services use; what its user expects to see is forgotten when the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = DeviceFile(path)
        self._before: Device | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def load(self) -> Kept | None:
        self._before = self._file.load()
        return Kept(device=self._before) if self._before else None

    def save(self, kept: Kept) -> None:
        if self._before is None:
            self._file.begin(kept.device, Owner("", ""))
        else:
            self._file.save(self._before, kept.device)
        self._before = kept.device
