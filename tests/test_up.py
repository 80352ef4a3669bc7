"""`cairn up` as people run it: a process that is started, asked, stopped by Ctrl-C and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx

from domain.lifecycle import WORK_ORDER
from infra.http_client import SyncClient

ROOT: Final = Path(__file__).resolve().parents[1]
START_S_MAX: Final = 60
STOP_S_MAX: Final = 30
ROLES: Final = {"dispatcher", "technician", "supervisor", "analyst", "auditor", "admin", "integration"}


@contextmanager
def running_up(data: Path, *options: str) -> Iterator[dict[str, Any]]:
    """What `up.json` says while `cairn up` runs; ended by Ctrl-C, which must end it in order."""
    without = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CAIRN_DATA")}
    command = [sys.executable, "-m", "cairnfield", "up", "--port", "0", "--data", str(data), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, env=without, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    ready, give_up = data / "up.json", time.monotonic() + START_S_MAX
    try:
        while not ready.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < give_up
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=STOP_S_MAX)
    assert process.returncode == 0, said
    assert "the data stay" in said
    assert "Cancel" not in said, "it waited for something that did not end"
    assert not ready.exists()


def statuses(told: dict[str, Any]) -> list[str]:
    with SyncClient(told["url"], told["tokens"]["analyst"]) as server:
        return [job["status"] for job in server.work_orders()]


def test_the_town_lives_and_is_there_again_after_a_stop(open_folder: Path) -> None:
    data = open_folder / "data"
    with running_up(data) as told:
        assert set(told["tokens"]) == ROLES
        for role, token in told["tokens"].items():
            with SyncClient(told["url"], token) as server:
                seen = len(list(server.entities("customer")))
                assert 0 < seen < 12 if role == "technician" else seen == 12
                if role == "dispatcher":
                    assert server.mint("a desk").startswith("r")
        assert httpx.get(f"{told['url']}/v1/work-orders").status_code == 401
        assert set(told["sign_in"]) == ROLES - {"integration"}
        for role, document in told["sign_in"].items():
            signed_in = httpx.post(f"{told['url']}/v1/sign-in", json=document).json()
            assert signed_in["person"]["role"] == role
        found = statuses(told)
        assert len(found) == 40
        assert set(found) == set(WORK_ORDER.statuses)
        with SyncClient(told["url"], told["tokens"]["auditor"]) as server:
            people = [person["role"] for person in server.entities("person")]
            waiting = [
                each for kind in ("site", "asset", "visit") for each in server.entities(kind) if each["conflicts"]
            ]
            digest = server.digest()
        assert people.count("technician") == 6
        assert len(waiting) == 5
        for secret in ("logins.json", "passwords.json", "keys/keyring.json"):
            assert (data / secret).stat().st_mode & 0o777 == 0o600
    with running_up(data) as again:
        assert again["tokens"] == told["tokens"]
        assert again["sign_in"] == told["sign_in"]
        with SyncClient(again["url"], told["tokens"]["auditor"]) as server:
            assert server.digest() == digest


def test_ctrl_c_ends_live_streams_and_does_not_wait_for_them(open_folder: Path) -> None:
    with ExitStack() as streams:
        with running_up(open_folder / "data", "--no-demo") as told:
            heard: list[Iterator[str]] = []
            for token in (each for role, each in told["tokens"].items() if role != "analyst"):
                bearer, url = {"Authorization": f"Bearer {token}"}, f"{told['url']}/v1/sync/live"
                heard.append(
                    streams.enter_context(httpx.stream("GET", url, headers=bearer, timeout=STOP_S_MAX)).iter_lines()
                )
                assert "event: head" in islice(heard[-1], 5)
        for each in heard:
            assert "event: replaced" not in each, "whole to its last chunk, and nobody took its place"


def test_without_the_demo_there_is_an_empty_tenant_with_logins_until_the_town_is_wanted(open_folder: Path) -> None:
    data = open_folder / "data"
    with running_up(data, "--no-demo") as told:
        assert set(told["tokens"]) == ROLES
        assert statuses(told) == []
    with running_up(data) as again:
        assert len(statuses(again)) == 40
        assert len(statuses({**again, "tokens": told["tokens"]})) == 40, "tokens that were given out stay good"
