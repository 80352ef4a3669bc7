"""How long it takes to show one entity as it was, in a log of a million events beside one of fifty thousand.

What is asked for is a visit of a technician's day, at the middle of its history, by position and by time, each time
another one; one entity that was edited a thousand times, as of the edit before its newest; and one of twenty thousand
edits, at moments all over its life. It is told in milliseconds of whole requests over HTTP.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
import psycopg

from bench.full_log import fill
from bench.push import pushed_per_s
from bench.server import Connection, Server
from bench.workload import Phone
from infra.postgres.milestones import PostgresMilestones
from infra.postgres.pool import open_pool
from infra.postgres.roles import PROJECTOR
from sync.author import Author

SMALL: Final = 50_000
LARGE: Final = 1_000_000
ASKED: Final = 200
EDITS: Final = 1_000
LONG_EDITS: Final = 20_000
EDITS_PER_PUSH: Final = 500


def as_of_figures(server: Server, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures: medians, and for a visit in the large log the 99th percentile as well."""
    figures: dict[str, float] = {}
    for name, events in (("small_", SMALL), ("", LARGE // 5 if quick else LARGE)):
        say(f"writing {events:,} events")
        of_size = server.another_tenant()
        pushed_per_s(of_size, events=10_000, batch=500)
        connection = of_size.connect()
        busy = _edited(connection, EDITS)[-2]
        long = [] if name else _edited(connection, LONG_EDITS)
        fill(of_size.dsn, of_size.tenant, events=events)
        say(f"making milestones of {events:,} events")
        _make_milestones(of_size)
        say(f"asking about the past at {events:,} events")
        by_position, by_time = _visits(of_size)
        _ask_each(connection, by_position[:20])
        took = _ask_each(connection, by_position)
        figures[f"as_of_{name}ms"] = statistics.median(took)
        figures[f"as_of_time_{name}ms"] = statistics.median(_ask_each(connection, by_time))
        figures[f"as_of_busy_{name}ms"] = statistics.median(_ask_each(connection, [busy] * (ASKED // 10)))
        if not name:
            took_long = _ask_each(connection, long[EDITS_PER_PUSH // 2 : -1 : LONG_EDITS // (ASKED // 2)])
            figures["as_of_long_ms"] = statistics.median(took_long)
            figures["as_of_long_p99_ms"] = statistics.quantiles(took_long, n=100)[98]
            figures["as_of_p99_ms"] = statistics.quantiles(took, n=100)[98]
    figures["as_of_ratio_to_small"] = figures["as_of_ms"] / figures["as_of_small_ms"]
    return figures


def _edited(connection: Connection, edits: int) -> list[str]:
    """The paths of an entity that was edited so many times, as of each of its edits."""
    phone = Phone(Author(replica=connection.mint()))
    site = phone.id()
    raws = [phone.tell("site", site, "Created", customer_id=phone.id(), name="Bench")]
    raws += [phone.tell("site", site, "Edited", directions=f"{number} steps") for number in range(1, edits)]
    paths: list[str] = []
    for at in range(0, edits, EDITS_PER_PUSH):
        pushed = connection.posting("/v1/sync/push", b"\n".join(raws[at : at + EDITS_PER_PUSH]))
        verdicts = orjson.loads(connection.ask(pushed))["verdicts"]
        paths += [f"/v1/entities/site/{site}?as_of={each['position']}" for each in verdicts]
    return paths


def _make_milestones(server: Server) -> None:
    """As they are made beside a server that runs for a while."""
    with open_pool(server.dsn, size=1, role=PROJECTOR) as pool:
        while PostgresMilestones(pool=pool).keep_up(server.tenant):
            pass


def _visits(server: Server) -> tuple[list[str], list[str]]:
    """Paths of visits from all over the log, at the middle of their histories, by position and by time."""
    with psycopg.connect(server.dsn) as connection:
        rows = connection.execute(
            "select entity::text, position from event where tenant = %s and entity_type = 'visit' and version = 3"
            " order by position",
            [server.tenant],
        ).fetchall()
    now = datetime.now(UTC)
    asked = rows[:: len(rows) // ASKED][:ASKED]
    paths = [(f"/v1/entities/visit/{entity}?as_of=", position) for entity, position in asked]
    # By time, each as of now: the search goes all the way through the log to its end.
    return [f"{path}{position}" for path, position in paths], [
        f"{path}{now:%Y-%m-%dT%H:%M:%S.%f}Z" for path, _ in paths
    ]


def _ask_each(connection: Connection, paths: Sequence[str]) -> list[float]:
    """Milliseconds of each request."""
    return list(_timed(connection, paths))


def _timed(connection: Connection, paths: Sequence[str]) -> Iterator[float]:
    for path in paths:
        began = time.perf_counter()
        body = connection.get(path)
        yield (time.perf_counter() - began) * 1_000
        assert b'"as_of"' in body, body[:200]
