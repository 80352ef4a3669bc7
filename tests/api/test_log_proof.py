"""Proofs over HTTP: what they lead to is checked by the algorithms of the RFC and by the server's own key."""

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.proof_ports import Proofs
from api.services import Services
from cairnfield.wiring import new_replica
from infra import verify_evidence
from infra.checkpoint_signer import CheckpointSigner
from infra.doorbell import ProcessDoorbell
from infra.ed25519 import verify
from infra.evidence_zip import packed
from infra.keyring import FileKeyring
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from infra.memory_proof_shelf import MemoryProofShelf
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresProofShelf
from infra.postgres.roles import PROJECTOR
from infra.tree_keeper import TreeKeeper
from sync.checkpoint import Checkpoint, read_key, read_note
from sync.merkle import is_consistent, leaf_hash, root_by_inclusion
from sync.proof_shelf import ProofShelf
from tests.api.in_process import client_of
from tests.api.office import NOW, Clock, Office, customers, problem
from tests.conftest import TestServer
from tests.devices import new_id


class Proving(Office):
    """An office whose server signs checkpoints."""

    keeper: TreeKeeper

    def sign(self) -> None:
        self.keeper.keep_up(self.tenant, at_once=True)

    def told(self, path: str, **query: Any) -> Any:
        answer = self.get(f"/v1/proof/{path}", role="auditor", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


def made(
    log: MemoryEventLog | PostgresEventLog,
    accounts: MemoryAccounts | PostgresAccounts,
    shelf: ProofShelf,
    keeping: ProofShelf,
    folder: Path,
) -> Iterator[Proving]:
    signer = CheckpointSigner(FileKeyring(folder, now_ms=lambda: NOW), folder)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=ProcessDoorbell(),
        now_ms=lambda: NOW,
        new_replica=new_replica,
        is_ready=lambda: True,
        proofs=Proofs(shelf=shelf, publics=signer.publics, packed=packed),
    )
    app: FastAPI = create_app(services)
    with client_of(app) as client:
        tenant = accounts.add_tenant("Harbour Town", now_ms=NOW)
        office = Proving(client=client, log=log, accounts=accounts, clock=Clock(), tenant=tenant)
        office.keeper = TreeKeeper(keeping, signer, now_ms=lambda: NOW)
        office.staff()
        yield office


@pytest.fixture(params=["memory", "postgres"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proving]:
    if request.param == "memory":
        log = MemoryEventLog()
        shelf = MemoryProofShelf(log)
        yield from made(log, MemoryAccounts(log), shelf, shelf, tmp_path)
        return
    server = request.getfixturevalue("embedded_server")
    assert isinstance(server, TestServer)
    with (
        server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=1, role=PROJECTOR) as keeping,
    ):
        shelves = PostgresProofShelf(pool), PostgresProofShelf(keeping)
        yield from made(PostgresEventLog(pool), PostgresAccounts(pool), *shelves, tmp_path)


def checked(document: Any) -> Checkpoint:
    """The checkpoint of an answer, once it is known to be signed by every key that the answer names."""
    note, keys = read_note(document["checkpoint"].encode()), [read_key(each) for each in document["keys"]]
    assert keys
    assert {key.origin for key in keys} == {note.checkpoint.origin}
    assert note.signed_by([key.public for key in keys], verify) == [key.public for key in keys]
    return note.checkpoint


def hashes(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(each) for each in texts]


def test_every_event_is_shown_to_be_in_the_log(office: Proving) -> None:
    raws = customers(office.device("ada"), 7)
    office.verdicts(*raws)
    office.sign()
    rows = office.log.page(office.tenant, after=0, limit=9)
    assert [row.body for row in rows] == list(raws)
    for row in rows:
        told = office.told("inclusion", position=row.position)
        assert told == office.told("inclusion", event=row.id)
        checkpoint = checked(told)
        leaf = leaf_hash(told["stamps"].encode() + b"\n" + row.body)
        assert base64.b64encode(leaf).decode() == told["leaf_hash"]
        assert checkpoint.size == told["size"] == 7
        root = root_by_inclusion(leaf, row.position - 1, checkpoint.size, hashes(told["inclusion"]))
        assert root == checkpoint.root


def test_a_log_that_grew_is_shown_to_begin_with_what_it_was(office: Proving) -> None:
    ada = office.device("ada")
    before: list[Checkpoint] = []
    for count in (1, 3, 9):
        office.verdicts(*customers(ada, count))
        office.sign()
        told = office.told("consistency", since=0)
        assert (told["consistency"], told["durable"], told["since"]) == ([], 0, 0)
        checkpoint = checked(told)
        assert office.get("/v1/proof/checkpoint").text == told["checkpoint"]
        for old in before:
            told = office.told("consistency", since=old.size)
            assert is_consistent(old.size, old.root, checkpoint.size, checkpoint.root, hashes(told["consistency"])), old
        before.append(checkpoint)
    page = office.told("checkpoints", limit=2)
    rest = office.told("checkpoints", limit=2, after=page["next"])
    sizes = [each["size"] for each in (*page["items"], *rest["items"])]
    assert (sizes, rest["next"]) == ([1, 4, 13], None)
    assert read_note(page["items"][1]["checkpoint"].encode()).checkpoint == before[1]


