"""Where the bytes of photos are kept: `DIR/blobs/ab/abcdef...`, whole or not there; and the same in memory."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from commands.blob_store import BlobDamaged
from infra.whole_file import sync_to_disk

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class DiskBlobStore:
    """`commands.blob_store.BlobStore` in a folder; any number of processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "blobs"

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if self._is_whole(path, content):
            return name
        _make(path.parent)
        descriptor, writing = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(writing).replace(path)
        except BaseException:
            Path(writing).unlink(missing_ok=True)
            raise
        sync_to_disk(path.parent)
        return name

    def get(self, sha256: str) -> bytes | None:
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        return _checked(content, sha256)

    def has(self, sha256: str) -> bool:
        return self._path(sha256).is_file()

    def _path(self, sha256: str) -> Path:
        # A hash comes from an event, and so from anybody: nothing else may become a path.
        name = _checked_name(sha256)
        return self._folder / name[:2] / name

    @staticmethod
    def _is_whole(path: Path, content: bytes) -> bool:
        """A file that a failing disk has cut short is written again."""
        try:
            return path.read_bytes() == content
        except FileNotFoundError:
            return False


class MemoryBlobStore:
    """`commands.blob_store.BlobStore` in a dictionary; gone with the process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self._kept[name] = content
        return name

    def get(self, sha256: str) -> bytes | None:
        content = self._kept.get(_checked_name(sha256))
        return None if content is None else _checked(content, sha256)

    def has(self, sha256: str) -> bool:
        return _checked_name(sha256) in self._kept


def _checked_name(sha256: str) -> str:
    if not _SHA256.match(sha256):
        raise ValueError(f"{sha256[:80]!r} is not a SHA-256 in lower-case hexadecimal")
    return sha256


def _checked(content: bytes, sha256: str) -> bytes:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BlobDamaged(f"what is kept as {sha256} has another hash")
    return content


def _make(folder: Path) -> None:
    """Make a folder that is still there after a crash."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_to_disk(folder.parent)
