"""How many pushes of a single event a server takes in a second: by 32 clients, into one tenant or into several."""

import threading
import time
from itertools import islice
from typing import Final

from bench.push import ACCEPTED
from bench.server import Connection, Server
from bench.workload import days

CLIENTS: Final = 32


def pushes_per_s(server: Server, *, tenants: int, pushes: int) -> float:
    """Pushes per second that `CLIENTS` devices, spread over so many empty tenants, make together; all accepted."""
    homes = [server.another_tenant() for _ in range(tenants)]
    devices = [_device(homes[number % tenants], pushes // CLIENTS, seed=number) for number in range(CLIENTS)]
    start, failures = threading.Barrier(CLIENTS + 1), list[BaseException]()

    def push(connection: Connection, requests: list[bytes]) -> None:
        try:
            start.wait()
            for request in requests:
                answer = connection.ask(request)
                assert ACCEPTED in answer, answer
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=push, args=device) for device in devices]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return sum(len(requests) for _, requests in devices) / (time.perf_counter() - began)


def _device(home: Server, pushes: int, *, seed: int) -> tuple[Connection, list[bytes]]:
    connection = home.connect()
    events = islice(days(connection.mint(), seed=seed), pushes)
    return connection, [connection.posting("/v1/sync/push", event) for event in events]