def test_whoever_has_seen_more_than_is_signed_is_shown_no_proof(office: Proving) -> None:
    office.verdicts(*customers(office.device("ada"), 3))
    office.sign()
    assert office.told("consistency", since=4)["consistency"] is None


def test_the_tiles_hold_the_hashes_up_to_the_checkpoint(office: Proving) -> None:
    ada = office.device("ada")
    office.verdicts(*customers(ada, 300))
    office.sign()
    office.verdicts(*customers(ada, 5))
    leaves = hashes([office.told("inclusion", position=each)["leaf_hash"] for each in (1, 256, 257, 300)])
    full, rest = office.told("tiles/0/0"), office.told("tiles/0/1")
    assert (full["width"], rest["width"]) == (256, 44)
    whole = base64.b64decode(full["hashes"]) + base64.b64decode(rest["hashes"])
    assert [whole[32 * (at - 1) : 32 * at] for at in (1, 256, 257, 300)] == leaves
    assert office.told("tiles/1/0")["width"] == 1
    kept = office.get("/v1/proof/tiles/0/0", role="auditor").headers["cache-control"]
    assert "immutable" in kept
    for path in ("0/2", "1/1", "2/0", "7/0", "0/-1", "-1/0", f"0/{1 << 60}"):
        problem(office.get(f"/v1/proof/tiles/{path}", role="auditor"), 404, "tile-not-found")
    problem(office.get("/v1/proof/tiles/0/x", role="auditor"), 422, "invalid-request")


def test_what_cannot_be_shown_is_said(office: Proving) -> None:
    for path in ("checkpoint", "consistency", "inclusion", "tiles/0/0"):
        asked = {"position": 1} if path == "inclusion" else {}
        problem(office.get(f"/v1/proof/{path}", role="auditor", **asked), 404, "no-checkpoint")
    assert office.told("checkpoints") == {"items": [], "next": None}
    assert len(office.told("keys")["keys"]) == 1
    ada = office.device("ada")
    office.verdicts(*customers(ada, 2))
    office.sign()
    office.verdicts(*customers(ada, 1))
    problem(office.get("/v1/proof/inclusion", role="auditor", position=3), 409, "not-signed-yet")
    problem(office.get("/v1/proof/inclusion", role="auditor", position=4), 404, "event-not-found")
    problem(office.get("/v1/proof/inclusion", role="auditor", event=new_id()), 404, "event-not-found")
    problem(office.get("/v1/proof/inclusion", role="auditor"), 422, "invalid-request")
    problem(office.get("/v1/proof/inclusion", role="auditor", position=1, event=new_id()), 422, "invalid-request")
    problem(office.get("/v1/proof/inclusion", role="auditor", event="x"), 422, "invalid-request")
    problem(office.get("/v1/proof/consistency", role="auditor", since=-1), 422, "invalid-request")
    problem(office.get("/v1/proof/inclusion", role="technician", position=1), 403, "forbidden")


def test_evidence_is_taken_of_a_scope_or_of_events_and_checks_itself(office: Proving) -> None:
    raws = customers(office.device("ada"), 3)
    office.verdicts(*raws)
    office.sign()
    rows = office.log.page(office.tenant, after=0, limit=9)
    for asked in ({"scope": rows[1].scope, "since": 2}, {"event": [rows[2].id, rows[0].id]}):
        answer = office.get("/v1/proof/evidence", role="auditor", **asked)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as bundled:
            told: list[str] = []
            verify_evidence.check(bundled.read, None, None, told.append)
            count = bundled.read("events.ndjson").count(b"\n")
        assert f"{count}, each of them in that log" in told[-1]
        assert count == (1 if "scope" in asked else 2)


def test_evidence_that_there_is_not_is_refused(office: Proving) -> None:
    def refused(status: int, kind: str, **asked: Any) -> None:
        problem(office.get("/v1/proof/evidence", role="auditor", **asked), status, kind)

    refused(404, "no-checkpoint", event=new_id())
    ada = office.device("ada")
    office.verdicts(*customers(ada, 1))
    office.sign()
    (verdict,) = office.verdicts(*customers(ada, 1))
    refused(409, "not-signed-yet", event=verdict["id"])
    refused(409, "not-signed-yet", scope=office.log.page(office.tenant, after=0, limit=1)[0].scope, since=9)
    refused(404, "event-not-found", event=new_id())
    refused(404, "event-not-found", scope=f"site:{new_id()}")
    refused(422, "invalid-request")
    refused(422, "invalid-request", event="0")
    refused(422, "invalid-request", event=[new_id(), ""])
    refused(422, "invalid-request", event=new_id(), scope="catalog")
    refused(422, "invalid-request", scope="everything")
    refused(422, "invalid-request", event=[new_id() for _ in range(101)])
    problem(office.get("/v1/proof/evidence", role="integration", scope="catalog"), 403, "forbidden")


def test_a_server_without_proofs_says_so(memory_offices: Any) -> None:
    office: Office = memory_offices()
    for path in ("keys", "checkpoint", "checkpoints", "consistency", "inclusion", "tiles/0/0"):
        problem(office.get(f"/v1/proof/{path}", role="auditor"), 501, "no-proofs")
