"""Other systems sign in with a secret, within scopes, for an hour; and what is noted of whom, and who reads it."""

from typing import Any

import pytest

from api.policy import POLICY, SCOPES
from tests.api.office import problem
from tests.api.signing import Companies, Company


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def made(company: Company, *scopes: str) -> dict[str, Any]:
    boss = company.session("admin")
    told = company.ask("POST", "/v1/service-accounts", {"name": "Billing", "scopes": list(scopes)}, token=boss.access)
    assert told.status_code == 201, told.text
    document: dict[str, Any] = told.json()
    return document


def token(company: Company, account: dict[str, Any], **said: Any) -> Any:
    credentials = {name: account[name] for name in ("client_id", "client_secret")}
    document = {"grant_type": "client_credentials", "tenant": company.tenant, **credentials, **said}
    return company.client.post("/v1/token", json=document)


def test_every_scope_that_can_be_given_opens_something() -> None:
    for scope in SCOPES:
        assert [key for key, row in POLICY.items() if scope in row.scopes and row.scopes != SCOPES], scope


def test_a_system_that_gives_orders_pushes_and_reads_nothing(company: Company) -> None:
    bearer = {"Authorization": f"Bearer {token(company, made(company, 'commands:write')).json()['access_token']}"}
    headers = {"Idempotency-Key": "one", **bearer}
    told = company.client.post("/v1/customers", json={"name": "Harbour Mill"}, headers=headers)
    assert told.status_code == 201, told.text
    for method, path in (("POST", "/v1/sync/push"), ("GET", "/v1/entities/customer"), ("GET", "/v1/people")):
        problem(company.client.request(method, path, headers=bearer), 403, "forbidden")


def test_a_service_account_does_what_its_scopes_say(company: Company) -> None:
    account = made(company, "sync:pull", "proj:read")
    told = token(company, account).json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3_600, "proj:read sync:pull")
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    assert company.client.get("/v1/work-orders", headers=bearer).status_code == 200
    me = company.client.get("/v1/me", headers=bearer).json()
    assert (me["role"], me["scopes"]) == ("integration", ["proj:read", "sync:pull"])
    problem(company.client.post("/v1/sync/replicas", json={"name": "x"}, headers=bearer), 403, "forbidden")
    narrow = token(company, account, scope="proj:read").json()["access_token"]
    problem(company.client.get("/v1/sync/digest", headers={"Authorization": f"Bearer {narrow}"}), 403, "forbidden")


def test_a_token_asks_for_no_more_than_the_account_has(company: Company) -> None:
    account = made(company, "proj:read")
    problem(token(company, account, scope="proj:read sync:push"), 422, "scope-unknown")
    boss = company.session("admin")
    document = {"name": "x", "scopes": ["everything:all"]}
    problem(company.ask("POST", "/v1/service-accounts", document, token=boss.access), 422, "scope-unknown")


def test_a_wrong_secret_another_company_and_a_revoked_account_are_answered_alike(server_here: Companies) -> None:
    ours, theirs = server_here.new(), server_here.new()
    account = made(ours, "proj:read")
    good = token(ours, account).json()["access_token"]
    problem(token(ours, {**account, "client_secret": "x" * 43}), 401, "sign-in-refused")
    problem(token(theirs, account), 401, "sign-in-refused")
    boss = ours.session("admin")
    path = f"/v1/service-accounts/{account['client_id']}/revoke"
    assert ours.ask("POST", path, token=boss.access).json()["revoked_at_ms"] == ours.clock.ms
    problem(token(ours, account), 401, "sign-in-refused")
    ours.clock.ms += 5_001
    problem(ours.me(good), 401, "unauthorized")
    strangers = theirs.session("admin")
    problem(theirs.ask("POST", path, token=strangers.access), 404, "service-account-not-found")


def test_a_secret_is_told_once(company: Company) -> None:
    account = made(company, "proj:read")
    boss = company.session("admin")
    (listed,) = company.ask("GET", "/v1/service-accounts", token=boss.access).json()["items"]
    assert listed == {name: value for name, value in account.items() if name != "client_secret"}
    others = company.session("supervisor")
    problem(company.ask("GET", "/v1/service-accounts", token=others.access), 403, "forbidden")


def test_the_audit_tells_who_did_what_and_that_it_was_read(company: Company) -> None:
    account = made(company, "proj:read")
    token(company, account)
    company.sign_in("dispatcher", password="not the right one")
    reader = company.session("auditor")
    page = company.ask("GET", "/v1/audit?limit=200", token=reader.access).json()
    kinds = sorted(each["kind"] for each in page["items"])
    assert kinds == ["service_account_created", "service_signed_in", "sign_in_refused", "signed_in", "signed_in"]
    assert page["next"] is None
    (created,) = [each for each in page["items"] if each["kind"] == "service_account_created"]
    assert created["actor"] == company.people["admin"]
    assert account["client_secret"] not in str(page)
    again = company.ask("GET", "/v1/audit?kind=audit_read", token=reader.access).json()["items"]
    assert [each["actor"] for each in again] == [company.people["auditor"]]
    problem(company.ask("GET", "/v1/audit", token=company.session("dispatcher").access), 403, "forbidden")


def test_the_audit_is_read_page_by_page(company: Company) -> None:
    for _ in range(5):
        company.sign_in("dispatcher")
        company.clock.ms += 1
    reader = company.session("admin")
    path, found = "/v1/audit?kind=signed_in&limit=2", []
    cursor = ""
    while cursor is not None:
        page = company.ask("GET", f"{path}&cursor={cursor}" if cursor else path, token=reader.access).json()
        found += [each["entry"] for each in page["items"]]
        cursor = page["next"]
    assert len(found) == len(set(found)) == 6
    assert found == sorted(found, reverse=True)
