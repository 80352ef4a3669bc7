"""Subscribing to webhooks over HTTP: whose they are, what is refused, and what is told of them."""

import base64
import json
import secrets
import time
import uuid
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg_pool import ConnectionPool

from api.app import create_app
from api.services import Services
from api.webhook_ports import Webhooks
from cairnfield.wiring import new_replica
from commands.webhooks import EVERYTHING, OVERLAP_MS, REPLAYS_MAX, WEBHOOKS_MAX, Message, Webhook
from domain.people import Role
from infra.doorbell import ProcessDoorbell
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.of_tenant import rows
from infra.postgres.pool import Connection, open_pool
from infra.postgres.webhooks import PostgresWebhooks
from infra.webhook_secrets import WebhookSecrets
from tests.api.conftest import MakeOffice
from tests.api.in_process import client_of
from tests.api.office import ROLES, Clock, Office, problem
from tests.conftest import TestServer
from tests.devices import new_id

HOOK: Final = "https://erp.example.com/cairnfield"
SECRETS: Final = WebhookSecrets(b"s" * 32)
PATHS: Final = (
    *(("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("POST", "/ping"), ("POST", "/replay")),
    *(("GET", "/deliveries"), ("GET", "/dead-letters")),
)
BODY: Final = Message(f"evt_{uuid.UUID(int=7)}", '{"type":"visit.VisitFinished","data":{"name":"Brückner"}}'.encode())
BODIES: Final = {"PATCH": {"name": "Mine now"}, "/replay": {"from_position": 1, "to_position": 1}}


@pytest.fixture(scope="module")
def pool(embedded_server: TestServer) -> Iterator[ConnectionPool[Connection]]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def telling_offices(pool: ConnectionPool[Connection]) -> Iterator[MakeOffice]:
    clock, doorbell = Clock(), ProcessDoorbell()
    log, accounts = PostgresEventLog(pool, doorbell.ring), PostgresAccounts(pool)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=lambda: clock.ms,
        new_replica=new_replica,
        is_ready=lambda: True,
        webhooks=Webhooks(book=PostgresWebhooks(pool), secrets=SECRETS, new_id=new_id),
    )
    with client_of(create_app(services)) as client:

        def make() -> Office:
            tenant = accounts.add_tenant("Harbour Town", now_ms=clock.ms)
            return Office(client=client, log=log, accounts=accounts, clock=clock, tenant=tenant).staff()

        yield make


@pytest.fixture
def telling(telling_offices: MakeOffice) -> Office:
    return telling_offices()


def subscribed(office: Office, role: Role = "integration", **said: Any) -> dict[str, Any]:
    answer = office.post("/v1/webhooks", {"url": HOOK, "name": "ERP", **said}, role=role)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def call(office: Office, method: str, path: str, role: Role = "integration", **other: Any) -> httpx.Response:
    headers = office.bearer(role) | other.pop("headers", {})
    return office.client.request(method, f"/v1/webhooks{path}", headers=headers, **other)


def every_call(office: Office, webhook: str, role: Role) -> Iterator[httpx.Response]:
    for method, path in PATHS:
        body = BODIES.get(path) or BODIES.get(method) or ({} if path == "/rotate-secret" else None)
        yield call(office, method, f"/{webhook}{path}", role, json=body)


def test_a_subscription_tells_its_secret_once_and_begins_at_the_end_of_the_log(telling: Office) -> None:
    device = telling.device("imke")
    telling.verdicts(device.create("customer", new_id()))
    made = subscribed(telling, facts=["visit.*", "customer.Created", "visit.*"])
    assert made["facts"] == ["customer.Created", "visit.*"]
    assert (made["state"], made["position"], made["owner_id"]) == (
        *("active", 1),
        telling.people["integration"].person,
    )
    told = telling.get(f"/v1/webhooks/{made['id']}", role="integration").json()
    assert "secret" not in told
    assert told == {key: value for key, value in made.items() if key not in ("secret", "public_key")} | {"errands": []}
    assert telling.get("/v1/webhooks", role="integration").json()["items"][0]["id"] == made["id"]
    assert subscribed(telling, from_position=0)["position"] == 0
    assert subscribed(telling, from_position=99)["position"] == 1
    assert subscribed(telling)["facts"] == [EVERYTHING]


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("admin", "integration")])
def test_c7_who_answers_for_no_system_has_no_webhooks(telling: Office, role: Role) -> None:
    problem(telling.post("/v1/webhooks", {"url": HOOK, "name": "Mine"}, role=role), 403, "forbidden")
    problem(telling.get("/v1/webhooks", role=role), 403, "forbidden")


