"""The database goes away or its disk is full in the middle of pushes: sent again, each event is there exactly once."""

import errno
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import psycopg
import pytest
import uvicorn

from cairnfield.wiring import build_app
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.cluster import Cluster
from infra.postgres.embedded import SETTINGS
from infra.postgres.log import PostgresEventLog
from infra.postgres.migrate import upgrade
from infra.postgres.place import find_place
from infra.postgres.pool import open_pool
from infra.settings import from_environment
from tests.conftest import missing
from tests.devices import NOON, PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant

CLIENTS: Final = 6
BATCHES: Final = 48
BATCH: Final = 40
KILLS: Final = 8
SCRIBBLES: Final = 2
WAL_FILE_BYTES: Final = 16 * 1024 * 1024
SPACE_MB: Final = 112
PUSHES_TO_FILL_MAX: Final = 200
LARGE_NOTE: Final = "x" * 2_000
START_S_MAX: Final = 20.0
AGAIN_S_MAX: Final = 60.0
AGAIN_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running API over a server that can be hurt."""

    url: str
    token: str
    dsn: str
    tenant: str
    cluster: Cluster

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60, trust_env=False
        )

    @contextmanager
    def office(self) -> Iterator[Office]:
        """The log without HTTP, over connections that have not been hurt."""
        with open_pool(self.dsn, size=1) as pool:
            yield Office(log=PostgresEventLog(pool), tenant=self.tenant)

    def head(self) -> int:
        with self.office() as office:
            return office.position


@contextmanager
def served(folder: Path) -> Iterator[Service]:
    """The API over a server of its own, whose data are in the folder."""
    place = find_place(folder, may_move=False)
    cluster = Cluster(
        binaries=place.binaries,
        data=place.data,
        user=place.user,
        settings={**SETTINGS, "shared_buffers": "16MB", "min_wal_size": "32MB", "max_wal_size": "64MB"},
    )
    cluster.create()
    try:
        dsn = cluster.dsn(cluster.start())
        upgrade(dsn)
        with open_pool(dsn, size=1) as pool:
            tenant = new_tenant(pool)
            token = PostgresAccounts(pool).issue(tenant, PERSON_1, now_ms=NOON)
        with answering(dsn, folder) as url:
            yield Service(url=url, token=token, dsn=dsn, tenant=tenant, cluster=cluster)
    finally:
        cluster.stop()


@contextmanager
def answering(dsn: str, folder: Path) -> Iterator[str]:
    """Where the API answers while the block runs."""
    app = build_app(dsn, from_environment({}, home=folder))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        give_up = time.monotonic() + START_S_MAX
        while not server.started:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def push(client: httpx.Client, raws: Sequence[bytes]) -> httpx.Response:
    return client.post("/v1/sync/push", content=b"\n".join(raws), headers={"Content-Type": "application/x-ndjson"})


def is_a_retryable_problem(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["type"].rpartition("/")[2], told["retryable"]) == ("log-unavailable", True)
    assert int(answer.headers["Retry-After"]) > 0


def push_until_answered(client: httpx.Client, raws: Sequence[bytes]) -> tuple[list[dict[str, Any]], int]:
    """The verdicts, and how often the push was answered with a 503 before."""
    give_up, refused = time.monotonic() + AGAIN_S_MAX, 0
    while time.monotonic() < give_up:
        answer = push(client, raws)
        if answer.status_code == 200:
            assert answer.json()["batch"] == "taken", answer.text
            verdicts: list[dict[str, Any]] = answer.json()["verdicts"]
            return verdicts, refused
        is_a_retryable_problem(answer)
        refused += 1
        time.sleep(AGAIN_PAUSE_S)
    raise AssertionError("the server did not come back")


def each_is_there_once(service: Service, written: Sequence[bytes], verdicts: Sequence[dict[str, Any]]) -> None:
    """Every event lies in the log once, where its author was told last."""
    with service.office() as office:
        stored = office.events()
        office.is_whole()
    assert sorted(row.body for row in stored) == sorted(written)
    assert {each["verdict"] for each in verdicts} <= {"accepted", "duplicate"}
    assert {each["id"]: each["position"] for each in verdicts} == {row.id: row.position for row in stored}


def hand_in_a_day(service: Service, name: str) -> tuple[list[bytes], list[dict[str, Any]], int]:
    """What a device wrote, the verdicts on it and how many pushes were refused, whatever happens to the server."""
    device = Device(name)
    with service.office() as office:
        office.mint(name)
    written, verdicts, refused = list[bytes](), list[dict[str, Any]](), 0
    with service.client() as client:
        for _ in range(BATCHES):
            raws = [device.create("site", new_id()) for _ in range(BATCH)]
            settled, again = push_until_answered(client, raws)
            written, verdicts, refused = written + raws, verdicts + settled, refused + again
    return written, verdicts, refused


def test_g3_a_database_that_goes_in_the_middle_of_pushes_costs_nothing(open_folder: Path) -> None:
    with served(open_folder) as service, ThreadPoolExecutor(CLIENTS) as threads:
        days = [threads.submit(hand_in_a_day, service, f"d{'abcdefgh'[number]}") for number in range(CLIENTS)]
        for how in (signal.SIGKILL, signal.SIGINT, *[signal.SIGKILL] * (KILLS - 2)):
            wait_until_more_is_there(service)
            assert not any(day.done() for day in days)
            end(service.cluster, how)
            service.cluster.start()
        done = [day.result() for day in days]
        assert sum(refused for _, _, refused in done) > 0
        written = [raw for raws, _, _ in done for raw in raws]
        each_is_there_once(service, written, [verdict for _, verdicts, _ in done for verdict in verdicts])


def end(cluster: Cluster, how: signal.Signals) -> None:
    """Send that to the database, and wait until it is gone."""
    running = cluster.running()
    assert running is not None
    os.kill(running.pid, how)
    while cluster.running() is not None:
        time.sleep(0.01)
    cluster.let_go()


def wait_until_more_is_there(service: Service) -> None:
    head = service.head()
    give_up = time.monotonic() + AGAIN_S_MAX
    while service.head() < head + BATCH * CLIENTS:
        assert time.monotonic() < give_up
        time.sleep(0.01)


def end_of_the_write_ahead_log(cluster: Cluster) -> tuple[Path, int]:
    """The file in which a killed server's write-ahead log ends, and where in it: what lies behind was not confirmed."""
    log = cluster.data / "pg_wal"
    told = subprocess.run(
        [cluster.binaries / "pg_controldata", cluster.data], capture_output=True, text=True, check=True
    )
    begin = re.search(r"REDO location: +(\S+)", told.stdout)
    assert begin is not None
    waldump = [str(cluster.binaries / "pg_waldump"), f"--path={log}", f"--start={begin[1]}", "--quiet"]
    ended = subprocess.run(waldump, capture_output=True, text=True, check=False)
    # It names the last record that it could read, and where the next one would begin.
    high, low = max((int(high, 16), int(low, 16)) for high, low in re.findall(r"at (\w+)/(\w+):", ended.stderr))
    return log / f"{1:08X}{high:08X}{low // WAL_FILE_BYTES:08X}", low % WAL_FILE_BYTES


