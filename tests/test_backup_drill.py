"""A backup is good when it was restored: taken while devices hand in, compared, and found out where it is not good."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cairnfield.checkpoints import open_audit_keeper, open_keeper
from cairnfield.cli import app
from cairnfield.database import settings_with
from cairnfield.failure import CannotGoOn
from cairnfield.noted import note_reading
from cairnfield.up import prepare
from cairnfield.wiring import now_ms
from infra.postgres import of_tenant
from infra.postgres.base_backup import BackupUnfit, restored
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from infra.postgres.roles import PROJECTOR
from sync.log import Changes
from sync.rows import EventRow
from tests.conftest import TestServer
from tests.devices import NOON
from tests.infra.event_logs import Office, events, new_tenant
from tests.infra.tampering import tamper
from tests.test_epoch_and_durable import url_of

BATCH = 40


@pytest.fixture
def office(
    embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[Office, str]]:
    """A tenant of a database that commands find in DATABASE_URL, with signed checkpoints; and its owner's DSN."""
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path / "keys"))
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        monkeypatch.setenv("DATABASE_URL", url_of(dsn))
        office = Office(log=PostgresEventLog(pool), tenant=new_tenant(pool))
        office.store(Changes(events=events(3 * BATCH)))
        for _ in range(3):
            note_reading(pool, office.tenant, "history_read", "of a site")
        with open_pool(dsn, size=1, role=PROJECTOR) as projecting:
            for keeper in (open_keeper, open_audit_keeper):
                keeper(projecting, settings_with(), lambda: NOON).keep_up(office.tenant, at_once=True)
        yield office, dsn


def cairn(*said: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in said])


def taken(folder: Path) -> Path:
    done = cairn("backup", "take", folder)
    assert done.exit_code == 0, (done.output, done.exception)
    return folder


def test_g21_a_backup_that_is_taken_while_devices_hand_in_is_restored_and_compared(
    office: tuple[Office, str], tmp_path: Path
) -> None:
    here, _ = office
    with ThreadPoolExecutor(1) as threads:
        handing_in = threads.submit(lambda: [here.store(Changes(events=batch)) for batch in batches(here.position, 20)])
        folder = taken(tmp_path / "backup")
        handing_in.result()
    done = cairn("backup", "drill", folder)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "3 entries of the audit were restored as they are here" in done.output
    assert "roots of 4 checkpoints" in done.output, "the signed ones, and what the signer remembers"
    assert here.log.head(here.tenant).durable == 0, "nobody said to mark it"
    before = manifest(folder)
    done = cairn("backup", "drill", folder, "--mark")
    assert done.exit_code == 0, (done.output, done.exception)
    durable = here.log.head(here.tenant).durable
    assert 3 * BATCH <= durable <= here.position
    assert f"durable up to {durable} of {here.position}" in done.output
    assert manifest(folder) == before, "a drill leaves the backup as it is"


def batches(after: int, count: int) -> Iterator[Sequence[EventRow]]:
    for number in range(count):
        yield events(BATCH, after=after + number * BATCH)


