"""A server dies, fails or stands still at every place of deciding about a case: whoever says the same again is answered
as the first time, it is done once, and its author hears of it once."""

import http.client
import json
import time
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
from tests.devices import PERSON_1, PERSON_2, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, Workers, until, workers

COMMITTED: Final = "push.committed"
# The same append as a push's: events, entities, the office's replica, what the author is told, the case in the queue.
EVERY: Final = ("push.locked", "push.inserted@1", "push.inserted@4", "push.before_commit", COMMITTED)
LAST: Final = "push.inserted@5"
VERBS: Final[dict[str, dict[str, Any]]] = {
    "approve": {},
    "retry": {},
    "resubmit": {"data": {"name": "Seven Mills"}, "reason": "Read to me by phone."},
    "reassign": {"owner_id": PERSON_2},
    "dismiss": {"reason": "Told twice."},
}
SAID: Final = {
    "approve": ("CaseApproved", "approved"),
    "retry": ("CaseRetried", "retried"),
    "resubmit": ("CaseResubmitted", "resubmitted"),
    "reassign": ("CaseReassigned", "open"),
    "dismiss": ("CaseDismissed", "dismissed"),
}
HEARD: Final = {"approve": ["accepted"], "retry": ["accepted"], "reassign": []}
"""What the author is told later; what is not named here is told as it became."""
CELLS: Final = [
    *((verb, point, "kill9") for verb in VERBS for point in EVERY),
    *((verb, LAST, "kill9") for verb in ("resubmit", "dismiss")),  # of these the author is told in a row of its own
    *((verb, COMMITTED, mode) for verb in VERBS for mode in ("raise", "stop")),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A tenant in which something was set aside: who decides, and who wrote it."""

    office: Office
    decider: str
    author: str
    device: Device
    case: str

    def say(self, worker: Worker, verb: str) -> dict[str, Any] | None:
        """The case as it is then; None where there is no answer, or one that something broke."""
        status, document = ask(
            worker, self.decider, "POST", f"/v1/quarantine/{self.case}/{verb}", json.dumps(VERBS[verb])
        )
        if status is None or status >= 500:
            return None
        assert status == 200, document
        told: dict[str, Any] = json.loads(document)
        return told

    def hears(self, worker: Worker) -> list[str]:
        """What the author's device is told after its pushes were answered."""
        status, frames = ask(worker, self.author, "GET", f"/v1/sync/pull?cursor=0&replica={self.device.replica}")
        assert status == 200, frames
        told = [json.loads(line) for line in frames.splitlines()]
        return [each["verdict"] for each in told if each["frame"] == "verdict"]


def ask(worker: Worker, token: str, method: str, path: str, body: str | bytes = b"") -> tuple[int | None, bytes]:
    """Status and body; no status where the line broke."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=60)
    kind = "application/json" if isinstance(body, str) else "application/x-ndjson"
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {token}", "Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None, b""
    finally:
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    dsn: str
    pool: ConnectionPool[Connection]
    steady: Worker
    workers: Workers

    def company(self, verb: str) -> Company:
        """A customer whom a technician has renamed; for `retry` somebody who was not here yet when they were."""
        tenant, accounts, technician = new_tenant(self.pool), PostgresAccounts(self.pool), new_id()
        accounts.add_person(tenant, person=technician, name="Ben", role="technician")
        now_ms = time.time_ns() // 1_000_000
        office = Office(log=PostgresEventLog(self.pool), tenant=tenant)
        decider = accounts.issue(tenant, PERSON_1, now_ms=now_ms)
        creator, customer = Device("ada"), new_id()
        author = decider if verb == "retry" else accounts.issue(tenant, technician, now_ms=now_ms)
        device = Device("ben")
        office.mint("ada")
        office.mint("ben", PERSON_1 if verb == "retry" else technician)
        created = creator.create("customer", customer)
        raw = device.tell("customer", customer, "Edited", {"name": "Mill Seven"})
        pushes = [(decider, created), (author, raw)]
        verdicts = [self._pushed(*push) for push in (reversed(pushes) if verb == "retry" else pushes)]
        (aside,) = (each for each in verdicts if each["verdict"] == "quarantined")
        return Company(office=office, decider=decider, author=author, device=device, case=aside["case"])

    def _pushed(self, token: str, raw: bytes) -> dict[str, Any]:
        status, document = ask(self.steady, token, "POST", "/v1/sync/push", raw)
        assert status == 200, document
        (verdict,) = json.loads(document)["verdicts"]
        told: dict[str, Any] = verdict
        return told


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        yield Place(dsn=dsn, pool=pool, steady=source.start(dsn), workers=source)


@pytest.mark.parametrize(("verb", "point", "mode"), CELLS)
def test_g1_a_decision_that_is_broken_off_is_made_once_when_it_is_said_again(
    place: Place, verb: str, point: str, mode: str
) -> None:
    company = place.company(verb)
    before = len(company.office.events())
    name, _, at = point.partition("@")
    worker = place.workers.start(place.dsn, failpoints=f"{name}={mode}@{at or 1}")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(company.say, worker, verb)
        until(lambda: worker.is_gone or worker.is_stopped or first.done())
        if mode == "stop":
            again = threads.submit(company.say, place.steady, verb)
            worker.go_on()
            answers = [first.result(), again.result()]
        else:
            assert first.result() is None
            answers = [company.say(place.steady, verb) for _ in range(2)]
    kind, state = SAID[verb]
    assert answers[0] == answers[1], "both are told the same"
    assert answers[0] is not None
    assert answers[0]["state"] == state
    facts = [row for row in company.office.events()[before:] if row.entity_type == "case"]
    assert [(row.type, row.actor) for row in facts] == [(kind, PERSON_1)]
    told = [row for row in company.office.events()[before:] if row.entity_type != "case"]
    assert len(told) == (verb in ("approve", "retry", "resubmit"))
    assert company.hears(place.steady) == HEARD.get(verb, [state])
    assert answers[0]["owner_id"] == (PERSON_2 if verb == "reassign" else None)
    assert answers[0]["resubmitted_as"] == (told[0].id if verb == "resubmit" else None)
    company.office.is_whole()
    worker.kill()


@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_dies_before_the_commit_has_decided_nothing_and_after_it_everything(
    place: Place, verb: str
) -> None:
    for point, is_done in (("push.before_commit", False), (COMMITTED, True)):
        company = place.company(verb)
        before = company.office.position
        worker = place.workers.start(place.dsn, failpoints=f"{point}=kill9")
        assert company.say(worker, verb) is None
        assert (company.office.position > before) == is_done
        assert company.hears(place.steady) == (HEARD.get(verb, [SAID[verb][1]]) if is_done else [])