def rubbish(kind: str, file: Path, at: int, dice: Random) -> bytes:
    """What a disk may hold behind the end of a log whose last write was torn."""
    written = file.read_bytes()
    match kind:
        case "noise":
            return dice.randbytes(WAL_FILE_BYTES - at)
        case "zeros":
            return bytes(WAL_FILE_BYTES - at)
        case "what was there before":  # as in a file that is used again
            return (written[:at] * (WAL_FILE_BYTES // max(at, 1) + 1))[: WAL_FILE_BYTES - at]
        case "the same records again":
            tail = written[max(0, at - 8_192) : at]
            return (tail * (WAL_FILE_BYTES // len(tail) + 1))[: WAL_FILE_BYTES - at]
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["noise", "zeros", "what was there before", "the same records again"])
def test_g3_whatever_a_disk_holds_behind_the_end_of_the_write_ahead_log_is_not_believed(
    open_folder: Path, kind: str
) -> None:
    dice = Random(7)  # rubbish, and the same each time
    with served(open_folder) as service, service.client() as client:
        ada, verdicts, written = Device("ada"), list[dict[str, Any]](), list[bytes]()
        with service.office() as office:
            office.mint("ada")
        for _ in range(SCRIBBLES):
            raws = [ada.create("site", new_id()) for _ in range(BATCH)]
            told, _ = push_until_answered(client, raws)
            verdicts, written = verdicts + told, written + raws
            end(service.cluster, signal.SIGKILL)
            file, at = end_of_the_write_ahead_log(service.cluster)
            with file.open("r+b") as log:
                scribble = rubbish(kind, file, at, dice)
                log.seek(at)
                log.write(scribble)
            service.cluster.start()
        each_is_there_once(service, written, verdicts)


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A folder on a file system of its own with little space."""
    options = f"size={SPACE_MB}m,mode=755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(open_folder)], check=False)
    if mounted.returncode != 0:
        missing("Only root, where it may mount, can make a disk that is small enough to fill.")
    yield open_folder
    subprocess.run(["umount", str(open_folder)], check=True)


@contextmanager
def filled(disk: Path, *, leave_bytes: int = 0) -> Iterator[None]:
    """Nobody finds any more space on the disk, but for so many bytes, while the block runs."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        give_up = time.monotonic() + AGAIN_S_MAX
        while not took(file.fileno(), disk, leave_bytes):
            assert time.monotonic() < give_up, "others keep writing"
            time.sleep(0.05)
    try:
        yield
    finally:
        filler.unlink()


def took(descriptor: int, disk: Path, leave_bytes: int) -> bool:
    """Take all space but so much; False where somebody else, such as the read model, took some of it meanwhile."""
    space = os.statvfs(disk)
    try:
        os.posix_fallocate(descriptor, 0, space.f_bavail * space.f_frsize - leave_bytes)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def push_until_refused(client: httpx.Client, device: Device) -> tuple[list[bytes], list[bytes]]:
    """What was taken before a push was refused, and that push."""
    taken = list[bytes]()
    for _ in range(PUSHES_TO_FILL_MAX):
        raws = [device.create("site", new_id(), {"directions": LARGE_NOTE}) for _ in range(BATCH)]
        answer = push(client, raws)
        if answer.status_code != 200:
            is_a_retryable_problem(answer)
            return taken, raws
        assert {each["verdict"] for each in answer.json()["verdicts"]} == {"accepted"}
        taken += raws
    raise AssertionError("the disk is not full yet")


def test_g13_a_full_disk_refuses_a_push_whole_and_takes_it_once_when_there_is_space(small_disk: Path) -> None:
    with served(small_disk) as service, service.client() as client, service.office() as office:
        device = Device("ada")
        office.mint("ada")
        with filled(small_disk, leave_bytes=1_000_000):
            taken, refused = push_until_refused(client, device)
            is_a_retryable_problem(push(client, refused))
            assert [row.body for row in office.events()] == taken
            office.is_whole()
            assert client.get("/v1/sync/pull", params={"limit": 1}).status_code == 200
        is_taken_once(service, client, taken, refused)


def is_taken_once(service: Service, client: httpx.Client, taken: Sequence[bytes], refused: Sequence[bytes]) -> None:
    assert {each["verdict"] for each in push_until_answered(client, refused)[0]} == {"accepted"}
    assert {each["verdict"] for each in push_until_answered(client, refused)[0]} == {"duplicate"}
    with service.office() as office:
        assert [row.body for row in office.events()] == [*taken, *refused]
        office.is_whole()


@pytest.mark.parametrize("size", [5, BATCH])
def test_g13_a_full_disk_under_the_write_ahead_log_stops_the_server_and_loses_nothing(
    small_disk: Path, size: int
) -> None:
    with served(small_disk) as service, service.client() as client:
        device = Device("ada")
        with service.office() as office:
            office.mint("ada")
        taken = [device.create("site", new_id()) for _ in range(BATCH)]
        push_until_answered(client, taken)
        refused = [device.create("site", new_id()) for _ in range(size)]
        with filled(small_disk):
            with psycopg.connect(service.dsn, autocommit=True) as owner, suppress(psycopg.OperationalError):
                owner.execute("select pg_switch_wal()")  # the next segment has no room
            for _ in range(3):
                is_a_retryable_problem(push(client, refused))
        service.cluster.let_go()
        service.cluster.start()  # it may have given up, or be recovering, or both
        is_taken_once(service, client, taken, refused)


def test_g13_a_file_that_may_not_grow_is_trouble_that_passes(open_folder: Path) -> None:
    """As with a disk quota: PostgreSQL has no word for it, and says that it is an internal error."""
    with served(open_folder) as service, service.client() as client:
        device = Device("ada")
        with service.office() as office:
            office.mint("ada")
        taken = [device.create("site", new_id()) for _ in range(BATCH)]
        push_until_answered(client, taken)
        refused = [device.create("site", new_id(), {"directions": LARGE_NOTE}) for _ in range(BATCH)]
        with psycopg.connect(service.dsn) as owner:
            found = owner.execute("select pid from pg_stat_activity where application_name = 'cairn'").fetchall()
        limit_files(service.cluster, found, "0:")
        is_a_retryable_problem(push(client, refused))
        limit_files(service.cluster, found, "unlimited")
        is_taken_once(service, client, taken, refused)


def limit_files(cluster: Cluster, backends: Sequence[tuple[int]], size: str) -> None:
    """Let these backends write files up to a size; only their own account may say so."""
    user = cluster.user
    as_owner = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"] if user else []
    for (pid,) in backends:
        subprocess.run([*as_owner, "prlimit", "--pid", str(pid), f"--fsize={size}"], check=True, cwd="/")
