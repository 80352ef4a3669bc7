"""An old database comes in whole: counted, reported, as events, once, whatever happens in the middle."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from cairnfield.cli import app
from cairnfield.legacy_reference import legacy_mapping
from commands.legacy.identity import entity_id, replica_id
from infra.blobs import DiskBlobStore
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync import shown, state_codec
from tests.old_application import EVENTS_PER_JOB, make_old_database

SHARED = Path(__file__).resolve().parents[2] / "shared" / "legacy"
JOBS = 300
EVENTS = JOBS * EVENTS_PER_JOB + 5  # and a person, a part, a customer, a contact and a site


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make_old_database(tmp_path / "old.db", jobs=JOBS)


@pytest.fixture
def log(embedded_database: str) -> Iterator[PostgresEventLog]:
    with open_pool(embedded_database, size=1) as pool:
        yield PostgresEventLog(pool)


def arguments(old: Path, data: Path, *more: str) -> list[str]:
    return ["import", "legacy", str(old), "--data", str(data), "--report", str(data.parent / "report.json"), *more]


def bring_in(dsn: str, old: Path, data: Path, *more: str) -> dict[str, Any]:
    """Run the command to its end; returns its report."""
    done = CliRunner().invoke(app, arguments(old, data, *more), env={"DATABASE_URL": url(dsn)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output, "no bar and no colours where nobody looks"
    report: dict[str, Any] = json.loads((data.parent / "report.json").read_text())
    return report


def url(dsn: str) -> str:
    """A connection string of libpq as the URL that DATABASE_URL wants."""
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    signed_in = quote(parts.pop("user"), safe="") + (
        f":{quote(parts.pop('password'), safe='')}" if "password" in parts else ""
    )
    return f"postgresql://{signed_in}@/{quote(parts.pop('dbname'), safe='')}?{urlencode(parts)}"


def start(dsn: str, old: Path, data: Path, report: str = "other.json") -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "DATABASE_URL": url(dsn)}
    command = [sys.executable, "-P", "-m", "cairnfield", "import", "legacy", str(old), "--data", str(data)]
    command += ["--report", str(data.parent / report)]
    with (data.parent / f"{report}.said").open("wb") as said:
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said)


def the_tenant(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        ((tenant,),) = connection.execute("select tenant::text from tenant").fetchall()
    return str(tenant)


def seen(log: PostgresEventLog, tenant: str, entity: str) -> dict[str, Any]:
    row = log.entity(tenant, entity)
    assert row is not None
    return shown.values(state_codec.decode(row.state))


def test_a_whole_database_comes_in_once(
    embedded_database: str, old: Path, tmp_path: Path, log: PostgresEventLog
) -> None:
    rehearsed = bring_in(embedded_database, old, tmp_path / "data", "--dry-run")
    with psycopg.connect(embedded_database) as connection:
        assert connection.execute("select count(*) from tenant").fetchone() == (0,), "a dry run touches nothing"
    assert not (tmp_path / "data").exists()
    first = bring_in(embedded_database, old, tmp_path / "data")
    again = bring_in(embedded_database, old, tmp_path / "data")

    assert first["tables"]["jobs"] == {"rows": JOBS, "imported": JOBS, "set_aside": 0}
    assert (first["events"], first["events_added"]) == (EVENTS, EVENTS)
    assert (again["events"], again["events_added"], again["changed"]) == (EVENTS, 0, [])
    assert rehearsed["state_hash"] == first["state_hash"] == again["state_hash"]
    assert log.head(the_tenant(embedded_database)).position == EVENTS
    assert first["set_aside"] == []


def test_a_job_can_be_read_and_its_photo_is_there(
    embedded_database: str, old: Path, tmp_path: Path, log: PostgresEventLog
) -> None:
    bring_in(embedded_database, old, tmp_path / "data")
    tenant = the_tenant(embedded_database)
    job = seen(log, tenant, entity_id("legacy", "jobs", 17, "work_order"))
    photo = seen(log, tenant, entity_id("legacy", "photos", 17, "attachment"))
    assert (job["title"], job["description"], job["status"]) == ("Street Light", "二楼 ✔", "closed")
    assert (job["opened_at"], job["closed_at"]) == ("2018-06-18T14:00:17.000Z", "2018-07-18T16:00:00.000Z")
    assert seen(log, tenant, entity_id("legacy", "staff", 1, "person"))["name"] == "Kaya Łukasz"
    assert DiskBlobStore(tmp_path / "data").get(photo["sha256"]) == b"\xff\xd8\x03"


def test_every_event_follows_the_one_before_it(
    embedded_database: str, old: Path, tmp_path: Path, log: PostgresEventLog
) -> None:
    bring_in(embedded_database, old, tmp_path / "data")
    rows = log.page(the_tenant(embedded_database), after=0, limit=EVENTS + 1)
    previous = None
    for seq, row in enumerate(rows, start=1):
        event = orjson.loads(row.body)
        assert (event["replica"], event["seq"], event["prev"]) == (replica_id("legacy"), seq, previous)
        assert row.effective == event["at"], "what was long ago stays long ago"
        previous = hashlib.sha256(row.body).hexdigest()
    assert len(rows) == EVENTS


@pytest.mark.parametrize("killed_at", [0, 1, 1_000, 2_000, 3_000])
def test_killed_in_the_middle_and_run_again_is_as_if_nothing_had_been(
    embedded_database: str, old: Path, tmp_path: Path, killed_at: int
) -> None:
    clean = bring_in(embedded_database, old, tmp_path / "data", "--dry-run")
    running = start(embedded_database, old, tmp_path / "data")
    try:
        reached = wait_for_events(embedded_database, killed_at, running)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert killed_at <= reached < EVENTS
    report = bring_in(embedded_database, old, tmp_path / "data")
    assert report["state_hash"] == clean["state_hash"]
    assert report["events"] == EVENTS
    assert 0 < report["events_added"] <= EVENTS - killed_at
    assert bring_in(embedded_database, old, tmp_path / "data")["events_added"] == 0


def wait_for_events(dsn: str, wanted: int, running: "subprocess.Popen[bytes]") -> int:
    """Wait until the import has stored so many events (its replica, for none); returns how many it has stored."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        until = time.monotonic() + 60
        while time.monotonic() < until and running.poll() is None:
            row = connection.execute("select last_seq from replica").fetchone()
            if row is not None and row[0] >= wanted:
                return int(row[0])
            time.sleep(0.001)
    raise AssertionError(f"the import ended ({running.poll()}) before it had stored {wanted} events")


