"""What a pull costs: a new device beside a short and a long history, and one device beside few and many others."""

import time
import uuid
from collections.abc import Callable
from typing import Final, LiteralString

import orjson
import psycopg

from bench.at_rest import let_rest
from bench.push import pushed_per_s
from bench.server import Connection, Server
from bench.workload import EVENTS_PER_JOB
from cairnfield.wiring import now_ms, open_accounts
from infra.postgres.frontier import rebuild_of
from infra.postgres.pool import open_pool

LIVING: Final = 10_000
CREATED_PER_JOB: Final = 14
OWN_JOBS: Final = 10
TEMPLATE_MAX: Final = 15_000
EVENTS_OF_A_DEVICE: Final = 50
TIMES: Final = 15
"""The best of so many says what it costs; the others also say who else was using the machine."""

# The same entities go on living: the tenant's first events once more, as later versions, under other ids and replicas.
_GO_ON: Final[LiteralString] = """
    insert into event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type,
                       type, scope, effective, actor, body)
    select tenant, %(head)s + row_number() over (order by position), %(round)s::int * 1000 + version, seq, recorded_at,
           overlay(id::text placing lpad(to_hex(%(round)s::int), 6, '0') from 1 for 6)::uuid, entity, schema_version,
           overlay(replica placing translate(lpad(%(round)s::int::text, 4, '0'), '0123456789', 'abcdefghij')
                   from 2 for 4),
           entity_type, type, scope, effective, actor, body
    from event where tenant = %(tenant)s and position <= %(template)s and not scope = any(%(but)s)
    order by position limit %(limit)s
"""


def bootstrap_s(server: Server, *, histories: tuple[int, int], say: Callable[[str], None]) -> tuple[float, float]:
    """Seconds in which a device that sees everything is given what lives in a log of each length, at best."""
    pushed_per_s(server, events=LIVING // CREATED_PER_JOB * EVENTS_PER_JOB, batch=500)
    took: list[float] = []
    for events in histories:
        say(f"living on to {events:,} events")
        live_on(server, events=events)
        let_rest(server)
        say("a new device")
        took.append(min(_bootstrapped_s(server) for _ in range(TIMES)))
    return took[0], took[1]


def _bootstrapped_s(server: Server) -> float:
    connection, resume, snapshots = server.connect(), "", 0
    began = time.perf_counter()
    while True:
        body = connection.get(f"/v1/sync/pull?cursor=0&resume={resume}")
        snapshots += body.count(b'{"frame":"snapshot"')
        checkpoint = orjson.loads(body[body.rindex(b"\n", 0, -1) + 1 :])
        resume = checkpoint.get("resume", "")
        if not resume:
            break
    took = time.perf_counter() - began
    assert snapshots >= LIVING * 0.9, snapshots
    return took


def live_on(server: Server, *, events: int, but: tuple[str, ...] = ()) -> None:
    """Bring the log to so many events without one more entity, in all scopes but these."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        told = connection.execute("select position from log_head where tenant = %s", [server.tenant]).fetchone()
        assert told
        head = told[0]
        template = min(head, TEMPLATE_MAX)
        while head < events:
            number = head // 1_000 + 1
            asked = {"tenant": server.tenant, "template": template, "head": head, "round": number, "but": list(but)}
            with connection.transaction():
                head += connection.execute(_GO_ON, {**asked, "limit": events - head}).rowcount
                connection.execute("update log_head set position = %s where tenant = %s", [head, server.tenant])
        rebuild_of(connection, server.tenant)
        connection.execute("vacuum (analyze) event")
        connection.execute("vacuum (analyze) entity")
        connection.execute("checkpoint")


def pull_s(server: Server, *, others: int) -> float:
    """Seconds of a technician's pull while so many other devices have written since the last one; the best."""
    pushed_per_s(server, events=200 * EVENTS_PER_JOB, batch=500)
    connection, scopes = _technician(server)
    first = orjson.loads(connection.get("/v1/sync/pull?cursor=0").splitlines()[-1])
    assert first["cursor"] == first["head"]
    live_on(server, events=first["head"] + others * EVENTS_OF_A_DEVICE, but=scopes)
    let_rest(server)
    took: list[float] = []
    for _ in range(6 * TIMES):
        began = time.perf_counter()
        connection.get(f"/v1/sync/pull?cursor={first['cursor']}")
        took.append(time.perf_counter() - began)
    return min(took)


def _technician(server: Server) -> tuple[Connection, tuple[str, ...]]:
    """Somebody who is granted a few jobs, and these jobs' scopes."""
    person = str(uuid.uuid4())
    with open_pool(server.dsn, size=1) as pool:
        accounts = open_accounts(pool)
        accounts.add_person(server.tenant, person=person, name="Ada", role="technician")
        token = accounts.issue(server.tenant, person, now_ms=now_ms())
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        found = connection.execute(
            "insert into grant_ (tenant, person, scope, via, from_position)"
            " select tenant, %s, scope, entity, 1 from entity where tenant = %s and type = 'visit' limit %s"
            " returning scope",
            [person, server.tenant, OWN_JOBS],
        ).fetchall()
    return Connection(server.url, token), tuple(scope for (scope,) in found)
