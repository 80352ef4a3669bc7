"""What every answer carries, to whom pages of other sites are open, and in which dated versions we answer."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.answer_headers import HEADERS
from api.door import CONTENT_SECURITY, EVERY_ANSWER
from api.policy import POLICY, Row
from api.terms import Terms
from api.versions import VERSIONS, Farewell, Versions
from sync.envelope import link_of
from tests.api.door import office_on
from tests.api.office import Office, customers, problem
from tests.corpus.authoring import expected

CONSOLE = "https://console.example.com"
CORPUS = Path(__file__).parents[1] / "corpus" / "v1"
AT_SUNSET = Farewell(since=date(2026, 12, 1), sunset=date(2027, 6, 1), see="/docs/versions")
TWO = Versions(
    served=("2026-11-01", "2027-01-15"), farewells={"2026-11-01": AT_SUNSET}, retired=frozenset({"2025-04-01"})
)


@pytest.fixture
def listed() -> Iterator[Office]:
    """An office that is open to the pages of one other site."""
    with office_on(Terms(origins=frozenset({CONSOLE}))) as office:
        yield office


@pytest.fixture
def versioned() -> Iterator[Office]:
    """An office that answers in two versions, of which one will go, and no longer in a third."""
    with office_on(Terms(versions=TWO)) as office:
        yield office


def _answers(office: Office) -> list[httpx.Response]:
    """A page, problems of every origin, a stream's beginning, and a fault of ours."""
    return [
        office.client.get("/livez"),
        office.client.get("/problems"),
        office.client.get("/nowhere"),
        office.client.get("/v1/sync/digest"),
        office.client.request("DELETE", "/v1/sync/push"),
        office.get("/v1/sync/pull", cursor="x"),
        office.get("/v1/sync/pull"),
        office.client.head("/v1/sync/live", headers=office.bearer("technician")),
        office.send(b"\xff"),
        office.client.get("/livez", headers={"Cairnfield-Version": "1999-01-01"}),
    ]


def test_every_answer_tells_browsers_what_they_may_not_do(office: Office) -> None:
    for answer in _answers(office):
        told = {name.encode(): answer.headers[name].encode() for name in (key.decode() for key, _ in EVERY_ANSWER)}
        assert told == dict(EVERY_ANSWER), answer.url
        assert answer.headers["cairnfield-version"] == VERSIONS.newest
        assert "server-timing" not in answer.headers


def test_two_pages_alone_have_a_policy_of_their_own_and_none_lets_scripts_stand_in_a_page(office: Office) -> None:
    page = office.client.get("/docs")
    for name, value in EVERY_ANSWER:
        is_own = name == b"content-security-policy"
        assert (page.headers[name.decode()] == value.decode()) is not is_own, name
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy


