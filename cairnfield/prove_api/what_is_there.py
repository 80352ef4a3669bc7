"""What there is to be named in good requests: asked of the server, or made there before anybody asks."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from api.body import NDJSON
from api.problem_types import PROBLEM_TYPES
from cairnfield.prove_api.good_words import There, fresh_id
from commands.command import COLLECTIONS
from commands.references import PERSON
from sync.author import Author, write

_IDS_MAX: Final = 200
_OTHERS: Final = 3
_WEBHOOKS: Final = 4
"""Some of them are removed on the way."""
_CASES: Final = 8
_UNORDERED: Final = ("jsonb", "text[]")
_SIGNED_S_MAX: Final = 30.0
"""How long after its start a server may take to sign its first checkpoint."""
_HISTORIES: Final = 5
"""Entities of whose events the ids are named."""


def what_is_there(url: str, tokens: Mapping[str, str], sign_in: Mapping[str, str]) -> There:
    """As somebody who sees everything is told it; a few people, webhooks and service accounts more, to be changed."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        server = _Server(client, tokens)
        ids = {
            entity: [
                str(each["id"]) for each in server.told("supervisor", f"/v1/entities/{entity}", limit=_IDS_MAX)["items"]
            ]
            for entity in COLLECTIONS
        }
        others = [
            server.made("people", "person", name=f"Somebody {number}", role="technician", email=f"s{number}@x.example")
            for number in range(_OTHERS)
        ]
        erp = {"name": "ERP", "scopes": ["proj:read"]}
        hook = {"url": "https://erp.example.com/cairnfield", "name": "Harbour Mill"}
        views = server.told("supervisor", "/v1/views")["items"]
        ids |= {
            PERSON: [str(each["person"]) for each in server.told("admin", "/v1/people")["items"] if each["active"]],
            "case": _set_aside(server, ids["customer"][:_CASES]),
            "webhook": [server.made("webhooks", "id", **hook) for _ in range(_WEBHOOKS)],
            "client": [server.made("service-accounts", "client_id", **erp) for _ in range(2)],
            "view": [str(each["name"]) for each in views],
            "problem": list(PROBLEM_TYPES),
            "entry": [str(each["entry"]) for each in server.told("auditor", "/v1/audit", limit=_IDS_MAX)["items"]],
            "event": [
                str(step["event"])
                for job in ids["work_order"][:_HISTORIES]
                for step in server.told("supervisor", f"/v1/entities/work_order/{job}/history")["items"]
            ],
        }
        return There(
            ids=ids,
            columns={who: _columns(server.told(who, "/v1/views")["items"]) for who in tokens},
            credentials={"sign_in_by_password": sign_in, "service_token": _of_a_system(server)},
            head=_signed_to(server),
            asking=frozenset(str(server.told(who, "/v1/me")["person"]) for who in tokens),
            others=others,
        )


def _columns(views: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By view, those that rows can be sorted by."""
    return {
        str(view["name"]): [str(each["name"]) for each in view["columns"] if each["type"] not in _UNORDERED]
        for view in views
    }


def _signed_to(server: "_Server") -> int:
    """The size of the newest checkpoint; the first is signed a moment after the server has started."""
    give_up_s = time.monotonic() + _SIGNED_S_MAX
    while True:
        signed = [each["size"] for each in server.told("auditor", "/v1/proof/checkpoints", limit=_IDS_MAX)["items"]]
        if signed or time.monotonic() > give_up_s:
            return int(max(signed))
        time.sleep(0.1)


def _of_a_system(server: "_Server") -> dict[str, Any]:
    told = server.answered("service-accounts", name="Ledger", scopes=["proj:read"])
    named = {name: told[name] for name in ("client_id", "client_secret")}
    return {"grant_type": "client_credentials", **named}


def _set_aside(server: "_Server", customers: Sequence[str]) -> list[str]:
    """Cases for whoever works off the queue: customers that a device creates although they are there."""
    replica = server.made("sync/replicas", "replica", name="aside")
    author, lines = Author(replica=replica), list[bytes]()
    for customer in customers:
        author, line = write(
            author,
            id=fresh_id(),
            entity_type="customer",
            entity=customer,
            type="Created",
            data={"name": "Harbour Mill"},
            clock={},
            now_ms=time.time_ns() // 1_000_000,
        )
        lines.append(line)
    return [str(each["case"]) for each in server.pushed(lines)]


class _Server:
    """The server, asked as this or that role."""

    def __init__(self, client: httpx.Client, tokens: Mapping[str, str]) -> None:
        self._client, self._tokens = client, tokens

    def told(self, who: str, path: str, **query: Any) -> Any:
        """What somebody is told."""
        return self._client.get(path, headers=self._as(who), params=query).raise_for_status().json()

    def made(self, collection: str, member: str, /, **said: Any) -> str:
        """The id of what an admin makes."""
        return str(self.answered(collection, **said)[member])

    def answered(self, collection: str, /, **said: Any) -> Any:
        """What an admin is told of what they make."""
        return self._client.post(f"/v1/{collection}", headers=self._as("admin"), json=said).raise_for_status().json()

    def pushed(self, lines: Sequence[bytes]) -> list[Any]:
        """The verdicts on what an admin's device hands in."""
        headers = {**self._as("admin"), "Content-Type": NDJSON}
        answer = self._client.post("/v1/sync/push", headers=headers, content=b"\n".join(lines)).raise_for_status()
        verdicts: list[Any] = answer.json()["verdicts"]
        return verdicts

    def _as(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[who]}"}
