"""A worker dies, fails or stands still at every named place of a push and a pull: nothing acknowledged is lost, nothing
is there twice, and whoever asks again is told what became of it."""

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from psycopg_pool import ConnectionPool

from infra.failpoints import POINTS
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import ROWS_WORTH_COLUMNS, PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from sync import state_codec
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, Workers, until, workers

SMALL: Final = 3
LARGE: Final = ROWS_WORTH_COLUMNS + 8
HELD_UP_S: Final = 0.1
"""How long a worker that stands still is left so while its client has gone to another one."""
GATHERING_S: Final = 0.4
AGAIN_S_MAX: Final = 30.0
LED: Final = 4
MODES: Final = ("kill9", "raise", "stop")

# One kind of row after the other: events, entities, replicas; a large batch has its new entities apart from the old.
PUSHES: Final = [
    *((point, SMALL) for point in POINTS if point.startswith("push.") and point not in ("push.leading", "push.led")),
    *((f"push.inserted@{kind}", SMALL) for kind in (2, 3)),
    *((point, LARGE) for point in ("push.locked", "push.before_commit", "push.committed", "push.mid_response")),
    *((f"push.inserted@{kind}", LARGE) for kind in (1, 2, 3, 4)),
]
PULLS: Final = [point for point in POINTS if point.startswith("pull.")]

Answer = dict[str, Any]


class NoAnswer(ConnectionError):
    """The request was answered with an error of the server, or not at all, or not to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A tenant, what was written in it, and every verdict that anybody was told."""

    office: Office
    token: str
    written: list[bytes] = field(default_factory=list[bytes])
    told: list[Answer] = field(default_factory=list[Answer])

    def device(self, name: str) -> Device:
        self.office.mint(name)
        return Device(name)

    def push(self, worker: Worker, raws: Sequence[bytes]) -> list[Answer]:
        """The verdicts, or NoAnswer."""
        answer = json.loads(call(worker, self.token, "POST", "/v1/sync/push", b"\n".join(raws)))
        assert answer["batch"] == "taken", answer
        self.told.extend(answer["verdicts"])
        verdicts: list[Answer] = answer["verdicts"]
        return verdicts

    def push_again(self, worker: Worker, raws: Sequence[bytes]) -> list[Answer]:
        """The verdicts, however often it takes to hear them."""
        give_up = time.monotonic() + AGAIN_S_MAX
        while time.monotonic() < give_up:
            try:
                return self.push(worker, raws)
            except NoAnswer:
                time.sleep(0.02)
        raise AssertionError("nobody answers any more")

    def is_whole(self, worker: Worker) -> None:
        """Each event is there once, where its author was told, and the states and their hash follow from them."""
        stored = self.office.events()
        assert sorted(row.body for row in stored) == sorted(self.written)
        assert {each["verdict"] for each in self.told} <= {"accepted", "duplicate"}
        positions = {row.id: row.position for row in stored}
        assert all(positions[each["id"]] == each["position"] for each in self.told)
        assert {each["id"] for each in self.told} == set(positions)
        firsts = [each["id"] for each in self.told if each["verdict"] == "accepted"]
        assert len(set(firsts)) == len(firsts)
        self.office.is_whole()
        digest = json.loads(call(worker, self.token, "GET", "/v1/sync/digest"))
        assert digest["head"] == len(stored)
        assert digest["state_hash"] == state_codec.state_hash(self.office.log.states(self.office.tenant))