def manifest(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_g21_what_is_restored_after_the_server_is_gone_goes_on_where_it_ended(
    office: tuple[Office, str], tmp_path: Path
) -> None:
    here, dsn = office
    folder = taken(tmp_path / "backup")
    kept, name = here.events(), psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with restored(folder) as cluster:
        running = cluster.running()
        assert running is not None
        with open_pool(cluster.dsn(running, str(name)), size=1) as pool:
            there = Office(log=PostgresEventLog(pool), tenant=here.tenant)
            assert there.events() == kept
            there.store(Changes(events=events(BATCH, after=there.position)))
            assert there.position == len(kept) + BATCH


def test_g21_one_byte_that_a_disk_changed_is_named_before_anything_is_restored(
    office: tuple[Office, str], tmp_path: Path
) -> None:
    here, _ = office
    folder = taken(tmp_path / "backup")
    page = max((folder / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    rotten = bytearray(page.read_bytes())
    rotten[len(rotten) // 2] ^= 1
    page.write_bytes(rotten)
    done = cairn("backup", "drill", folder, "--mark")
    assert isinstance(done.exception, BackupUnfit)
    assert page.name in str(done.exception)
    assert here.log.head(here.tenant).durable == 0


def test_g21_a_file_that_was_not_copied_is_named(office: tuple[Office, str], tmp_path: Path) -> None:
    del office
    folder = taken(tmp_path / "backup")
    (folder / "global" / "pg_control").unlink()
    done = cairn("backup", "drill", folder)
    assert isinstance(done.exception, BackupUnfit)
    assert "pg_control" in str(done.exception)


def test_g21_a_whole_backup_of_another_history_is_not_marked(office: tuple[Office, str], tmp_path: Path) -> None:
    here, dsn = office
    folder = taken(tmp_path / "backup")
    tamper(dsn, "update event set body = '{}' where tenant = %s and position = 7", [here.tenant])
    done = cairn("backup", "drill", folder, "--mark")
    assert isinstance(done.exception, CannotGoOn)
    assert "position 7" in str(done.exception)
    assert here.log.head(here.tenant).durable == 0


def test_g21_a_backup_that_was_touched_before_it_was_taken_does_not_come_to_what_was_signed(
    office: tuple[Office, str], tmp_path: Path
) -> None:
    here, dsn = office
    tamper(dsn, "update event set body = '{}' where tenant = %s and position = 7", [here.tenant])
    done = cairn("backup", "drill", taken(tmp_path / "backup"), "--mark")
    assert isinstance(done.exception, CannotGoOn)
    assert "TOUCHED" in str(done.exception)
    assert here.log.head(here.tenant).durable == 0


ADA, BEN = "00000000-0000-4000-8000-0000000000ad", "00000000-0000-4000-8000-0000000000be"
SAYING = "select count(*) from audit_entry where tenant = %(tenant)s and audit_entry::text like %(said)s"


def test_f5_what_was_erased_since_a_backup_is_erased_again_before_the_server_starts(
    office: tuple[Office, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, dsn = office
    with open_pool(dsn, size=1) as pool:
        for person in (ADA, BEN):
            note_reading(pool, here.tenant, "history_read", f"canary of {person}", person=person)
    folder = taken(tmp_path / "backup")
    done = cairn("audit", "erase", ADA, "--tenant", here.tenant, "--yes")
    assert "words of 1 entries are erased" in done.output, done.exception
    settings = settings_with(data=tmp_path / "data")
    with restored(folder) as cluster:
        running = cluster.running()
        assert running is not None
        copy = cluster.dsn(running, str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]))
        monkeypatch.setenv("DATABASE_URL", url_of(copy))
        with open_pool(copy, size=1) as pool:

            def saying(person: str) -> int:
                ((count,),) = of_tenant.rows(pool, SAYING, {"tenant": here.tenant, "said": f"%canary of {person}%"})
                return int(count)

            assert saying(ADA) == 1, "the backup has brought it back"
            with pytest.raises(CannotGoOn, match="older than what was erased of 1 people"):
                prepare(copy, settings, with_demo=False)
            note_reading(pool, here.tenant, "history_read", f"canary of {ADA}, later", person=ADA)
            done = cairn("epoch", "new")
            assert "1 entries of the audit were erased again, of 1 people" in done.output, done.exception
            assert (saying(ADA), saying(f"{ADA}, later"), saying(BEN)) == (1, 1, 1)
            assert prepare(copy, settings, with_demo=False)
            assert "0 entries of the audit were erased again, of 0 people" in cairn("audit", "erase-again").output
        with open_pool(copy, size=1, role=PROJECTOR) as projecting:
            open_audit_keeper(projecting, settings, now_ms).keep_up(here.tenant, at_once=True)
        done = cairn("verify", "--tenant", here.tenant)
        assert done.exit_code == 0, done.output
        assert "Of 1 the address and the words were erased, as it tells itself." in done.output


def test_what_is_no_backup_is_refused_in_words(office: tuple[Office, str], tmp_path: Path) -> None:
    del office
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    assert "not empty" in str(cairn("backup", "take", full).exception)
    assert "no base backup" in str(cairn("backup", "drill", full).exception)
    folder = taken(tmp_path / "backup")
    assert "no program `postgres`" in str(
        cairn("backup", "drill", folder, "--binaries", tmp_path / "nowhere").exception
    )
    shutil.rmtree(folder)
