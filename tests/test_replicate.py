"""`cairn replicate` between two real servers: whole, killed half-way, and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

import pytest

from cairnfield.wiring import now_ms, open_accounts, open_log
from domain.people import Role
from infra.http_client import SyncClient
from infra.postgres.pool import open_pool
from tests.conftest import TestServer
from tests.devices import Device, new_id
from tests.test_simulate import serving

BATCHES: Final = 8
BATCH: Final = 500
RUN_S_MAX: Final = 120
WAIT_S_MAX: Final = 60


class Hub(NamedTuple):
    """A server with a tenant of its own: who may hand in there, and who stands for other hubs."""

    url: str
    dispatcher: SyncClient
    integration: SyncClient
    token: str


@contextmanager
def hub(server: TestServer) -> Iterator[Hub]:
    with server.database() as dsn, ExitStack() as stack:
        tokens: dict[Role, str] = {}
        with open_pool(dsn, size=1) as pool:
            accounts = open_accounts(pool)
            tenant = accounts.add_tenant("A hub", now_ms=now_ms())
            roles: tuple[Role, ...] = ("dispatcher", "integration")
            for role in roles:
                person = new_id()
                accounts.add_person(tenant, person=person, name=role, role=role)
                tokens[role] = accounts.issue(tenant, person, now_ms=now_ms())
            assert open_log(pool).head(tenant).position == 0
        url = stack.enter_context(serving(dsn))
        dispatcher, integration = (stack.enter_context(SyncClient(url, tokens[role])) for role in roles)
        yield Hub(url, dispatcher, integration, tokens["integration"])


@pytest.fixture
def hubs(embedded_server: TestServer) -> Iterator[tuple[Hub, Hub]]:
    with hub(embedded_server) as depot, hub(embedded_server) as town:
        yield depot, town


def hand_in(to: Hub, batches: int) -> None:
    """Customers, each created and named again, by a new replica."""
    device = Device("", now_ms=now_ms() - 1_000_000)
    device.author = type(device.author)(replica=to.dispatcher.mint("a desk"))
    for _ in range(batches):
        raws: list[bytes] = []
        for _ in range(BATCH // 2):
            customer = new_id()
            raws += [device.create("customer", customer), device.tell("customer", customer, "Edited", {"name": "Quay"})]
        answer = to.dispatcher.push(b"\n".join(raws))
        assert {verdict["verdict"] for verdict in answer["verdicts"]} == {"accepted"}


def command(one: Hub, other: Hub, *options: str) -> subprocess.Popen[str]:
    asked = [sys.executable, "-m", "cairnfield", "replicate", "--from", one.url, "--to", other.url, *options]
    tokens = {"CAIRN_TOKEN_FROM": one.token, "CAIRN_TOKEN_TO": other.token}
    return subprocess.Popen(asked, env=os.environ | tokens, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(one: Hub, other: Hub, *options: str) -> dict[str, Any]:
    process = command(one, other, "--json", *options)
    said, failed = process.communicate(timeout=RUN_S_MAX)
    assert process.returncode == 0, failed
    told: dict[str, Any] = json.loads(said)
    return told


def test_killed_half_way_and_run_again_both_hubs_hold_the_same(hubs: tuple[Hub, Hub]) -> None:
    depot, town = hubs
    hand_in(depot, BATCHES)
    hand_in(town, 1)
    hello = depot.integration.hello()
    process = command(depot, town, "--both")
    give_up = time.monotonic() + WAIT_S_MAX
    while not (taken := town.integration.relayed(hello["tenant"], hello["epoch"])):
        assert time.monotonic() < give_up
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert taken < BATCHES * BATCH, "it was killed too late to show anything"
    told = run(depot, town, "--both")
    there, back = told["carried"]
    assert told["equal"] is True
    assert 0 < there["added"] < BATCHES * BATCH
    assert (back["added"], there["set_aside"], back["set_aside"]) == (BATCH, 0, 0)
    heads = {each.integration.hello()["head"] for each in hubs}
    assert heads == {(BATCHES + 1) * BATCH}
    again = run(depot, town, "--both")
    assert again["equal"] is True
    assert [(way["added"], way["known"]) for way in again["carried"]] == [(0, 0), (0, 0)]
    assert {each.integration.hello()["head"] for each in hubs} == heads


def test_following_brings_what_comes_later_and_ends_with_ctrl_c(hubs: tuple[Hub, Hub]) -> None:
    depot, town = hubs
    hand_in(depot, 1)
    process = command(depot, town, "--follow", "--json")
    give_up = time.monotonic() + WAIT_S_MAX
    while town.integration.hello()["head"] < BATCH:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    hand_in(depot, 1)
    while town.integration.hello()["head"] < 2 * BATCH:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, failed = process.communicate(timeout=RUN_S_MAX)
    assert process.returncode == 0, failed
    assert json.loads(said)["equal"] is None


def test_what_cannot_go_on_says_why(hubs: tuple[Hub, Hub]) -> None:
    depot, town = hubs
    hand_in(depot, 1)
    process = command(depot, depot)
    assert process.communicate(timeout=RUN_S_MAX)[1].startswith("cairn: 409 same_hub")
    assert process.returncode == 1
    process = command(depot, town._replace(token="wrong"))
    assert process.communicate(timeout=RUN_S_MAX)[1].startswith("cairn: 401 unauthorized")
    assert process.returncode == 1
