"""Who may speak: a token is good, of this tenant, and of somebody whose role may do this."""

import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import pytest
from httpx import Response

from api.policy import SMALL_BODY_BYTES_MAX
from cairnfield.wiring import new_replica
from domain.people import Role
from sync.office import office_of
from sync.replica_id import is_id_of
from tests.api.office import NDJSON, ROLES, Office, problem
from tests.devices import Device, new_id

ROUTES = [
    ("POST", "/v1/sync/replicas"),
    ("POST", "/v1/sync/hello"),
    ("POST", "/v1/sync/push"),
    ("GET", "/v1/sync/pull"),
    ("GET", "/v1/sync/digest"),
    ("GET", "/v1/entities/customer"),
    ("GET", f"/v1/entities/customer/{new_id()}"),
    ("GET", "/v1/work-orders"),
]
NEVER_SPOKE: Final = {"seq": 0, "hash": None}
STRANGE_TOKENS = [
    *("", " ", "x", "null", "Bearer", "cairn_", "a" * 5_000, "%00", "cairn_" + "0" * 32 + "_" + "A" * 43),
    *("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "' or 1=1 --", "\xff\xfe"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_who_carries_no_token_is_asked_for_one(office: Office, method: str, path: str) -> None:
    response = office.client.request(method, path)
    assert "token" in problem(response, 401, "unauthorized")["detail"]
    assert response.headers["www-authenticate"] == 'Bearer realm="cairnfield"'


@pytest.mark.parametrize("token", STRANGE_TOKENS)
def test_d5_a_strange_token_is_no_token(office: Office, token: str) -> None:
    for method, path in ROUTES:
        headers = {b"Authorization": b"Bearer " + token.encode("latin-1")}
        problem(office.client.request(method, path, headers=headers), 401, "unauthorized")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "bearerx"])