def call(worker: Worker, token: str, method: str, path: str, body: bytes | None = None) -> bytes:
    """The whole body of a 200, or NoAnswer."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=60)
    try:
        told = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        connection.request(method, path, body, told)
        answer = connection.getresponse()
        document = answer.read()
    except (OSError, http.client.HTTPException) as lost:
        raise NoAnswer(repr(lost)) from lost
    finally:
        connection.close()
    if answer.status >= 500:
        assert json.loads(document)["retryable"]
        raise NoAnswer(f"{answer.status}")
    assert answer.status == 200, document
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One database, a worker that nobody hurts, and where others come from."""

    dsn: str
    pool: "ConnectionPool[Connection]"
    steady: Worker
    workers: Workers

    def town(self) -> Town:
        tenant = new_tenant(self.pool)
        token = PostgresAccounts(self.pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
        return Town(office=Office(log=PostgresEventLog(self.pool), tenant=tenant), token=token)


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as source:
        yield Place(dsn=dsn, pool=pool, steady=source.start(dsn), workers=source)


def hurt(worker: Worker, mode: str, asked: "Sequence[Future[Any]]") -> None:
    """Wait until what was said has happened to the worker."""
    match mode:
        case "kill9":
            until(lambda: worker.is_gone)
        case "stop":
            until(lambda: worker.is_stopped)
        case _:
            until(lambda: any(each.done() and isinstance(each.exception(), NoAnswer) for each in asked))


def batch_of(device: Device, sites: Sequence[str], size: int) -> list[bytes]:
    """Edits of sites that are there, and as many new ones as fill it."""
    edits = [device.tell("site", site, "Edited", {"directions": f"Left, then {size}"}) for site in sites]
    return [*edits, *(device.create("site", new_id()) for _ in range(size - len(sites)))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("point", "size"), PUSHES)
def test_g1_a_push_that_is_broken_off_is_there_once_when_it_is_sent_again(
    place: Place, point: str, size: int, mode: str
) -> None:
    name, _, at = point.partition("@")
    town = place.town()
    ada = town.device("ada")
    sites = [new_id(), new_id()]
    known = [ada.create("site", site) for site in sites]
    raws = batch_of(ada, sites, size)
    town.written.extend([*known, *raws])
    town.push(place.steady, known)
    worker = place.workers.start(place.dsn, failpoints=f"{name}={mode}@{at or 1}")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(town.push, worker, raws)
        hurt(worker, mode, [first])
        again = threads.submit(town.push_again, worker if mode == "raise" else place.steady, raws)
        if mode == "stop":
            time.sleep(HELD_UP_S)
            worker.go_on()
            first.result()  # whoever waited is answered after all
        else:
            assert isinstance(first.exception(), NoAnswer)
        verdicts = again.result()
    assert [each["id"] for each in verdicts] == [json.loads(raw)["id"] for raw in raws]
    after = [ada.create("site", new_id())]
    town.written.extend(after)
    town.push_again(place.steady if mode == "kill9" else worker, after)
    town.is_whole(place.steady)
    worker.kill()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", ["push.leading", "push.led"])
def test_g1_whoever_is_led_by_a_worker_that_breaks_off_is_there_once(place: Place, point: str, mode: str) -> None:
    town = place.town()
    devices = [town.device(f"d{'abcdefgh'[number]}") for number in range(LED)]
    batches = [batch_of(device, [], SMALL) for device in devices]
    town.written.extend(raw for raws in batches for raw in raws)
    # The first one leads alone, and slowly, so that the others gather behind it.
    worker = place.workers.start(place.dsn, failpoints=f"push.locked=sleep:{GATHERING_S},{point}={mode}")
    with ThreadPoolExecutor(2 * LED) as threads:
        asked = [threads.submit(town.push, worker, raws) for raws in batches]
        hurt(worker, mode, asked)
        again = [threads.submit(town.push_again, worker if mode == "raise" else place.steady, raws) for raws in batches]
        if mode == "stop":
            time.sleep(HELD_UP_S)
            worker.go_on()
        for each in asked:
            assert each.exception() is None or (mode != "stop" and isinstance(each.exception(), NoAnswer))
        for each in again:
            each.result()
    town.is_whole(place.steady)
    worker.kill()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", PULLS)
def test_g1_a_pull_that_is_broken_off_is_the_same_page_when_it_is_asked_for_again(
    place: Place, point: str, mode: str
) -> None:
    town = place.town()
    raws = batch_of(town.device("ada"), [], SMALL)
    town.written.extend(raws)
    town.push(place.steady, raws)
    page = call(place.steady, town.token, "GET", "/v1/sync/pull")
    worker = place.workers.start(place.dsn, failpoints=f"{point}={mode}")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(call, worker, town.token, "GET", "/v1/sync/pull")
        hurt(worker, mode, [first])
        if mode == "stop":
            worker.go_on()
            assert first.result() == page
        else:
            assert isinstance(first.exception(), NoAnswer)
    assert call(place.steady if mode == "kill9" else worker, town.token, "GET", "/v1/sync/pull") == page
    town.is_whole(place.steady)
    worker.kill()


def test_the_matrix_has_every_failpoint() -> None:
    elsewhere = {"push.leading", "push.led", "webhook.answered"}
    elsewhere |= {point for point in POINTS if point.startswith("projector.")}  # tests/test_projector_killed.py
    elsewhere |= {point for point in POINTS if point.startswith("archive.")}  # tests/test_archive.py
    elsewhere |= {point for point in POINTS if point.startswith("milestones.")}  # tests/infra/test_milestones.py
    assert {point.partition("@")[0] for point, _ in PUSHES} | {*elsewhere, *PULLS} == set(POINTS)
