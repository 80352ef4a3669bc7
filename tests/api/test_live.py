"""Live streams over real sockets: a hint whenever the log grew, one for each device, and an end to all of them."""

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import Self

import pytest
import uvicorn

from api.live_streams import Pace
from domain.people import Role
from tests.api.office import Office, customers, problem
from tests.api.serving import served_office
from tests.devices import Device

READ_S_MAX = 20.0
QUICK = Pace(heartbeat_s=0.2, recheck_s=0.3, hints_apart_s=0.0, streams_max=4)


@pytest.fixture
def served() -> Iterator[tuple[Office, uvicorn.Server, int]]:
    """An office behind a server whose streams say within a second what they would say within a minute."""
    with served_office(QUICK) as served:
        yield served


class Listening:
    """A connection to the live route, read line by line."""

    def __init__(
        self, office: Office, port: int, query: str = "", *, role: Role = "dispatcher", heard: str | None = None
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=READ_S_MAX)
        head = [f"GET /v1/sync/live{query} HTTP/1.1", "Host: cairn", f"Authorization: Bearer {office.tokens[role]}"]
        head += [] if heard is None else [f"Last-Event-ID: {heard}"]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        self._blocks = deque[list[str]]()
        self.is_over = self.is_whole = False
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(self._header_lines())

    def _header_lines(self) -> Iterator[tuple[str, str]]:
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            yield name.lower(), value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def block(self) -> list[str]:
        """The lines up to the next empty one; none where the stream has ended."""
        if self._blocks:
            return self._blocks.popleft()
        line = self._file.readline()
        size = int(line or b"0", 16)
        self.is_over, self.is_whole = size == 0, line == b"0\r\n"
        said = self._file.read(size + 2).decode()
        self._blocks += [each.split("\n") for each in said.strip().split("\n\n") if each]
        return self._blocks.popleft() if self._blocks else []

    def event(self) -> list[str]:
        """The next lines that are no heartbeat."""
        while True:
            lines = [line for line in self.block() if not line.startswith((":", "retry:"))]
            if lines or self.is_over:
                return lines

    def heads(self) -> list[int]:
        return [int(line.removeprefix("id: ")) for line in self.event() if line.startswith("id: ")]


def grow(office: Office, device: Device) -> int:
    office.verdicts(*customers(device, 1))
    return office.log.head(office.tenant).position


def test_whoever_connects_hears_the_head_and_then_every_growth(served: tuple[Office, uvicorn.Server, int]) -> None:
    office, _, port = served
    device = office.device("ada")
    with Listening(office, port) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        assert stream.event() == ["id: 0", "event: head", 'data: {"head":0}']
        for _ in range(3):
            head = grow(office, device)
            assert stream.heads() == [head]


def test_whoever_says_what_they_heard_last_is_hinted_at_once_only_where_they_are_behind(
    served: tuple[Office, uvicorn.Server, int],
) -> None:
    office, _, port = served
    device = office.device("ada")
    grow(office, device)
    grow(office, device)
    with Listening(office, port, heard="1") as behind:
        assert behind.heads() == [2]
    with Listening(office, port, heard="2") as level:
        assert level.block() == ["retry: 3000"]
        assert level.block() == [": here"]
        grow(office, device)
        assert level.heads() == [3]
    with Listening(office, port, heard="7") as ahead_of_a_restored_log:
        assert ahead_of_a_restored_log.heads() == [3]


@pytest.mark.parametrize("heard", ["", "x", "-1", "1e3", "9" * 5_000, "\xb2"])
def test_a_last_event_id_that_is_no_position_is_none(served: tuple[Office, uvicorn.Server, int], heard: str) -> None:
    office, _, port = served
    with Listening(office, port, heard=heard) as stream:
        assert stream.heads() == [0]


def test_other_tenants_are_not_heard(served: tuple[Office, uvicorn.Server, int]) -> None:
    office, _, port = served
    tenant = office.accounts.add_tenant("Hill", now_ms=office.clock.ms)
    other = Office(client=office.client, log=office.log, accounts=office.accounts, clock=office.clock, tenant=tenant)
    device, theirs = office.device("ada"), other.staff().device("ben")
    with Listening(office, port) as stream:
        assert stream.heads() == [0]
        for _ in range(5):
            grow(other, theirs)
        grow(office, device)
        assert stream.heads() == [1]


