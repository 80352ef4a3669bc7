"""Hello, push and pull are cut at every byte of their requests and answers: asked again on a new connection, the server
gives the same answer, and every event is there exactly once."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pytest
from psycopg_pool import ConnectionPool

from cairnfield.prove_sync.proxy import Line, Proxy, Weather
from infra.http_client import OfflineError, SyncClient
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from tests.conftest import TestServer
from tests.devices import PERSON_1, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.workers import Worker, workers

BATCH: Final = 4
DIRECTIONS: Final = "Past the mill, then left. " * 8
CLIENTS: Final = 6
PAGE: Final = 2
TRIES_MAX: Final = 3
LONGER: Final = 24
"""So many bytes may a request or an answer be longer than the first one was: numbers get more digits."""
# All bytes in one run; a quicker run takes every STEPth of them, and another OFFSET the ones between.
STEP: Final = int(os.environ.get("CAIRN_TEST_BYTES_STEP", "1"))
OFFSET: Final = int(os.environ.get("CAIRN_TEST_BYTES_OFFSET", "0"))

Verdicts = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A tenant behind a worker, lines to it that can be cut, and what its devices wrote and were told."""

    office: Office
    worker: Worker
    proxy: Proxy
    token: str
    written: list[bytes] = field(default_factory=list[bytes])
    told: dict[str, int] = field(default_factory=dict[str, int])

    def is_whole(self) -> None:
        stored = self.office.events()
        assert sorted(row.body for row in stored) == sorted(self.written)
        assert {row.id: row.position for row in stored} == self.told
        self.office.is_whole()


@pytest.fixture(scope="module")
def new_town(embedded_server: TestServer) -> Iterator[Callable[[], Town]]:
    """Makes towns; all of them are behind one worker."""
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool, workers() as started:
        worker = started.start(dsn)
        with Proxy(upstreams=[("127.0.0.1", worker.port)]) as proxy:
            yield lambda: _town(pool, worker, proxy)


