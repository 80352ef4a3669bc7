"""A new version is started while people work: the old program goes on over the new tables, beside the new one."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import httpx
import pytest

from infra.http_client import SyncClient
from infra.postgres.log import PostgresEventLog
from infra.postgres.migrate import DatabaseNewer, upgrade
from infra.postgres.pool import open_pool
from infra.sync_client import SyncedDevice
from sync import state_codec
from tests.conftest import TestServer, missing
from tests.devices import CREATED, new_id
from tests.infra.event_logs import Office
from tests.workers import ROOT, Worker, workers

MIGRATIONS: Final = "infra/postgres/migrations/versions"
DEVICES: Final = 4
STEPS: Final = 12
_BEGIN: Final = """
import sys, time
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.migrate import upgrade
from infra.postgres.pool import open_pool
from tests.devices import PERSON_1
from tests.infra.event_logs import new_tenant
upgrade(sys.argv[1], allow_unsafe=True)
with open_pool(sys.argv[1], size=1) as pool:
    tenant = new_tenant(pool)
    print(tenant, PostgresAccounts(pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000))
"""
_MIGRATE: Final = "import sys; from infra.postgres.migrate import upgrade; upgrade(sys.argv[1], allow_unsafe=True)"


def git(*said: str) -> bytes:
    done = subprocess.run(["git", "-c", f"safe.directory={ROOT}", *said], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"There is no history here to take the version before from: {done.stderr.decode().strip()}")
    return done.stdout


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they were before the newest migration."""
    newest = max(path.name for path in (ROOT / MIGRATIONS).glob("[0-9]*.py"))
    commit = git("log", "--diff-filter=A", "-1", "--format=%H", "--", f"{MIGRATIONS}/{newest}").decode().strip()
    if not commit:
        pytest.skip("The newest migration is not committed yet.")
    folder = tmp_path_factory.mktemp("before")
    subprocess.run(["tar", "-x", "-C", folder], input=git("archive", f"{commit}^"), check=True)
    assert not (folder / MIGRATIONS / newest).exists()
    return folder


def of_before(folder: Path, program: str, *said: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program, *said],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@dataclass
class Either(httpx.BaseTransport):
    """Each request goes to one of those who answer now, as through a balancer."""

    urls: list[str]
    dice: Random
    asked: list[str] = field(default_factory=list[str])
    _wire: httpx.HTTPTransport = field(default_factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = self.dice.choice(self.urls)
        self.asked.append(url)
        where = httpx.URL(url)
        request.url = request.url.copy_with(host=where.host, port=where.port)
        return self._wire.handle_request(request)

    def close(self) -> None:
        self._wire.close()


@dataclass
class Crew:
    """Devices that work whatever answers them."""

    folder: Path
    token: str
    urls: list[str]
    entities: list[str] = field(default_factory=list[str])
    written: list[str] = field(default_factory=list[str])
    members: list[SyncedDevice] = field(default_factory=list[SyncedDevice])
    lines: list[Either] = field(default_factory=list[Either])

    def hire(self, count: int) -> None:
        for number in range(count):
            line = Either(self.urls, Random(number))  # one course of events for each number
            client = SyncClient("http://cairn", self.token, transport=line)
            self.lines.append(line)
            self.members.append(SyncedDevice(self.folder / f"{number}.db", client, name=f"Device {number}"))

    def work(self, steps: int) -> None:
        """Each writes about what all have, and syncs, all at once."""
        with ThreadPoolExecutor(len(self.members)) as threads:
            for one in [threads.submit(self._work, number, steps) for number in range(len(self.members))]:
                one.result()

    def _work(self, number: int, steps: int) -> None:
        device, dice = self.members[number], Random(len(self.written) + number)
        for step in range(steps):
            known = [*device.entities("site")]
            if not known or dice.random() < 0.3:
                event = device.edit("site", new_id(), "Created", dict(CREATED["site"]))
            else:
                event = device.edit("site", dice.choice(known), "Edited", {"name": f"{number} {step}"})
            self.written.append(event.id)
            device.sync_patiently()

    def leave(self) -> None:
        for device in self.members:
            device.__exit__(None, None, None)


def digests(token: str, answering: Sequence[Worker]) -> set[tuple[int, str]]:
    found = set[tuple[int, str]]()
    for worker in answering:
        with SyncClient(worker.url, token) as client:
            found.add(client.digest())
    return found


@pytest.fixture
def started(before: Path, embedded_server: TestServer) -> Iterator[tuple[str, str, str]]:
    """A database that the version before has made: its DSN, a tenant and a token."""
    with embedded_server.database(migrated=False) as dsn:
        done = of_before(before, _BEGIN, dsn)
        if done.returncode != 0:
            missing(f"The version before does not start with the packages of this one: {done.stderr[-800:]}")
        tenant, token = done.stdout.split()
        yield dsn, tenant, token


def test_g20_a_version_is_started_beside_the_one_before_taken_back_and_started_again_while_devices_work(
    before: Path, started: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path / "keys"))  # both sign with the same
    dsn, tenant, token = started
    urls: list[str] = []
    crew = Crew(tmp_path, token, urls)
    with workers(before) as of_old, workers() as of_new, ThreadPoolExecutor(1) as threads:
        old = of_old.start(dsn)
        urls.append(old.url)
        crew.hire(DEVICES)
        crew.work(STEPS)
        under_way = threads.submit(crew.work, STEPS)
        upgrade(dsn, allow_unsafe=True)
        under_way.result()
        new = of_new.start(dsn)
        urls.append(new.url)
        crew.work(STEPS)
        assert len(digests(token, [old, new])) == 1
        urls.remove(new.url)  # it is taken back: the old program alone, over the new tables
        new.kill()
        crew.work(STEPS)
        again = of_new.start(dsn)
        urls.append(again.url)
        crew.work(STEPS)
        urls.remove(old.url)
        crew.work(STEPS)
        for device in (*crew.members, *crew.members):
            device.sync_patiently()
        ((head, digest),) = digests(token, [old, again])
    asked = {url for line in crew.lines for url in line.asked}
    assert asked == {old.url, new.url, again.url}
    for device in crew.members:
        states = [(entity, state_codec.encode(state)) for entity, state in device.device.accepted.items()]
        assert state_codec.state_hash(states) == digest
        assert device.standing.unsent == 0
    crew.leave()
    with open_pool(dsn, size=1) as pool:
        office = Office(log=PostgresEventLog(pool), tenant=tenant)
        stored = [row.id for row in office.events()]
        office.is_whole()
    assert sorted(stored) == sorted(crew.written), "each once"
    assert head == len(stored)


def test_g20_a_program_that_is_started_over_newer_tables_says_which_one_to_run(
    before: Path, started: tuple[str, str, str]
) -> None:
    """Running processes go on; one that starts anew is told before it has changed anything."""
    dsn, _, _ = started
    upgrade(dsn, allow_unsafe=True)
    done = of_before(before, _MIGRATE, dsn)
    assert done.returncode != 0
    assert DatabaseNewer.__name__ in done.stderr
    upgrade(dsn, allow_unsafe=True)
