"""Somebody who works at what was set aside: over HTTP, as a console does, while everything around them fails.

Whoever hears no answer says the same once more, as somebody does who presses the button again, and so does somebody
who presses it twice. What was said and heard is in the history: the checker holds what became of a case to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx
import orjson

from cairnfield.prove_sync.history import Type

VERBS: Final[Mapping[str, int]] = {"approve": 4, "retry": 2, "resubmit": 4, "reassign": 4, "dismiss": 2}
"""What is made of a case, and how often beside the others."""
ANSWER_S_MAX: Final = 2.0
SAID_TWICE: Final = 0.2
"""How often somebody who was answered says the same again."""
FREE_TEXT: Final = frozenset({"body", "description", "directions", "resolution", "decline_reason", "hold_reason"})
AS_CORRECTED: Final = "Read to me by phone."
BECAME: Final = ("state", "owner_id", "settled_by_id", "resubmitted_as")
"""What an answer says of a case; a refusal says of one that is settled how and by whom."""


@dataclass(frozen=True, slots=True)
class Decides:
    """Who decides, and to whom a case may be given."""

    person: str
    colleagues: Sequence[str]


@dataclass(frozen=True, slots=True)
class Said:
    """One order about a case."""

    case: str
    event: str | None
    verb: str
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Decider:
    """Picks an open case now and then and decides about it."""

    def __init__(self, url: str, token: str, decides: Decides, dice: Random, note: Callable[..., None]) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=ANSWER_S_MAX, trust_env=False)
        self._decides, self._dice, self._note = decides, dice, note
        self._again: Said | None = None

    def decide(self) -> None:
        """Say again what was not answered, or decide about one open case, if there is any and the line allows it."""
        said, self._again = self._again, None
        try:
            said = said or self._something_new()
        except (httpx.TransportError, ValueError, KeyError, TypeError):
            return  # nobody was there, or nobody of ours: the queue is still there tomorrow
        if said is not None:
            self._say(said)

    def _something_new(self) -> Said | None:
        cases: list[dict[str, Any]] = self._asked("", limit=20)["items"]
        if not cases:
            return None
        case = self._dice.choice(cases)
        return self._order(case, self._dice.choices([*VERBS], [*VERBS.values()])[0])

    def _asked(self, path: str, **query: int) -> dict[str, Any]:
        answer = self._http.get(f"/v1/quarantine{path}", params=query)
        return orjson.loads(answer.content) if answer.is_success else {"items": [], "content": None}

    def _order(self, case: Mapping[str, Any], verb: str) -> Said:
        # No two orders are said for the same reason, so that what came of one is known from what came of another.
        reason = f"{AS_CORRECTED} {self._dice.getrandbits(64):016x}"
        match verb:
            case "resubmit":
                content = self._asked(f"/{case['case']}")["content"]
                body = {"data": corrected(content["data"]), "reason": reason} if content else {"reason": reason}
            case "reassign":
                body = {"owner_id": self._dice.choice(self._decides.colleagues)}
            case "dismiss":
                body = {"reason": reason}
            case _:
                body = {}
        return Said(case["case"], case["event_id"], verb, body)

    def _say(self, said: Said) -> None:
        told = {"case": said.case, "id": said.event, "verb": said.verb, "by": self._decides.person}
        told |= {name: said.body[name] for name in ("owner_id", "reason") if name in said.body}
        self._note("invoke", "decide", **told)
        try:
            answer = self._http.post(f"/v1/quarantine/{said.case}/{said.verb}", json=said.body or None)
        except httpx.TransportError:
            self._note("info", "decide", **told)
            self._again = said
            return
        known = heard(answer, said.case)
        self._note(known, "decide", **told, status=answer.status_code, became=became(answer) if known != "info" else {})
        if known == "info" or (known == "ok" and self._dice.random() < SAID_TWICE):
            self._again = said

    def close(self) -> None:
        """Give the line back."""
        self._http.close()


def corrected(data: Mapping[str, Any]) -> dict[str, Any]:
    """What should have been said: the same, with what somebody wrote in their own words put right."""
    return {name: AS_CORRECTED if name in FREE_TEXT else value for name, value in data.items()}


def heard(answer: httpx.Response, case: str) -> Type:
    """What is known after an answer: a portal says 200 too, and of what broke on the way nobody knows."""
    if not answer.is_success:
        return "fail" if answer.is_client_error else "info"
    try:
        return "ok" if orjson.loads(answer.content)["case"] == case else "info"
    except (ValueError, KeyError, TypeError):
        return "info"


def became(answer: httpx.Response) -> dict[str, Any]:
    """What an answer of ours says that the case has become; empty where it says nothing of that."""
    try:
        told = orjson.loads(answer.content)
        return {name: told[name] for name in BECAME if told.get(name) is not None}
    except (ValueError, AttributeError):
        return {}
