"""Many devices write the same entities in opposite orders at the same time: nobody is in anybody's way for good."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any, Final, LiteralString

import psycopg

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import ROWS_WORTH_COLUMNS, PostgresEventLog
from infra.postgres.pool import open_pool
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, workers

CLIENTS: Final = 64
WORKERS: Final = 2
SITES: Final = 8
SIZES: Final = (8, ROWS_WORTH_COLUMNS + 8, 8, 1)
"""Batches that share a commit with others and batches that are decided ahead, in turn."""
DIGITS: Final = "abcdefghijklmnopqrstuvwxyz234567"


def edits(device: Device, sites: Sequence[str], count: int) -> list[bytes]:
    """So many edits of these sites, in this order, again and again."""
    return [
        device.tell("site", site, "Edited", {"directions": f"{device.replica} {number}"})
        for number, site in enumerate(islice(cycle(sites), count))
    ]


def hand_in(worker: Worker, token: str, batches: Sequence[Sequence[bytes]]) -> list[tuple[int, Any]]:
    """The status and the document that each batch was answered with."""
    connection, answers = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=120), list[tuple[int, Any]]()
    told = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    for raws in batches:
        connection.request("POST", "/v1/sync/push", b"\n".join(raws), told)
        answer = connection.getresponse()
        answers.append((answer.status, json.loads(answer.read())))
    connection.close()
    return answers


def asked_once(dsn: str, statement: LiteralString) -> object:
    with psycopg.connect(dsn) as owner:
        return owner.execute(statement).fetchone()


def test_g7_64_clients_in_opposite_orders_never_hear_of_a_deadlock(embedded_server: TestServer) -> None:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        started = [source.start(dsn) for _ in range(WORKERS)]
        office = Office(log=PostgresEventLog(pool), tenant=new_tenant(pool))
        token = PostgresAccounts(pool).issue(office.tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        first, sites = Device("first"), [new_id() for _ in range(SITES)]
        office.mint("first")
        created = [first.create("site", site) for site in sites]
        hand_in(started[0], token, [created])
        work = []
        for number in range(CLIENTS):
            device = Device(f"d{DIGITS[number // 32]}{DIGITS[number % 32]}")
            office.mint(f"d{DIGITS[number // 32]}{DIGITS[number % 32]}")
            device.see(*created)
            order = sites if number % 2 else sites[::-1]
            work.append((started[number // 2 % WORKERS], [edits(device, order, size) for size in SIZES]))
        with ThreadPoolExecutor(CLIENTS) as threads:
            asked = [threads.submit(hand_in, worker, token, batches) for worker, batches in work]
            answers = [answer for each in asked for answer in each.result()]
        assert Counter(status for status, _ in answers) == {200: CLIENTS * len(SIZES)}
        found = asked_once(dsn, "select deadlocks from pg_stat_database where datname = current_database()")
        assert found == (0,)
        verdicts = Counter(each["verdict"] for _, told in answers for each in told["verdicts"])
        assert verdicts == {"accepted": CLIENTS * sum(SIZES)}
        written = [*created, *(raw for _, batches in work for raws in batches for raw in raws)]
        assert sorted(row.body for row in office.events()) == sorted(written)
        office.is_whole()
