"""`cairn archive` as an operator runs it: what lies in files is read, replayed and proven as if it were in the log."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner, Result

from cairnfield.cli import app
from cairnfield.failure import CannotGoOn
from infra import cold_file
from infra.cold_file import (
    GROUPS_KEPT,
    MARK_BYTES,
    BodySpoiled,
    ColdFileMissing,
    Place,
    is_cold,
    mark,
    read_rows,
    write_rows,
)
from infra.failpoints import POINTS
from infra.postgres import leaves
from infra.postgres.cold import HASH, IS_COLD, Thaw
from infra.postgres.cold_mover import tile_path
from infra.postgres.log import ROWS_WORTH_COLUMNS, PostgresEventLog
from infra.postgres.migrate import upgrade
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.refold import refold
from infra.postgres.roles import MIGRATOR, PROJECTOR
from projections.read_model import PROJECTIONS
from sync.as_of import entity_as_of
from sync.checkpoint import read_note
from sync.leaf import leaf_hashes
from sync.log import Changes, Known, Wanted
from sync.merkle import root_at
from sync.rows import EventRow
from sync.tiles import TILE_BYTES, nodes_over, widths_of
from sync.together import Append, wanted_by
from tests.conftest import TestServer
from tests.devices import NOON, new_id
from tests.infra.event_logs import event, in_postgres
from tests.infra.pushing import ARRIVED, device, pushed, verdicts
from tests.infra.read_models import catch_up, is_right
from tests.infra.towns import Town
from tests.test_epoch_and_durable import url_of

ROOT: Final = Path(__file__).resolve().parents[1]
TOMORROW: Final = "2100-01-01"
OF_THE_LOG: Final = ("quarantine.py", "0012_what_lies_elsewhere.py", "schema.py", "0001_the_log.py")
"""What names bodies and reads none: its statements are the log's, or make tables."""
MOVES: Final = ("written", "checked", "before_commit", "committed")
RESTORES: Final = ("restored",)
"""The failpoints of either way, without what they begin with."""


class Company:
    """A tenant that has lived for a while, some of whose jobs are over, in a database that commands find."""

    def __init__(self, server: TestServer, dsn: str, pool: ConnectionPool[Connection], folder: Path) -> None:
        self.server, self.dsn, self.pool, self.folder = server, dsn, pool, folder
        self.office = office = in_postgres(pool, dsn).new()
        self.town = Town(office, 3)
        self.town.live(8)
        self.jobs = [self.over(f"{each}ab") for each in "pqr"]
        self.raws = {row.id: row.body for row in office.events()}

    def over(self, name: str, now_ms: int = ARRIVED) -> str:
        """A job that somebody has told is over."""
        job, visit = new_id(), new_id()
        phone = device(self.office, name)
        said = [phone.create("work_order", job, {}), phone.create("visit", visit, {"work_order_id": job})]
        said += [phone.tell("work_order", job, "WorkOrderCancelled", {"cancel_reason": "the customer has moved"})]
        said += [phone.tell("visit", visit, "Edited", {"sequence": "a"})]
        assert set(verdicts(pushed(self.office, said, role="supervisor", now_ms=now_ms))) == {"accepted"}
        return job

    def stored(self) -> list[bytes]:
        """The bodies as the table has them."""
        with psycopg.connect(self.dsn) as superuser:
            found = superuser.execute("select body from event where tenant = %s", [self.office.tenant])
            return [body for (body,) in found]

    @contextmanager
    def copied(self) -> Generator[str]:
        """The database as a dump of it is restored, gone after the block."""
        name = str(conninfo_to_dict(self.dsn)["dbname"])
        with psycopg.connect(self.server.dsn, autocommit=True) as superuser:  # a template is used by nobody meanwhile
            superuser.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        with self.server.database(copy_of=name) as dsn:
            self.pool.check()
            yield dsn

    @property
    def closed(self) -> tuple[object, ...]:
        """What is said to have all jobs moved that are over."""
        return ("archive", "--closed-before", TOMORROW, "--to", self.folder)

    @property
    def cold(self) -> int:
        return sum(map(is_cold, self.stored()))


@pytest.fixture
def company(embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Company]:
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("CAIRN_DATA", str(tmp_path / "data"))
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        monkeypatch.setenv("DATABASE_URL", url_of(dsn))
        yield Company(embedded_server, dsn, pool, tmp_path / "data" / "archive")


