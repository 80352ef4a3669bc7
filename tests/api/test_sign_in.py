"""Signing in, going on, signing out: what is told, to whom, and what a thief gets."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest

from commands.sessions import IDLE_MS_MAX, SESSION_MS_MAX, id_of_day
from tests.api.office import problem
from tests.api.signing import DAY_MS, PASSWORD, Companies, Company, Key
from tests.devices import new_id


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def test_somebody_signs_in_and_is_who_they_are(company: Company) -> None:
    told = company.sign_in("dispatcher").json()
    assert told["person"] == {"id": company.people["dispatcher"], "name": "A dispatcher", "role": "dispatcher"}
    assert (told["token_type"], told["refresh_token"], told["session"]) == ("Bearer", None, None)
    me = company.me(told["access_token"]).json()
    assert (me["person"], me["role"], me["tenant"]) == (company.people["dispatcher"], "dispatcher", company.tenant)
    assert [each["kind"] for each in company.audit("signed_in")] == ["signed_in"]


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_with_a_key_the_session_goes_on(company: Company, alg: str) -> None:
    session = company.session(key=Key(alg))
    first = session.access
    for _ in range(3):
        company.clock.ms += 11 * 60_000
        session = company.goes_on(session)
        assert company.me(session.access).status_code == 200
    problem(company.me(first), 401, "unauthorized")


def test_an_access_token_verifies_by_what_is_published(company: Company) -> None:
    """Checked by another implementation, as whoever receives our tokens would."""
    session = company.session()
    keys = jwt.PyJWKSet.from_dict(company.client.get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(session.access)
    assert header == {"alg": "EdDSA", "kid": header["kid"], "typ": "at+jwt"}
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(
        session.access, keys[header["kid"]].key, algorithms=["EdDSA"], audience="cairnfield-api", options=options
    )
    assert claims["cnf"] == {"jkt": session.key.thumbprint}
    assert claims["exp"] - claims["iat"] == 600
    assert not {"name", "email"} & claims.keys(), "nothing of it is personal"


def test_d2_a_thief_with_the_token_and_without_the_key_gets_nothing_and_is_noticed(company: Company) -> None:
    session = company.session()
    problem(company.refresh(session.refreshing, Key()), 401, "session-over")
    (entry,) = company.audit("refresh_stolen")
    assert entry["person"] == company.people["technician"]
    problem(company.refresh(session.refreshing, session.key), 401, "session-over")
    company.clock.ms += 6_000
    problem(company.me(session.access), 401, "unauthorized")


def test_d2_a_token_without_any_proof_ends_the_session_too(company: Company) -> None:
    session = company.session()
    problem(company.refresh(session.refreshing, None), 401, "proof-refused")
    assert company.audit("refresh_stolen")
    problem(company.refresh(session.refreshing, session.key), 401, "session-over")


def test_d2_a_thief_with_token_and_key_is_noticed_when_the_owner_comes_back(company: Company) -> None:
    stolen = company.session()
    thiefs = company.goes_on(company.goes_on(stolen))
    problem(company.refresh(stolen.refreshing, stolen.key), 401, "session-over")
    (entry,) = company.audit("refresh_reused")
    assert entry["session"]
    problem(company.refresh(thiefs.refreshing, thiefs.key), 401, "session-over")


def test_d3_whoever_lost_the_answer_gets_it_once_more(company: Company) -> None:
    session = company.session()
    answers = [company.refresh(session.refreshing, session.key).json()["refresh_token"] for _ in range(5)]
    assert len(set(answers)) == 1
    company.clock.ms += 20 * DAY_MS  # however long it takes
    assert company.refresh(session.refreshing, session.key).json()["refresh_token"] == answers[0]
    session.refreshing = answers[0]
    company.goes_on(company.goes_on(session))
    assert company.audit("refresh_reused") == []


def test_that_a_session_goes_on_is_noted_once_a_day_for_each_address(company: Company) -> None:
    session = company.session()
    day_begins = company.clock.ms - company.clock.ms % DAY_MS + DAY_MS
    for hour in (1, 2, 26, 27):
        company.clock.ms = day_begins + hour * DAY_MS // 24
        session = company.goes_on(session)
    entries = company.audit("session_went_on")
    assert [each["at_ms"] - day_begins for each in entries] == [26 * DAY_MS // 24, DAY_MS // 24]
    assert {(each["person"], each["address"]) for each in entries} == {(company.people["technician"], "127.0.0.1")}
    assert len({each["session"] for each in entries}) == 1
    problem(company.refresh(session.refreshing, Key()), 401, "session-over")
    assert len(company.audit("session_went_on")) == 2, "what is refused did not go on"
    first, other_address = (id_of_day("s", address, company.clock.ms) for address in ("192.0.2.1", "192.0.2.2"))
    assert first != other_address


def test_d4_eight_tabs_refresh_at_once_and_none_is_signed_out(company: Company) -> None:
    session = company.session()
    with ThreadPoolExecutor(8) as tabs:
        for _ in range(25):
            told = list(tabs.map(lambda _: company.refresh(session.refreshing, session.key), range(8)))
            assert [each.status_code for each in told] == [200] * 8
            (session.refreshing,) = {each.json()["refresh_token"] for each in told}
    assert company.audit("refresh_reused") == []


def test_d1_a_session_ends_when_it_is_idle_too_long_or_too_old(company: Company) -> None:
    idle = company.session()
    company.clock.ms += IDLE_MS_MAX - 1
    idle = company.goes_on(idle)
    company.clock.ms += IDLE_MS_MAX
    told = problem(company.refresh(idle.refreshing, idle.key), 401, "session-over")
    assert told["reason"] == "expired"
    old = company.session()
    for _ in range(SESSION_MS_MAX // (20 * DAY_MS)):
        company.clock.ms += 20 * DAY_MS
        old = company.goes_on(old)
    company.clock.ms += 20 * DAY_MS
    assert problem(company.refresh(old.refreshing, old.key), 401, "session-over")["reason"] == "expired"


def test_a_refresh_token_of_another_making_is_none(company: Company) -> None:
    session = company.session()
    good = session.refreshing
    tenant, family, number, mark = good.removeprefix("cairnrt_").split("_", 3)  # a mark may have underscores too
    head = good.removesuffix(f"_{mark}")
    wrong = [
        *("", "?", good[:-1], good + "A", good + "\n", head + "_" + "A" * 43, f"{head}_{mark[::-1]}"),
        f"cairnrt_{tenant}_{family}_{int(number) + 1}_{mark}",
        f"cairnrt_{tenant}_{'0' * 32}_{number}_{mark}",
        f"cairnrt_{'0' * 32}_{family}_{number}_{mark}",
        f"cairnrt_{tenant}_{family}_0{number}_{mark}",
        *(session.access, "cairn_" + "0" * 32 + "_" + "A" * 43),
    ]
    for each in wrong:
        told = company.refresh(each, session.key)
        assert told.status_code in (401, 422), each
    company.goes_on(session)


def test_signing_out_ends_one_session_or_all(company: Company) -> None:
    one, other, third = (company.session() for _ in range(3))
    assert company.ask("POST", "/v1/sign-out", {}, token=one.access).json() == {"ended": 1}
    problem(company.refresh(one.refreshing, one.key), 401, "session-over")
    other = company.goes_on(other)
    assert company.ask("POST", "/v1/sign-out", {"everywhere": True}, token=other.access).json() == {"ended": 2}
    for each in (other, third):
        problem(company.refresh(each.refreshing, each.key), 401, "session-over")


def test_sessions_are_listed_and_ended_elsewhere(company: Company) -> None:
    here, there = company.session(), company.session()
    listed = company.ask("GET", "/v1/me/sessions", token=here.access).json()["items"]
    assert sorted(each["is_this_one"] for each in listed) == [False, True]
    (other,) = [each["session"] for each in listed if not each["is_this_one"]]
    stranger = company.session("dispatcher")
    problem(company.ask("DELETE", f"/v1/me/sessions/{other}", token=stranger.access), 404, "session-not-found")
    assert company.ask("DELETE", f"/v1/me/sessions/{other}", token=here.access).status_code == 204
    problem(company.refresh(there.refreshing, there.key), 401, "session-over")


def test_d9_who_has_left_or_has_another_role_is_refused_within_seconds(company: Company) -> None:
    boss, them = company.session("admin"), company.session("dispatcher")
    path = f"/v1/people/{company.people['dispatcher']}"
    assert company.me(them.access).json()["role"] == "dispatcher"
    assert company.ask("PATCH", path, {"role": "technician"}, token=boss.access).status_code == 200
    company.clock.ms += 5_001
    problem(company.me(them.access), 401, "unauthorized")
    them = company.goes_on(them)
    assert company.me(them.access).json()["role"] == "technician", "the client refreshes and goes on in the new role"
    assert company.ask("PATCH", path, {"active": False}, token=boss.access).json()["active"] is False
    company.clock.ms += 5_001
    problem(company.me(them.access), 401, "unauthorized")
    problem(company.refresh(them.refreshing, them.key), 401, "session-over")
    problem(company.sign_in("dispatcher"), 401, "sign-in-refused")


def test_d10_nobody_learns_who_is_known(company: Company) -> None:
    before = company.hasher.verified
    answers = [
        company.sign_in("dispatcher", password="wrong wrong wrong"),
        company.sign_in("dispatcher", email="nobody@harbour.example"),
        company.sign_in("dispatcher", tenant=new_id()),
    ]
    assert company.hasher.verified - before == 3, "the same work, whoever it is"
    told = [problem(each, 401, "sign-in-refused") for each in answers]
    for each in told:
        del each["request_id"]
    assert told[0] == told[1] == told[2]
    assert len(company.audit("sign_in_refused")) == 1


def test_an_email_is_found_however_it_is_spelled(company: Company) -> None:
    assert company.sign_in("dispatcher", email="Dispatcher@Harbour.EXAMPLE").status_code == 200


def test_a_new_password_signs_everybody_out_who_knew_the_old(company: Company) -> None:
    session, fresh = company.session(), "a kettle that sings in the fog"
    path = "/v1/me/password"
    problem(
        company.ask("PUT", path, {"old": "not it at all, no", "new": fresh}, token=session.access),
        401,
        "sign-in-refused",
    )
    problem(company.ask("PUT", path, {"old": PASSWORD, "new": "short"}, token=session.access), 422, "invalid-request")
    for weak in ("a" * 30, "technician technician", "password password password", "liverpoolfootballclub"):
        problem(company.ask("PUT", path, {"old": PASSWORD, "new": weak}, token=session.access), 422, "weak-password")
    assert company.ask("PUT", path, {"old": PASSWORD, "new": fresh}, token=session.access).status_code == 204
    problem(company.refresh(session.refreshing, session.key), 401, "session-over")
    problem(company.sign_in(), 401, "sign-in-refused")
    assert company.sign_in(password=fresh).status_code == 200


def test_d12_a_page_keeps_its_refresh_token_in_a_cookie_that_other_sites_cannot_use(company: Company) -> None:
    key, page = Key(), {"Sec-Fetch-Site": "same-origin"}
    document = {"email": "technician@harbour.example", "password": PASSWORD, "tenant": company.tenant}
    told = company.ask("POST", "/v1/sign-in", document, key=key, headers=page)
    assert told.json()["refresh_token"] is None, "where scripts could read it"
    cookie = told.headers["set-cookie"]
    assert cookie.startswith("__Host-cairn_rt=cairnrt_")
    for each in ("Path=/", "Secure", "HttpOnly", "SameSite=strict"):
        assert each in cookie
    assert "Domain" not in cookie
    kept = {"Cookie": cookie.partition(";")[0]}
    for site in ("cross-site", "same-site", "none"):
        refused = company.ask("POST", "/v1/sign-in/refresh", key=key, headers={**kept, "Sec-Fetch-Site": site})
        problem(refused, 403, "cross-site")
    gone_on = company.ask("POST", "/v1/sign-in/refresh", key=key, headers={**kept, **page})
    assert gone_on.status_code == 200
    assert gone_on.json()["refresh_token"] is None
    access = gone_on.json()["access_token"]
    company.keys[access] = key
    refused = company.ask("POST", "/v1/sign-out", {}, token=access, headers={"Sec-Fetch-Site": "cross-site"})
    problem(refused, 403, "cross-site")
    out = company.ask("POST", "/v1/sign-out", {}, token=access, headers={**kept, **page})
    assert 'cairn_rt=""' in out.headers["set-cookie"]


def test_a_clock_that_is_wrong_is_helped_by_a_nonce(company: Company) -> None:
    key, wrong_ms = Key(), company.clock.ms - 300 * DAY_MS
    document = {"email": "technician@harbour.example", "password": PASSWORD, "tenant": company.tenant}
    stale = company.client.post(
        "/v1/sign-in", json=document, headers={"DPoP": key.proof("POST", "/v1/sign-in", now_ms=wrong_ms)}
    )
    assert problem(stale, 401, "proof-stale")["retryable"]
    nonce = stale.headers["dpop-nonce"]
    again = key.proof("POST", "/v1/sign-in", now_ms=wrong_ms, nonce=nonce)
    assert company.client.post("/v1/sign-in", json=document, headers={"DPoP": again}).status_code == 200
    company.clock.ms += 7 * 60_000
    late = key.proof("POST", "/v1/sign-in", now_ms=wrong_ms, nonce=nonce)
    problem(company.client.post("/v1/sign-in", json=document, headers={"DPoP": late}), 401, "proof-stale")


def test_a_proof_counts_once_and_for_its_own_request(company: Company) -> None:
    session = company.session()
    now_ms, path = company.clock.ms, "/v1/sign-in/refresh"
    good = session.key.proof("POST", path, now_ms=now_ms)
    document = {"refresh_token": session.refreshing}
    assert company.client.post(path, json=document, headers={"DPoP": good}).status_code == 200
    wrong = [
        good,
        session.key.proof("GET", path, now_ms=now_ms),
        session.key.proof("POST", "/v1/sign-in", now_ms=now_ms),
        session.key.proof("POST", path, now_ms=now_ms, htu="http://elsewhere" + path),
        session.key.proof("POST", path, now_ms=now_ms, header={"typ": "jwt"}),
        session.key.proof("POST", path, now_ms=now_ms, header={"jwk": Key().jwk}),
        session.key.proof("POST", path, now_ms=now_ms, header={"crit": ["b64"]}),
        session.key.proof("POST", path, now_ms=now_ms, header={"kid": "x"}),
        session.key.proof("POST", path, now_ms=now_ms, header={"jwk": {**session.key.jwk, "d": "x"}}),
        *("", "x", "a.b.c", "." * 5_000),
    ]
    for each in wrong:
        problem(company.client.post(path, json=document, headers={"DPoP": each}), 401, "proof-refused")
    assert company.audit("refresh_stolen") == [], "what is no proof ends nobody's session"
    company.goes_on(session)


def test_where_several_companies_are_served_a_sign_in_names_one(company: Company) -> None:
    document = {"email": "technician@harbour.example", "password": PASSWORD}
    problem(company.client.post("/v1/sign-in", json=document), 422, "tenant-missing")


def test_an_admin_lets_somebody_work_here(company: Company) -> None:
    boss = company.session("admin")
    document = {"name": "Eve Stone", "role": "supervisor", "email": "Eve@harbour.example", "password": PASSWORD}
    told = company.ask("POST", "/v1/people", document, token=boss.access)
    assert (told.status_code, told.json()["role"]) == (201, "supervisor")
    assert company.sign_in(email="eve@harbour.example").json()["person"]["name"] == "Eve Stone"
    problem(company.ask("POST", "/v1/people", document, token=boss.access), 409, "email-taken")
    other = company.session("dispatcher")
    problem(company.ask("POST", "/v1/people", document, token=other.access), 403, "forbidden")