def test_another_scheme_is_no_token(office: Office, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {office.tokens['dispatcher']}"}
    problem(office.client.get("/v1/sync/pull", headers=headers), 401, "unauthorized")


def test_a_token_that_was_changed_anywhere_is_no_token(office: Office) -> None:
    token = office.tokens["dispatcher"]
    for at in (0, 6, 20, 38, len(token) - 2):
        changed = token[:at] + ("b" if token[at] != "b" else "c") + token[at + 1 :]
        response = office.client.get("/v1/sync/pull", headers={"Authorization": f"Bearer {changed}"})
        problem(response, 401, "unauthorized")


def test_d1_a_token_works_until_it_expires(office: Office) -> None:
    person, soon = office.people["technician"].person, office.clock.ms + 60_000
    token = office.accounts.issue(office.tenant, person, now_ms=office.clock.ms, expires_at_ms=soon)
    headers = {"Authorization": f"Bearer {token}"}
    assert office.client.get("/v1/sync/pull", headers=headers).status_code == 200
    office.clock.ms = soon + 5_000  # what was looked up is remembered for a moment
    problem(office.client.get("/v1/sync/pull", headers=headers), 401, "unauthorized")


def test_a_tenant_that_is_not_here_has_no_token(offices: Callable[[], Office]) -> None:
    here, there = offices(), offices()
    token = here.tokens["dispatcher"].replace(here.tenant.replace("-", ""), there.tenant.replace("-", ""))
    problem(here.client.get("/v1/sync/pull", headers={"Authorization": f"Bearer {token}"}), 401, "unauthorized")


def test_c1_what_another_tenant_has_is_not_there(offices: Callable[[], Office]) -> None:
    here, there = offices(), offices()
    customer = new_id()
    device = here.device("ada")
    assert here.verdicts(device.create("customer", customer))[0]["verdict"] == "accepted"
    assert here.get(f"/v1/entities/customer/{customer}").status_code == 200
    foreign = there.get(f"/v1/entities/customer/{customer}")
    problem(foreign, 404, "entity-not-found")
    assert foreign.json()["detail"] == f"There is no customer {customer}."
    assert there.get("/v1/entities/customer").json() == {"items": [], "next": None}
    assert there.get("/v1/sync/pull").text.count("\n") == 1
    problem(there.push(device.create("customer", new_id())), 403, "replica-not-yours")
    problem(there.post("/v1/sync/hello", {"replica": device.replica}), 403, "replica-not-yours")


@pytest.mark.parametrize("role", ROLES)
def test_c7_analysts_and_auditors_hand_nothing_in_and_everybody_may_read(office: Office, role: Role) -> None:
    may = role not in ("analyst", "auditor")
    minted = office.post("/v1/sync/replicas", {"name": "A phone"}, role=role)
    pushed = office.push(Device("ada").create("customer", new_id()), role=role)
    if may:
        assert minted.status_code == 201
        problem(pushed, 403, "replica-not-yours")
    else:
        problem(minted, 403, "forbidden")
        problem(pushed, 403, "forbidden")
    assert office.post("/v1/sync/hello", {}, role=role).status_code == 200
    for path in ("/v1/sync/pull", "/v1/sync/digest"):
        # What was written, word by word, is not for somebody who is to know nobody.
        assert office.get(path, role=role).status_code == (403 if role == "analyst" else 200)
    for path in ("/v1/entities/customer", "/v1/work-orders"):
        assert office.get(path, role=role).status_code == 200


def test_a1_a_replica_of_somebody_else_and_none_at_all_have_the_same_answer(office: Office) -> None:
    theirs, nobodys = office.device("theirs", "supervisor"), Device("nobody")
    before = office.standing(theirs)
    answers = [office.push(each.create("customer", new_id())) for each in (theirs, nobodys)]
    answers += [office.post("/v1/sync/hello", {"replica": each.replica}) for each in (theirs, nobodys)]
    told = [problem(each, 403, "replica-not-yours") for each in answers]
    for each, device in zip(told, (theirs, nobodys, theirs, nobodys), strict=True):
        each["detail"] = each["detail"].replace(device.replica, "…")
        del each["request_id"]
    assert all(each == told[0] for each in told)
    assert office.standing(theirs) == before
    (verdict,) = office.verdicts(Device("theirs").create("customer", new_id()), role="supervisor")
    assert verdict["verdict"] == "accepted", "its owner lost nothing"


def test_a14_an_event_of_one_tenant_cannot_be_told_in_another(offices: Callable[[], Office]) -> None:
    ours, theirs = offices(), offices()
    device = ours.device("ours")
    raw = device.create("customer", new_id())
    assert ours.push(raw).status_code == 200
    before = theirs.standing()
    problem(theirs.push(raw), 403, "replica-not-yours")
    assert theirs.standing() == before
    theirs.device("ours")  # somebody there has a replica of the same name
    assert theirs.verdicts(raw)[0]["verdict"] == "accepted", "said by them, in their tenant, for themselves"
    assert [ours.log.head(ours.tenant).position, theirs.log.head(theirs.tenant).position] == [1, 1]


def test_a1_a_batch_speaks_for_one_replica(office: Office) -> None:
    ours, theirs = office.device("ours"), office.device("theirs", "supervisor")
    before = office.standing(ours, theirs)
    response = office.push(ours.create("customer", new_id()), theirs.create("customer", new_id()))
    assert 400 <= response.status_code < 500
    problem(response, response.status_code, response.json()["type"].rpartition("/")[2])
    assert office.standing(ours, theirs) == before


def registered(office: Office, replica: str, role: Role) -> Response:
    return office.post("/v1/sync/replicas", {"name": "A phone", "replica": replica}, role=role)


def forgotten(office: Office, role: Role) -> str:
    """A replica id that was minted for somebody and is known to nobody any more."""
    return new_replica(office.tenant, office.people[role].person)


def test_a_replica_that_a_restored_server_has_forgotten_is_registered_again_by_its_owner(office: Office) -> None:
    replica = forgotten(office, "technician")
    hello = {"replica": replica}
    problem(office.post("/v1/sync/hello", hello, role="technician"), 403, "replica-not-yours")
    assert [registered(office, replica, "technician").status_code for _ in range(2)] == [201, 200]
    assert office.post("/v1/sync/hello", hello, role="technician").json()["replica"] == {**NEVER_SPOKE, "id": replica}
    made = office.post("/v1/sync/replicas", {"name": "A phone"}, role="technician").json()["replica"]
    assert registered(office, made, "technician").status_code == 200, "what is minted can be registered again"


def test_registering_a_replica_again_leaves_it_where_it_stands(office: Office) -> None:
    device = office.device("ada")
    office.verdicts(device.create("customer", new_id()))
    before = office.standing(device)
    assert registered(office, device.replica, "dispatcher").status_code == 200
    assert office.standing(device) == before


@pytest.mark.parametrize("by", [role for role in ROLES if role not in ("analyst", "auditor", "technician")])
def test_a1_nobody_claims_what_was_minted_for_somebody_else(office: Office, by: Role) -> None:
    lost, known = forgotten(office, "technician"), office.device("known", "technician").replica
    before = office.standing()
    told = [problem(registered(office, replica, by), 403, "replica-not-yours") for replica in (lost, known)]
    for each, replica in zip(told, (lost, known), strict=True):
        each["detail"] = each["detail"].replace(replica, "…")
        del each["request_id"]
    assert told[0] == told[1], "nobody can find out which replicas there are"
    assert office.log.replica(office.tenant, lost) is None
    assert office.standing() == before
    assert registered(office, lost, "technician").status_code == 201, "its owner is not kept out"


def test_a1_nobody_claims_the_name_under_which_the_server_speaks(office: Office) -> None:
    for role in ("dispatcher", "integration"):
        problem(registered(office, office_of(office.tenant).replica, role), 403, "replica-not-yours")


def test_a1_a_replica_of_another_tenant_is_nobodys_here(offices: Callable[[], Office]) -> None:
    ours, theirs = offices(), offices()
    problem(registered(ours, forgotten(theirs, "dispatcher"), "dispatcher"), 403, "replica-not-yours")


def test_a1_no_id_that_was_made_up_is_anybodys() -> None:
    tenant, people = str(uuid4()), [str(uuid4()) for _ in range(50)]
    ids = [new_replica(tenant, people[0]) for _ in range(200)]
    assert all(re.fullmatch("r[a-z2-7]{12}", each) for each in ids)
    assert len({*ids}) == len(ids)
    assert all(is_id_of(each, tenant=tenant, person=people[0]) for each in ids)
    assert not any(is_id_of(each, tenant=tenant, person=person) for each in ids for person in people[1:])
    assert not any(is_id_of(each, tenant=str(uuid4()), person=people[0]) for each in ids)


@pytest.mark.parametrize("replica", ["", "r", "r" + "A" * 12, "r" + "a" * 11, "r" + "a" * 13, "r" + "0" * 12, 1, []])
def test_an_id_that_none_has_is_not_registered(office: Office, replica: object) -> None:
    answer = office.post("/v1/sync/replicas", {"name": "x", "replica": replica})
    problem(answer, answer.status_code, answer.json()["type"].rpartition("/")[2])
    assert answer.status_code in (400, 422)


def test_a_minted_replica_belongs_to_whoever_asked(office: Office) -> None:
    made = office.post("/v1/sync/replicas", {"name": "Ada's phone"}, role="technician").json()
    assert made["person"] == office.people["technician"].person
    said = office.post("/v1/sync/hello", {"replica": made["replica"]}, role="technician").json()
    assert said["replica"] == {"id": made["replica"], "seq": 0, "hash": None}
    assert said["tenant"] == office.tenant
    assert said["server_time_ms"] == office.clock.ms
    problem(office.post("/v1/sync/hello", {"replica": made["replica"]}), 403, "replica-not-yours")


@pytest.mark.parametrize(
    "document",
    [{}, {"name": ""}, {"name": "x" * 201}, {"name": 1}, {"name": "x", "role": "admin"}, [], None, "x", {"name": None}],
)
def test_b15_who_asks_wrongly_for_a_replica_is_told_where(office: Office, document: object) -> None:
    told = problem(office.post("/v1/sync/replicas", document), 422, "invalid-request")
    assert told["errors"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"name":"\\ud800"}', b'{"name":"\\u0000"}', b'{"name":NaN}', b"[" * 4_000],
)
def test_what_is_no_json_is_told_so(office: Office, body: bytes) -> None:
    headers = {**office.bearer("dispatcher"), "Content-Type": "application/json"}
    for path in ("/v1/sync/replicas", "/v1/sync/hello"):
        response = office.client.post(path, content=body, headers=headers)
        assert response.status_code in (400, 422), (path, response.text)
        problem(response, response.status_code, response.json()["type"].rpartition("/")[2])


def test_a_body_of_another_kind_is_told_which_is_read(office: Office) -> None:
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        response = office.push(b"{}", headers={"Content-Type": kind})
        problem(response, 415, "unsupported-media-type")
        assert response.headers["accept"] == NDJSON


def test_b1_a_large_body_is_refused_by_every_route_that_reads_one(office: Office) -> None:
    headers = {**office.bearer("dispatcher"), "Content-Type": "application/json"}
    for path in ("/v1/sync/replicas", "/v1/sync/hello"):
        problem(
            office.client.post(path, content=b" " * (SMALL_BODY_BYTES_MAX + 1), headers=headers), 413, "body-too-large"
        )
        unasked = office.client.post(path, content=b" " * (SMALL_BODY_BYTES_MAX + 1))
        problem(unasked, 401, "unauthorized")
