"""A server dies at every place of carrying out an order: the same key is answered the same, and it is done once."""

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest
from psycopg_pool import ConnectionPool

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from tests.conftest import TestServer
from tests.devices import PERSON_1
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, Workers, until, workers

BEFORE: Final = ("push.locked", "push.inserted", "push.before_commit")
COMMITTED: Final = "push.committed"
"""Orders are appended by what appends pushes, so these places are on their way too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer, as whoever ordered remembers it."""

    status: int
    etag: str | None
    is_again: bool
    said: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A tenant, and somebody who orders there."""

    office: Office
    token: str

    def order(self, worker: Worker, key: str, method: str, path: str, said: dict[str, Any]) -> Answered | None:
        """The answer; None where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=60)
        told = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(said), {**told, "If-Match": "*"})
            answer = connection.getresponse()
            document = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        is_again = answer.headers.get("Idempotency-Replayed") == "true"
        return Answered(status=answer.status, etag=answer.headers.get("ETag"), is_again=is_again, said=document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    dsn: str
    pool: ConnectionPool[Connection]
    steady: Worker
    workers: Workers

    def company(self) -> Company:
        tenant = new_tenant(self.pool)
        token = PostgresAccounts(self.pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        return Company(office=Office(log=PostgresEventLog(self.pool), tenant=tenant), token=token)


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        yield Place(dsn=dsn, pool=pool, steady=source.start(dsn), workers=source)


@pytest.mark.parametrize("point", [*BEFORE, COMMITTED])
@pytest.mark.parametrize("is_edit", [False, True], ids=["create", "edit"])
def test_an_order_whose_answer_died_with_the_server_is_answered_the_same_and_done_once(
    place: Place, point: str, is_edit: bool
) -> None:
    company, key = place.company(), str(uuid.uuid4())
    made = company.order(place.steady, str(uuid.uuid4()), "POST", "/v1/customers", {"name": "Harbour Mill"})
    assert made is not None
    method, path, said = "POST", "/v1/customers", {"name": "North Dock"}
    if is_edit:
        method, path, said = "PATCH", f"/v1/customers/{made.said['id']}", {"name": "Harbour Mill & Sons"}
    before = len(company.office.events())
    doomed = place.workers.start(place.dsn, failpoints=f"{point}=kill9")
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(company.order, doomed, key, method, path, said)
        until(lambda: doomed.is_gone)
        assert lost.result() is None
    assert len(company.office.events()) == before + (point == COMMITTED), "stored, or nothing of it"
    again, once_more = (company.order(place.steady, key, method, path, said) for _ in range(2))
    assert again is not None
    assert once_more is not None
    assert again.status in (200, 201)
    assert again.is_again == (point == COMMITTED)
    assert once_more.is_again
    assert (again.said, again.etag, again.status) == (once_more.said, once_more.etag, once_more.status)
    assert len(company.office.events()) == before + 1
    other = company.order(place.steady, key, method, path, {"name": "South Dock"})
    assert other is not None
    assert (other.status, other.said["code"]) == (422, "idempotency_key_reused")


def test_an_order_that_is_sent_again_while_the_first_stands_still_is_done_once(place: Place) -> None:
    """Whoever gave up waiting orders again elsewhere; then the first server goes on where it stood."""
    company, key = place.company(), str(uuid.uuid4())
    slow = place.workers.start(place.dsn, failpoints="push.locked=stop")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(company.order, slow, key, "POST", "/v1/customers", {"name": "North Dock"})
        until(lambda: slow.is_stopped)
        again = threads.submit(company.order, place.steady, key, "POST", "/v1/customers", {"name": "North Dock"})
        slow.go_on()
        answers = [first.result(), again.result()]
    assert all(each is not None and each.status == 201 for each in answers), answers
    one, other = (each for each in answers if each is not None)
    assert one.said == other.said
    assert sorted([one.is_again, other.is_again]) == [False, True]
    assert len(company.office.events()) == 1
    slow.kill()
