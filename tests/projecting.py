"""A process that moves the read model of one tenant along, page by page, so that tests may kill and stop it.

Run as a program: it is told the database, the tenant and the events of a page, and ends when the tables hold the log.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from infra import failpoints
from infra.postgres.pool import open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from infra.projector import Projector
from projections.read_model import GROUP, PROJECTIONS
from sync.log import LogUnavailable

ROOT: Final = Path(__file__).resolve().parents[1]
PAUSE_S: Final = 0.02


def projecting(dsn: str, tenant: str, *, page: int, failpoints: str = "") -> "subprocess.Popen[bytes]":
    """Such a process, told how it shall fail."""
    environment = {**os.environ, "CAIRN_FAILPOINTS": failpoints, "CAIRN_TESTING": "1"}
    command = [sys.executable, "-m", "tests.projecting", dsn, tenant, str(page)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def main() -> None:
    """Move the tables along until they hold the whole log."""
    dsn, tenant, page = sys.argv[1:]
    failpoints.arm(os.environ)
    with open_pool(dsn, size=1, role=PROJECTOR, application_name=f"projecting-{os.getpid()}") as pool:
        store = PostgresStore(pool, 1, PROJECTIONS)
        projector = Projector(store=store, group=GROUP, now_ms=lambda: 0, page_events=int(page))
        while True:
            try:
                step = projector.step(tenant)
            except LogUnavailable:
                time.sleep(PAUSE_S)
                continue
            if step and step.events == 0:
                return
            if step is None:
                time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
