"""Runners of the read model are killed and stopped wherever it hurts: every event is in the tables exactly once."""

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from infra.failpoints import POINTS
from infra.postgres.pool import connect, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.read_model import PROJECTIONS
from tests.conftest import TestServer
from tests.infra.event_logs import Office, Offices, in_postgres
from tests.infra.read_models import LATER, catch_up, is_right
from tests.infra.towns import Town
from tests.projecting import projecting
from tests.workers import until

PATIENCE_S: Final = 60.0
PAGE: Final = 7
RUNNER: Final = sorted(point for point in POINTS if point.startswith("projector."))


class Place(NamedTuple):
    offices: Offices
    store: PostgresStore


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with (
        embedded_server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        yield Place(in_postgres(pool, dsn), PostgresStore(projecting, 1, PROJECTIONS))


def lived(place: Place, seed: int) -> Office:
    office = place.offices.new()
    Town(office, seed).live(6)
    return office


def ended(process: "subprocess.Popen[bytes]") -> int:
    return process.wait(timeout=PATIENCE_S)


def position(place: Place, office: Office) -> int:
    return place.store.standing(office.tenant, now_ms=LATER).position


@pytest.mark.parametrize("point", RUNNER)
def test_g11_a_runner_that_is_killed_leaves_whole_pages_and_the_next_one_goes_on(place: Place, point: str) -> None:
    office = lived(place, RUNNER.index(point))
    dying = projecting(place.offices.dsn, office.tenant, page=PAGE, failpoints=f"{point}=kill9@3")
    assert ended(dying) == -signal.SIGKILL
    reached = position(place, office)
    assert reached == (3 if point == "projector.committed" else 2) * PAGE
    catch_up(place.store, office, page=PAGE)
    is_right(place.store, office)


def is_stopped(process: "subprocess.Popen[bytes]") -> bool:
    with open(f"/proc/{process.pid}/stat") as told:  # noqa: PTH123  # no file
        return told.read().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("point", ["projector.applied"])
def test_g12_a_runner_that_sleeps_through_its_time_does_no_harm_when_it_wakes(place: Place, point: str) -> None:
    office = lived(place, 4)
    sleeper = projecting(place.offices.dsn, office.tenant, page=PAGE, failpoints=f"{point}=stop@2")
    until(lambda: is_stopped(sleeper), within_s=PATIENCE_S)
    with place.store.claim(office.tenant) as claim:
        assert claim is None, "it holds the tenant while the server lets it"
    with connect(place.offices.dsn, role=None) as owner:  # what the server does after IDLE_IN_TRANSACTION_TIMEOUT_MS
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s",
            [f"projecting-{sleeper.pid}"],
        )
    awake = projecting(place.offices.dsn, office.tenant, page=PAGE)
    until(lambda: position(place, office) > 3 * PAGE, within_s=PATIENCE_S)
    os.kill(sleeper.pid, signal.SIGCONT)
    assert (ended(sleeper), ended(awake)) == (0, 0)
    is_right(place.store, office)


def test_many_runners_at_once_take_in_every_event_once(place: Place) -> None:
    office = lived(place, 5)
    runners = [projecting(place.offices.dsn, office.tenant, page=1) for _ in range(2)]
    town = Town(office, 6)
    for _ in range(10):
        town.live(1)
    assert [ended(each) for each in runners] == [0, 0]
    catch_up(place.store, office)
    is_right(place.store, office)
