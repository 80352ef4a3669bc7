"""A device and its clone say two things under one number to two workers at once: one is taken, the other is a fork."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from psycopg_pool import ConnectionPool

from api.forks import KIND
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.audit import PostgresAudit
from infra.postgres.log import ROWS_WORTH_COLUMNS, PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from sync.envelope import hash_of
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, workers

ROUNDS: Final = {1: 400, ROWS_WORTH_COLUMNS + 8: 40}
"""By the size of a batch: small ones are led and stored together, large ones by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Two workers over one database."""

    pool: "ConnectionPool[Connection]"
    both: Sequence[Worker]

    def town(self) -> tuple[Office, dict[str, str]]:
        """A tenant, and the headers of somebody who may push to it."""
        tenant = new_tenant(self.pool)
        token = PostgresAccounts(self.pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        office = Office(log=PostgresEventLog(self.pool), tenant=tenant)
        return office, {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        yield Place(pool=pool, both=[source.start(dsn), source.start(dsn)])


def push(client: httpx.Client, raws: Sequence[bytes]) -> dict[str, Any]:
    answer = client.post("/v1/sync/push", content=b"\n".join(raws))
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_whoever_listens_at_one_worker_hears_of_what_is_handed_in_at_the_other(place: Place) -> None:
    office, headers = place.town()
    office.mint("ada")
    device = Device("ada")
    here, there = (httpx.Client(base_url=worker.url, headers=headers, trust_env=False) for worker in place.both)
    is_heard, handed_in = threading.Event(), list[int]()

    def hand_in() -> None:
        while not is_heard.wait(0.2):  # whoever has only begun to listen may miss the first ring
            handed_in.append(push(there, [device.create("site", new_id())])["head"])

    with here, there, ThreadPoolExecutor(1) as threads:
        with here.stream("GET", "/v1/sync/live", timeout=httpx.Timeout(30)) as stream:
            heads = (int(line.removeprefix("id: ")) for line in stream.iter_lines() if line.startswith("id: "))
            assert next(heads) == 0
            handing_in = threads.submit(hand_in)
            try:
                heard = next(heads)
            finally:
                is_heard.set()
                handing_in.result()
        assert heard in handed_in


@pytest.mark.parametrize("size", ROUNDS)
def test_a4_a5_two_contents_for_one_seq_at_two_workers_at_once_leave_one(place: Place, size: int) -> None:
    office, headers = place.town()
    office.mint("ada")
    twins, kept, refused = [Device("ada"), Device("ada")], list[bytes](), list[str]()
    clients = [httpx.Client(base_url=worker.url, headers=headers, trust_env=False) for worker in place.both]
    start = threading.Barrier(2)

    def hand_in(client: httpx.Client, raws: Sequence[bytes]) -> dict[str, Any]:
        start.wait()
        return push(client, raws)

    with clients[0], clients[1], ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS[size]):
            told = [[twin.create("site", new_id()) for _ in range(size)] for twin in twins]
            first, second = threads.map(hand_in, clients, told)
            assert {first["batch"], second["batch"]} == {"taken", "forked"}
            heard = 0 if first["batch"] == "taken" else 1
            forked, seq = (second, first)[heard], json.loads(told[0][0])["seq"]
            assert (forked["seq"], forked["verdicts"]) == (seq, [])
            assert forked["hash"] == hash_of(told[heard][0])
            refused.append(
                f"{twins[0].replica} {seq}: came {hash_of(told[1 - heard][0])}, is {hash_of(told[heard][0])}"
            )
            kept += told[heard]
            twins[1 - heard].author = twins[heard].author  # the clone takes over what was heard, and goes on
    assert [row.body for row in office.events()] == kept
    office.is_whole()
    assert forks(place, office.tenant) == sorted(refused), "one entry in the audit for each that was refused"


def forks(place: Place, tenant: str) -> list[str]:
    found, before = list[str](), None
    while page := PostgresAudit(place.pool).entries(tenant, before=before, kind=KIND, person=None, limit=100):
        found += [entry.detail for entry in page]
        before = page[-1].entry
    return sorted(found)