def test_c8_nobody_looks_after_the_webhook_of_somebody_else_or_learns_of_it(
    telling: Office, telling_offices: MakeOffice
) -> None:
    """Not another integration of the tenant, and not an admin of another tenant."""
    ours, theirs = subscribed(telling), telling_offices()
    other = new_id()
    telling.accounts.add_person(telling.tenant, person=other, name="Another", role="integration")
    before = telling.get(f"/v1/webhooks/{ours['id']}", role="integration").json()
    token, nobodys = telling.tokens["integration"], new_id()
    telling.tokens["integration"] = telling.accounts.issue(telling.tenant, other, now_ms=telling.clock.ms)
    others: list[tuple[Office, Role]] = [(telling, "integration"), (theirs, "integration"), (theirs, "admin")]
    for office, role in others:
        pairs = zip(every_call(office, ours["id"], role), every_call(office, nobodys, role), strict=True)
        for answer, of_nothing in pairs:
            told, as_of_nothing = problem(answer, 404, "webhook-not-found"), of_nothing.json()
            assert told["detail"].replace(ours["id"], nobodys) == as_of_nothing["detail"]
        assert office.get("/v1/webhooks", role=role).json()["items"] == []
    telling.tokens["integration"] = token
    assert telling.get(f"/v1/webhooks/{ours['id']}", role="integration").json() == before


def test_c8_a_webhook_is_always_its_makers(telling: Office) -> None:
    said = {"url": HOOK, "name": "Theirs", "owner_id": telling.people["integration"].person}
    problem(telling.post("/v1/webhooks", said, role="admin"), 422, "invalid-request")


def test_c8_an_admin_stops_the_webhooks_of_others_and_leads_none_elsewhere(telling: Office) -> None:
    made = subscribed(telling)
    assert [each["id"] for each in telling.get("/v1/webhooks", role="admin").json()["items"]] == [made["id"]]
    elsewhere = call(telling, "PATCH", f"/{made['id']}", "admin", json={"url": "https://evil.example/"})
    problem(elsewhere, 403, "not-your-webhook")
    problem(call(telling, "POST", f"/{made['id']}/rotate-secret", "admin", json={}), 403, "not-your-webhook")
    assert call(telling, "PATCH", f"/{made['id']}", "admin", json={"state": "paused"}).json()["state"] == "paused"
    assert call(telling, "DELETE", f"/{made['id']}", "admin").status_code == 200
    problem(telling.get(f"/v1/webhooks/{made['id']}", role="integration"), 404, "webhook-not-found")


@pytest.mark.parametrize(
    "url", ["http://erp.example.com/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.1/"]
)
def test_e1_a_url_that_leads_inside_is_refused_when_it_is_subscribed_to(telling: Office, url: str) -> None:
    problem(telling.post("/v1/webhooks", {"url": url, "name": "x"}, role="integration"), 422, "url-refused")
    made = subscribed(telling)
    problem(call(telling, "PATCH", f"/{made['id']}", json={"url": url}), 422, "url-refused")


def test_facts_that_there_are_none_of_are_refused(telling: Office) -> None:
    said = {"url": HOOK, "name": "x", "facts": ["visit.VisitFinished", "visit.Finished", "nothing.*"]}
    told = problem(telling.post("/v1/webhooks", said, role="integration"), 422, "unknown-facts")
    assert told["detail"] == "No event is ever called nothing.*, visit.Finished."


def test_a_change_may_ask_for_the_version_it_was_decided_on(telling: Office) -> None:
    made = subscribed(telling)
    read = telling.get(f"/v1/webhooks/{made['id']}", role="integration")
    etag = {"If-Match": read.headers["etag"]}
    changed = call(telling, "PATCH", f"/{made['id']}", json={"facts": ["site.*"]}, headers=etag)
    assert (changed.json()["facts"], changed.json()["version"]) == (["site.*"], 2)
    late = call(telling, "PATCH", f"/{made['id']}", json={"name": "Late"}, headers=etag)
    assert problem(late, 412, "webhook-changed")["version"] == 2
    assert call(telling, "PATCH", f"/{made['id']}", json={"name": "Any"}, headers={"If-Match": "*"}).status_code == 200
    assert call(telling, "PATCH", f"/{made['id']}", json={"name": "None"}).json()["version"] == 4


def test_there_is_room_for_so_many(telling: Office) -> None:
    for _ in range(WEBHOOKS_MAX):
        made = subscribed(telling)
    problem(telling.post("/v1/webhooks", {"url": HOOK, "name": "x"}, role="integration"), 409, "too-many-webhooks")
    for _ in range(REPLAYS_MAX):
        assert call(telling, "POST", f"/{made['id']}/ping").status_code == 202
    asked = {"from_position": 1, "to_position": 5}
    problem(call(telling, "POST", f"/{made['id']}/replay", json=asked), 409, "too-many-errands")
    assert len(telling.get(f"/v1/webhooks/{made['id']}", role="integration").json()["errands"]) == REPLAYS_MAX


