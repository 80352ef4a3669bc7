"""What proves the audit over HTTP is all that an auditor needs to check it alone."""

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import orjson
import pytest

from infra import verify_evidence
from infra.ed25519 import verify
from sync.checkpoint import Checkpoint, read_key, read_note
from sync.merkle import appended, is_consistent, leaf_hash, root_by_inclusion, root_of
from tests.api.office import problem
from tests.api.signing import Companies, Company, Session
from tests.devices import new_id


class Auditing:
    """An auditor of a company, and whoever signs for its audit."""

    def __init__(self, server: Companies) -> None:
        self.server, self.company = server, server.new()
        self.auditor: Session = self.company.session("auditor")

    def sign(self) -> None:
        self.server.audits.keep_up(self.company.tenant, at_once=True)

    def ask(self, path: str) -> Any:
        return self.company.ask("GET", f"/v1/proof/audit/{path}", token=self.auditor.access)

    def told(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def entries(self) -> tuple[list[dict[str, Any]], Checkpoint]:
        found, after = list[dict[str, Any]](), 0
        while True:
            page = self.told(f"entries?limit=3&after={after}")
            found += page["items"]
            after = page["next"]
            if after is None:
                return found, read_note(page["checkpoint"].encode(), "audit").checkpoint


@pytest.fixture
def auditing(server_here: Companies) -> Auditing:
    return Auditing(server_here)


def sign_in_often(company: Company, count: int) -> None:
    for _ in range(count):
        company.clock.ms += 1
        company.sign_in("dispatcher")


def test_f8_all_entries_together_come_to_the_root_that_was_signed(auditing: Auditing) -> None:
    sign_in_often(auditing.company, 7)
    auditing.sign()
    entries, checkpoint = auditing.entries()
    assert [each["position"] for each in entries] == list(range(1, checkpoint.size + 1))
    hashes = [leaf_hash(each["leaf"].encode()) for each in entries]
    assert root_of(appended(0, [], hashes)) == checkpoint.root
    for each in entries:
        leaf = json.loads(each["leaf"])
        assert orjson.dumps(leaf, option=orjson.OPT_SORT_KEYS).decode() == each["leaf"], "canonical"
        assert (leaf["tenant"], leaf["position"]) == (auditing.company.tenant, each["position"])
        said = bytes.fromhex(each["salt"]) + orjson.dumps([each["address"], each["detail"]])
        assert hashlib.sha256(said).hexdigest() == leaf["said"]
    assert {json.loads(each["leaf"])["kind"] for each in entries} == {"signed_in"}
    kinds = [each["kind"] for each in auditing.company.audit("audit_read")]
    assert len(kinds) == (checkpoint.size + 2) // 3, "every page that was read is noted"


def test_f8_the_audit_is_shown_to_begin_with_what_it_was(auditing: Auditing) -> None:
    before: list[Checkpoint] = []
    for count in (1, 4, 2):
        sign_in_often(auditing.company, count)
        auditing.sign()
        told = auditing.told("consistency")
        note, keys = read_note(told["checkpoint"].encode(), "audit"), [read_key(each) for each in told["keys"]]
        assert note.signed_by([key.public for key in keys], verify)
        assert {key.origin for key in keys} == {note.checkpoint.origin}
        assert auditing.ask("checkpoint").text == told["checkpoint"]
        for old in before:
            shown = auditing.told(f"consistency?since={old.size}")["consistency"]
            hashes = [base64.b64decode(each) for each in shown]
            assert is_consistent(old.size, old.root, note.checkpoint.size, note.checkpoint.root, hashes)
        before.append(note.checkpoint)
    sizes = [each["size"] for each in auditing.told("checkpoints")["items"]]
    assert sizes == [each.size for each in before]


def test_an_entry_is_shown_to_be_in_the_audit(auditing: Auditing) -> None:
    sign_in_often(auditing.company, 5)
    auditing.sign()
    (entry, *_) = auditing.company.audit("signed_in")
    told = auditing.told(f"inclusion?entry={entry['entry']}")
    assert told == auditing.told(f"inclusion?position={told['position']}")
    checkpoint = read_note(told["checkpoint"].encode(), "audit").checkpoint
    proof = [base64.b64decode(each) for each in told["inclusion"]]
    leaf = leaf_hash(told["leaf"].encode())
    assert base64.b64decode(told["leaf_hash"]) == leaf
    assert root_by_inclusion(leaf, told["position"] - 1, checkpoint.size, proof) == checkpoint.root


def test_what_cannot_be_shown_of_the_audit_is_said(auditing: Auditing) -> None:
    for path in ("checkpoint", "consistency", "entries", "inclusion?position=1"):
        problem(auditing.ask(path), 404, "no-checkpoint")
    auditing.sign()
    sign_in_often(auditing.company, 1)
    (entry, *_) = auditing.company.audit("signed_in")
    problem(auditing.ask(f"inclusion?entry={entry['entry']}"), 404, "entry-not-found")
    auditing.server.audits._places.give(auditing.company.tenant)
    problem(auditing.ask(f"inclusion?entry={entry['entry']}"), 409, "not-signed-yet")
    problem(auditing.ask(f"inclusion?entry={new_id()}"), 404, "entry-not-found")
    problem(auditing.ask("inclusion?position=99"), 404, "entry-not-found")
    problem(auditing.ask("inclusion"), 422, "invalid-request")
    problem(auditing.ask(f"inclusion?position=1&entry={new_id()}"), 422, "invalid-request")


def test_f8_whoever_reads_the_audit_is_noted_wherever_they_begin(auditing: Auditing) -> None:
    page = "/v1/audit?cursor=ffffffff-ffff-7fff-bfff-ffffffffffff"
    assert auditing.company.ask("GET", page, token=auditing.auditor.access).status_code == 200
    assert [each["actor"] for each in auditing.company.audit("audit_read")] == [auditing.company.people["auditor"]]


def test_f8_evidence_of_the_audit_checks_itself_and_anything_else_is_found(auditing: Auditing) -> None:
    company, dispatcher = auditing.company, auditing.company.people["dispatcher"]
    sign_in_often(company, 2)
    auditing.sign()
    older = auditing.ask("checkpoint").content
    sign_in_often(company, 3)
    auditing.sign()
    answer = auditing.ask(f"evidence?person={dispatcher}&since={read_note(older, 'audit').checkpoint.size}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundled:
        files = {name: bundled.read(name) for name in bundled.namelist()}
    said: list[str] = []
    verify_evidence.check(files.__getitem__, None, older, said.append)
    assert "5, each of them in that log, unchanged" in said[-2]
    assert said[-1].startswith("continues  your checkpoint over")
    (line, *_) = files["audit.ndjson"].splitlines()
    entry = json.loads(line)
    for change in (
        {"address": "198.51.100.9"},
        {"detail": "by passkey"},
        {"position": 1 + entry["position"]},
        {"leaf": entry["leaf"].replace("signed_in", "signed_at")},
        {"leaf": entry["leaf"].replace(company.tenant, new_id())},
    ):
        spoiled = {**files, "audit.ndjson": json.dumps({**entry, **change}).encode()}
        with pytest.raises(verify_evidence.Bad, match="the entry at position"):
            verify_evidence.check(spoiled.__getitem__, None, None, said.append)
    assert [each["person"] for each in company.audit("evidence_taken")] == [dispatcher]
    problem(auditing.ask(f"evidence?person={new_id()}"), 404, "entry-not-found")
    problem(auditing.ask("evidence?since=999"), 409, "not-signed-yet")
