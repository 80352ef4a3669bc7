"""Where the bodies of old events lie once they have left the database: Parquet files, in which each has its place.

What stays in the log in a body's stead is a mark: which file, which row of it, and the SHA-256 of the body. It begins
with a NUL, which no JSON does, so that nobody takes it for an event. A file is written once, under a name of its own,
and never changes; every body that is read from one is held to the hash that the log has kept.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from infra.whole_file import sync_to_disk
from sync.log import LogUnavailable
from sync.rows import EventRow

BEGINS: Final = b"\x00cold"
MARK_BYTES: Final = len(BEGINS) + 16 + 4 + 32
ROWS_PER_GROUP_MAX: Final = 1_000
BYTES_PER_GROUP_MAX: Final = 1 << 20
"""A group is what is read at once to have one body."""
GROUPS_KEPT: Final = 32
"""In memory, of all files: what lies beside a body is often asked for next."""

_SPELLED: Final = struct.Struct(">16sI32s")
_COLUMNS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("position", "seq", "version", "recorded_at_ms"), "int64"),
    "schema_version": "int16",
    "body": "binary",
}
"""Types of the columns that are no text."""


class Place(NamedTuple):
    """Where a body lies."""

    file: str
    """A UUID."""
    row: int
    sha256: bytes


class ColdFileMissing(LogUnavailable):
    """A file that the log names cannot be read; the text says which, and what to do."""


class BodySpoiled(ColdFileMissing):
    """What a file holds is not what the log says was put there."""


def is_cold(body: bytes) -> bool:
    """Whether this is a mark in a body's stead."""
    return body[:1] == b"\x00" and len(body) == MARK_BYTES and body.startswith(BEGINS)


def mark(place: Place) -> bytes:
    """What stands in the log in a body's stead."""
    return BEGINS + _SPELLED.pack(UUID(place.file).bytes, place.row, place.sha256)


def place_of(marked: bytes) -> Place:
    """Where the body lies in whose stead this stands."""
    file, row, hashed = _SPELLED.unpack_from(marked, len(BEGINS))
    return Place(str(UUID(bytes=file)), row, hashed)


def read_body(path: Path, place: Place) -> bytes:
    """The body that was put there, or none other; raises ColdFileMissing and BodySpoiled."""
    body = _body_at(path, place.row)
    if sha256(body).digest() != place.sha256:
        # Somebody may have put the right file back since: what is kept in memory is the wrong one's.
        forget()
        body = _body_at(path, place.row)
    if sha256(body).digest() != place.sha256:
        raise BodySpoiled(f"Row {place.row} of {path} is not what the log says was put there. Bring back a copy of it.")
    return body


def forget() -> None:
    """Keep nothing in memory of what was read."""
    _groups.cache_clear()
    _bodies.cache_clear()


def groups_read() -> int:
    """How many groups were read since."""
    return _bodies.cache_info().misses


def read_rows(path: Path) -> Iterator[EventRow]:
    """Everything in a file, in its order; raises ColdFileMissing."""
    for group in range(len(_groups(path))):
        yield from _rows(path, group)


def write_rows(path: Path, rows: Sequence[EventRow], told: Mapping[str, str]) -> None:
    """Write a file and see that the disk has it: whole under its name, or not there. `told` goes into its metadata."""
    pa, pq = _arrow()
    fields = [(name, getattr(pa, _COLUMNS.get(name, "string"))()) for name in EventRow._fields]
    schema = pa.schema(fields, metadata={"cairnfield": json.dumps(told)})
    writing = path.with_name(f"{path.name}.writing")
    with pq.ParquetWriter(writing, schema, compression="zstd", write_page_checksum=True) as writer:
        for group in _divided(rows):
            columns = zip(*group, strict=True)
            writer.write_table(pa.table(dict(zip(EventRow._fields, map(list, columns), strict=True)), schema=schema))
    settle(writing, path)


def settle(writing: Path, path: Path) -> None:
    """Let what was written be there after a crash, under its name."""
    sync_to_disk(writing)
    writing.replace(path)
    sync_to_disk(path.parent)


def hash_of_file(path: Path) -> bytes:
    """The SHA-256 of a file; raises ColdFileMissing."""
    hashed = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                hashed.update(piece)
    except OSError as why:
        raise _missing(path, why) from why
    return hashed.digest()


def _divided(rows: Iterable[EventRow]) -> Iterator[list[EventRow]]:
    group, held = list[EventRow](), 0
    for row in rows:
        if group and (len(group) == ROWS_PER_GROUP_MAX or held + len(row.body) > BYTES_PER_GROUP_MAX):
            yield group
            group, held = [], 0
        group.append(row)
        held += len(row.body)
    if group:
        yield group


def _body_at(path: Path, row: int) -> bytes:
    """Nothing where there is no such row."""
    group, offset = _group_of(_groups(path), row)
    bodies = _bodies(path, group)
    return bodies[offset] if offset < len(bodies) else b""


def _group_of(groups: Sequence[int], row: int) -> tuple[int, int]:
    """In which group a row lies, and where in it; past the end where there is no such row."""
    for number, rows in enumerate(groups):
        if row < rows:
            return number, row
        row -= rows
    return max(0, len(groups) - 1), 1 << 62


@lru_cache(GROUPS_KEPT)
def _groups(path: Path) -> tuple[int, ...]:
    """How many rows each group of a file has."""
    with _opened(path) as file:
        told = file.metadata
        return tuple(told.row_group(number).num_rows for number in range(told.num_row_groups))


@lru_cache(GROUPS_KEPT)
def _bodies(path: Path, group: int) -> Sequence[bytes]:
    with _opened(path) as file:
        bodies: list[bytes] = _read(path, file, group, ["body"])["body"]
        return bodies


def _rows(path: Path, group: int) -> Iterator[EventRow]:
    with _opened(path) as file:
        found = _read(path, file, group, [*EventRow._fields])
    yield from (EventRow(*row) for row in zip(*(found[name] for name in EventRow._fields), strict=True))


def _read(path: Path, file: Any, group: int, columns: Sequence[str]) -> dict[str, list[Any]]:
    try:
        found: dict[str, list[Any]] = file.read_row_group(group, columns=list(columns)).to_pydict()
    except (OSError, ValueError) as why:  # what Arrow raises are kinds of these
        raise _missing(path, why) from why
    return found


def _opened(path: Path) -> Any:
    _, pq = _arrow()
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, ValueError) as why:
        raise _missing(path, why) from why


def _missing(path: Path, why: Exception) -> ColdFileMissing:
    return ColdFileMissing(
        f"Old events lie in {path}, which cannot be read: {why}. Put the file back, or say where it is now with "
        "`cairn archive --now-in FOLDER`."
    )


def _arrow() -> tuple[Any, Any]:
    # Named here and not above: it takes a tenth of a second, and almost nobody asks. It brings no types of its own.
    return import_module("pyarrow"), import_module("pyarrow.parquet")
