"""The answer to a refresh is cut at every byte, again and again in one session: nobody is ever signed out."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from cairnfield.ids import uuid7
from cairnfield.prove_sync.proxy import Line, Proxy, Weather
from commands.people import SignInRow
from infra.passwords import Argon2Passwords
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from infra.postgres.sign_in import PostgresSignIns
from tests.api.signing import PASSWORD, Key
from tests.conftest import TestServer
from tests.workers import workers

STEP: Final = int(os.environ.get("CAIRN_TEST_BYTES_STEP", "1"))
LONGER: Final = 64
"""So many bytes may answers differ in: ids and numbers have more digits or fewer."""
PATH: Final = "/v1/sign-in/refresh"
EMAIL: Final = "ada@harbour.example"


@pytest.fixture
def line(embedded_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A line to a server where Ada signs in."""
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path))
    with embedded_server.database() as dsn, open_pool(dsn, size=1) as pool, workers() as started:
        accounts, now_ms = PostgresAccounts(pool), time.time_ns() // 1_000_000
        tenant, person = accounts.add_tenant("Harbour Town", now_ms=now_ms), uuid7(now_ms, Random())
        accounts.add_person(tenant, person=person, name="Ada", role="technician")
        row = SignInRow(person, EMAIL, Argon2Passwords().hash(PASSWORD))
        PostgresSignIns(pool).keep(tenant, row, now_ms=now_ms)
        worker = started.start(dsn)
        with Proxy(upstreams=[("127.0.0.1", worker.port)]) as proxy:
            yield proxy.line()


def asked(line: Line, key: Key, path: str, document: dict[str, str]) -> tuple[int, int, dict[str, Any]]:
    """(status, bytes of the answer, document) of one request on a connection of its own; raises OSError."""
    host, now_ms = f"127.0.0.1:{line.port}", time.time_ns() // 1_000_000
    proof = key.proof("POST", path, now_ms=now_ms, htu=f"http://{host}{path}", jti=str(uuid.uuid4()))
    with closing(HTTPConnection(host, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(document), {"DPoP": proof, "Connection": "close"})
        response = connection.getresponse()
        body = response.read()
    head = sum(len(name) + len(value) + 4 for name, value in response.getheaders())
    return response.status, len(body) + head + 32, json.loads(body)


def test_d3_a_refresh_whose_answer_is_cut_at_any_byte_signs_nobody_out(line: Line) -> None:
    key = Key()
    status, _, signed_in = asked(line, key, "/v1/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert status == 200, signed_in
    kept = {"refresh_token": signed_in["refresh_token"]}
    _, length, _ = asked(line, key, PATH, kept)
    for after in range(0, length + LONGER, STEP):
        line.turn(Weather(cut_after=("down", after), cut_softly=after // STEP % 2 == 1))
        try:
            status, _, told = asked(line, key, PATH, kept)
            kept = {"refresh_token": told["refresh_token"]}
            assert status == 200
        except (OSError, HTTPException, json.JSONDecodeError):
            pass  # it was cut: what was kept is sent again
        line.turn(Weather())
        status, _, told = asked(line, key, PATH, kept)
        assert status == 200, (after, told)
        kept = {"refresh_token": told["refresh_token"]}
    assert line.cuts * STEP > length - LONGER, "the first answer may have been a little longer than the later ones"
