"""Reads rows of the log whose bodies lie elsewhere: whoever reads a body from `event` reads it by way of this."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg_pool import ConnectionPool

from infra.cold_file import BEGINS, MARK_BYTES, ColdFileMissing, is_cold, place_of, read_body
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId
from sync.rows import EventRow

FILES: Final[LiteralString] = "select file::text, path from cold_file where tenant = %(tenant)s"

IS_COLD: Final[LiteralString] = r"(octet_length(body) = 57 and substr(body, 1, 5) = '\x00636f6c64'::bytea)"
"""SQL: whether a body is a mark, as `infra.cold_file.is_cold` says; a test holds one to the other."""
HASH: Final[LiteralString] = f"case when {IS_COLD} then substr(body, 26) else sha256(body) end"
"""SQL: the SHA-256 of a body, wherever it lies."""
FRAMES_TOGETHER_MAX: Final = 250
"""Of a pull, which may end after any of them: so many bodies more than are sent are read at most."""
_ENDS: Final = b"}\n"
"""Of a frame, after its event."""

ROWS_TOGETHER_MAX: Final = 2_000
"""Of a long read, whose bodies are read file by file; a body has 64 KiB at most, and mostly some hundred bytes."""

Files = Callable[[], Mapping[str, str]]
"""Where each file of a tenant lies now."""


class NotAtHand(Exception):
    """Bodies are wanted that lie in files, where nobody may read a file."""

    def __init__(self, marks: Iterable[bytes]) -> None:
        super().__init__()
        self.marks = frozenset(marks)


class AtHand:
    """Does what Thaw does from bodies that were read before, and reads no file."""

    def __init__(self) -> None:
        self._bodies: dict[bytes, bytes] = {}

    def rows(self, rows: Sequence[tuple[Any, ...]], *, at: int = -1) -> Sequence[tuple[Any, ...]]:
        """As `Thaw.rows`; raises NotAtHand with all that is missing."""
        marks = _marks(rows, at)
        if missing := marks - self._bodies.keys():
            raise NotAtHand(missing)
        return _whole(rows, at, self._bodies) if marks else rows

    def read(self, thaw: "Thaw", marks: Iterable[bytes]) -> None:
        """Read what was missing; raises ColdFileMissing."""
        self._bodies |= thaw.bodies(marks)


class Thaw:
    """Puts bodies in the stead of their marks; where files lie is looked up when a mark is met that is not known."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, str] = {}

    def rows(self, rows: Sequence[tuple[Any, ...]], *, at: int = -1) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement, whole, where `at` is the place of the body."""
        marks = _marks(rows, at)
        return _whole(rows, at, self.bodies(marks)) if marks else rows

    def stream(self, rows: Iterable[tuple[Any, ...]], *, at: int = -1) -> Iterator[tuple[Any, ...]]:
        """The rows of a long read, whole, ROWS_TOGETHER_MAX of them at once."""
        coming = iter(rows)
        while together := list(islice(coming, ROWS_TOGETHER_MAX)):
            yield from self.rows(together, at=at)

    def bodies(self, marks: Iterable[bytes]) -> dict[bytes, bytes]:
        """The bodies that marks stand for; raises ColdFileMissing."""
        # File by file and row by row, which is how marks sort, or the same groups would be read again and again.
        return {marked: self.body(marked) for marked in sorted(marks)}

    def body(self, body: bytes) -> bytes:
        """The body itself, or the one that a mark stands for; raises ColdFileMissing."""
        if not is_cold(body):
            return body
        place = place_of(body)
        if place.file not in self._known:
            self._known = dict(self._files())
        path = self._known.get(place.file)
        if path is None:
            raise ColdFileMissing(f"The log says that an event lies in the cold file {place.file}, which nobody knows.")
        return read_body(Path(path), place)

    def frames(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """The frames of a pull with their events in them, FRAMES_TOGETHER_MAX of them at once."""
        coming = iter(frames)
        while together := list(islice(coming, FRAMES_TOGETHER_MAX)):
            parts = [(frame, frame[-MARK_BYTES - len(_ENDS) : -len(_ENDS)]) for frame in together]
            bodies = self.bodies({marked for _, marked in parts if is_cold(marked)})
            for frame, marked in parts:
                if marked in bodies:
                    yield frame[: -MARK_BYTES - len(_ENDS)] + bodies[marked] + _ENDS
                else:
                    yield frame


def _marks(rows: Iterable[tuple[Any, ...]], at: int) -> set[bytes]:
    return {row[at] for row in rows if row[at] is not None and is_cold(row[at])}


def _whole(rows: Iterable[tuple[Any, ...]], at: int, bodies: Mapping[bytes, bytes]) -> Sequence[tuple[Any, ...]]:
    return [_with(row, at % len(row), bodies[row[at]]) if row[at] in bodies else row for row in rows]


def _with(row: tuple[Any, ...], at: int, body: bytes) -> tuple[Any, ...]:
    return *row[:at], body, *row[at + 1 :]


def over(pool: ConnectionPool[Connection], tenant: TenantId) -> Thaw:
    """For rows that were read from a pool."""
    return Thaw(lambda: dict(of_tenant.rows(pool, FILES, {"tenant": tenant})))


def on(connection: psycopg.Connection[Any], tenant: TenantId) -> Thaw:
    """For rows that were read on a connection, whose transaction names the tenant."""
    return Thaw(lambda: dict(connection.execute(FILES, {"tenant": tenant}).fetchall()))


def event_rows(pool: ConnectionPool[Connection], statement: LiteralString, asked: Mapping[str, Any]) -> list[EventRow]:
    """What a statement finds whose columns are those of EventRow, in their order."""
    return whole(over(pool, asked["tenant"]).rows(of_tenant.rows(pool, statement, asked)))


def whole(rows: Iterable[tuple[Any, ...]]) -> list[EventRow]:
    """Rows with a name for each column."""
    return [EventRow(*row) for row in rows]


assert MARK_BYTES == 57, "IS_COLD says it too"
assert BEGINS.hex() == "00636f6c64", "IS_COLD says it too"