def test_a_replay_waits_as_it_was_asked_for(telling: Office) -> None:
    made = subscribed(telling)
    answer = call(telling, "POST", f"/{made['id']}/replay", json={"from_position": 3, "to_position": 3})
    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["position"], answer.json()["to_position"]) == ("replay", 2, 3)
    assert telling.get(f"/v1/webhooks/{made['id']}", role="integration").json()["errands"] == [answer.json()]
    reversed_ = {"from_position": 4, "to_position": 3}
    answer = call(telling, "POST", f"/{made['id']}/replay", json=reversed_)
    assert (answer.json()["position"], answer.json()["to_position"]) == (2, 4), "between 3 and 4, in whichever order"


def test_there_is_nothing_to_tell_before_anything_was_sent(telling: Office) -> None:
    made = subscribed(telling)
    for path in ("deliveries", "dead-letters"):
        told = telling.get(f"/v1/webhooks/{made['id']}/{path}", role="integration").json()
        assert told == {"items": [], "next": None}
    cursor = telling.get(f"/v1/webhooks/{made['id']}/deliveries", role="integration", cursor="1-2")
    problem(cursor, 422, "invalid-request")


def signed(office: Office, made: dict[str, Any], *, generation: int = 1, overlap_until_ms: int = 0) -> dict[str, str]:
    """The headers of a message that is sent now to a webhook."""
    webhook = Webhook(
        webhook=made["id"],
        owner=made["owner_id"],
        name="x",
        url=HOOK,
        facts=("*",),
        state="active",
        reason=None,
        version=1,
        position=0,
        failures=0,
        next_at_ms=0,
        just_buried=False,
        generation=generation,
        overlap_until_ms=overlap_until_ms,
        key=SECRETS.name,
        created_at_ms=0,
    )
    return dict(SECRETS.headers(office.tenant, webhook, BODY, now_ms=now_ms()))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_e3_the_published_reference_library_knows_that_it_is_us(telling: Office) -> None:
    made = subscribed(telling)
    receiver, headers = standardwebhooks.Webhook(made["secret"]), signed(telling, made)
    assert receiver.verify(BODY.body, headers) == json.loads(BODY.body)
    for spoiled in (
        headers | {"webhook-id": "evt_other"},
        headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)},
        headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)},
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            receiver.verify(BODY.body, spoiled)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(BODY.body.replace(b"visit", b"vicit"), headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(subscribed(telling)["secret"]).verify(BODY.body, headers)


def test_e3_whoever_has_only_the_public_key_can_check_and_not_forge(telling: Office) -> None:
    made = subscribed(telling)
    headers = signed(telling, made)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_key"].removeprefix("whpk_")))
    (signature,) = [each[4:] for each in headers["webhook-signature"].split(" ") if each.startswith("v1a,")]
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY.body
    key.verify(base64.b64decode(signature), told)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), told + b" ")


def test_e3_while_a_secret_is_changed_over_both_sign(telling: Office) -> None:
    made = subscribed(telling)
    rotated = call(telling, "POST", f"/{made['id']}/rotate-secret", json={}).json()
    assert rotated["secret"] != made["secret"]
    before, after = standardwebhooks.Webhook(made["secret"]), standardwebhooks.Webhook(rotated["secret"])
    overlap = signed(telling, made, generation=2, overlap_until_ms=now_ms() + OVERLAP_MS)
    assert before.verify(BODY.body, overlap) == after.verify(BODY.body, overlap)
    assert len(overlap["webhook-signature"].split(" ")) == 4
    over = signed(telling, made, generation=2, overlap_until_ms=now_ms() - 1)
    after.verify(BODY.body, over)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        before.verify(BODY.body, over)


def test_e3_no_secret_is_in_the_database(telling: Office, pool: ConnectionPool[Connection]) -> None:
    made = subscribed(telling)
    raw = base64.b64decode(made["secret"].removeprefix("whsec_"))
    found = rows(
        pool, "select to_jsonb(w)::text from webhook as w where tenant = %(tenant)s", {"tenant": telling.tenant}
    )
    assert found
    assert not any(each in row for (row,) in found for each in (made["secret"], raw.hex()))
    assert WebhookSecrets(secrets.token_bytes(32)).secret(telling.tenant, made["id"], 1).shared != made["secret"]


def test_a_log_in_memory_tells_nobody(memory_offices: MakeOffice) -> None:
    office = memory_offices()
    problem(office.get("/v1/webhooks", role="admin"), 501, "no-webhooks")
