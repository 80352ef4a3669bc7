"""A simulated day: the same for the same seed, proven at its end, and a proof that can fail."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from cairnfield.demo.seed import seed
from cairnfield.demo_passwords import with_passwords
from cairnfield.sign_in import logins
from cairnfield.simulate.command import play, summary
from cairnfield.simulate.plan import Role, plan
from cairnfield.simulate.proof import prove
from cairnfield.wiring import build_app, open_accounts, open_log
from infra.http_client import SyncClient
from infra.postgres.devices import PostgresDevices
from infra.postgres.pool import open_pool
from infra.settings import from_environment
from sync.trust import HistoryRewritten
from tests.conftest import TestServer

ROOT: Final = Path(__file__).resolve().parents[1]
NOON: Final = 1_767_268_800_000
QUIET: Final = Console(quiet=True)
START_S_MAX: Final = 20


@contextmanager
def town(server: TestServer, data: Path) -> Iterator[tuple[str, dict[Role, SyncClient]]]:
    """Harbour Town at noon behind real HTTP, and a client for each role that writes."""
    with server.database() as dsn, ExitStack() as stack:
        with open_pool(dsn, size=1) as pool:
            accounts = open_accounts(pool)
            tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
            seed(open_log(pool), accounts, tenant, now_ms=NOON)
            found = logins(accounts, tenant, data=data, now_ms=NOON)
            tokens = {login.role: login.token for login in found if login.token}
        url = stack.enter_context(serving(dsn))
        roles: tuple[Role, ...] = ("dispatcher", "supervisor", "technician")
        yield url, {role: stack.enter_context(SyncClient(url, tokens[role])) for role in roles}


@contextmanager
def serving(dsn: str) -> Iterator[str]:
    with answering(build_app(dsn, from_environment({}))) as url:
        yield url


@contextmanager
def answering(app: FastAPI) -> Iterator[str]:
    """Where an application answers, in a thread of its own."""
    api = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=api.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + START_S_MAX
    while not api.started:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{api.servers[0].sockets[0].getsockname()[1]}"
    finally:
        api.should_exit = True
        thread.join()


class Forgetful(httpx.HTTPTransport):
    """A way to the server on which one frame in the middle of a pull is lost."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        lines = answer.read().split(b"\n")
        if request.url.path == "/v1/sync/pull" and len(lines) > 100:
            del lines[50]
        headers = {"content-type": answer.headers["content-type"]}
        return httpx.Response(answer.status_code, headers=headers, content=b"\n".join(lines))


def test_the_same_seed_gives_the_same_history_on_two_fresh_towns(embedded_server: TestServer, tmp_path: Path) -> None:
    told = []
    for name in ("one", "other"):
        with town(embedded_server, tmp_path / name) as (_, clients):
            run, proof = play(plan(seed=7, devices=6, hours=3), clients, now_ms=NOON, console=QUIET)
            assert proof.faults == ()
            told.append(summary(run, proof))
    assert told[0]["history"] == told[1]["history"]
    counted = ("authored", "accepted", "quarantined", "conflicts_open", "positions", "forks", "lost_answers")
    assert [told[0][name] for name in counted] == [told[1][name] for name in counted]
    assert told[0]["authored"] == told[0]["accepted"] + told[0]["quarantined"] + told[0]["on_device"] > 100
    assert told[0]["equal"] is True


def test_another_seed_gives_another_history() -> None:
    assert plan(seed=7, devices=4, hours=2) == plan(seed=7, devices=4, hours=2) != plan(seed=8, devices=4, hours=2)


def test_no_two_wake_at_the_same_moment() -> None:
    moments = [ms for ms, _ in plan(seed=7, devices=50, hours=24).wakes]
    assert len(set(moments)) == len(moments)


def test_the_proof_fails_for_what_does_not_fit(embedded_server: TestServer, tmp_path: Path) -> None:
    with town(embedded_server, tmp_path) as (url, clients):
        run, proof = play(plan(seed=1, devices=3, hours=1), clients, now_ms=NOON, console=QUIET)
        client = clients["dispatcher"]
        assert proof.holds
        lost = prove(client, run.devices, run.authored | {"never handed in"}, run.told)
        assert "never handed in" in lost.faults[0]
        twice = prove(client, [*run.devices, run.devices[0]], run.authored, [*run.told, run.told[0]])
        assert twice.holds, "a replica that is looked at twice is still right"
        with SyncClient(url, _token_of(client), transport=Forgetful()) as forgetful:
            assert not prove(forgetful, run.devices, run.authored, run.told).holds
        assert run.proofs > 0
        pinned = run.pinned[0]
        assert pinned is not None
        assert pinned.trust.newest is not None
        another = pinned.trust._replace(newest=pinned.trust.newest._replace(root=bytes(32)))
        run.pinned[0] = pinned._replace(trust=another)  # as if the log of before had been another
        with pytest.raises(HistoryRewritten):
            run._pull(0, run.plan.end_ms)
        tampered, spoilt = play(plan(seed=2, devices=3, hours=1), clients, now_ms=NOON, console=QUIET, tamper=True)
        assert {fault.split(" has ")[0] for fault in spoilt.faults} == {f"device {len(tampered.devices) - 1}"}


def test_people_sign_in_to_a_server_elsewhere(embedded_server: TestServer, tmp_path: Path) -> None:
    with embedded_server.database() as dsn, open_pool(dsn, size=1) as pool:
        accounts = open_accounts(pool)
        tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
        seed(open_log(pool), accounts, tenant, now_ms=NOON)
        found = logins(accounts, tenant, data=tmp_path, now_ms=NOON)
        people = {each.role: each for each in with_passwords(found, pool, tenant, data=tmp_path, now_ms=NOON)}
        roles: tuple[Role, ...] = ("dispatcher", "supervisor", "technician")
        who = [f"--sign-in={role}={people[role].email}" for role in roles]
        environment = {**os.environ, "CAIRN_PASSWORD": people["dispatcher"].password or ""}
        command = [sys.executable, "-m", "cairnfield", "simulate", "--devices=3", "--hours=1", "--json", *who]
        with serving(dsn) as url:
            ended = subprocess.run(
                [*command, f"--url={url}", f"--data={tmp_path / 'here'}"],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["equal"] is True
        registered = PostgresDevices(pool).devices(tenant, person=None)
        assert len(registered) == 3
        assert {len(each.replicas) for each in registered} > {1}, "each of a simulation's devices is a replica of it"


def _token_of(client: SyncClient) -> str:
    return client._http.headers["authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--tamper",), 1)])
def test_the_command_starts_its_own_server_and_ends_with_what_was_proven(
    open_folder: Path, options: tuple[str, ...], status: int
) -> None:
    without = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CAIRN_DATA")}
    command = [sys.executable, "-m", "cairnfield", "simulate", "--devices", "4", "--hours", "1", "--json"]
    ended = subprocess.run(
        [*command, "--data", str(open_folder / "data"), *options],
        cwd=ROOT,
        env=without,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    told = json.loads(ended.stdout)
    assert told["equal"] is (status == 0)
    assert {"devices", "hours", "seed", "authored", "accepted", "quarantined", "held", "on_device"} <= set(told)
    assert {"conflicts_open", "positions", "history", "state_hash"} <= set(told)
    assert not (open_folder / "data" / "up.json").exists()
