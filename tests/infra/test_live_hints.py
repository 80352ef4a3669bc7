"""Listening for hints across lost connections, busy servers, captive portals and servers that say no."""

from collections.abc import Iterator
from itertools import islice

import httpx
import pytest

from infra.http_client import SyncClient
from infra.live_hints import PAUSE_S_MAX, LiveEnded

STREAM = {"content-type": "text/event-stream; charset=utf-8"}


class Network:
    """Answers one request after another, and writes down what was asked and how long somebody waited."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = iter(answers)
        self.asked: list[str | None] = []
        self.waited: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers.get("last-event-id"))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def heads(self, heard: int | None = None) -> Iterator[int]:
        client = SyncClient("http://server", "token", transport=httpx.MockTransport(self.handle))
        return client.live("r" + "a" * 12, heard=heard, wait=self.waited.append)


class CutOff(httpx.SyncByteStream):
    """A stream that breaks after these bytes."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        raise httpx.ReadError("the line is dead")


def stream(*heads: int, end: bytes = b"") -> httpx.Response:
    said = [b'id: %d\nevent: head\ndata: {"head":%d}\n\n: here\n\n' % (head, head) for head in heads]
    return httpx.Response(200, content=b"".join([b"retry: 3000\n\n", *said, end]), headers=STREAM)


def problem(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={}, headers={"content-type": "application/problem+json", **headers})


def test_heads_come_across_lost_connections_and_each_connection_says_what_was_heard() -> None:
    cut = httpx.Response(200, headers=STREAM, stream=CutOff(b"id: 5\nevent: he", b'ad\ndata: {"head":5}\n\nid: 6\nev'))
    network = Network(stream(1, 2), httpx.ConnectError("nobody"), cut, stream(7))
    assert list(islice(network.heads(), 4)) == [1, 2, 5, 7]
    assert network.asked == [None, "2", "2", "5"]
    assert len(network.waited) == 3


def test_a_network_that_wants_somebody_to_sign_in_tells_no_heads() -> None:
    portal = httpx.Response(200, text="<p>id: 9</p>\n\n", headers={"content-type": "text/html"})
    elsewhere = httpx.Response(302, headers={"location": "http://portal/"})
    looks_alike = httpx.Response(401, text="<h1>Sign in</h1>", headers={"content-type": "text/html"})
    odd = b"id: \xff\xfe\nevent: head\n\nid: " + b"9" * 5_000 + b"\nevent: head\n\n:\n\n\n\n"
    garbage = httpx.Response(200, content=odd, headers=STREAM)
    packed = httpx.Response(200, headers={**STREAM, "content-encoding": "gzip"}, stream=CutOff(b"no gzip"))
    assert list(islice(Network(portal, elsewhere, looks_alike, garbage, packed, stream(3)).heads(), 1)) == [3]


def test_a_server_that_says_how_long_to_wait_is_believed_within_reason() -> None:
    network = Network(
        problem(503, **{"retry-after": "120"}),
        problem(503, **{"retry-after": "9" * 9}),
        problem(503, **{"retry-after": "soon"}),
        stream(1),
    )
    assert list(islice(network.heads(), 1)) == [1]
    assert network.waited[:2] == [120, 3_600]
    assert network.waited[2] <= PAUSE_S_MAX


def test_whoever_fails_again_and_again_waits_longer_and_not_for_ever() -> None:
    network = Network(*[httpx.ConnectError("nobody")] * 300, stream(1))
    assert list(islice(network.heads(), 1)) == [1]
    assert max(network.waited[:2]) <= 4
    assert PAUSE_S_MAX / 2 < max(network.waited) <= PAUSE_S_MAX
    assert min(network.waited[10:]) < PAUSE_S_MAX / 2, "somewhere in between, not all at once"


def test_a_connection_that_worked_begins_the_waiting_anew() -> None:
    network = Network(*[httpx.ConnectError("nobody")] * 20, stream(1), stream(2))
    assert list(islice(network.heads(), 2)) == [1, 2]
    assert network.waited[-1] <= 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (stream(4, end=b"event: replaced\ndata: {}\n\n"), "replaced"),
        (stream(4, end=b"event: unauthorized\ndata: {}\n\n"), "unauthorized"),
        (problem(401), "unauthorized"),
        (problem(403), "403"),
    ],
)
def test_what_will_not_be_answered_otherwise_ends_the_listening(answer: httpx.Response, why: str) -> None:
    with pytest.raises(LiveEnded) as ended:
        list(Network(answer).heads())
    assert ended.value.why == why