def test_two_imports_at_once_write_one_chain(embedded_database: str, old: Path, tmp_path: Path) -> None:
    clean = bring_in(embedded_database, old, tmp_path / "data", "--dry-run")
    both = [start(embedded_database, old, tmp_path / "data", f"{n}.json") for n in (1, 2)]
    ended = [each.wait(timeout=120) for each in both]
    assert ended == [0, 0], [(tmp_path / f"{n}.json.said").read_text() for n in (1, 2)]
    reports = [json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2)]
    assert sum(report["events_added"] for report in reports) == EVENTS
    assert bring_in(embedded_database, old, tmp_path / "data")["state_hash"] == clean["state_hash"]
    the_tenant(embedded_database)


def test_what_came_since_is_added_and_what_was_there_is_not(embedded_database: str, old: Path, tmp_path: Path) -> None:
    bring_in(embedded_database, old, tmp_path / "data")
    change(old, "INSERT INTO notes VALUES (900, 7, 1, 'called back, no answer', 1531000000)")
    report = bring_in(embedded_database, old, tmp_path / "data")
    assert (report["events"], report["events_added"]) == (EVENTS + 1, 1)


def test_what_was_changed_since_is_named_and_not_brought_in(embedded_database: str, old: Path, tmp_path: Path) -> None:
    bring_in(embedded_database, old, tmp_path / "data")
    change(old, "UPDATE clients SET name = 'Ada Díaz'", "UPDATE notes SET body = 'see photo!' WHERE id IN (7, 8)")
    report = bring_in(embedded_database, old, tmp_path / "data")
    assert report["events_added"] == 0
    assert [(each["table"], each["key"]) for each in report["changed"]] == [("clients", 1), ("notes", 7), ("notes", 8)]


