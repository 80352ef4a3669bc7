"""How fast batches are taken in over HTTP, beside the fastest way that the same rows can enter the same table."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from bench.at_rest import let_rest
from bench.full_log import fill
from bench.limit import copied_in_per_s
from bench.server import Connection, Server, served
from bench.workload import days

CLIENTS = 4
TURNS_AT_1M = 5
TURNS_WITHOUT = 5
ACCEPTED = b'"verdict":"accepted"'


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: events per second, and ratios within this run."""
    measured: dict[str, float] = {}
    with served() as server:
        say("batches of 500")
        measured["push_500_events_per_s"] = warm_pushed_per_s(server, quick=quick)
        say("the limit: COPY of the same rows")
        measured["copy_500_events_per_s"] = copied_in_per_s(server.dsn, server.tenant, batch=500)
        measured["push_500_ratio_to_copy"] = measured["push_500_events_per_s"] / measured["copy_500_events_per_s"]
        say("batches of 100")
        measured["push_100_events_per_s"] = pushed_per_s(server, events=8_000 if quick else 20_000, batch=100)
        say("without what follows the log")
        measured |= _without_background(server, quick=quick)
        if not quick:
            measured["push_500_ratio_at_1m"] = _ratio_at_1m(server, say)
    return measured


def _without_background(server: Server, *, quick: bool) -> dict[str, float]:
    """How much faster a push is where nothing else is done in its process, turn by turn beside one that does all of it,
    and where only one of the two is done: the read model, or the checkpoints."""
    figures: dict[str, float] = {}
    for name, background in (("background", "none"), ("read_model", "checkpoints"), ("checkpoints", "read-model")):
        with served({"CAIRN_BACKGROUND": background}) as other:
            pushed_per_s(other, events=4_000, batch=500)
            ratios: list[float] = []
            for turn in range(1 if quick else TURNS_WITHOUT):
                pair = (server, other) if turn % 2 else (other, server)
                each = {one.url: pushed_per_s(one, events=10_000, batch=500) for one in pair}
                ratios.append(each[other.url] / each[server.url])
        figures[f"push_500_ratio_without_{name}"] = statistics.median(ratios)
    return figures


def warm_pushed_per_s(server: Server, *, quick: bool) -> float:
    """Events per second in batches of 500, after a few that warm up."""
    pushed_per_s(server, events=4_000, batch=500)
    return pushed_per_s(server, events=20_000 if quick else 60_000, batch=500)


def pushed_per_s(server: Server, *, events: int, batch: int) -> float:
    """Events per second that `CLIENTS` phones push together, all of them accepted."""
    connections = [server.connect() for _ in range(CLIENTS)]
    requests = [_requests(connection, events // CLIENTS, batch) for connection in connections]
    start = threading.Barrier(CLIENTS + 1)
    failures: list[BaseException] = []

    def push(number: int) -> None:
        try:
            start.wait()
            for request, count in requests[number]:
                answer = connections[number].ask(request)
                assert answer.count(ACCEPTED) == count, answer
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
    return sum(count for each in requests for _, count in each) / took


def _requests(connection: Connection, events: int, batch: int) -> list[tuple[bytes, int]]:
    """A day's work as requests made ready, each with how many events it holds."""
    replica = connection.mint()
    written = islice(days(replica, seed=hash(replica) & 0xFFFF), events)
    return [(connection.posting("/v1/sync/push", b"\n".join(lines)), len(lines)) for lines in batched(written, batch)]


def batched(lines: Iterator[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Runs of `size` lines, the last one shorter."""
    while run := tuple(islice(lines, size)):
        yield run


def _ratio_at_1m(server: Server, say: Callable[[str], None]) -> float:
    """The same push into a full log against an empty one, turn by turn, so that the machine's moods cancel out."""
    empty = server.another_tenant()
    pushed_per_s(empty, events=4_000, batch=500)
    say("filling a log with 1,000,000 events")
    fill(server.dsn, server.tenant, events=1_000_000)
    let_rest(server)
    ratios: list[float] = []
    for turn in range(TURNS_AT_1M):
        say(f"into 1,000,000 events and into few, turn {turn + 1} of {TURNS_AT_1M}")
        full = pushed_per_s(server, events=20_000, batch=500)
        ratios.append(full / pushed_per_s(empty, events=20_000, batch=500))
        empty = server.another_tenant()
        pushed_per_s(empty, events=4_000, batch=500)
    return statistics.median(ratios)