def test_a_fault_of_ours_carries_them_too() -> None:
    def fails() -> bool:
        raise ZeroDivisionError

    with office_on(Terms()) as office:
        services: Any = office.client._transport._carrier.app.state.services  # type: ignore[attr-defined]
        object.__setattr__(services, "is_ready", fails)
        answer = office.client.get("/readyz")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_is_told_of_tls_where_there_is_none(office: Office) -> None:
    assert "strict-transport-security" not in office.client.get("/livez").headers
    answer = office.client.get("https://cairn/livez")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_d11_no_page_of_another_site_may_read_us_by_default(office: Office) -> None:
    for origin in (CONSOLE, "null", "http://cairn.evil.example"):
        answer = office.client.get("/livez", headers={"Origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = office.client.request("OPTIONS", "/v1/sync/push", headers=asked)
        assert preflight.status_code == 405
        assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_a_listed_site_may_read_us_and_no_other(listed: Office) -> None:
    answer = listed.client.get("/livez", headers={"Origin": CONSOLE})
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ratelimit", "idempotency-replayed", "www-authenticate", "upgrade", "cairnfield-next"} <= {*exposed}
    assert {name.lower() for name in HEADERS} <= {*exposed}
    assert "origin" in answer.headers["vary"]
    for origin in (
        *("https://console.example.com.evil.example", "https://evil-console.example.com", "http://console.example.com"),
        *(CONSOLE + ":8443", CONSOLE + "/", CONSOLE.upper(), "null", "*", "", f"{CONSOLE}, https://evil.example"),
    ):
        answer = listed.client.get("/livez", headers={"Origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control")], origin
        assert "origin" in answer.headers["vary"]  # a cache must not give one site the answer for another


def test_a_listed_site_may_ask_what_it_may_ask_for_ten_minutes(listed: Office) -> None:
    asked = {
        "Origin": CONSOLE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,dpop",
    }
    answer = listed.client.request("OPTIONS", "/v1/sync/push", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-max-age"] == "600"
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert {"authorization", "dpop", "idempotency-key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )


def test_what_varies_already_varies_by_origin_too(listed: Office) -> None:
    answer = listed.client.get(
        "/v1/sync/pull", headers={**listed.bearer("technician"), "Origin": CONSOLE, "Accept-Encoding": "gzip"}
    )
    assert "origin" in ", ".join(answer.headers.get_list("vary")).lower()


def test_a_problem_is_readable_to_a_listed_site(listed: Office) -> None:
    answer = listed.client.get("/v1/sync/digest", headers={"Origin": CONSOLE})
    problem(answer, 401, "unauthorized")
    assert answer.headers["access-control-allow-origin"] == CONSOLE


def test_who_names_no_version_is_answered_in_the_newest(versioned: Office) -> None:
    answer = versioned.client.get("/livez")
    assert answer.headers["cairnfield-version"] == "2027-01-15"
    assert "deprecation" not in answer.headers


def test_a_version_that_will_go_says_when_and_where_to_read_on(versioned: Office) -> None:
    answer = versioned.client.get("/livez", headers={"Cairnfield-Version": "2026-11-01"})
    assert answer.headers["cairnfield-version"] == "2026-11-01"
    assert answer.headers["deprecation"] == "@1796083200"
    assert answer.headers["sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
    assert answer.headers["link"] == '</docs/versions>; rel="deprecation"; type="text/html"'


def test_a_route_that_will_go_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICY, ("GET", "/livez"), Row(who=None, pace="free", farewell=AT_SUNSET))
    with office_on(Terms()) as office:
        assert office.client.get("/livez").headers["sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
        assert "sunset" not in office.client.get("/readyz").headers


@pytest.mark.parametrize("version", ["1", "2026-11-02", "x" * 10_000, "2026-11-01, 2027-01-15", "\xe9"])
def test_a_version_that_never_was_is_a_problem_that_names_those_that_are(versioned: Office, version: str) -> None:
    answer = versioned.client.get("/livez", headers={b"Cairnfield-Version": version.encode("latin-1")})
    document = problem(answer, 400, "version-unknown")
    assert document["versions"] == ["2026-11-01", "2027-01-15"]
    assert answer.headers["cairnfield-version"] == "2027-01-15"
    assert len(document["detail"]) < 200


def test_an_old_client_reads_no_more_but_hands_in_all_it_has(versioned: Office) -> None:
    device = versioned.device("old")
    old = {"Cairnfield-Version": "2025-04-01"}
    for path in ("/v1/sync/pull", "/v1/work-orders", "/v1/sync/digest"):
        answer = versioned.client.get(path, headers={**versioned.bearer("dispatcher"), **old})
        problem(answer, 426, "client-too-old")
        assert answer.headers["upgrade"] == "cairnfield/2027-01-15"
        head = versioned.client.head(path, headers={**versioned.bearer("dispatcher"), **old})
        assert (head.status_code, head.headers["upgrade"], head.content) == (426, "cairnfield/2027-01-15", b"")
    hello = versioned.client.post("/v1/sync/hello", headers={**versioned.bearer("dispatcher"), **old}, json={})
    assert hello.status_code == 200
    handed_in = versioned.push(*customers(device, 3), headers=old)
    assert [each["verdict"] for each in handed_in.json()["verdicts"]] == ["accepted"] * 3
    assert versioned.client.get("/livez", headers=old).status_code == 200


def test_whoever_is_too_old_is_refused_reads_alone_and_gets_in_to_hand_in(versioned: Office) -> None:
    old, refused = {"Cairnfield-Version": "2025-04-01"}, set[str]()
    for method, path in [*POLICY, *(("HEAD", path) for method, path in POLICY if method == "GET")]:
        if path == "/v1/sync/live":
            continue  # it would go on for ever
        url = re.sub(r"\{\w+\}", "x", path)
        answer = versioned.client.request(method, url, headers={**versioned.bearer("supervisor"), **old})
        if answer.status_code == 426:
            refused.add(method)
    assert refused == {"GET", "HEAD"}


@pytest.mark.parametrize("kind", sorted(path.stem for path in CORPUS.glob("*.ndjson")))
def test_b13_clients_of_the_first_release_are_served_event_by_event(versioned: Office, kind: str) -> None:
    """What they wrote in the schemas of their time is taken whole, and read by all in those of today."""
    written = sorted((CORPUS / f"{kind}.ndjson").read_bytes().splitlines(), key=_at)
    assert {orjson.loads(line)["v"] for line in written} == {1}
    for replica in sorted({link_of(line).replica for line in written}):
        person = versioned.people["supervisor"].person
        versioned.log.mint(versioned.tenant, replica=replica, person=person, name="old", now_ms=versioned.clock.ms)
    told = [_handed_in_by_old_client(versioned, line) for line in written]
    refused = {each["code"] for each in told if each["verdict"] not in ("accepted", "accepted_with_conflict")}
    assert refused <= {"illegal_move"}, told  # the corpus tells every move, in an order that nobody works in
    if not refused:
        assert versioned.standing()[1] == expected(written)["state_hash"]


def _at(line: bytes) -> tuple[str, int]:
    told = orjson.loads(line)
    return told["at"], told["seq"]


def _handed_in_by_old_client(office: Office, line: bytes) -> dict[str, Any]:
    answer = office.push(line, role="supervisor", headers={"Cairnfield-Version": "2025-04-01"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["batch"] == "taken", answer.text
    verdict: dict[str, Any] = answer.json()["verdicts"][0]
    return verdict
