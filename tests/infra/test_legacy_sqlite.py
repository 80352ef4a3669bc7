"""The old file is read as it is and stays as it was."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from commands.legacy.reading import Undecodable
from infra.legacy_sqlite import NotASqliteFile, UnreadableTable, open_legacy


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def test_every_kind_of_value_arrives_as_what_it_is(tmp_path: Path) -> None:
    old = database(
        tmp_path / "old.db",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body, at)",
        "INSERT INTO notes VALUES (1, '二楼 Łukasz ✔', 7), (2, X'C328FF', 0.5), (3, CAST(X'C328FF' AS TEXT), NULL)",
        "INSERT INTO notes VALUES (4, 'a' || char(0) || 'b', '7')",
    )
    with open_legacy(old) as opened:
        rows = [row for _, row in opened.rows("notes")]
    assert rows == [
        {"id": 1, "body": "二楼 Łukasz ✔", "at": 7},
        {"id": 2, "body": b"\xc3(\xff", "at": 0.5},
        {"id": 3, "body": Undecodable(b"\xc3(\xff"), "at": None},
        {"id": 4, "body": "a\x00b", "at": "7"},
    ]


def test_names_are_in_lower_case_and_may_be_anything(tmp_path: Path) -> None:
    old = database(
        tmp_path / "old.db",
        'CREATE TABLE "Odd""; DROP TABLE jobs" ("Left" TEXT, "a""b" TEXT)',
        """INSERT INTO "Odd""; DROP TABLE jobs" VALUES ('x', 'y')""",
        "CREATE TABLE JOBS (ID INTEGER PRIMARY KEY)",
    )
    with open_legacy(old) as opened:
        assert opened.tables() == ("jobs", 'odd"; drop table jobs')
        assert opened.columns('odd"; drop table jobs') == ("left", 'a"b')
        assert list(opened.rows('odd"; drop table jobs')) == [(1, {"left": "x", 'a"b': "y"})]


def test_a_table_that_is_not_there_has_no_rows_and_no_columns(tmp_path: Path) -> None:
    old = database(tmp_path / "old.db", "CREATE TABLE jobs (id INTEGER PRIMARY KEY)")
    with open_legacy(old) as opened:
        assert (list(opened.rows("photos")), opened.columns("photos")) == ([], ())


def test_reading_changes_nothing_and_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    old = database(tmp_path / "old.db", "CREATE TABLE jobs (id INTEGER PRIMARY KEY)", "INSERT INTO jobs VALUES (1)")
    before = hashlib.sha256(old.read_bytes()).hexdigest()
    with open_legacy(old) as opened:
        assert len(list(opened.rows("jobs"))) == 1
        assert list(tmp_path.iterdir()) == [old]
    assert hashlib.sha256(old.read_bytes()).hexdigest() == before


def test_what_the_old_application_has_only_in_its_write_ahead_log_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY)")
        running.commit()
        running.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        running.execute("INSERT INTO jobs VALUES (17)")
        running.commit()
        before = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.suffix != ".db-shm"}
        with open_legacy(path) as opened:
            assert [row["id"] for _, row in opened.rows("jobs")] == [17]
        assert {name: (tmp_path / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a spreadsheet", b"SQLite format 3\x00 and no more"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(content)
    if not content:  # to SQLite an empty file is an empty database, and to us too
        with open_legacy(path) as opened:
            assert opened.tables() == ()
        return
    with pytest.raises(NotASqliteFile, match=r"old\.db"), open_legacy(path):
        pass


@pytest.mark.parametrize("name", ["not there.db", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotASqliteFile, match="is not a file"), open_legacy(tmp_path / name):
        pass


def test_a_name_with_a_question_mark_and_an_umlaut_is_only_a_name(tmp_path: Path) -> None:
    old = database(tmp_path / "wo? 100% ü#.db", "CREATE TABLE jobs (id INTEGER PRIMARY KEY)")
    with open_legacy(old) as opened:
        assert opened.tables() == ("jobs",)


def test_a_damaged_page_ends_its_table_and_says_where(tmp_path: Path) -> None:
    old = database(
        tmp_path / "old.db",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO notes SELECT i, hex(randomblob(200)) FROM n",
    )
    content = bytearray(old.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    old.write_bytes(content)
    with open_legacy(old) as opened, pytest.raises(UnreadableTable, match="after row"):
        list(opened.rows("notes"))
