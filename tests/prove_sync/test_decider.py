"""What somebody who decides about a case knows after an answer, and what they do not, and that they say it again."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import httpx
import pytest

from cairnfield.prove_sync.decider import AS_CORRECTED, Decider, Decides, became, corrected, heard
from cairnfield.prove_sync.history import Type

CASE = "raaaaaaaaaaaa-2"


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (httpx.Response(200, json={"case": CASE, "state": "approved"}), "ok"),
        (httpx.Response(200, html="<h1>Welcome to our free WiFi</h1>"), "info"),
        (httpx.Response(200, json={"case": "rbbbbbbbbbbbb-2"}), "info"),
        (httpx.Response(200, json=["signed in"]), "info"),
        (httpx.Response(200, content=b""), "info"),
        (httpx.Response(409, json={"code": "case_settled"}), "fail"),
        (httpx.Response(503, json={"code": "unavailable"}), "info"),
    ],
)
def test_only_our_own_answer_says_that_it_is_decided_and_only_a_refusal_that_it_is_not(
    answer: httpx.Response, known: Type
) -> None:
    assert heard(answer, CASE) == known


def test_an_answer_says_what_a_case_became_and_a_refusal_who_was_first() -> None:
    told = {"case": CASE, "state": "resubmitted", "owner_id": None, "settled_by_id": "ada", "resubmitted_as": "e7"}
    assert became(httpx.Response(200, json=told)) == {
        "state": "resubmitted",
        "settled_by_id": "ada",
        "resubmitted_as": "e7",
    }
    refused = {"code": "case_settled", "state": "dismissed", "settled_by_id": "ben"}
    assert became(httpx.Response(409, json=refused)) == {"state": "dismissed", "settled_by_id": "ben"}
    assert became(httpx.Response(404, html="<h1>Not here</h1>")) == became(httpx.Response(400, json=["no"])) == {}


def test_what_somebody_wrote_in_their_own_words_is_corrected_and_nothing_else() -> None:
    data = {"directions": "Gate 7", "name": "Mill", "position": {"lat_e7": 1}}
    assert corrected(data) == {**data, "directions": AS_CORRECTED}


class _Console(BaseHTTPRequestHandler):
    """Has one open case, and hangs up on the first order instead of answering it."""

    orders: list[tuple[str, Any]]

    def do_GET(self) -> None:
        self._answer({"items": [{"case": CASE, "event_id": "e5"}], "content": {"data": {"name": "Mill"}}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.orders.append((self.path, json.loads(body) if body else None))
        if len(self.orders) > 1:
            self._answer({"case": CASE, "state": "open"})

    def _answer(self, document: dict[str, Any]) -> None:
        raw = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name where it is declared
        pass


@contextmanager
def _console() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    orders: list[tuple[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Console", (_Console,), {"orders": orders}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", orders
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("seed", range(8))
def test_who_hears_no_answer_says_the_same_once_more(seed: int) -> None:
    noted: list[tuple[str, str, dict[str, Any]]] = []

    def note(kind: str, f: str, **value: Any) -> None:
        noted.append((kind, f, value))

    with _console() as (url, orders):
        decider = Decider(url, "token", Decides("ada", ["ada", "ben"]), Random(seed), note)
        decider.decide()
        decider.decide()
        decider.close()
    assert [kind for kind, *_ in noted] == ["invoke", "info", "invoke", "ok"]
    assert orders[0] == orders[1]
    asked, _, again, answered = (value for *_, value in noted)
    assert asked == again
    assert answered == {**asked, "status": 200, "became": {"state": "open"}}
