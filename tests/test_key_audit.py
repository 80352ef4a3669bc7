"""What becomes of the server's keys stands in the audit of every tenant, once, whoever saw it happen."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cairnfield.key_audit import LOOKED_AT_EVERY_S, KeyAudit
from cairnfield.wiring import build_app
from commands.signing_keys import PUBLISHED_BEFORE_MS, USES
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.audit import PostgresAudit
from infra.postgres.pool import open_pool
from infra.settings import from_environment
from tests.api.signing import Companies, Company, companies
from tests.conftest import TestServer
from tests.test_simulate import answering

KINDS = ("key_made", "key_in_use", "key_revoked")


@pytest.fixture
def here(embedded_server: TestServer, tmp_path: Path) -> Iterator[Companies]:
    with embedded_server.database() as dsn, companies(dsn, tmp_path) as made:
        yield made


def noting(here: Companies) -> KeyAudit:
    accounts, audit = here.services.accounts, here.identity.audit
    assert isinstance(accounts, PostgresAccounts)
    assert isinstance(audit, PostgresAudit)
    return KeyAudit(here.keyring.rows, audit, lambda: [each for each, _ in accounts.tenants()], lambda: here.clock.ms)


def told(company: Company, kid: str) -> list[tuple[str, int]]:
    """What the audit tells of a key, oldest first."""
    entries = [each for kind in KINDS for each in company.audit(kind) if kid in each["detail"]]
    return [(each["kind"], each["at_ms"]) for each in sorted(entries, key=lambda each: each["entry"])]


def test_every_tenant_reads_what_became_of_the_keys_that_sign_for_it(here: Companies) -> None:
    ours, theirs = here.new(), here.new()
    first, began = here.keyring.signer(), here.clock.ms
    noting(here).note()
    assert told(ours, first) == told(theirs, first) == [("key_made", began), ("key_in_use", began)]
    here.clock.ms += 1
    second = here.keyring.rotate("access").kid
    noting(here).note()
    assert told(ours, second) == [("key_made", began + 1)], "it is published, and signs nothing yet"
    here.clock.ms += PUBLISHED_BEFORE_MS
    noting(here).note()
    assert told(theirs, second) == [("key_made", began + 1), ("key_in_use", began + 1 + PUBLISHED_BEFORE_MS)]
    here.clock.ms += 1
    here.keyring.revoke(second)
    noting(here).note()
    assert told(ours, second)[-1] == ("key_revoked", here.clock.ms)


def test_a_key_that_was_revoked_before_its_time_was_never_in_use(here: Companies) -> None:
    company = here.new()
    kid = here.keyring.rotate("access").kid
    here.clock.ms += 1
    here.keyring.revoke(kid)
    here.clock.ms += 2 * PUBLISHED_BEFORE_MS
    noting(here).note()
    assert [kind for kind, _ in told(company, kid)] == ["key_made", "key_revoked"]


def test_what_several_processes_see_is_noted_once(here: Companies) -> None:
    company = here.new()
    here.keyring.rotate("refresh")
    one, other = noting(here), noting(here)
    for each in (one, other, one, noting(here)):
        each.note()
    entries = [entry["entry"] for kind in KINDS for entry in company.audit(kind)]
    assert len(entries) == len(set(entries)) == 2 * len(USES) + 1, "one was made of each, and used, and one more made"


def test_no_secret_is_noted(here: Companies) -> None:
    company = here.new()
    noting(here).note()
    kept = str([company.audit(kind) for kind in KINDS])
    assert {row.kid in kept for row in here.keyring.rows()} == {True}
    assert not [each.secret for each in here.keyring._all().values() if each.secret in kept]


def test_a_sign_in_tells_which_key_signed(here: Companies) -> None:
    company = here.new()
    company.sign_in()
    assert [each["detail"] for each in company.audit("signed_in")] == [
        f"by password; signed by {here.keyring.signer()}"
    ]


def test_a_server_that_runs_notes_what_the_command_did_beside_it(embedded_server: TestServer, tmp_path: Path) -> None:
    """As an operator does it: the command needs no database, and nothing is restarted."""
    environment = {"CAIRN_SECRETS_DIR": str(tmp_path / "keys")}
    with embedded_server.database() as dsn, open_pool(dsn, size=1) as pool:
        accounts, audit = PostgresAccounts(pool), PostgresAudit(pool)
        tenant = accounts.add_tenant("Harbour Town", now_ms=1)
        with answering(build_app(dsn, from_environment(environment))):
            rotate = [sys.executable, "-m", "cairnfield", "keys", "rotate"]
            subprocess.run(rotate, env=environment, check=True, capture_output=True, timeout=60)
            give_up = time.monotonic() + 6 * LOOKED_AT_EVERY_S
            while len(found := _made(audit, tenant)) < len(USES) + 1:
                assert time.monotonic() < give_up, found
                time.sleep(0.1)
    assert sorted(each.split()[0] for each in found) == sorted([*USES, "access"])


def _made(audit: PostgresAudit, tenant: str) -> list[Any]:
    entries = audit.entries(tenant, before=None, kind="key_made", person=None, limit=10)
    return [each.detail for each in entries]
