"""The largest body that may come, and the largest page that may go, fill nobody's memory."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

import httpx
import pytest

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, workers

BODIES: Final = 12
GROWTH_KIB_MAX: Final = 32 * 1024
SPARE_BYTES: Final = 4_096


@pytest.fixture(scope="module")
def busy(embedded_server: TestServer) -> Iterator[tuple[Worker, Office, httpx.Client]]:
    """A worker, a tenant behind it and somebody who speaks to it."""
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        worker, tenant = source.start(dsn), new_tenant(pool)
        token = PostgresAccounts(pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        with httpx.Client(base_url=worker.url, headers=headers, trust_env=False, timeout=60) as client:
            yield worker, Office(log=PostgresEventLog(pool), tenant=tenant), client


def largest_body(name: str) -> bytes:
    """As many events as may be, as large as a body may be."""
    said = [Device(name).create("site", new_id(), {"directions": ""}) for _ in range(2)]
    room = (PUSH_BYTES_MAX - SPARE_BYTES) // EVENTS_PER_PUSH_MAX - len(said[1]) - len("\n") - 64
    device = Device(name)
    lines = [device.create("site", new_id(), {"directions": "x" * room}) for _ in range(EVENTS_PER_PUSH_MAX)]
    return b"\n".join(lines)


def names() -> Sequence[str]:
    return [f"d{'abcdefghijklmnop'[number]}" for number in range(BODIES)]


def test_b1_a_worker_stays_flat_while_the_largest_bodies_come_and_go(
    busy: tuple[Worker, Office, httpx.Client],
) -> None:
    worker, office, client = busy
    bodies = [largest_body(name) for name in names()]
    assert all(PUSH_BYTES_MAX * 0.95 < len(body) <= PUSH_BYTES_MAX for body in bodies), len(bodies[0])
    for name in names():
        office.mint(name)
    client.get("/v1/sync/pull").raise_for_status()
    worker.forget_memory_max()
    before = worker.memory_kib
    for body in bodies:
        answer = client.post("/v1/sync/push", content=body).raise_for_status().json()
        assert {each["verdict"] for each in answer["verdicts"]} == {"accepted"}
    assert worker.memory_kib_max - before < GROWTH_KIB_MAX
    for _ in bodies:
        assert len(client.get("/v1/sync/pull").raise_for_status().content) > PUSH_BYTES_MAX // 2
    assert worker.memory_kib_max - before < GROWTH_KIB_MAX
