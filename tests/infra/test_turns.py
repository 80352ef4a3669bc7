"""A tenant whose lock is held up keeps the others waiting for nothing."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from infra import turns
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from infra.turns import AT_THE_LOCK_MAX, Turns
from sync.log import LogUnavailable
from tests.conftest import TestServer
from tests.devices import new_id
from tests.infra.event_logs import Office, new_tenant
from tests.infra.pushing import LARGE, device, pushed, verdicts

WRITERS = 8
WAITING = "select count(*) from pg_locks where not granted"
HOLD_HEAD = "select position from log_head where tenant = %s for update"


@pytest.mark.parametrize("size", [1, LARGE])
def test_g6_g14_a_tenant_whose_lock_is_held_up_leaves_connections_to_the_others(
    embedded_server: TestServer, size: int
) -> None:
    with embedded_server.database() as dsn, open_pool(dsn, size=WRITERS // 2) as pool:
        log = PostgresEventLog(pool)
        busy, calm = (Office(log=log, tenant=new_tenant(pool)) for _ in range(2))
        writers = [device(busy, f"d{'abcdefgh'[number]}") for number in range(WRITERS)]
        batches = [[writer.create("site", new_id()) for _ in range(size)] for writer in writers]
        other = device(calm, "calm")
        with psycopg.connect(dsn) as holding, ThreadPoolExecutor(WRITERS) as threads:
            holding.execute(HOLD_HEAD, [busy.tenant])
            asked = [threads.submit(pushed, busy, raws) for raws in batches]
            with psycopg.connect(dsn, autocommit=True) as looking:
                while looking.execute(WAITING).fetchone() == (0,):
                    time.sleep(0.005)
            time.sleep(0.1)  # the others are on their way to the lock too, and would have every connection by now
            assert verdicts(pushed(calm, [other.create("site", new_id())])) == ["accepted"]
            holding.rollback()
            for each in asked:
                assert verdicts(each.result()) == ["accepted"] * size
        busy.is_whole()


def test_so_many_go_to_one_lock_and_the_next_is_told_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT_S_MAX", 0.01)
    queue = Turns()
    with queue.of("acme"), queue.of("acme"):
        assert AT_THE_LOCK_MAX == 2
        with pytest.raises(LogUnavailable), queue.of("acme"):
            raise AssertionError("nobody left")
        with queue.of("other"):
            pass
    with queue.of("acme"):
        pass
    assert queue._queues == {}