def cairn(*said: object) -> Result:
    return CliRunner().invoke(app, [*map(str, said)])


def told(*said: object) -> Any:
    done = cairn(*said, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def moved(company: Company) -> dict[str, Any]:
    (document,) = told(*company.closed)
    assert document["jobs"] >= len(company.jobs)
    assert company.cold == document["events"] > 0
    return dict(document)


def looked_at(company: Company) -> dict[str, Any]:
    """Everything that is read of a log, by whatever way."""
    office = company.office
    rows = office.events()
    past = office.log.past(office.tenant)
    entities = sorted({row.entity for row in rows})
    with office.log.moment(office.tenant) as moment:
        tail = moment.tail(["*"], after=0, until=office.position, limit=1_000, bytes_max=1 << 20)
        scoped = moment.tail(
            sorted({row.scope for row in rows}), after=0, until=office.position, limit=1_000, bytes_max=1 << 20
        )
    return {
        "log": rows,
        "tail": tail,
        "scoped": scoped,
        "past": [past.history(each, after=0, until=office.position, limit=1_000) for each in entities],
        "histories": past.histories(entities, behind=[0] * len(entities), until=office.position, limit=10_000),
        "as_of": [entity_as_of(past, each, position) for each in entities for position in (5, office.position)],
        "replay": told("replay"),
    }


def test_what_was_moved_is_read_replayed_and_proven_as_before(company: Company) -> None:
    office = company.office
    before = looked_at(company)
    moved(company)
    assert looked_at(company) == before
    office.is_whole()
    (verified,) = told("verify")
    assert (verified["is_whole"], verified["events"]) == (True, office.position)
    job = f"work_order:{company.jobs[0]}"
    out = company.folder.parent / "job.zip"
    assert cairn("evidence", out, "--scope", job).exit_code == 0
    with open_pool(company.dsn, size=2, role=PROJECTOR) as pool:
        store = PostgresStore(pool, 1, PROJECTIONS)
        catch_up(store, office, page=7)
        is_right(store, office)
    assert [each["difference"] for each in told("projections", "verify")["tenants"]] == [None]


def test_what_was_handed_in_is_known_again_though_its_body_lies_elsewhere(company: Company) -> None:
    moved(company)
    office = company.office
    cold = next(row for row in office.events() if row.scope == f"work_order:{company.jobs[0]}")
    assert verdicts(pushed(office, [cold.body], role="supervisor")) == ["duplicate"]
    phone = device(office, "xyz")
    other = phone.tell("work_order", company.jobs[0], "Edited", {"priority": "low"}, event_id=cold.id)
    (verdict,) = pushed(office, [other], role="supervisor").verdicts
    assert (verdict["verdict"], verdict["code"]) == ("quarantined", "id_taken")


def test_a_job_that_is_written_about_later_is_read_from_both_and_moved_again(company: Company) -> None:
    first = moved(company)
    office, job = company.office, company.jobs[0]
    phone = device(office, "xyz")
    phone.see(*[row.body for row in office.events() if row.entity == job])
    assert verdicts(pushed(office, [phone.tell("work_order", job, "Edited", {"priority": "low"})], role="supervisor"))
    office.is_whole()
    again = told(*company.closed)[0]
    assert (again["jobs"], again["events"]) == (1, 1)
    assert company.cold == first["events"] + 1
    office.is_whole()
    assert {each["file"] for each in told("archive")[0]["files"]} == {
        each["file"] for each in (*first["files"], *again["files"])
    }


def test_it_runs_beside_people_who_write(company: Company) -> None:
    office = company.office
    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(company.town.live, 8)
        while not writing.done():
            told(*company.closed)
            rows = office.events()
            assert [row.position for row in rows] == list(range(1, len(rows) + 1))
            assert not any(is_cold(row.body) for row in rows)
            told("archive", "--restore", "all")
        writing.result()
    moved(company)
    office.is_whole()
    assert {row.body for row in office.events()} >= set(company.raws.values())
    assert told("verify")[0]["is_whole"]


def test_what_was_brought_back_lies_in_the_database_as_it_did(company: Company) -> None:
    before = sorted(company.stored())
    document = moved(company)
    (file,) = document["files"]
    assert told("archive", "--restore", file["file"])[0]["events"] == document["events"]
    assert sorted(company.stored()) == before
    listed = told("archive")[0]
    assert (listed["events"], listed["files"][0]["restored_at_ms"] is not None) == (0, True)
    assert "brought back" in cairn("archive").output
    assert told("archive", "--restore", "all")[0]["files"] == []
    assert "no cold file" in refused("archive", "--restore", file["file"])


def test_a_file_is_proven_by_what_lies_beside_it_and_nothing_else(company: Company) -> None:
    (file,) = moved(company)["files"]
    path = Path(file["path"])
    note = read_note(path.with_suffix(".checkpoint").read_bytes()).checkpoint
    widths = widths_of(note.size)

    def tile(level: int, number: int) -> bytes:
        full, rest = widths[level]
        width = 256 if number < full else rest
        return (path.parent / note.origin.epoch / tile_path(level, number, width)).read_bytes()

    assert root_at(note.size, nodes_over(tile)) == note.root
    rows = list(read_rows(path))
    for row, hashed in zip(rows, leaf_hashes(rows), strict=True):
        number, offset = divmod(row.position - 1, TILE_BYTES // 32)
        assert tile(0, number)[offset * 32 : offset * 32 + 32] == hashed
    manifest = json.loads(path.with_suffix(".json").read_bytes())
    assert (manifest["sha256"], manifest["checkpoint"]) == (file["sha256"], note.size)
    assert manifest["tiles"] == note.origin.epoch


def test_tiles_of_each_epoch_lie_apart_and_one_that_a_disk_has_spoiled_is_laid_anew(company: Company) -> None:
    (first,) = moved(company)["files"]
    office, folder = company.office, Path(first["path"]).parent
    epoch = office.log.head(office.tenant).epoch
    spoiled = next(path for path in (folder / epoch / "tile").rglob("*") if path.is_file())
    whole = spoiled.read_bytes()
    spoiled.write_bytes(whole[::-1])
    company.over("uab")
    told(*company.closed)
    assert cairn("epoch", "new", "--tenant", office.tenant).exit_code == 0
    company.over("vab")
    (second,) = told(*company.closed)[0]["files"]
    again = office.log.head(office.tenant).epoch
    assert again != epoch
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {epoch, again}
    assert json.loads(Path(second["path"]).with_suffix(".json").read_bytes())["tiles"] == again


def test_a_file_that_nothing_names_is_removed_and_any_other_stays(company: Company) -> None:
    office = company.office
    assert archiving(company, "checked", *company.closed) == -signal.SIGKILL
    (left,) = {path.stem for path in (company.folder / office.tenant).glob("*.parquet")}
    (file,) = moved(company)["files"]
    prune = ("archive", "--prune", "--to", company.folder, "--tenant", office.tenant)
    (would,) = told(*prune)[0]["files"]
    assert (would["file"], would["why"], would["kept_for"]) == (left, "unnamed", None)
    assert "--yes removes them" in cairn(*prune).output
    assert len(told(*prune)[0]["files"]) == 1, "that was said, and nothing removed"
    assert told(*prune, "--yes")[0]["what"] == "removed"
    assert told(*prune)[0]["files"] == []
    assert {path.stem for path in (company.folder / office.tenant).glob("*.*")} == {file["file"]}
    company.office.is_whole()
    assert told("verify")[0]["is_whole"]


def test_what_was_brought_back_is_removed_once_no_copy_reads_it(company: Company) -> None:
    office = company.office
    (file,) = moved(company)["files"]
    prune = ("archive", "--prune", "--to", company.folder, "--tenant", office.tenant)
    with company.copied() as dsn:
        told("archive", "--restore", "all")
        assert "less than a day ago" in told(*prune)[0]["files"][0]["kept_for"]
        with psycopg.connect(company.dsn) as superuser:
            superuser.execute("update cold_file set restored_at = restored_at - interval '2 days'")
        office.log.mark_durable(office.tenant, office.position)
        assert "say with --copy where it is restored" in told(*prune)[0]["files"][0]["kept_for"]
        assert "still reads it" in told(*prune, "--copy", url_of(dsn), "--yes")[0]["files"][0]["kept_for"]
        assert Path(file["path"]).exists()
    with company.copied() as dsn:
        assert told(*prune, "--copy", url_of(dsn))[0]["files"][0]["kept_for"] is None
        company.over("xyz")
        office.log.mark_durable(office.tenant, office.position)
        assert "these copies hold the log up to" in refused(*prune, "--copy", url_of(dsn), "--yes")
    with company.copied() as dsn:
        told(*prune, "--copy", url_of(dsn), "--yes")
    assert not Path(file["path"]).exists()
    assert told("archive")[0]["files"] == []
    office.is_whole()


def test_a_file_that_the_log_names_though_it_was_brought_back_stays(company: Company) -> None:
    (file,) = moved(company)["files"]
    with psycopg.connect(company.dsn) as superuser:
        superuser.execute("update cold_file set restored_at = now() - interval '2 days'")
    prune = ("archive", "--prune", "--to", company.folder, "--tenant", company.office.tenant, "--yes")
    assert "the log names it" in told(*prune)[0]["files"][0]["kept_for"]
    assert Path(file["path"]).exists()


def test_a_tile_lies_where_c2sp_puts_it() -> None:
    assert tile_path(0, 5, 256) == "tile/0/005"
    assert tile_path(1, 1_234_067, 256) == "tile/1/x001/x234/067"
    assert tile_path(0, 1_000, 17) == "tile/0/x001/000.p/17"


def archiving(company: Company, point: str, *said: object) -> int:
    environment = {**os.environ, "CAIRN_FAILPOINTS": f"archive.{point}=kill9", "CAIRN_TESTING": "1"}
    command = [sys.executable, "-m", "cairnfield", *map(str, said), "--tenant", company.office.tenant]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, timeout=120).returncode


def test_the_failpoints_are_all_of_an_archive() -> None:
    assert {f"archive.{each}" for each in (*MOVES, *RESTORES)} == {
        each for each in POINTS if each.startswith("archive")
    }


def test_whoever_is_killed_at_any_step_has_lost_nothing_and_can_begin_again(company: Company) -> None:
    before = looked_at(company)
    for point in MOVES:
        assert archiving(company, point, *company.closed) == -signal.SIGKILL
        assert (company.cold > 0) == (point == "committed")
        assert looked_at(company) == before
    for point in RESTORES:
        assert archiving(company, point, "archive", "--restore", "all") == -signal.SIGKILL
        assert company.cold > 0
        assert looked_at(company) == before
    cold = company.cold
    assert told("archive", "--restore", "all")[0]["events"] == cold
    assert looked_at(company) == before
    moved(company)
    assert looked_at(company) == before
    assert told("verify")[0]["is_whole"]


def test_a_copy_of_the_log_from_before_is_read_after_its_bodies_were_brought_back(company: Company) -> None:
    moved(company)
    rows = company.office.events()
    with company.copied() as dsn, open_pool(dsn, size=1) as pool:
        told("archive", "--restore", "all")
        assert company.cold == 0
        cold_file.forget()
        assert PostgresEventLog(pool).page(company.office.tenant, after=0, limit=len(rows)) == rows


def test_nothing_is_brought_back_from_a_file_that_is_not_what_was_written(company: Company) -> None:
    first = moved(company)
    cold, path = company.cold, Path(first["files"][0]["path"])
    whole = path.read_bytes()
    for changed in (whole + b"more", b""):
        path.write_bytes(changed)
        assert "Nothing of it was brought back" in refused("archive", "--restore", "all")
        assert company.cold == cold
    path.unlink()
    assert "Put the file back" in refused("archive", "--restore", "all")
    path.write_bytes(whole)
    assert told("archive", "--restore", "all")[0]["events"] == cold


def test_what_only_devices_keep_beside_the_log_stays_in_it(company: Company) -> None:
    moved(company)
    office = company.office
    company.over("xyz", now_ms=time.time_ns() // 1_000_000)
    assert told(*company.closed)[0]["jobs"] == 0
    office.log.mark_durable(office.tenant, office.position - 1)
    assert told(*company.closed)[0]["jobs"] == 0
    office.log.mark_durable(office.tenant, office.position)
    assert told(*company.closed)[0]["jobs"] == 1


def test_a_copy_is_marked_with_copies_of_its_files_and_not_without(company: Company, tmp_path: Path) -> None:
    office, copies = company.office, tmp_path / "copies"
    (file,) = moved(company)["files"]
    copied, original = copies / office.tenant / Path(file["path"]).name, Path(file["path"])
    with company.copied() as dsn:
        mark = ("durable", "mark", "--copy", url_of(dsn))
        assert "--copy-archive" in refused(*mark)
        assert "is not there" in refused(*mark, "--copy-archive", copies)
        assert "no copy of it" in refused(*mark, "--copy-archive", company.folder)
        copied.parent.mkdir(parents=True)
        whole = original.read_bytes()
        copied.write_bytes(whole[:-1])
        assert "SHA-256 differs" in refused(*mark, "--copy-archive", copies)
        copied.write_bytes(whole)
        assert cairn(*mark, "--copy-archive", copies).exit_code == 0
        told("archive", "--restore", "all")
        original.unlink()  # the copy is read where it lies, and from nowhere else
        cold_file.forget()
        assert cairn(*mark, "--copy-archive", copies).exit_code == 0


def test_a_copy_from_before_there_were_cold_files_is_marked(company: Company) -> None:
    with company.copied() as dsn, psycopg.connect(dsn) as superuser:
        superuser.execute("drop table cold_file")
        superuser.commit()
        assert cairn("durable", "mark", "--copy", url_of(dsn)).exit_code == 0
    assert company.office.log.head(company.office.tenant).durable == company.office.position


def test_a_folder_that_the_server_could_not_look_into_is_refused(company: Company) -> None:
    data = company.folder.parent
    data.mkdir(exist_ok=True)
    try:
        os.chown(data, 12_345, -1)
    except PermissionError:
        pytest.skip("only root gives a folder away")
    assert "another user" in refused(*company.closed)
    assert company.cold == 0
    os.chown(company.folder / company.office.tenant, 12_345, -1)
    assert told(*company.closed)[0]["jobs"] >= len(company.jobs)


def test_a_retry_is_answered_though_the_file_is_away(company: Company) -> None:
    office = company.office
    (file,) = moved(company)["files"]
    cold = [row for row in office.events() if row.scope == f"work_order:{company.jobs[0]}"]
    phone = device(office, "xyz")
    cold_file.forget()
    Path(file["path"]).rename(company.folder / "away")
    assert verdicts(pushed(office, [cold[0].body], role="supervisor")) == ["duplicate"]
    other = phone.tell("work_order", company.jobs[0], "Edited", {"priority": "low"}, event_id=cold[0].id)
    with pytest.raises(ColdFileMissing):
        pushed(office, [other], role="supervisor")


def test_the_words_are_at_hand_where_an_id_is_told_twice_at_once(company: Company) -> None:
    moved(company)
    office = company.office
    cold = next(row for row in office.events() if row.scope == f"work_order:{company.jobs[0]}" and row.seq == 1)
    again, elsewhere = Wanted(ids=[cold.id], spans=[(cold.replica, 1, 9)]), Wanted(ids=[cold.id])

    def decide(known: Known) -> tuple[Changes, bytes]:
        return Changes(), known.by_id[cold.id].body

    together = wanted_by([Append(again, decide), Append(elsewhere, decide)])
    for wanted in (again._replace(ids=[cold.id, cold.id]), elsewhere, together):
        assert office.log.append(office.tenant, wanted, decide, now_ms=NOON) == cold.body


def test_nobody_who_reads_a_file_ahead_of_the_lock_holds_a_connection_meanwhile(company: Company) -> None:
    moved(company)
    office = company.office
    cold = next(row for row in office.events() if row.scope == f"work_order:{company.jobs[0]}")
    wanted = Wanted(ids=[cold.id, *(new_id() for _ in range(ROWS_WORTH_COLUMNS))])

    def decide(known: Known) -> tuple[Changes, bytes]:
        return Changes(), known.by_id[cold.id].body

    with open_pool(company.dsn, size=1) as pool:  # a second connection would be waited for in vain
        log = PostgresEventLog(pool)
        seen = log.append(office.tenant, wanted, decide, now_ms=NOON, moved=lambda body, by: body)
    assert seen == cold.body


def test_nobody_holds_a_tenants_lock_while_a_file_is_looked_for_and_read(company: Company) -> None:
    moved(company)
    office = company.office
    cold = next(row for row in office.events() if row.scope == f"work_order:{company.jobs[0]}" and row.seq == 1)
    wanted, ada = Wanted(ids=[cold.id]), device(office, "ada2")
    cold_file.forget()

    def decide(known: Known) -> tuple[Changes, bytes]:
        return Changes(), known.by_id[cold.id].body

    with ThreadPoolExecutor(1) as slow, psycopg.connect(company.dsn) as superuser:
        superuser.execute("lock table cold_file in access exclusive mode")  # so nobody learns where it lies
        waits = slow.submit(office.log.append, office.tenant, wanted, decide, now_ms=NOON)
        deadline = time.monotonic() + 4
        waiting = "select from pg_locks where relation = 'cold_file'::regclass and not granted"
        while not superuser.execute(waiting).fetchall():
            assert time.monotonic() < deadline
        assert verdicts(pushed(office, [ada.create("site", new_id(), {})])) == ["accepted"]
        assert not waits.done()
        superuser.rollback()
        assert waits.result() == cold.body


def test_the_right_file_put_back_is_read_at_once(company: Company) -> None:
    (file,) = moved(company)["files"]
    path, before = Path(file["path"]), company.office.events()
    whole, rows = path.read_bytes(), list(read_rows(path))
    write_rows(path, [row._replace(body=b"{}") for row in rows], {})
    cold_file.forget()
    with pytest.raises(BodySpoiled):
        company.office.events()
    path.write_bytes(whole)
    assert company.office.events() == before


def test_a_page_reads_each_group_of_a_file_once(tmp_path: Path) -> None:
    files = [str(uuid4()) for _ in range(GROUPS_KEPT + 1)]
    rows = [event(number) for number in (1, 2)]
    for file in files:
        write_rows(tmp_path / f"{file}.parquet", rows, {})
    cold_file.forget()
    marks = [(mark(Place(file, at, sha256(row.body).digest())),) for at, row in enumerate(rows) for file in files]
    thawed = Thaw(lambda: {file: str(tmp_path / f"{file}.parquet") for file in files}).rows(marks)
    assert thawed == [(row.body,) for row in rows for _ in files]
    assert cold_file.groups_read() == len(files)


def scattered(folder: Path, count: int) -> tuple[list[str], list[EventRow], Thaw]:
    """More files than are kept at hand, the rows that each of them holds, and what reads them."""
    files = [str(uuid4()) for _ in range(GROUPS_KEPT + 1)]
    rows = [event(number) for number in range(1, count + 1)]
    for file in files:
        write_rows(folder / f"{file}.parquet", rows, {})
    cold_file.forget()
    return files, rows, Thaw(lambda: {file: str(folder / f"{file}.parquet") for file in files})


def test_a_long_read_reads_each_group_once_for_many_rows(tmp_path: Path) -> None:
    files, rows, thaw = scattered(tmp_path, 20)
    marks = [(mark(Place(file, at, sha256(row.body).digest())),) for at, row in enumerate(rows) for file in files]
    assert list(thaw.stream(iter(marks))) == [(row.body,) for row in rows for _ in files]
    assert cold_file.groups_read() == len(files)


def test_a_page_of_a_pull_reads_each_group_once(tmp_path: Path) -> None:
    files, rows, thaw = scattered(tmp_path, 5)
    frames = [
        b'{"event":' + mark(Place(file, at, sha256(row.body).digest())) + b"}\n"
        for at, row in enumerate(rows)
        for file in files
    ]
    warm = b'{"event":{"id":"' + b"x" * MARK_BYTES + b'"}}\n'
    found = list(thaw.frames([warm, *frames]))
    assert found == [warm, *(b'{"event":' + row.body + b"}\n" for row in rows for _ in files)]
    assert cold_file.groups_read() == len(files)


def test_leaves_that_are_hashed_anew_read_each_group_once_for_many_rows(tmp_path: Path) -> None:
    files, rows, thaw = scattered(tmp_path, 20)
    marks = [mark(Place(file, at, sha256(row.body).digest())) for at, row in enumerate(rows) for file in files]
    found = leaves.whole(thaw, [memoryview(b"stamps\n" + each) for each in marks])
    assert [bytes(each) for each in found] == [b"stamps\n" + row.body for row in rows for _ in files]
    assert cold_file.groups_read() == len(files)


REWRITES: Final[dict[str, LiteralString]] = {
    "another column": "update event set actor = 'nobody' where tenant = %(tenant)s",
    "another body": "update event set body = '{}' where tenant = %(tenant)s",
    "a mark of another hash": r"update event set body = '\x00636f6c64'::bytea || decode(repeat('00', 52), 'hex')"
    " where tenant = %(tenant)s",
    "a mark of a file that is not there": r"update event set body = '\x00636f6c64'::bytea"
    " || decode(repeat('00', 20), 'hex') || sha256(body) where tenant = %(tenant)s",
    "no event": "delete from event where tenant = %(tenant)s",
}


@pytest.mark.parametrize("statement", REWRITES.values(), ids=REWRITES)
def test_not_even_the_owner_rewrites_an_event_on_the_way(company: Company, statement: LiteralString) -> None:
    for is_cold_already in (False, True):
        if is_cold_already:
            moved(company)
        before = company.stored()
        with connect(company.dsn, role=MIGRATOR) as owner:
            owner.execute("select set_config('app.tenant', %s, false)", [company.office.tenant])
            owner.execute("select set_config('app.moves_bodies', 'yes', false)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="refused"):
                owner.execute(statement, {"tenant": company.office.tenant})
        assert company.stored() == before


def refused(*said: object) -> str:
    done = cairn(*said)
    assert done.exit_code == 1, done.output
    assert done.exception is not None
    return str(done.exception)


def test_a_file_that_is_gone_or_spoiled_is_named_and_what_is_warm_is_still_read(company: Company) -> None:
    (file,) = moved(company)["files"]
    path, office = Path(file["path"]), company.office
    elsewhere = company.folder.parent / "elsewhere" / office.tenant
    elsewhere.mkdir(parents=True)
    moved_to = path.rename(elsewhere / path.name)
    with pytest.raises(ColdFileMissing, match="--now-in"):
        office.events()
    assert office.log.page(office.tenant, after=0, limit=1)
    finding = json.loads(cairn("verify", "--json").stdout)[0]["finding"]
    assert str(path) in finding["text"]
    whole = moved_to.read_bytes()
    spoiled = bytearray(whole)
    spoiled[len(spoiled) // 3] ^= 1
    moved_to.write_bytes(spoiled)
    assert "SHA-256 differs" in refused("archive", "--now-in", elsewhere.parent)
    moved_to.write_bytes(whole)
    assert told("archive", "--now-in", elsewhere.parent)[0]["files"][0]["file"] == file["file"]
    office.is_whole()


def test_what_cannot_be_done_is_said_with_why(company: Company) -> None:
    assert "is no day" in refused("archive", "--closed-before", "soon")
    assert "Say one of" in refused("archive", "--closed-before", TOMORROW, "--restore", "all")
    assert "go with --prune" in refused("archive", "--yes")
    with connect(company.dsn, role=MIGRATOR) as other:
        other.execute("select pg_advisory_lock(hashtextextended('cold ' || %s, 0))", [company.office.tenant])
        assert "Another `cairn archive`" in refused("archive")
    assert "--to" in refused("archive", "--closed-before", TOMORROW)
    assert told("archive", "--closed-before", "2000-01-01", "--to", company.folder)[0]["jobs"] == 0
    would = told("archive", "--closed-before", TOMORROW, "--dry-run")[0]
    assert would["jobs"] >= len(company.jobs)
    assert (company.cold, would["files"]) == (0, [])
    assert isinstance(cairn("archive", "--closed-before", "soon").exception, CannotGoOn)


def test_whoever_reads_a_body_knows_that_it_may_lie_elsewhere() -> None:
    for path in sorted((ROOT / "infra").rglob("*.py")):
        text = path.read_text()
        reads = re.search(r"\b(from|join) event\b", text) and "body" in text
        if (
            (reads and not path.match("*statements.py") and path.name not in OF_THE_LOG)
            or "EventRow(*" in text
            or "Found(*" in text
        ):
            assert "cold" in text, path


def test_sql_and_python_know_a_mark_alike(company: Company) -> None:
    moved(company)
    with psycopg.connect(company.dsn) as superuser:
        found = superuser.execute(f"select body, {IS_COLD}, {HASH} from event").fetchall()
    assert [cold for _, cold, _ in found] == [is_cold(body) for body, _, _ in found]
    whole = {row.id: row.body for row in company.office.events()}
    assert whole == company.raws


def test_the_schema_is_brought_up_over_what_lies_elsewhere(company: Company) -> None:
    moved(company)
    with psycopg.connect(company.dsn) as superuser, superuser.transaction():
        superuser.execute("delete from grant_")
        superuser.execute("delete from scope_link")
        refold(superuser)
    upgrade(company.dsn, allow_unsafe=True)
    company.office.is_whole()
