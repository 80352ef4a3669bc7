"""How fast batches are taken in over HTTP, beside the fastest way that the same rows can enter the same table."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import orjson
import psycopg

from bench.server import Server, served
from bench.workload import days

CLIENTS = 4
COLUMNS = (
    "position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type, type, scope, effective, "
    "actor, body"
)


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: events per second, and ratios within this run."""
    measured: dict[str, float] = {}
    with served() as server:
        say("warming up")
        pushed_per_s(server, events=4_000, batch=500)
        say("batches of 500")
        measured["push_500_events_per_s"] = pushed_per_s(server, events=20_000 if quick else 60_000, batch=500)
        say("the limit: COPY of the same rows")
        measured["copy_500_events_per_s"] = copied_per_s(server.dsn, server.tenant, batch=500)
        measured["push_500_ratio_to_copy"] = measured["push_500_events_per_s"] / measured["copy_500_events_per_s"]
        say("batches of 100")
        measured["push_100_events_per_s"] = pushed_per_s(server, events=8_000 if quick else 20_000, batch=100)
        if not quick:
            measured["push_500_ratio_at_1m"] = _ratio_at_1m(server, say)
    return measured


def pushed_per_s(server: Server, *, events: int, batch: int) -> float:
    """Events per second that `CLIENTS` phones push together, all of them accepted."""
    connections = [server.connect() for _ in range(CLIENTS)]
    bodies = [_bodies(connection.mint(), events // CLIENTS, batch) for connection in connections]
    start = threading.Barrier(CLIENTS + 1)
    failures: list[BaseException] = []

    def push(number: int) -> None:
        try:
            start.wait()
            for body in bodies[number]:
                answer = orjson.loads(connections[number].post("/v1/sync/push", body, "application/x-ndjson"))
                assert all(each["verdict"] == "accepted" for each in answer["verdicts"]), answer
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=push, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    assert not failures, failures
    return sum(body.count(b"\n") + 1 for each in bodies for body in each) / took


def _bodies(replica: str, events: int, batch: int) -> list[bytes]:
    written = islice(days(replica, seed=hash(replica) & 0xFFFF), events)
    return [b"\n".join(lines) for lines in batched(written, batch)]


def batched(lines: Iterator[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Runs of `size` lines, the last one shorter."""
    while run := tuple(islice(lines, size)):
        yield run


def copied_per_s(dsn: str, tenant: str, *, batch: int) -> float:
    """Rows per second that binary COPY brings into the event table, a durable commit per batch."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(  # the rows that were just pushed
            f"select {COLUMNS} from event where tenant = %s order by position limit 40000", [tenant], binary=True
        ).fetchall()
        other, copied = uuid.uuid4(), 0
        began = time.perf_counter()
        for at in range(0, len(rows), batch):
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy(f"copy event (tenant, {COLUMNS}) from stdin (format binary)") as copy,
            ):
                copy.set_types(
                    ["uuid", "int8", "int8", "int8", "timestamptz", "uuid", "uuid", "int2", *["text"] * 6, "bytea"]
                )
                for row in rows[at : at + batch]:
                    copy.write_row((other, *row))
                    copied += 1
        return copied / (time.perf_counter() - began)


def _ratio_at_1m(server: Server, say: Callable[[str], None]) -> float:
    """The same push into a full log against an empty one, turn by turn, so that the machine's moods cancel out."""
    raise NotImplementedError
