"""What a sender is told when a key was taken between its decision and its writing."""

from http import HTTPStatus

import httpx
import pytest
from fastapi import FastAPI

from api.problem import MEDIA_TYPE, answer_problems
from sync.log import Conflicting


@pytest.mark.anyio
async def test_a_key_that_was_taken_meanwhile_is_a_problem_that_passes() -> None:
    app = FastAPI()
    answer_problems(app)

    @app.post("/taken")
    def taken() -> None:
        raise Conflicting("an event with that version is there already")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/taken")

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["retryable"]
    assert answer.headers["retry-after"]
