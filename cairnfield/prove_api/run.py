"""A whole run: everybody asks, two of them at a time, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final, get_args

import httpx

from cairnfield.prove_api.apart import apart
from cairnfield.prove_api.asking import STEPS, ask
from cairnfield.prove_api.findings import Finding, Findings
from cairnfield.prove_api.good_words import GoodWords, There
from cairnfield.prove_api.plan import ANONYMOUS, Share, shares
from cairnfield.prove_api.stage import Stage
from cairnfield.prove_api.what_is_there import what_is_there
from domain.people import Role

LAST: Final = "admin"
"""Changes what people may, so that nobody asks beside or after."""
EVERYBODY: Final[Sequence[str]] = (*(role for role in get_args(Role) if role != LAST), ANONYMOUS, LAST)
NO_REPLICA: Final = "raaaaaaaaaaaa"
AT_ONCE: Final = 2
"""Making requests up costs more than answering them: one who asks keeps a processor busy, and the server hardly."""


def prove(
    stage: Stage,
    *,
    requests: int,
    seed: int,
    everybody: Sequence[str] = EVERYBODY,
    say: Callable[[Findings], None] = lambda _: None,
) -> Findings:
    """Ask about so many requests of every operation; `say` is told after each who asked how far it is."""
    document, tokens = stage.description(), stage.tokens
    operations = _operations(document)
    findings = Findings(operations=frozenset(" ".join(route) for route in operations.values()))
    there = what_is_there(stage.url, tokens, stage.sign_in)
    asking = [
        Asking(
            url=stage.url,
            document=document,
            share=share,
            there=there,
            token=tokens.get(share.who),
            replica=_replica(stage.url, tokens.get(share.who)),
            seed=seed,
        )
        for share in shares(operations, everybody, requests=requests, seed=seed, steps=STEPS)
    ]
    for each in _answered(asking):
        findings.add(each)
        say(findings)
    return findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """All that a process must know to ask as one of them."""

    url: str
    document: dict[str, Any]
    share: Share
    there: There
    token: str | None
    replica: str
    seed: int


def _answered(asking: Sequence[Asking]) -> Iterator[Findings]:
    """What each found, as they end; the longest begin."""
    before = sorted((each for each in asking if each.share.who != LAST), key=_cost, reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as waiting:
        for group in (before, [each for each in asking if each.share.who == LAST]):
            for done in as_completed([waiting.submit(apart, _ask, each, who=each.share.who) for each in group]):
                yield done.result()


def _cost(asking: Asking) -> int:
    share = asking.share
    return len(share.operations) * (share.covered + share.drawn) + share.chains


def _ask(asking: Asking) -> Findings:
    findings, who = Findings(), asking.share.who
    words = GoodWords(asking.there, who=who, replica=asking.replica, seed=asking.seed)
    for event in ask(asking.url, asking.document, asking.share, words, token=asking.token, seed=asking.seed):
        findings.hear(who, event)
    if asking.token is not None and not _may_speak(asking.url, asking.token):
        told = "the token stopped counting on the way, so what was answered after that shows nothing"
        findings.keep(Finding(who, "GET /v1/me", "still signed in", told, "", ""))
    return findings


def _operations(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def _replica(url: str, token: str | None) -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.post(f"{url}/v1/sync/replicas", headers=headers, json={"name": "proof"}, trust_env=False)
    return str(answer.json()["replica"]) if answer.is_success else NO_REPLICA


def _may_speak(url: str, token: str) -> bool:
    return httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False).is_success
