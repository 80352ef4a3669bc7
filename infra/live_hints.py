"""Listening for hints that a server's log has grown: one head after another, across every loss of the connection.

Nothing depends on it: whoever listens pulls now and then all the same.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

import httpx

SILENCE_S_MAX: Final = 45.0
"""Three heartbeats of the server: longer than that and nobody is there."""
PAUSE_S_MIN: Final = 1.0
PAUSE_S_MAX: Final = 60.0
RETRY_AFTER_S_MAX: Final = 3_600.0
_POSITION: Final = re.compile("[0-9]{1,16}")
_STREAM: Final = "text/event-stream"
_FINAL: Final = frozenset({401, 403, 404, 422})
"""What is answered so again, however often it is asked."""


class LiveEnded(Exception):
    """There is no use in connecting again: `why` is `replaced`, `unauthorized`, or what the server refused."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def heads(
    http: httpx.Client,
    replica: str | None = None,
    *,
    heard: int | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[int]:
    """Each head as it is told, for ever; `heard` is the last one that was heard before.

    Lost connections, busy servers and captive portals are waited out, a random time of up to PAUSE_S_MAX (`wait` does
    that). Raises LiveEnded where another connection took this one's place or the token is good no longer.
    """
    failures = 0
    while True:
        asked_to_wait_s = 0.0
        try:
            with _connected(http, replica, heard) as answer:
                if _is_a_stream(answer):
                    for head in _told(answer):
                        failures = 0
                        if head is not None:
                            heard = head
                            yield head
                else:
                    asked_to_wait_s = _retry_after_s(answer)
        except httpx.RequestError:
            pass  # nobody is there, nobody any more, or somebody who speaks otherwise
        failures += 1
        wait(max(asked_to_wait_s, random.uniform(0, _pause_s(failures))))  # noqa: S311  # spreads, hides nothing


def _pause_s(failures: int) -> float:
    return min(PAUSE_S_MAX, PAUSE_S_MIN * 2.0 ** min(failures, 16))


def _connected(http: httpx.Client, replica: str | None, heard: int | None) -> AbstractContextManager[httpx.Response]:
    return http.stream(
        "GET",
        "/v1/sync/live",
        params={} if replica is None else {"replica": replica},
        headers={"accept": _STREAM} | ({} if heard is None else {"last-event-id": str(heard)}),
        timeout=httpx.Timeout(SILENCE_S_MAX, connect=5.0),
        follow_redirects=False,
    )


def _is_a_stream(answer: httpx.Response) -> bool:
    """Whether the server answered; what comes as HTML comes from a network that wants somebody to sign in."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if answer.status_code in _FINAL and kind == "application/problem+json":
        raise LiveEnded("unauthorized" if answer.status_code == 401 else f"{answer.status_code}")
    return answer.status_code == 200 and kind == _STREAM


def _retry_after_s(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), RETRY_AFTER_S_MAX) if told.isascii() and told.isdigit() and len(told) < 10 else 0.0


def _told(answer: httpx.Response) -> Iterator[int | None]:
    """The head of each event, and None for each sign of life; raises LiveEnded."""
    event, number = "", ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line == "":
            if event in {"replaced", "unauthorized"}:
                raise LiveEnded(event)
            yield int(number) if event == "head" and _POSITION.fullmatch(number) else None
            event, number = "", ""
        elif name == "event":
            event = value
        elif name == "id":
            number = value