def test_another_source_is_another_past(embedded_database: str, old: Path, tmp_path: Path) -> None:
    bring_in(embedded_database, old, tmp_path / "data")
    report = bring_in(embedded_database, old, tmp_path / "data", "--source", "depot-2")
    assert report["events_added"] == EVENTS


def change(old: Path, *statements: str) -> None:
    with closing(sqlite3.connect(old)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_tables_and_columns_that_nobody_knows_are_counted_and_named(
    embedded_database: str, old: Path, tmp_path: Path
) -> None:
    change(
        old,
        "CREATE TABLE invoices (no TEXT, total)",
        "INSERT INTO invoices VALUES ('R-1', 12.5), ('R-2', X'00')",
        "ALTER TABLE clients ADD COLUMN vip INTEGER",
        "ALTER TABLE clients DROP COLUMN lang",
        "DROP TABLE equipment",
        "INSERT INTO settings VALUES ('smtp_password', 'hunter2'), ('tz', 'Europe/Berlin')",
    )
    report = bring_in(embedded_database, old, tmp_path / "data")
    assert report["tables"]["invoices"] == {"rows": 2, "imported": 0, "set_aside": 2}
    assert report["tables"]["settings"] == {"rows": 5, "imported": 3, "set_aside": 2}
    assert report["tables"]["equipment"] == {"rows": 0, "imported": 0, "set_aside": 0}
    assert [(each["table"], each["key"], each["column"], each["what"]) for each in report["set_aside"]] == [
        ("settings", "smtp_password", "v", "row"),
        ("settings", "tz", "v", "row"),
        ("invoices", "row 1", None, "row"),
        ("invoices", "row 2", None, "row"),
        ("clients", None, "lang", "column"),
        ("equipment", None, None, "table"),
        ("clients", None, "vip", "column"),
    ]
    lines = (tmp_path / "data" / "imports" / "legacy-set-aside.ndjson").read_text().splitlines()
    assert json.loads(lines[-1]) == {
        "table": "invoices",
        "key": "row 2",
        "row": {"no": "R-2", "total": {"blob_base64": "AA=="}},
    }


def test_the_rows_that_were_set_aside_are_kept_whole_but_for_passwords(
    embedded_database: str, old: Path, tmp_path: Path
) -> None:
    change(
        old,
        "INSERT INTO staff VALUES (2, 'Pia', 'no address', 'TECH', 1, 'secret-hash')",
        "INSERT INTO notes VALUES (900002, 7, 1, CAST(X'C328FF' AS TEXT), 1527800000)",
    )
    bring_in(embedded_database, old, tmp_path / "data")
    path = tmp_path / "data" / "imports" / "legacy-set-aside.ndjson"
    rows = {(line["table"], line["key"]): line["row"] for line in map(json.loads, path.read_text().splitlines())}
    assert rows["staff", 2] == {"id": 2, "name": "Pia", "email": "no address", "role": "TECH", "active": 1}
    assert rows["notes", 900002]["body"] == {"text_base64": "wyj/"}
    assert path.stat().st_mode & 0o077 == 0, "it holds what people wrote"
    with psycopg.connect(embedded_database) as connection:
        assert connection.execute(
            "select count(*) from event where position(%s in body) > 0", [b"secret-hash"]
        ).fetchone() == (0,)


def test_an_empty_file_is_an_empty_past(embedded_database: str, tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    report = bring_in(embedded_database, tmp_path / "old.db", tmp_path / "data")
    assert (report["events"], {each["what"] for each in report["set_aside"]}) == (0, {"table"})


def test_the_tenant_is_named_where_there_are_several(embedded_database: str, old: Path, tmp_path: Path) -> None:
    bring_in(embedded_database, old, tmp_path / "data", "--tenant", "North")
    with psycopg.connect(embedded_database, autocommit=True) as connection:
        connection.execute("insert into tenant (tenant, name, created_at) values (gen_random_uuid(), 'South', now())")
    for more, said in ((), "choose one with --tenant"), (("--tenant", "West"), "There is no tenant 'West' here"):
        done = refused(embedded_database, old, tmp_path / "data", *more)
        assert said in done
        assert "North" in done
    assert bring_in(embedded_database, old, tmp_path / "data", "--tenant", "North")["events_added"] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--timezone", "Middle/Earth"], "'Middle/Earth' is not a time zone"),
        (["--timezone", "../../etc/passwd"], "is not a time zone"),
        (["--source", "../x"], "--source"),
        (["--phone-country", "US"], "--phone-country"),
    ],
)
def test_what_was_asked_wrongly_is_refused_in_a_sentence(old: Path, tmp_path: Path, more: list[str], said: str) -> None:
    assert said in refused("", old, tmp_path / "data", "--dry-run", *more)


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "old.db").write_text("id;name\n1;Ada\n")
    assert "is not a database of SQLite" in refused("", tmp_path / "old.db", tmp_path / "data")


