"""Keys are rotated three times, at once, while 200 clients of two servers ask and refresh: nobody hears a 401."""

import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import httpx
import jwt
import pytest

from api import refresh_token
from cairnfield.ids import uuid7
from commands.sessions import SessionRow
from commands.signing_keys import USES
from infra.keyring import FileKeyring
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from infra.postgres.sessions import PostgresSessions
from tests.api.signing import Key
from tests.conftest import TestServer
from tests.workers import workers

CLIENTS: Final = 200
TURNS: Final = 4
"""Of each client: before the first rotation, and after each."""
AT_ONCE: Final = 16
REFRESH: Final = "/v1/sign-in/refresh"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Client:
    """Somebody who is signed in, and asks one server and then the other."""

    refreshing: str
    key: Key = field(default_factory=Key)
    access: list[str] = field(default_factory=list[str])

    def take_turn(self, http: httpx.Client, here: str, there: str) -> list[int]:
        """Refresh at one server, and ask the other with all tokens that it has been given lately."""
        told = http.post(
            here + REFRESH, json={"refresh_token": self.refreshing}, headers={"DPoP": self.proof("POST", here, REFRESH)}
        )
        if told.status_code != 200:
            return [told.status_code]
        self.refreshing = told.json()["refresh_token"]
        self.access = [*self.access[-1:], told.json()["access_token"]]
        return [told.status_code, *(self.asked(http, there, token) for token in self.access)]

    def asked(self, http: httpx.Client, server: str, token: str) -> int:
        proof = self.proof("GET", server, "/v1/me", token)
        return http.get(f"{server}/v1/me", headers={"Authorization": f"DPoP {token}", "DPoP": proof}).status_code

    def proof(self, method: str, server: str, path: str, token: str | None = None) -> str:
        return self.key.proof(method, path, now_ms=now_ms(), token=token, htu=server + path, jti=str(uuid.uuid4()))


@dataclass
class Place:
    """Two servers that share a database and a keyring, and whoever is signed in."""

    servers: list[str]
    keyring: FileKeyring
    clients: list[Client]


@pytest.fixture
def place(embedded_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("CAIRN_RATE_LIMITS", "off")
    keyring = FileKeyring(tmp_path, now_ms=now_ms)
    with embedded_server.database() as dsn, workers() as started:
        with open_pool(dsn, size=1) as pool:
            clients = list(_signed_in(PostgresAccounts(pool), PostgresSessions(pool), keyring))
        yield Place([started.start(dsn).url for _ in range(2)], keyring, clients)


def _signed_in(accounts: PostgresAccounts, sessions: PostgresSessions, keyring: FileKeyring) -> Iterator[Client]:
    """Without passwords, whose hashes would take the time."""
    began, dice = now_ms(), Random()
    tenant = accounts.add_tenant("Harbour Town", now_ms=began)
    kid, _ = keyring.mac("refresh", b"")
    for number in range(CLIENTS):
        person, session = uuid7(began, dice), uuid7(began, dice)
        accounts.add_person(tenant, person=person, name=f"Number {number}", role="technician")
        made = refresh_token.spell(keyring, kid, tenant=tenant, session=session, number=1)
        assert made is not None
        client = Client(made)
        row = SessionRow(
            session=session,
            person=person,
            device=None,
            thumbprint=client.key.thumbprint,
            refresh_key=kid,
            generation=0,
            way="password",
            signed_in_at_ms=began,
            refreshed_at_ms=began,
            ended_at_ms=None,
            end_reason=None,
        )
        sessions.begin(tenant, row)
        yield client


def test_d7_keys_are_rotated_three_times_under_two_hundred_clients_and_nobody_hears_a_401(place: Place) -> None:
    done, ready = itertools.count(1), [threading.Event() for _ in range(TURNS)]

    def turns(client: Client) -> list[int]:
        heard: list[int] = []
        for turn in range(TURNS):
            here, there = place.servers[turn % 2], place.servers[(turn + 1) % 2]
            heard += client.take_turn(http, here, there)
            count = next(done)
            if count % (CLIENTS // 2) == 0:  # in the middle of everybody's turns
                ready[min(count // (CLIENTS // 2), TURNS) - 1].set()
        return heard

    limits = httpx.Limits(max_connections=AT_ONCE)
    with httpx.Client(limits=limits, timeout=60, trust_env=False) as http, ThreadPoolExecutor(AT_ONCE) as pool:
        heard = [pool.submit(turns, client) for client in place.clients]
        signers = {place.keyring.signer()}
        for event in ready[: TURNS - 1]:
            assert event.wait(60)
            for use in USES:
                place.keyring.rotate(use, at_once=True)
            signers.add(place.keyring.signer())
        statuses = [status for each in heard for status in each.result()]
    assert statuses == [200] * (CLIENTS * (3 * TURNS - 1))
    assert len(signers) == TURNS
    signed = {jwt.get_unverified_header(token)["kid"] for client in place.clients for token in client.access}
    assert signed <= signers
    assert place.keyring.signer() in signed


def test_d8_a_signing_key_that_leaked_is_gone_within_a_second_and_every_client_goes_on(place: Place) -> None:
    one, clients = place.servers[0], place.clients[:20]
    with httpx.Client(timeout=60, trust_env=False) as http:
        for each in clients:
            assert each.take_turn(http, one, one) == [200, 200]
        revoked_at_s = time.monotonic()
        place.keyring.revoke(place.keyring.signer())
        while 200 in [each.asked(http, one, each.access[-1]) for each in clients]:  # each is remembered since its turn
            assert time.monotonic() - revoked_at_s < 60
            time.sleep(0.1)
        for each in clients:
            leaked = each.access[-1]
            each.access = []
            assert each.take_turn(http, one, one) == [200, 200], "it refreshes, and nobody signs in anew"
            assert each.asked(http, one, leaked) == 401