def _town(pool: "ConnectionPool[Connection]", worker: Worker, proxy: Proxy) -> Town:
    tenant = new_tenant(pool)
    token = PostgresAccounts(pool).issue(tenant, PERSON_1, now_ms=time.time_ns() // 1_000_000)
    return Town(office=Office(log=PostgresEventLog(pool), tenant=tenant), worker=worker, proxy=proxy, token=token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One who asks over a line of its own, as a device of its own."""

    town: Town
    line: Line
    http: SyncClient
    device: Device

    def cut(self, way: Literal["up", "down"], after: int) -> None:
        """Let the line be cut once, after so many bytes: hard and softly in turn."""
        self.line.turn(Weather(cut_after=(way, after), cut_softly=after // STEP % 2 == 1))

    def say(self, method: str, path: str, media_type: str = "", body: bytes = b"") -> bytes:
        """Whatever is heard until the connection ends, of one that is made for this request."""
        heard = b""
        with socket.create_connection(("127.0.0.1", self.line.port), timeout=60) as connection, suppress(OSError):
            connection.sendall(self.request(method, path, media_type, body))
            while chunk := connection.recv(65_536):
                heard += chunk
        return heard

    def request(self, method: str, path: str, media_type: str = "", body: bytes = b"") -> bytes:
        """A request as it goes over the line."""
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.line.port}"]
        head += [f"Content-Type: {media_type}"] if body else []
        head += [f"Authorization: Bearer {self.town.token}", f"Content-Length: {len(body)}", "Connection: close"]
        head += ["Accept-Encoding: gzip, deflate"]  # as our client says, so that answers are as long
        return "\r\n".join([*head, "", ""]).encode() + body

    def batch(self) -> bytes:
        """The next events of this device, as they are handed in."""
        raws = [self.device.create("site", new_id(), {"directions": DIRECTIONS}) for _ in range(BATCH)]
        self.town.written.extend(raws)
        return b"\n".join(raws)

    def push(self, batch: bytes) -> set[str]:
        """What kinds of verdicts there were."""
        verdicts: Verdicts = until_answered(lambda: self.http.push(batch))["verdicts"]
        return self.heed(verdicts)

    def heed(self, verdicts: Verdicts) -> set[str]:
        assert len(verdicts) == BATCH
        for each in verdicts:
            assert self.town.told.setdefault(each["id"], each["position"]) == each["position"]
        return {each["verdict"] for each in verdicts}


def until_answered(ask: Callable[[], Any]) -> Any:
    """The answer, asked for on a new connection where the old one turns out to be broken only now."""
    for _ in range(TRIES_MAX):
        with suppress(OfflineError):
            return ask()
    raise AssertionError("a line that is not cut carries an answer")


@contextmanager
def client_of(town: Town, number: int) -> Iterator[Client]:
    line, device = town.proxy.line(), Device(f"d{'abcdefgh'[number]}")
    town.office.mint(f"d{'abcdefgh'[number]}")
    with SyncClient(f"http://127.0.0.1:{line.port}", town.token) as http:
        yield Client(town=town, line=line, http=http, device=device)


def is_cut_at_every_byte(town: Town, length: int, ask: Callable[[Client, int], None]) -> None:
    """Let several clients go through all lengths at the same time, and see that their lines were cut."""
    numbers = range(OFFSET % STEP, length + LONGER, STEP)
    left, lock = iter(numbers), threading.Lock()

    def go(number: int) -> int:
        with client_of(town, number) as client:
            while True:
                with lock:
                    after = next(left, None)
                if after is None:
                    return client.line.cuts
                ask(client, after)

    with ThreadPoolExecutor(CLIENTS) as threads:
        cuts = sum(threads.map(go, range(CLIENTS)))
    assert cuts >= sum(after <= length for after in numbers)


def whole_lengths(town: Town, method: str, path: str, media_type: str = "", body: bytes = b"") -> tuple[int, int]:
    """How many bytes a request and its answer have."""
    with client_of(town, CLIENTS) as client:
        body = client.batch() if path == PUSH else body
        heard = client.say(method, path, media_type, body)
        if path == PUSH:
            client.push(body)
        return len(client.request(method, path, media_type, body)), len(heard)


PUSH: Final = "/v1/sync/push"
NDJSON: Final = "application/x-ndjson"
HELLO: Final = ("POST", "/v1/sync/hello", "application/json", b"{}")
PULL: Final = ("GET", f"/v1/sync/pull?cursor=0&limit={PAGE}")


def test_g1_a_push_that_is_cut_at_any_byte_is_taken_once_when_it_is_sent_again(new_town: Callable[[], Town]) -> None:
    town = new_town()
    length, _ = whole_lengths(town, "POST", PUSH, NDJSON)

    def ask(client: Client, after: int) -> None:
        batch = client.batch()
        is_whole = after >= len(client.request("POST", PUSH, NDJSON, batch))
        client.cut("up", after)
        heard = client.say("POST", PUSH, NDJSON, batch)
        assert is_whole or heard == b"" or b" 400 " in heard[:20]
        assert client.push(batch) <= ({"accepted", "duplicate"} if is_whole else {"accepted"})

    is_cut_at_every_byte(town, length, ask)
    town.is_whole()


def test_g2_an_answer_to_a_push_that_is_cut_at_any_byte_is_told_again(new_town: Callable[[], Town]) -> None:
    town = new_town()
    _, length = whole_lengths(town, "POST", PUSH, NDJSON)

    def ask(client: Client, after: int) -> None:
        batch = client.batch()
        client.cut("down", after)
        with suppress(OfflineError):
            assert client.heed(client.http.push(batch)["verdicts"]) == {"accepted"}
        assert client.push(batch) == {"duplicate"}

    is_cut_at_every_byte(town, length, ask)
    town.is_whole()


def hello_of(client: Client) -> dict[str, Any]:
    return {name: told for name, told in client.http.hello().items() if name != "server_time_ms"}


def page_of(client: Client) -> bytes:
    return client.http.page(0, limit=PAGE)


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize(("request_", "ask"), [(HELLO, hello_of), (PULL, page_of)], ids=["hello", "pull"])
def test_g2_a_hello_and_a_pull_that_are_cut_at_any_byte_have_the_same_answer(
    new_town: Callable[[], Town], request_: tuple[Any, ...], ask: Callable[[Client], object], way: Literal["up", "down"]
) -> None:
    town = new_town()
    with client_of(town, CLIENTS + 1) as client:
        client.push(client.batch())
        whole = ask(client)
    up, down = whole_lengths(town, *request_)

    def ask_again(client: Client, after: int) -> None:
        client.cut(way, after)
        if way == "up":
            heard = client.say(*request_)
            assert heard == b"" or after >= up or b" 400 " in heard[:20]
        else:
            with suppress(OfflineError):
                assert ask(client) == whole
        assert until_answered(lambda: ask(client)) == whole

    is_cut_at_every_byte(town, up if way == "up" else down, ask_again)
    town.is_whole()
