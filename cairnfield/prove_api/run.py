"""A whole run: everybody asks, one after the other, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args

import httpx

from cairnfield.prove_api.asking import STEPS, ask
from cairnfield.prove_api.findings import Finding, Findings
from cairnfield.prove_api.good_words import GoodWords
from cairnfield.prove_api.plan import ANONYMOUS, shares
from cairnfield.prove_api.stage import Stage
from cairnfield.prove_api.what_is_there import what_is_there
from domain.people import Role

EVERYBODY: Final[Sequence[str]] = (
    *(role for role in get_args(Role) if role != "admin"),
    ANONYMOUS,
    "admin",  # last: it changes what people may
)
NO_REPLICA: Final = "raaaaaaaaaaaa"


def prove(
    stage: Stage,
    *,
    requests: int,
    seed: int,
    everybody: Sequence[str] = EVERYBODY,
    say: Callable[[Findings], None] = lambda _: None,
) -> Findings:
    """Ask about so many requests of every operation; `say` is told after each step how far it is."""
    document, tokens, findings = stage.description(), stage.tokens, Findings()
    there = what_is_there(stage.url, tokens)
    replicas = {who: _replica(stage.url, token) for who, token in tokens.items()}
    for share in shares(_operations(document), everybody, requests=requests, seed=seed, steps=STEPS):
        token = tokens.get(share.who)
        words = GoodWords(there, replica=replicas.get(share.who, NO_REPLICA), seed=seed)
        for event in ask(stage.url, document, share, words, token=token, seed=seed):
            findings.hear(share.who, event)
            say(findings)
        if token is not None and not _may_speak(stage.url, token):
            told = "the token stopped counting on the way, so what was answered after that shows nothing"
            findings.keep(Finding(share.who, "GET /v1/me", "still signed in", told, "", ""))
    findings.operations = frozenset(" ".join(route) for route in _operations(document).values())
    return findings


def _operations(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def _replica(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{url}/v1/sync/replicas", headers=headers, json={"name": "proof"}, trust_env=False)
    return str(answer.json()["replica"]) if answer.is_success else NO_REPLICA


def _may_speak(url: str, token: str) -> bool:
    return httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False).is_success
