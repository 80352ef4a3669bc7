"""How fast stored events leave one worker over HTTP, beside COPY of the same rows out of the same table."""

import threading
import time
from collections.abc import Callable

import orjson

from bench.at_rest import let_rest
from bench.full_log import fill
from bench.limit import copied_out_per_s
from bench.push import pushed_per_s
from bench.server import Connection, Server, served

CLIENTS = 3


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: events per second, and their ratio to COPY within this run."""
    with served() as server:
        say("pulling a log")
        pulled = warm_pulled_per_s(server, quick=quick)
        say("the limit: COPY of the same rows")
        copied = copied_out_per_s(server.dsn, server.tenant)
    return {
        "pull_events_per_s": pulled,
        "copy_out_events_per_s": copied,
        "pull_ratio_to_copy": pulled / copied,
    }


def warm_pulled_per_s(server: Server, *, quick: bool) -> float:
    """Events per second out of a log that is written for it, the second time that it is read."""
    pushed_per_s(server, events=10_000, batch=500)
    fill(server.dsn, server.tenant, events=60_000 if quick else 200_000)
    let_rest(server)
    pulled_per_s(server)
    return pulled_per_s(server)


def pulled_per_s(server: Server) -> float:
    """Events per second that `CLIENTS` devices pull together, each the whole log from its beginning."""
    connections = [server.connect() for _ in range(CLIENTS)]
    counts = [0] * CLIENTS

    def pull(number: int) -> None:
        counts[number] = _pull_all(connections[number])

    threads = [threading.Thread(target=pull, args=(number,)) for number in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    assert set(counts) == {counts[0]}, counts
    assert counts[0] > 0
    return sum(counts) / took


def _pull_all(connection: Connection) -> int:
    """The number of events from cursor 0 to the head."""
    cursor = count = 0
    while True:
        body = connection.get(f"/v1/sync/pull?cursor={cursor}&history=true")
        count += body.count(b"\n") - 1
        checkpoint = orjson.loads(body[body.rindex(b"\n", 0, -1) + 1 :])
        if checkpoint["cursor"] == checkpoint["head"]:
            assert count == checkpoint["head"]
            return count
        cursor = checkpoint["cursor"]
