"""A server dies by kill -9 between an answer and noting it: what was sent is sent once more, and nothing is lost."""

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import standardwebhooks

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import connect, open_pool
from tests.conftest import TestServer
from tests.devices import new_id
from tests.infra.event_logs import Office, new_tenant
from tests.infra.pushing import device, pushed
from tests.receivers import PATIENCE_S, Receivers, receivers
from tests.workers import Workers, until, workers

EVENTS: Final = 8
ERP: Final = "01900000-0000-7000-8000-00000000a009"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CAIRN_WEBHOOKS_ALLOW_LOCAL", "1")
        environment.setenv("CAIRN_DATA", str(tmp_path_factory.mktemp("data")))
        with workers() as opened:
            yield opened


@pytest.fixture
def hooks() -> Iterator[Receivers]:
    with receivers() as told:
        yield told


def subscribed(url: str, token: str, receiver: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=PATIENCE_S) as client:
        answer = client.post("/v1/webhooks", json={"url": f"{receiver}/erp", "name": "ERP"})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("at", [1, 4, EVENTS])
def test_e3_what_was_answered_and_not_noted_is_sent_again_under_its_id(
    embedded_server: TestServer, source: Workers, hooks: Receivers, at: int
) -> None:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        accounts = PostgresAccounts(pool)
        office = Office(log=PostgresEventLog(pool), tenant=new_tenant(pool))
        accounts.add_person(office.tenant, person=ERP, name="ERP", role="integration")
        token = accounts.issue(office.tenant, ERP, now_ms=time.time_ns() // 1_000_000)
        ada = device(office, "ada")

        dying = source.start(dsn, failpoints=f"webhook.answered=kill9@{at}")
        made = subscribed(dying.url, token, hooks.url)
        pushed(office, [ada.create("customer", new_id()) for _ in range(EVENTS)])
        until(lambda: dying.is_gone, within_s=PATIENCE_S)
        assert hooks.positions("/erp") == list(range(1, at + 1))

        with connect(dsn, role=None) as owner:  # as if the time of its claim were over
            owner.execute("update webhook set claimed_until = now() - interval '1 second'")
        source.start(dsn)
        until(lambda: len(hooks.heard) == EVENTS + 1, within_s=PATIENCE_S)

    assert hooks.positions("/erp") == [*range(1, at + 1), *range(at, EVENTS + 1)]
    heard, receiver = hooks.at("/erp"), standardwebhooks.Webhook(made["secret"])
    assert (heard[at - 1].id, heard[at - 1].body) == (heard[at].id, heard[at].body)
    assert len({each.id for each in heard}) == EVENTS
    for each in heard:
        receiver.verify(each.body, dict(each.headers))