def test_a_second_connection_of_a_device_replaces_its_first_and_no_other(
    served: tuple[Office, uvicorn.Server, int],
) -> None:
    office, _, port = served
    phone, tablet = office.device("phone"), office.device("tablet")
    with (
        Listening(office, port, f"?replica={phone.replica}") as first,
        Listening(office, port, f"?replica={tablet.replica}") as other,
        Listening(office, port) as nameless,
    ):
        assert [first.heads(), other.heads(), nameless.heads()] == [[0], [0], [0]]
        with Listening(office, port, f"?replica={phone.replica}") as second:
            assert second.heads() == [0]
            assert first.event() == ["event: replaced", "data: {}"]
            assert first.event() == []
            head = grow(office, phone)
            assert [second.heads(), other.heads(), nameless.heads()] == [[head]] * 3


def test_a_token_that_is_good_no_longer_ends_its_stream(served: tuple[Office, uvicorn.Server, int]) -> None:
    office, _, port = served
    person = office.people["dispatcher"].person
    until = office.clock.ms + 60_000
    office.tokens["dispatcher"] = office.accounts.issue(
        office.tenant, person, now_ms=office.clock.ms, expires_at_ms=until
    )
    with Listening(office, port) as stream:
        assert stream.heads() == [0]
        for _ in range(3):
            assert stream.block() == [": here"], "it is looked up, and still good"
        office.clock.ms = until
        assert stream.event() == ["event: unauthorized", "data: {}"]
        assert stream.event() == []


def test_more_connections_than_there_may_be_are_told_to_pull(served: tuple[Office, uvicorn.Server, int]) -> None:
    office, _, port = served
    phones = [office.device(f"phone{letter}") for letter in "abcde"]
    streams = [Listening(office, port, f"?replica={phone.replica}") for phone in phones[:4]]
    assert [stream.heads() for stream in streams] == [[0]] * 4
    with Listening(office, port, f"?replica={phones[4].replica}") as refused:
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["content-type"] == "application/problem+json"
    with Listening(office, port, f"?replica={phones[0].replica}") as again:
        assert again.status == 200, "whoever has a stream may have it anew"
        streams[3].__exit__()
        assert streams[0].event() == ["event: replaced", "data: {}"]
        assert _until_there_is_room(office, port, phones[4]) == [0]
    for stream in streams[:3]:
        stream.__exit__()


def _until_there_is_room(office: Office, port: int, phone: Device) -> list[int]:
    while True:  # pytest's timeout ends it
        with Listening(office, port, f"?replica={phone.replica}") as stream:
            if stream.status == 200:
                return stream.heads()


def test_a_server_that_stops_ends_its_streams_and_does_not_wait_for_them() -> None:
    with served_office() as (office, server, port):
        devices = [office.device(f"phone{letter}") for letter in "abcdefghijklmnop"]
        streams = [Listening(office, port, f"?replica={device.replica}") for device in devices]
        assert [stream.heads() for stream in streams] == [[0]] * 16
        server.should_exit = True
        assert [stream.event() for stream in streams] == [[]] * 16
        assert all(stream.is_whole for stream in streams), "ended, not cut off when the server lost its patience"
        for stream in streams:
            stream.__exit__()


def test_whoever_may_not_listen_is_told_so_before_anything_streams(
    served: tuple[Office, uvicorn.Server, int],
) -> None:
    office, _, port = served
    problem(office.client.get("/v1/sync/live"), 401, "unauthorized")
    problem(office.get("/v1/sync/live", replica="r" + "a" * 12), 403, "replica-not-yours")
    problem(
        office.get("/v1/sync/live", replica=office.device("x").replica, role="supervisor"), 403, "replica-not-yours"
    )
    problem(office.get("/v1/sync/live", replica="x"), 422, "invalid-request")
    with Listening(office, port, role="auditor") as stream:
        assert stream.heads() == [0]


@pytest.mark.parametrize("path", ["/livez", "/v1/sync/pull", "/v1/sync/live", "/v1/nothing"])
def test_head_is_get_without_its_body(served: tuple[Office, uvicorn.Server, int], path: str) -> None:
    office, _, port = served
    told = f"{path} HTTP/1.1\r\nHost: cairn\r\nAuthorization: Bearer {office.tokens['dispatcher']}\r\n"
    answers: list[bytes] = []
    for method in ("HEAD", "GET"):
        with closing(socket.create_connection(("127.0.0.1", port), timeout=READ_S_MAX)) as connection:
            connection.sendall(f"{method} {told}Connection: close\r\n\r\n".encode())
            with connection.makefile("rb") as file:
                answers.append(file.readline())
                if method == "HEAD":
                    rest = file.read()
                    assert rest.endswith(b"\r\n\r\n")
                    assert rest.count(b"\r\n\r\n") == 1
    assert answers[0] == answers[1]
