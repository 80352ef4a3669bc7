"""What somebody who decides about a case knows after an answer, and what they do not."""

import httpx
import pytest

from cairnfield.prove_sync.decider import heard
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
