"""Those who give up waiting and ask again at once, many times over: when they stop, the server is as it was before."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest
from psycopg_pool import ConnectionPool

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, workers

STORMING: Final = 40
BATCH: Final = 50
STORM_S: Final = 6.0
GIVES_UP_S: Final = 0.05
"""Far less than a push takes while so many push; each that is given up is work that nobody waits for."""
RECOVERED_S_MAX: Final = 60.0


@dataclass
class Storming:
    """One who sends the same batch again and again until it is taken, and waits for no answer for long."""

    name: str
    url: str
    headers: dict[str, str]
    written: list[bytes] = field(default_factory=list[bytes])
    unheard: list[bytes] = field(default_factory=list[bytes])
    answers: Counter[int] = field(default_factory=Counter[int])
    given_up: int = 0

    def storm(self, is_over: threading.Event) -> None:
        device = Device(self.name)
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=GIVES_UP_S, trust_env=False) as client:
            while not is_over.is_set():
                if not self.unheard:
                    self.unheard = [device.create("site", new_id()) for _ in range(BATCH)]
                    self.written += self.unheard
                self._ask(client)

    def end(self) -> None:
        """What was not heard of, once more, by somebody who waits."""
        give_up = time.monotonic() + RECOVERED_S_MAX
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=RECOVERED_S_MAX, trust_env=False) as client:
            while self.unheard:
                assert time.monotonic() < give_up, "it never recovers"
                self._ask(client)

    def _ask(self, client: httpx.Client) -> None:
        try:
            answer = client.post("/v1/sync/push", content=b"\n".join(self.unheard))
        except httpx.TransportError:
            self.given_up += 1
            return
        self.answers[answer.status_code] += 1
        if answer.status_code == 200:
            assert answer.json()["batch"] == "taken", answer.text
            self.unheard = []
        elif answer.status_code in (429, 503):
            assert int(answer.headers["Retry-After"]) > 0  # which whoever storms does not heed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A worker over a database, and who may push there."""

    worker: Worker
    pool: "ConnectionPool[Connection]"

    def crowd(self, count: int) -> tuple[Office, list[Storming]]:
        tenant = new_tenant(self.pool)
        token = PostgresAccounts(self.pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        office = Office(log=PostgresEventLog(self.pool), tenant=tenant)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        names = [f"s{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(count)]
        for name in names:
            office.mint(name)
        return office, [Storming(name, self.worker.url, headers) for name in names]


@pytest.fixture
def place(embedded_server: TestServer) -> Iterator[Place]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        yield Place(worker=source.start(dsn), pool=pool)


@contextmanager
def storm(crowd: Sequence[Storming]) -> Iterator[None]:
    is_over = threading.Event()
    with ThreadPoolExecutor(len(crowd)) as threads:
        storming = [threads.submit(each.storm, is_over) for each in crowd]
        try:
            yield
        finally:
            is_over.set()
        for each in storming:
            each.result()


def test_g16_a_storm_of_those_who_give_up_and_ask_again_ends_when_they_stop(place: Place) -> None:
    office, crowd = place.crowd(STORMING)
    calm, (other,) = place.crowd(1)
    with storm(crowd):
        time.sleep(STORM_S)
    answers = sum((each.answers for each in crowd), Counter[int]())
    assert answers.keys() <= {200, 429, 503}, "nothing but yes, and not now"
    assert sum(each.given_up for each in crowd) > STORMING, "it was a storm"
    other.unheard = other.written = [Device(other.name).create("site", new_id())]
    other.end()  # with no storm any more, somebody of another company is answered
    with ThreadPoolExecutor(len(crowd)) as threads:
        for each in [threads.submit(each.end) for each in crowd]:
            each.result()
    assert sorted(row.body for row in office.events()) == sorted(raw for each in crowd for raw in each.written)
    assert [row.body for row in calm.events()] == other.written
    office.is_whole()
