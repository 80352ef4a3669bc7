"""Waiting until what follows the logs has nothing left to do.

A log that was filled by SQL in a moment is followed for a minute: by the read model, checkpoints and milestones. No log
grows so in the world, and whatever was measured meanwhile would be measured beside it.
"""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

from bench.server import Server
from infra.postgres.doorbell import PostgresDoorbell

LOOK_EVERY_S: Final = 3.0
"""Longer than followers pause between two looks."""
BUSY_SHARE: Final = 0.03
"""Of a processor: with less of it, they only look whether there is something to do."""
REST_S_MAX: Final = 600.0

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def let_rest(server: Server) -> None:
    """Tell the followers of the tenant's log how long it is, and wait until they are done with it."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        told = connection.execute("select position from log_head where tenant = %s", [server.tenant]).fetchone()
    assert told
    with closing(PostgresDoorbell(server.dsn)) as doorbell:
        doorbell.ring(server.tenant, told[0])
        _until_at_rest(server.pid)


def _until_at_rest(parent: int) -> None:
    give_up, before_s = time.monotonic() + REST_S_MAX, _worked_s(parent)
    while True:
        time.sleep(LOOK_EVERY_S)
        now_s = _worked_s(parent)
        if now_s - before_s < BUSY_SHARE * LOOK_EVERY_S:
            return
        assert time.monotonic() < give_up, "what follows the log does not come to an end"
        before_s = now_s


def _worked_s(parent: int) -> float:
    """Seconds of a processor that the children of a process have used."""
    told = [each.rpartition(")")[2].split() for each in _stats()]
    return sum(int(each[11]) + int(each[12]) for each in told if int(each[1]) == parent) / _TICKS_A_SECOND


def _stats() -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found.append(path.read_text())
        except OSError:  # it has ended
            continue
    return found
