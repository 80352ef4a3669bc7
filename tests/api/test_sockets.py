"""What only a real server shows: bodies that lie about their length, that never end, and that are cut off."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from sync.limits import PUSH_BYTES_MAX
from tests.api.office import Office
from tests.api.serving import served_office
from tests.devices import new_id


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Office, int]]:
    """An office, and the port of a server of the same application."""
    with served_office() as (office, _, port):
        yield office, port


def say(served: tuple[Office, int], *headers: str, body: bytes = b"", then_close: bool = False) -> bytes:
    """The first line of what the server answers to a push in these very bytes."""
    office, port = served
    head = ["POST /v1/sync/push HTTP/1.1", "Host: cairn", "Content-Type: application/x-ndjson"]
    head += [f"Authorization: Bearer {office.tokens['dispatcher']}", *headers]
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        try:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            return connection.recv(65_536).split(b"\r\n")[0]
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_b1_a_chunked_body_without_end_is_cut_off_at_the_bound(served: tuple[Office, int]) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = say(served, "Transfer-Encoding: chunked", body=piece * (PUSH_BYTES_MAX // 0x10000 + 2))
    assert answer == b"HTTP/1.1 413 Request Entity Too Large"


def test_b1_a_length_beyond_the_bound_is_answered_before_the_body_comes(served: tuple[Office, int]) -> None:
    assert say(served, f"Content-Length: {PUSH_BYTES_MAX + 1}") == b"HTTP/1.1 413 Request Entity Too Large"


@pytest.mark.parametrize("header", ["Content-Length: x", "Content-Length: -1", "Transfer-Encoding: chunked"])
def test_b1_what_is_no_request_is_refused(served: tuple[Office, int], header: str) -> None:
    assert say(served, header, body=b"zz\r\n").startswith(b"HTTP/1.1 4")


def test_g1_a_body_that_is_cut_off_stores_nothing_and_can_be_sent_again(
    served: tuple[Office, int], caplog: pytest.LogCaptureFixture
) -> None:
    office, _ = served
    device = office.device("ada")
    raw = device.create("customer", new_id())
    before = office.standing(device)
    say(served, f"Content-Length: {len(raw)}", body=raw[:-20], then_close=True)
    say(served, f"Content-Length: {len(raw) + 1}", body=raw, then_close=True)
    assert office.standing(device) == before
    assert say(served, f"Content-Length: {len(raw)}", body=raw) == b"HTTP/1.1 200 OK"
    assert office.log.head(office.tenant).position == 1
    office.still_works(device)
    assert caplog.records == []  # a device that goes out of reach is nothing that anybody must look into
