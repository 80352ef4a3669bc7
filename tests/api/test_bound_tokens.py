"""Tokens that are bound to a key are worth nothing without it, and a device's replica is spoken for by that device."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import httpx
import psycopg
import pytest

from api.live_streams import Pace
from api.policy import POLICY, WITHOUT_KEY
from api.proof import FRESH_MS, Proofs
from api.terms import Terms
from infra.postgres.accounts import PostgresAccounts
from sync.author import Author
from tests.api.door import office_on
from tests.api.office import NDJSON, problem
from tests.api.serving import on_a_port
from tests.api.signing import Companies, Company, Key, Session
from tests.api.test_live import READ_S_MAX
from tests.devices import Device, new_id


class Elsewhere:
    """Used words that are kept elsewhere, so that whoever asks for them waits."""

    def __init__(self) -> None:
        self.asked_on_the_loop: list[bool] = []

    def take(self, word: str, *, kept_ms: int) -> bool:
        assert word
        assert kept_ms >= FRESH_MS
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.asked_on_the_loop.append(False)
        else:
            self.asked_on_the_loop.append(True)
        return True


ID = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def test_nobody_else_waits_while_it_is_asked_elsewhere_whether_a_proof_was_used(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, words = company.session("dispatcher"), Elsewhere()
    app: Any = company.client._transport._carrier.app  # type: ignore[attr-defined]
    monkeypatch.setitem(app.state._state, "proofs", Proofs(words))
    for _ in range(2):  # the second time it is remembered who that is
        assert company.ask("GET", "/v1/me", token=session.access, key=session.key).status_code == 200
    assert words.asked_on_the_loop == [False, False]


def opaque(company: Company, role: Any = "technician") -> str:
    """A token that whoever runs the server gave out, bound to nothing."""
    accounts = company.services.accounts
    assert isinstance(accounts, PostgresAccounts)
    return accounts.issue(company.tenant, company.people[role], now_ms=company.clock.ms)


def phone(replica: str) -> Device:
    device = Device("phone")
    device.author = Author(replica=replica)
    return device


def handed_in(company: Company, token: str, raw: bytes, key: Key | None = None) -> httpx.Response:
    headers = {"Authorization": f"DPoP {token}", "Content-Type": NDJSON}
    if key is not None:
        headers["DPoP"] = key.proof("POST", "/v1/sync/push", now_ms=company.clock.ms, token=token)
    return company.client.post("/v1/sync/push", content=raw, headers=headers)


def spoken_for(company: Company, token: str, replica: str) -> list[tuple[int, str]]:
    """What each route answers that speaks for a replica, as status and code."""
    told = [
        handed_in(company, token, phone(replica).create("customer", new_id()), company.keys.get(token)),
        company.ask("POST", "/v1/sync/hello", {"replica": replica}, token=token),
        company.ask("GET", f"/v1/sync/pull?replica={replica}", token=token),
        company.ask("POST", "/v1/sync/replicas", {"name": "x", "replica": replica}, token=token),
    ]
    return [(each.status_code, "" if each.is_success else each.json()["code"]) for each in told]


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_d2_a_stolen_access_token_gives_nothing_on_any_route(company: Company, scheme: str) -> None:
    boss, thief = company.device("admin"), Key()
    asked = [(method, path) for (method, path), row in POLICY.items() if row.who is not None]
    assert len(asked) > 50
    for method, template in asked:
        path = template.replace("{entity_type}", "customer").replace("{", "").replace("}", "")
        bare = {"Authorization": f"{scheme} {boss.access}"}
        by_thief = thief.proof(method, path, now_ms=company.clock.ms, token=boss.access)
        for_other = boss.key.proof(method, path, now_ms=company.clock.ms, token="another token")
        for headers in (bare, {**bare, "DPoP": by_thief}, {**bare, "DPoP": for_other}):
            told = company.client.request(method, path, headers=headers, content=b"{}")
            problem(told, 401, "proof-refused")
    assert company.me(boss.access).status_code == 200


def test_d2_whoever_signs_in_without_a_key_only_reads(company: Company) -> None:
    token = company.sign_in("admin").json()["access_token"]
    assert company.ask("GET", "/v1/work-orders", token=token).status_code == 200
    assert set(company.me(token).json()["scopes"]) == WITHOUT_KEY
    for (method, template), row in POLICY.items():
        if row.who is not None and method != "GET" and template not in ("/v1/sync/hello", "/v1/sign-out"):
            told = company.ask(method, template.replace("{", "").replace("}", ""), {}, token=token)
            problem(told, 403, "forbidden")


def test_a1_the_replica_of_a_device_is_spoken_for_by_that_device_alone(company: Company) -> None:
    session = company.device()
    (replica,) = session.replicas
    others = {
        "a token that somebody gave out": opaque(company),
        "another device of the same person": company.device().access,
        "a colleague's device": company.device("dispatcher").access,
    }
    for name, token in others.items():
        assert spoken_for(company, token, replica) == [(403, "replica_not_yours")] * 4, name
    undecided = company.session().access
    missing, not_theirs = (403, "device_missing"), (403, "replica_not_yours")
    assert spoken_for(company, undecided, replica) == [missing, not_theirs, not_theirs, missing]
    assert [status for status, _ in spoken_for(company, session.access, replica)] == [200] * 4
    assert company.services.log.head(company.tenant).position == 1, "only its own event was taken"


def test_a1_a_device_speaks_for_no_replica_that_was_minted_for_none(company: Company) -> None:
    token, session = opaque(company), company.device()
    loose = company.ask("POST", "/v1/sync/replicas", {"name": "A script"}, token=token).json()["replica"]
    assert spoken_for(company, session.access, loose) == [(403, "replica_not_yours")] * 4
    assert [status for status, _ in spoken_for(company, token, loose)] == [200] * 4


def test_a_second_replica_of_a_device_is_its_own(company: Company) -> None:
    session = company.device()
    second = company.ask("POST", "/v1/sync/replicas", {"name": "After a fork"}, token=session.access).json()["replica"]
    assert [status for status, _ in spoken_for(company, session.access, second)] == [200] * 4
    assert spoken_for(company, opaque(company), second) == [(403, "replica_not_yours")] * 4


def test_a1_a_replica_that_a_restored_server_forgot_is_its_devices_again(company: Company, dsn: str) -> None:
    session = company.device()
    (replica,) = session.replicas
    with psycopg.connect(dsn) as superuser:
        for table in ("device_replica", "replica"):
            superuser.execute(f"delete from {table} where tenant = %s", [company.tenant])
    assert spoken_for(company, session.access, replica)[3] == (201, "")
    assert [status for status, _ in spoken_for(company, session.access, replica)] == [200] * 4
    assert spoken_for(company, opaque(company), replica) == [(403, "replica_not_yours")] * 4


def test_a_service_account_may_bind_its_tokens_to_a_key(company: Company) -> None:
    boss, key = company.session("admin"), Key()
    document = {"name": "Billing", "scopes": ["proj:read"]}
    account = company.ask("POST", "/v1/service-accounts", document, token=boss.access).json()
    credentials = {name: account[name] for name in ("client_id", "client_secret")}
    document = {"grant_type": "client_credentials", "tenant": company.tenant, **credentials}
    told = company.ask("POST", "/v1/token", document, key=key).json()
    assert told["token_type"] == "DPoP"
    problem(company.me(told["access_token"]), 401, "proof-refused")
    assert company.ask("GET", "/v1/me", token=told["access_token"], key=key).status_code == 200


def test_d2_where_others_reach_the_server_opaque_tokens_are_those_of_other_systems() -> None:
    with office_on(Terms(bearers=frozenset({"integration"}))) as office:
        problem(office.get("/v1/me", role="dispatcher"), 401, "unauthorized")
        problem(office.get("/v1/me", role="admin"), 401, "unauthorized")
        assert office.get("/v1/me", role="integration").status_code == 200


@contextmanager
def listening(port: int, session: Session, company: Company, host: str = "cairn") -> Iterator[Iterator[str]]:
    """The lines of a live stream."""
    proof = session.key.proof("GET", "/v1/sync/live", now_ms=company.clock.ms, token=session.access)
    headers = {"Authorization": f"DPoP {session.access}", "DPoP": proof, "Host": host}
    url = f"http://127.0.0.1:{port}/v1/sync/live?replica={session.replicas[0]}"
    with httpx.stream("GET", url, headers=headers, timeout=READ_S_MAX) as answer:
        assert answer.status_code == 200
        yield (line for line in answer.iter_lines() if line)


def test_d11_a_stream_goes_on_while_its_session_does_and_no_longer(server_here: Companies) -> None:
    company = server_here.new()
    session = company.device()
    pace = Pace(heartbeat_s=0.2, recheck_s=0.1, hints_apart_s=0.0)
    with on_a_port(company.services, pace) as port, listening(port, session, company) as lines:
        beats = [next(lines) for _ in range(8)]
        assert beats[-1] == ": here", "it was looked up many times, and is still good"
        company.ask("POST", "/v1/sign-out", {}, token=session.access)
        assert "event: unauthorized" in list(islice(lines, 50))


def test_d11_a_token_in_an_address_is_none(company: Company) -> None:
    token = opaque(company)
    for name in ("access_token", "token", "authorization", "ticket"):
        for path in ("/v1/sync/live", "/v1/me", "/v1/sync/pull"):
            problem(company.client.get(f"{path}?{name}={token}"), 401, "unauthorized")
    problem(company.client.get("/v1/me", headers={"Cookie": f"access_token={token}"}), 401, "unauthorized")
