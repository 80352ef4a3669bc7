"""How many orders a server takes in a second, given by 32 clients at once, and how long the slowest of them wait."""

import json
import threading
import time
import uuid
from typing import Final, NamedTuple

from bench.server import Connection
from bench.singles import CLIENTS

MEDIA_TYPE: Final = "application/json"


class Pace(NamedTuple):
    """How orders were taken."""

    per_s: float
    p99_ms: float


def pace_of_orders(connections: list[Connection], *, orders: int) -> Pace:
    """Each client creates customers, one order after the other; each is stored when it is answered."""
    assert len(connections) == CLIENTS
    start, took = threading.Barrier(CLIENTS + 1), [list[float]() for _ in range(CLIENTS)]
    failures: list[BaseException] = []

    def give(number: int) -> None:
        try:
            requests = [_order(connections[number], f"Customer {number}.{each}") for each in range(orders // CLIENTS)]
            start.wait()
            for request in requests:
                began = time.perf_counter()
                connections[number].ask(request)
                took[number].append((time.perf_counter() - began) * 1_000)
        except BaseException as failure:
            failures.append(failure)
            start.abort()
            raise

    threads = [threading.Thread(target=give, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    lasted = time.perf_counter() - began
    assert not failures, failures
    all_took = sorted(each for one in took for each in one)
    return Pace(len(all_took) / lasted, all_took[int(len(all_took) * 0.99)])


def _order(connection: Connection, name: str) -> bytes:
    body = json.dumps({"name": name}).encode()
    told = connection.posting("/v1/customers", body, MEDIA_TYPE)
    head, _, rest = told.partition(b"\r\n\r\n")
    return head + f"\r\nIdempotency-Key: {uuid.uuid4()}\r\n\r\n".encode() + rest