def refused(dsn: str, old: Path, data: Path, *more: str) -> str:
    done = CliRunner().invoke(app, arguments(old, data, *more), env={"DATABASE_URL": url(dsn) if dsn else ""})
    assert done.exit_code == 1
    assert done.exception is not None
    return str(done.exception)


def test_a_grown_zone_of_wall_clock_seconds_is_found_out_by_its_notes(
    embedded_database: str, old: Path, tmp_path: Path
) -> None:
    change(
        old,
        # 2018-06-18 11:00:00 on the wall, counted as if it were UTC: an hour after the opening, or three before it.
        "UPDATE notes SET at = (SELECT CAST(strftime('%s', opened) AS INTEGER) + 3600 FROM jobs WHERE id = job_id)",
    )
    report = bring_in(embedded_database, old, tmp_path / "data", "--dry-run")
    assert report["epoch"] == "local"
    assert any("wall clock of America/New_York" in note for note in report["notes"])
    report = bring_in(embedded_database, old, tmp_path / "data", "--dry-run", "--epoch", "utc")
    assert (report["epoch"], report["notes"][0][:29]) == ("utc", f"{JOBS} notes are older than thei"[:29])


@pytest.mark.skipif(not SHARED.exists(), reason="the service requests of the town are not beside this checkout")
def test_a_thousand_real_requests_with_their_dirt(embedded_database: str, tmp_path: Path) -> None:
    old = tmp_path / "real.db"
    subprocess.run(
        [sys.executable, str(SHARED / "make_legacy.py"), str(SHARED / "nyc311.csv"), str(old)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    started = time.monotonic()
    report = bring_in(embedded_database, old, tmp_path / "data")
    assert time.monotonic() - started < 30
    with closing(sqlite3.connect(old)) as db:
        rows = {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in report["tables"]}
    assert {table: counts["rows"] for table, counts in report["tables"].items()} == rows
    assert all(counts["rows"] == counts["imported"] + counts["set_aside"] for counts in report["tables"].values())
    assert {table: counts["set_aside"] for table, counts in report["tables"].items() if counts["set_aside"]} == {
        "clients": 1,
        "jobs": 1,
        "notes": 2,
        "part_use": 1,
    }
    assert {("jobs", key) for key in range(1, 6)} | {
        ("notes", 900001),
        ("notes", 900002),
        ("part_use", "2/NO-SUCH-SKU/1527800000"),
        ("clients", rows["clients"]),
        ("locations", rows["locations"]),
    } <= {(each["table"], each["key"]) for each in report["set_aside"]}


def test_the_reference_page_says_what_the_mapping_says() -> None:
    page = Path(__file__).resolve().parents[1] / "docs/reference/legacy-mapping.md"
    assert page.read_text(encoding="utf-8") == legacy_mapping()
