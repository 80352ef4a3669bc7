"""Photos are kept by what they are: on disk and in memory alike."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.blob_store import BlobDamaged, BlobStore
from infra.blobs import DiskBlobStore, MemoryBlobStore

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
NAME = hashlib.sha256(PHOTO).hexdigest()


@pytest.fixture(params=["disk", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    made: dict[str, Callable[[], BlobStore]] = {"disk": lambda: DiskBlobStore(tmp_path), "memory": MemoryBlobStore}
    return made[request.param]()


def test_what_was_put_is_found_by_its_hash(blobs: BlobStore) -> None:
    assert blobs.put(PHOTO) == NAME
    assert blobs.has(NAME)
    assert blobs.get(NAME) == PHOTO


def test_putting_twice_changes_nothing(blobs: BlobStore) -> None:
    assert blobs.put(PHOTO) == blobs.put(PHOTO)
    assert blobs.get(NAME) == PHOTO


def test_nothing_is_kept_under_a_hash_that_nobody_put(blobs: BlobStore) -> None:
    assert not blobs.has(NAME)
    assert blobs.get(NAME) is None


def test_nothing_at_all_has_a_hash_too(blobs: BlobStore) -> None:
    assert blobs.get(blobs.put(b"")) == b""


@pytest.mark.parametrize("name", ["", "../../etc/passwd", NAME.upper(), NAME[:-1], f"{NAME}\n", f"{NAME[:62]}/."])
def test_what_is_not_a_hash_becomes_no_path(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="is not a SHA-256"):
        blobs.get(name)
    with pytest.raises(ValueError, match="is not a SHA-256"):
        blobs.has(name)


def test_on_disk_the_first_two_characters_are_the_folder_and_nothing_else_is_left(tmp_path: Path) -> None:
    DiskBlobStore(tmp_path).put(PHOTO)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "blobs" / NAME[:2] / NAME]


def test_damage_on_disk_is_found_and_mended_by_putting_again(tmp_path: Path) -> None:
    blobs = DiskBlobStore(tmp_path)
    path = tmp_path / "blobs" / NAME[:2] / NAME
    blobs.put(PHOTO)
    path.write_bytes(PHOTO[:100])
    with pytest.raises(BlobDamaged):
        blobs.get(NAME)
    blobs.put(PHOTO)
    assert blobs.get(NAME) == PHOTO


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    (tmp_path / "blobs" / NAME[:2]).mkdir(parents=True)
    with pytest.raises(OSError, match="No space"):
        DiskBlobStore(tmp_path).put(PHOTO)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
