"""The old application's SQLite file: read, never written, whatever its texts, blobs and columns hold."""

import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from commands.legacy.reading import Undecodable, Value


class NotASqliteFile(ValueError):
    """The file is not there or not a database of SQLite; the text says which file and why."""


class UnreadableTable(RuntimeError):
    """SQLite gave up within a table; the text says after which row and why."""


class OldDatabase:
    """An open database of the old application. Names of tables and columns are in lower case."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._names = {name.lower(): name for (name,) in connection.execute(_TABLES)}

    def tables(self) -> tuple[str, ...]:
        """Every table, by name."""
        return tuple(sorted(self._names))

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table in their order; none where there is no such table."""
        if table not in self._names:
            return ()
        found = self._connection.execute("SELECT name FROM pragma_table_info(?)", [self._names[table]])
        return tuple(name.lower() for (name,) in found)

    def count(self, table: str) -> int:
        """How many rows a table holds; 0 where there is no such table."""
        if table not in self._names:
            return 0
        (number,) = self._connection.execute(_count(self._names[table])).fetchone()
        return int(number)

    def rows(self, table: str) -> Iterator[tuple[int, Mapping[str, Value]]]:
        """The rows of a table, one at a time, each with its place from 1; none where there is no such table.

        Raises UnreadableTable where the file is damaged.
        """
        number = 0
        if table not in self._names:
            return
        try:
            cursor = self._connection.execute(_select(self._names[table]))
            columns = [column[0].lower() for column in cursor.description]
            for number, row in enumerate(cursor, start=1):
                yield number, dict(zip(columns, row, strict=True))
        except sqlite3.Error as why:
            raise UnreadableTable(f"could not be read after row {number}: {why}") from why


@contextmanager
def open_legacy(path: Path) -> Generator[OldDatabase]:
    """The database in a file, as it is when the block begins; raises NotASqliteFile.

    A file with a journal beside it is copied first, journal included: reading it in place would either miss what the
    journal holds or write to it.
    """
    if not path.is_file():
        raise NotASqliteFile(f"{path} is not a file")
    journals = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    with tempfile.TemporaryDirectory(prefix="cairn-import-") as folder:
        is_plain = not any(journal.exists() and journal.stat().st_size for journal in journals)
        if not is_plain:
            for each in (path, *journals):
                if each.exists():
                    shutil.copy(each, folder)
        opened = path if is_plain else Path(folder) / path.name
        uri = f"{opened.absolute().as_uri()}?mode=ro&immutable=1" if is_plain else opened.absolute().as_uri()
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = _text
            try:
                yield OldDatabase(_checked(connection, path))
            finally:
                connection.rollback()


def _checked(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as why:
        raise NotASqliteFile(f"{path} is not a database of SQLite: {why}") from why
    return connection


def _text(raw: bytes) -> str | Undecodable:
    """SQLite calls text whatever it was told to; only what is UTF-8 is text to us."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Undecodable(raw)


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"


def _quoted(name: str) -> str:
    """Names come from the file itself and cannot be parameters; doubled quotes keep them names."""
    return '"' + name.replace('"', '""') + '"'


def _select(table: str) -> str:
    return "SELECT * FROM " + _quoted(table)


def _count(table: str) -> str:
    return "SELECT count(*) FROM " + _quoted(table)
