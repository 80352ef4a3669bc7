"""Files that were exported, asked by SQL: DuckDB in this process, with a view for each table that the files hold."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

KINDS: Final = (".parquet", ".csv", ".ndjson")
_NUMBERED: Final = re.compile(r"(?P<name>.+?)[-_]\d+")
_FILE_OF_EVENTS: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVENTS: Final = "events"
"""What the files of `cairn archive` are called together: each is named by an id."""


class Asked(NamedTuple):
    """What a statement found."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class StatementRefused(Exception):
    """DuckDB does not take a statement; the text says why."""


class FilesUnreadable(Exception):
    """What was named is no export; the text says why."""


class ExportSession:
    """A DuckDB of this process alone; nothing of it is kept."""

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        """`files` as `named` tells them; raises FilesUnreadable."""
        self._duck = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        self._duck.execute("set timezone = 'UTC'")
        for name, paths in files.items():
            told = [str(path) for path in paths]
            try:
                self._read(paths[0].suffix, told).create_view(name)
            except duckdb.Error as why:
                raise FilesUnreadable(f"{told[0]} cannot be read: {_first_line(why)}") from why

    def _read(self, suffix: str, paths: list[str]) -> duckdb.DuckDBPyRelation:
        match suffix:
            case ".parquet":
                return self._duck.read_parquet(paths, union_by_name=True)  # type: ignore[call-overload,no-any-return,unused-ignore]
            case ".csv":
                return self._duck.read_csv(paths, union_by_name=True)  # type: ignore[arg-type,unused-ignore]
            case _:
                return self._duck.read_json(paths, format="newline_delimited", union_by_name=True)  # type: ignore[arg-type,unused-ignore]

    def ask(self, statement: str) -> Asked:
        """What a statement finds, or several, of which the last is told; raises StatementRefused."""
        try:
            found = self._duck.execute(statement)
            columns = [each[0] for each in found.description or ()]
            return Asked(columns, found.fetchall() if columns else [])
        except duckdb.Error as why:
            raise StatementRefused(str(why).strip()) from why

    def close(self) -> None:
        """Let go of everything."""
        self._duck.close()


def named(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Which files make which table: `visit.parquet` makes `visit`, and so do `visit-1.parquet` and `visit-2.parquet`.

    A folder stands for all its files. Raises FilesUnreadable.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        for file in _files(path):
            found.setdefault(_table_of(file.stem), []).append(file)
    for name, files in found.items():
        if len({each.suffix for each in files}) > 1:
            raise FilesUnreadable(f"{files[0]} and {files[-1]} would both be {name}, and are of two kinds. Name one.")
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise FilesUnreadable(f"There is no {path}.")
    if path.is_dir():
        inside = sorted(each for each in path.iterdir() if each.suffix in KINDS)
        if not inside:
            raise FilesUnreadable(f"There is nothing in {path} that ends in {', '.join(KINDS)}.")
        yield from inside
    elif path.suffix in KINDS:
        yield path
    else:
        raise FilesUnreadable(f"{path} ends in none of {', '.join(KINDS)}.")


def _table_of(stem: str) -> str:
    if _FILE_OF_EVENTS.fullmatch(stem):
        return EVENTS
    numbered = _NUMBERED.fullmatch(stem)
    return numbered["name"] if numbered else stem


def _first_line(why: Exception) -> str:
    return str(why).strip().splitlines()[0]
