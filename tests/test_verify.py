"""`cairn verify` as an auditor runs it: of a whole log, of one that was touched, and with bad checkpoints."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cairnfield.checkpoints import open_audit_keeper, open_keeper
from cairnfield.cli import app
from cairnfield.database import settings_with
from cairnfield.failure import CannotGoOn
from cairnfield.noted import note_reading
from infra import verify_evidence
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresAuditShelf, PostgresProofShelf
from infra.postgres.roles import PROJECTOR
from sync.log import Changes
from sync.proof_shelf import TreeShelf
from tests.conftest import TestServer
from tests.devices import NOON
from tests.infra.event_logs import Office, events, in_postgres
from tests.infra.tampering import tamper
from tests.test_epoch_and_durable import url_of

OTHER_BODY = "update event set body = '{}' where tenant = %s and position = 7"


class Audited:
    """A log, and the checkpoints that were taken from it."""

    def __init__(self, office: Office, dsn: str, folder: Path) -> None:
        self.office, self.dsn, self.folder = office, dsn, folder

    def grow(self, count: int) -> Path:
        """So many events more, and the checkpoint over them as a file."""
        self.office.store(Changes(events=events(count, after=self.office.position)))
        tenant, settings = self.office.tenant, settings_with()
        with open_pool(self.dsn, size=1, role=PROJECTOR) as pool:
            open_keeper(pool, settings, lambda: NOON).keep_up(tenant, at_once=True)
            return self._kept(PostgresProofShelf(pool), "checkpoint")

    def look(self, count: int, *, person: str | None = None) -> Path:
        """So many entries more in the audit, and the checkpoint over them as a file."""
        tenant, settings = self.office.tenant, settings_with()
        with open_pool(self.dsn, size=1) as pool:
            for _ in range(count):
                note_reading(pool, tenant, "history_read", "of a site", person=person)
        with open_pool(self.dsn, size=1, role=PROJECTOR) as pool:
            open_audit_keeper(pool, settings, lambda: NOON).keep_up(tenant, at_once=True)
            return self._kept(PostgresAuditShelf(pool), "audit.checkpoint")

    def _kept(self, shelf: TreeShelf, ending: str) -> Path:
        tenant = self.office.tenant
        newest = shelf.newest(tenant, self.office.log.head(tenant).epoch)
        assert newest is not None
        kept = self.folder / f"{tenant}-{newest.size}.{ending}"
        kept.write_bytes(newest.note)
        return kept


def verify(*said: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, said)])


def told(*said: object) -> list[dict[str, Any]]:
    document: list[dict[str, Any]] = json.loads(verify("--json", *said).stdout)
    return document


@pytest.fixture
def offices(embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Audited]]:
    """Two tenants of a database that commands find in DATABASE_URL."""
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path / "keys"))
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        monkeypatch.setenv("DATABASE_URL", url_of(dsn))
        kind = in_postgres(pool, dsn)
        yield [Audited(kind.new(), dsn, tmp_path) for _ in range(2)]


def test_a_whole_log_is_said_to_be_one(offices: list[Audited]) -> None:
    for audited in offices:
        audited.grow(5)
    done = verify()
    assert done.exit_code == 0, done.output
    assert done.output.count("5 events are what they were") == 2
    (document,) = told("--tenant", offices[1].office.tenant)
    assert document["is_whole"] is True
    assert (document["events"], document["head"], document["finding"]) == (5, 5, None)


def test_what_was_touched_is_named_and_the_exit_status_says_so(offices: list[Audited]) -> None:
    audited = offices[0]
    older, _ = audited.grow(10), audited.grow(10)
    tamper(audited.dsn, OTHER_BODY, [audited.office.tenant])
    done = verify("--tenant", audited.office.tenant, "--against", older)
    assert (done.exit_code, "TOUCHED. The event at position 7" in done.output) == (1, True), done.output
    (document,) = told("--tenant", audited.office.tenant)
    assert {**document["finding"], "text": ""} == {"what": "event", "first": 7, "last": 7, "text": ""}


def test_a_check_that_was_stopped_goes_on_and_what_was_found_is_looked_at_again(
    offices: list[Audited], tmp_path: Path
) -> None:
    audited, resume = offices[0], tmp_path / "came-to.json"
    audited.grow(10)
    asked = ("--tenant", audited.office.tenant, "--resume", resume)
    assert verify(*asked).exit_code == 0
    audited.grow(10)
    tamper(audited.dsn, OTHER_BODY, [audited.office.tenant])
    assert verify(*asked).exit_code == 0, "it goes on after the tenth"
    resume.unlink()
    assert verify(*asked).exit_code == 1
    assert verify(*asked).exit_code == 1
    resume.write_text("[]")
    assert "is not what `cairn verify` keeps" in refused(*asked)


def refused(*said: object) -> str:
    done = verify(*said)
    assert isinstance(done.exception, CannotGoOn), done.output
    return str(done.exception)


def test_a_checkpoint_that_is_none_of_this_log_is_refused(
    offices: list[Audited], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (audited.grow(5) for audited in offices)
    assert "is of tenant" in refused("--tenant", offices[0].office.tenant, "--against", theirs)
    assert "cannot be read" in refused("--against", tmp_path / "nowhere")
    spoiled = tmp_path / "spoiled"
    spoiled.write_bytes(ours.read_bytes().replace(b"\n5\n", b"\n6\n"))
    assert "signed by no key of this server" in refused("--against", spoiled)
    spoiled.write_bytes(b"hello")
    assert "is no checkpoint" in refused("--against", spoiled)
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path / "other-keys"))
    assert "signed by no key of this server" in refused("--against", ours)


def test_what_the_signer_remembers_counts_though_the_database_forgot_it(offices: list[Audited]) -> None:
    audited = offices[0]
    audited.grow(9)
    tamper(audited.dsn, "delete from log_checkpoint where tenant = %s", [audited.office.tenant])
    tamper(audited.dsn, "delete from event where tenant = %s and position > 6", [audited.office.tenant])
    tamper(audited.dsn, "update log_head set position = 6 where tenant = %s", [audited.office.tenant])
    (document,) = told("--tenant", audited.office.tenant)
    assert document["finding"]["first"] == 7
    assert "what the signer remembers is over 9 events" in document["finding"]["text"]


def evidence(*said: object) -> Result:
    return CliRunner().invoke(app, ["evidence", *map(str, said)])


def test_evidence_is_written_and_holds_against_a_checkpoint_that_was_kept(
    offices: list[Audited], tmp_path: Path
) -> None:
    audited, out = offices[0], tmp_path / "out.zip"
    older, _ = audited.grow(5), audited.grow(5)
    row = audited.office.events()[7]
    tenant = ("--tenant", audited.office.tenant)
    done = evidence(out, "--scope", row.scope, "--checkpoint", older, *tenant)
    assert done.exit_code == 0, done.output
    told: list[str] = []
    with zipfile.ZipFile(out) as bundled:
        verify_evidence.check(bundled.read, None, older.read_bytes(), told.append)
    assert told[-2:] == [
        "events     1, each of them in that log, unchanged",
        "continues  your checkpoint over 5 events",
    ]
    assert evidence(out, "--event", row.id, "--event", audited.office.events()[0].id, *tenant).exit_code == 0
    for said, why in (
        ((), "Say one of --scope"),
        (("--event", row.id, "--person", row.id, *tenant), "goes with --audit"),
        (("--audit", "--person", "ada", *tenant), "no id of a person"),
        (("--audit", *tenant), "No checkpoint was signed yet of this audit"),
        (("--audit", "--checkpoint", older, *tenant), "is of the events, and not of the audit"),
        (("--event", row.id), "which one with --tenant"),
        (("--scope", "site:none", *tenant), "Nothing of site:none is in the log"),
        (("--scope", "catalog", "--checkpoint", tmp_path / "nowhere", *tenant), "cannot be read"),
    ):
        refusal = evidence(out, *said).exception
        assert isinstance(refusal, CannotGoOn)
        assert why in str(refusal)


def test_f8_the_audit_is_checked_with_the_log_and_against_checkpoints_of_its_own(offices: list[Audited]) -> None:
    audited = offices[0]
    asked = ("--tenant", audited.office.tenant)
    kept, older, _ = audited.grow(3), audited.look(5), audited.look(4)
    with open_pool(audited.dsn, size=1) as pool:
        note_reading(pool, audited.office.tenant, "history_read", "of a site")
    done = verify(*asked, "--against", kept, "--against", older)
    assert done.exit_code == 0, done.output
    assert "9 entries of the audit are what they were, by 4 checkpoints. 1 were noted since" in done.output
    tamper(
        audited.dsn, "update audit_entry set detail = '' where tenant = %s and position = 3", [audited.office.tenant]
    )
    done = verify(*asked)
    assert (done.exit_code, "TOUCHED. The entry at position 3 is not what it was" in done.output) == (1, True)
    (document,) = told(*asked)
    assert (document["is_whole"], document["audit"]["is_whole"]) == (True, False)
    assert {**document["audit"]["finding"], "text": ""} == {"what": "entry", "first": 3, "last": 3, "text": ""}
    assert (document["audit"]["head"], document["audit"]["without_place"]) == (9, 1)


def test_f8_a_check_of_the_audit_goes_on_where_it_was(offices: list[Audited], tmp_path: Path) -> None:
    audited, resume = offices[0], tmp_path / "came-to.json"
    asked = ("--tenant", audited.office.tenant, "--resume", resume)
    audited.look(5)
    assert verify(*asked).exit_code == 0
    assert json.loads(resume.read_bytes())[f"{audited.office.tenant}/audit"]["size"] == 5
    audited.look(5)
    tamper(audited.dsn, "delete from audit_entry where tenant = %s and position = 8", [audited.office.tenant])
    assert "entry at position 8 is missing" in verify(*asked).output


def test_what_the_audit_says_of_a_person_is_counted_and_then_erased(offices: list[Audited]) -> None:
    audited, ada = offices[0], "00000000-0000-4000-8000-0000000000ad"
    older = audited.look(3, person=ada)
    audited.look(2)
    asked = ("audit", "erase", ada, "--tenant", audited.office.tenant)
    counted = CliRunner().invoke(app, asked)
    assert "3 entries would lose their addresses and words" in counted.output, counted.exception
    erased = json.loads(CliRunner().invoke(app, [*asked, "--yes", "--json"]).stdout)
    assert (erased["entries"], erased["is_erased"]) == (3, True)
    assert "0 entries are erased" in CliRunner().invoke(app, [*asked, "--yes"]).output
    audited.look(0)
    done = verify("--tenant", audited.office.tenant, "--against", older)
    assert done.exit_code == 0, done.output
    assert "6 entries of the audit are what they were" in done.output
    assert "Of 3 the address and the words were erased, as it tells itself." in done.output
    for said, why in ((("ada",), "no id of a person"), ((ada,), "which one with --tenant")):
        refusal = CliRunner().invoke(app, ["audit", "erase", *said]).exception
        assert isinstance(refusal, CannotGoOn)
        assert why in str(refusal)


def test_f8_evidence_of_the_audit_is_written_and_holds_against_a_checkpoint_that_was_kept(
    offices: list[Audited], tmp_path: Path
) -> None:
    audited, out, ada = offices[0], tmp_path / "out.zip", "00000000-0000-4000-8000-0000000000ad"
    older, _ = audited.look(3), audited.look(2, person=ada)
    asked = ("--audit", "--tenant", audited.office.tenant, "--checkpoint", older)
    for said, count in (((), 5), (("--person", ada), 2)):
        done = evidence(out, *asked, *said)
        assert done.exit_code == 0, done.output
        told: list[str] = []
        with zipfile.ZipFile(out) as bundled:
            verify_evidence.check(bundled.read, None, older.read_bytes(), told.append)
        assert told[-2:] == [
            f"entries    {count}, each of them in that log, unchanged",
            "continues  your checkpoint over 3 entries",
        ]
