"""Files that are on the disk whole or not at all, also where the power fails."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place of the one that is there; it is on the disk when this returns. For one writer at a time."""
    writing = path.with_suffix(".new")
    writing.write_bytes(content)
    sync_to_disk(writing)
    writing.replace(path)
    sync_to_disk(path.parent)


def sync_to_disk(path: Path) -> None:
    """See that the disk has a file, or which names are in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
