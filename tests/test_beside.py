"""The process beside the server: it follows every log, comes back when it is killed, and outlives nobody."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
import pytest

from cairnfield.beside import NICENESS, THREAD_FAILED, followed_beside
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from infra.settings import from_environment
from sync.log import Changes, Wanted
from tests.conftest import TestServer
from tests.devices import NOON
from tests.infra.event_logs import entity, events, new_tenant
from tests.test_epoch_and_durable import url_of

PATIENCE_S: Final = 60.0


def eventually(what: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def children(pid: int, *, at: str = "cairnfield.beside") -> list[int]:
    """The processes beside that this one has started and that live."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    if not found.exists():
        pytest.skip("this system does not say which processes another one has started")
    told = subprocess.run(["ps", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 3) for line in told.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and at in row[3] and "Z" not in row[2]]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]


def test_it_keeps_up_and_is_started_again_where_it_dies(
    embedded_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "infra.py").write_text("raise SystemExit('of the folder that somebody stands in nothing is imported')")
    monkeypatch.chdir(tmp_path)
    with embedded_server.database() as dsn, open_pool(dsn, size=1) as pool:
        log, tenant = PostgresEventLog(pool), new_tenant(pool)

        def grow_to(count: int) -> None:
            rows = events(count)[log.head(tenant).position :]
            changes = Changes(events=rows, entities=[entity(row.entity) for row in rows])
            log.append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)

        def has_come_to(position: int) -> bool:
            with psycopg.connect(dsn) as owner:
                found = owner.execute(
                    "select max(position) from tracking where tenant = %s and application like 'rpt%%'", [tenant]
                ).fetchone()
            return found is not None and found[0] == position

        with followed_beside(dsn, from_environment({"CAIRN_DATA": str(tmp_path)})):
            grow_to(40)
            eventually(lambda: has_come_to(40))
            (first,) = children(os.getpid())
            assert os.getpriority(os.PRIO_PROCESS, first) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
            os.kill(first, signal.SIGKILL)
            grow_to(80)
            eventually(lambda: has_come_to(80))
            (second,) = children(os.getpid())
            assert second != first
        assert not is_alive(second)


def test_it_ends_with_a_server_that_is_killed(embedded_server: TestServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cairnfield", "up", "--no-demo", "--port", "0", "--data", str(tmp_path)]
    with (
        embedded_server.database() as dsn,
        subprocess.Popen(
            command,
            env={**os.environ, "DATABASE_URL": url_of(dsn)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server,
    ):
        eventually((tmp_path / "up.json").exists)
        eventually(lambda: len(children(server.pid)) == 1)
        (beside,) = children(server.pid)
        server.kill()
        server.wait()
        eventually(lambda: not is_alive(beside))


def test_a_thread_that_fails_ends_the_process_so_that_it_is_started_again() -> None:
    failing = "import threading, time; from cairnfield import beside; threading.excepthook = beside._end_with_thread; "
    failing += "threading.Thread(target=lambda: 1 / 0).start(); time.sleep(60)"
    ended = subprocess.run(
        [sys.executable, "-c", failing], check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.returncode == THREAD_FAILED
    assert "ZeroDivisionError" in ended.stderr


def test_what_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cairnfield.beside.AGAIN_S", 0.01)
    monkeypatch.setattr("cairnfield.beside.sys.executable", str(tmp_path / "no such program"))
    with followed_beside("postgresql:///nowhere", from_environment({"CAIRN_DATA": str(tmp_path)})):
        eventually(lambda: len(caplog.records) > 1)
    assert "could not be started" in caplog.text
