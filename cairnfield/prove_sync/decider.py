"""Somebody who works at what was set aside: over HTTP, as a console does, while everything around them fails."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

import httpx
import orjson

from cairnfield.prove_sync.history import Type

VERBS: Final = ("approve", "approve", "approve", "retry", "dismiss")
ANSWER_S_MAX: Final = 2.0


class Decider:
    """Picks an open case now and then and decides about it."""

    def __init__(self, url: str, token: str, dice: Random, note: Callable[..., None]) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=ANSWER_S_MAX, trust_env=False)
        self._dice, self._note = dice, note

    def decide(self) -> None:
        """Decide about one open case, if there is any and the line allows it."""
        try:
            answer = self._http.get("/v1/quarantine", params={"limit": 20})
            told: dict[str, Any] = orjson.loads(answer.content)
            cases: list[dict[str, Any]] = told["items"] if answer.is_success else []
            if cases:
                self._settle(self._dice.choice(cases))
        except (httpx.TransportError, ValueError, KeyError, TypeError):
            pass  # nobody was there, or nobody of ours: the queue is still there tomorrow

    def _settle(self, case: dict[str, Any]) -> None:
        verb = self._dice.choice(VERBS)
        told = {"case": case["case"], "id": case["event_id"], "verb": verb}
        self._note("invoke", "decide", **told)
        try:
            body = {"reason": "It was done twice."} if verb == "dismiss" else None
            answer = self._http.post(f"/v1/quarantine/{case['case']}/{verb}", json=body)
        except httpx.TransportError:
            self._note("info", "decide", **told)
            return
        self._note(heard(answer, case["case"]), "decide", **told, status=answer.status_code)

    def close(self) -> None:
        """Give the line back."""
        self._http.close()


def heard(answer: httpx.Response, case: str) -> Type:
    """What is known after an answer: a portal says 200 too, and of what broke on the way nobody knows."""
    if not answer.is_success:
        return "fail" if answer.is_client_error else "info"
    try:
        return "ok" if orjson.loads(answer.content)["case"] == case else "info"
    except (ValueError, KeyError, TypeError):
        return "info"
