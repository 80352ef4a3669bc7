"""B18: what is secret or somebody's own is in no log, however loud it is set, also where something fails."""

import base64
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from cairnfield.wiring import build_app
from commands.people import SignInRow
from infra.keyring import FileKeyring
from infra.passwords import Argon2Passwords
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from infra.postgres.sign_in import PostgresSignIns
from infra.settings import from_environment
from tests.api.signing import PASSWORD, Key
from tests.conftest import TestServer
from tests.devices import CREATED, Device, new_id
from tests.test_simulate import answering

OURS: Final = ("httpx", "httpcore")
"""Loggers of the client that these tests are."""
EMAIL: Final = "canary-mail@harbour.example"
WRONG: Final = "canary wrong password"
PERSONAL: Final = "canary-of-a-customer"
FORGED: Final = "x\r\nWARNING:root:canary-forged-line"


class Kept(logging.Handler):
    """Everything that is logged, formatted as it would be, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] not in OURS:
            self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


class Town:
    """A server to which somebody signs in, and what must be in no log."""

    def __init__(self, http: httpx.Client, url: str, tenant: str) -> None:
        self._http, self._url, self._tenant, self._key = http, url, tenant, Key()
        self.secrets = {PASSWORD, WRONG, EMAIL, PERSONAL, "canary-forged-line"}

    def ask(self, method: str, path: str, token: str = "", **request: object) -> httpx.Response:
        now_ms, bare = time.time_ns() // 1_000_000, path.partition("?")[0]
        proof = self._key.proof(method, bare, now_ms=now_ms, token=token or None, htu=self._url + bare)
        headers = {"DPoP": proof, **({"Authorization": f"DPoP {token}"} if token else {})}
        self.secrets |= {proof, *proof.split(".")[1:], *([token] if token else [])}
        return self._http.request(method, path, headers=headers, **request)  # type: ignore[arg-type]

    def live(self) -> None:
        """Sign in and go on, work, ask wrongly, and be refused."""
        said = {"email": EMAIL, "password": PASSWORD, "tenant": self._tenant}
        assert self.ask("POST", "/v1/sign-in", json={**said, "password": WRONG}).status_code == 401
        told = self.ask("POST", "/v1/sign-in", json=said).json()
        self.secrets.add(told["refresh_token"])
        self.ask("POST", "/v1/sign-in/refresh", json={"refresh_token": told["refresh_token"]})
        access = self.ask("POST", "/v1/devices", told["access_token"], json={"name": PERSONAL})
        assert access.status_code == 201, access.text
        token, device = access.json()["access_token"], Device("phone")
        device.author = device.author.__class__(replica=access.json()["replicas"][0])
        good = device.create("customer", new_id(), {**CREATED["customer"], "name": PERSONAL})
        for raw in (good, good.replace(b'"v":1', b'"v":01'), PERSONAL.encode(), b"\xff" + PERSONAL.encode()):
            self.ask("POST", "/v1/sync/push", token, content=raw)
        account = self.ask("POST", "/v1/service-accounts", token, json={"name": PERSONAL, "scopes": ["proj:read"]})
        self.secrets.add(account.json()["client_secret"])
        hook = self.ask("POST", "/v1/webhooks", token, json={"url": "https://erp.example.com/", "name": PERSONAL})
        self.secrets.add(hook.json()["secret"])
        for path in (f"/v1/me?access_token={token}", f"/v1/{FORGED}", f"/v1/entities/customer/{PERSONAL}"):
            self.ask("GET", path.replace("\r\n", "%0d%0a"), token)
        self.ask("PUT", "/v1/me/password", token, json={"old": WRONG, "new": PASSWORD})


def test_b18_s4_no_secret_and_nothing_personal_is_logged(
    embedded_server: TestServer, tmp_path: Path, kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = from_environment({"CAIRN_SECRETS_DIR": str(tmp_path)})
    with embedded_server.database() as dsn, open_pool(dsn, size=1) as pool:
        accounts, person = PostgresAccounts(pool), new_id()
        tenant = accounts.add_tenant("Harbour Town", now_ms=1)
        accounts.add_person(tenant, person=person, name=PERSONAL, role="admin", email=EMAIL)
        row = SignInRow(person, EMAIL, Argon2Passwords().hash(PASSWORD))
        PostgresSignIns(pool).keep(tenant, row, now_ms=1)
        with (
            answering(build_app(dsn, settings)) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=60) as http,
        ):
            town = Town(http, url, tenant)
            town.live()
            _break(embedded_server, dsn)
            assert town.ask("POST", "/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).status_code >= 401
            logging.getLogger("cairnfield.api").warning("the scanner finds canary-of-the-scanner")
        town.secrets |= {row.password_hash or "", *_keys(FileKeyring(tmp_path, now_ms=lambda: 1))}
    printed = capfd.readouterr()
    told = "\n".join([*kept.lines, printed.out, printed.err])
    assert "canary-of-the-scanner" in told
    assert "the log is unavailable" in told, "it was loud where something failed"
    assert len(town.secrets) > 20
    assert [secret for secret in town.secrets if secret in told] == []


def _keys(keyring: FileKeyring) -> Iterator[str]:
    """The secrets of the keys, as they are written, and in other spellings."""
    for each in keyring._all().values():
        raw = base64.urlsafe_b64decode(each.secret + "==")
        yield from (each.secret, raw.hex(), base64.b64encode(raw).decode())


def _break(server: TestServer, dsn: str) -> None:
    """Let the database close every connection of the server, and open no other."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(server.dsn, autocommit=True) as superuser:
        superuser.execute("update pg_database set datallowconn = false where datname = %s", [name])
        superuser.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
