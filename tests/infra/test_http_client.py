"""What a caller is told when a server cannot be reached, says no, or something on the way does."""

import gzip

import httpx
import pytest

from infra.http_client import OfflineError, ServerRefused, SyncClient


def client(answer: httpx.Response | Exception) -> SyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer token"
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SyncClient("http://server", "token", transport=httpx.MockTransport(handle))


def test_nobody_listening_is_being_offline() -> None:
    with SyncClient("http://127.0.0.1:9", "token") as nobody, pytest.raises(OfflineError):
        nobody.hello()


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut off")])
def test_an_answer_that_does_not_arrive_is_being_offline(failure: Exception) -> None:
    with client(failure) as server, pytest.raises(OfflineError):
        server.push(b"{}")


def test_a_refusal_carries_the_problem() -> None:
    problem = {"code": "replica_not_yours", "detail": "It is Ada's.", "hint": "Mint one."}
    answer = httpx.Response(403, json=problem, headers={"content-type": "application/problem+json"})
    with client(answer) as server, pytest.raises(ServerRefused, match="It is Ada's") as refused:
        server.push(b"{}")
    assert refused.value.status == 403
    assert refused.value.problem == problem


def test_a_proxy_that_says_no_in_its_own_words_is_told_apart() -> None:
    with client(httpx.Response(502, text="<h1>Bad gateway</h1>")) as server, pytest.raises(ServerRefused) as refused:
        server.hello()
    assert refused.value.problem["code"] == "not_from_cairnfield"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Welcome to the harbour's free WLAN</h1>"),
        httpx.Response(200, text="{}"),
        httpx.Response(200, content=b'{"epoch"', headers={"content-type": "application/json"}),
        httpx.Response(204),
    ],
)
def test_a_captive_portal_is_no_answer(answer: httpx.Response) -> None:
    with client(answer) as server, pytest.raises(OfflineError):
        server.hello()
    with client(answer) as server, pytest.raises(OfflineError):
        server.push(b"{}")


def test_a_portal_that_sends_elsewhere_is_told_apart() -> None:
    answer = httpx.Response(302, headers={"location": "http://portal/"})
    with client(answer) as server, pytest.raises(ServerRefused) as refused:
        server.page(0)
    assert not refused.value.is_ours


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("", None), ("-1", None), ("9" * 40, None), ("²", None)])
def test_a_refusal_carries_how_long_to_wait(told: str, seconds: float | None) -> None:
    problem = {"code": "log_unavailable"}
    media_type = "application/problem+json; charset=utf-8"
    headers = [(b"content-type", media_type.encode()), (b"retry-after", told.encode())]
    with client(httpx.Response(503, json=problem, headers=headers)) as server, pytest.raises(ServerRefused) as refused:
        server.page(0)
    assert refused.value.is_ours
    assert refused.value.retry_after_s == seconds


def test_lists_go_on_while_there_is_a_next() -> None:
    pages = iter([{"items": [{"id": "1"}], "next": "1"}, {"items": [{"id": "2"}], "next": None}])
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.query, "ascii"))
        return httpx.Response(200, json=next(pages))

    with SyncClient("http://server", "token", transport=httpx.MockTransport(handle)) as server:
        assert [each["id"] for each in server.work_orders(["open", "draft"])] == ["1", "2"]
    assert asked == ["status=open&status=draft", "status=open&status=draft&cursor=1"]


def test_a_large_batch_travels_packed_and_a_small_one_as_it_is() -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"batch": "taken"})

    small, large = b'{"n":1}', b"\n".join([b'{"n":1}'] * 500)
    with SyncClient("http://server", "token", transport=httpx.MockTransport(handle)) as server:
        server.push(small)
        server.push(large)
        server.relay(large, hub="hub", epoch="epoch", after=0)
    assert [request.headers.get("content-encoding") for request in sent] == [None, "gzip", "gzip"]
    assert [sent[0].content, *(gzip.decompress(request.content) for request in sent[1:])] == [small, large, large]
    assert len(sent[1].content) < len(large) / 10
