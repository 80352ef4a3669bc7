"""What good requests say that JSON Schema cannot ask for: ids of what is there, one replica per push, a page in order.

Only what is drawn as good is put right so. Without it nearly every order would name something that is not there.
"""

import uuid
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple, cast

import httpx

from commands.command import COLLECTIONS
from commands.references import PERSON, REFERS_TO

_IDS_MAX: Final = 200
_OTHERS: Final = 3
_IDS_SAID: Final = 4
_LEFT_AS_DRAWN: Final = 4
"""One in so many ids stays as it was drawn: also what is not there must be answered well."""
_TYPE_OF: Final[Mapping[str, str]] = {collection: entity for entity, collection in COLLECTIONS.items()}
_PATHS: Final[Mapping[str, str]] = {"devices": "device", "people": PERSON, "webhooks": "webhook"}


class There(NamedTuple):
    """What is there to be named."""

    ids: Mapping[str, Sequence[str]]
    """By type of entity; people too."""
    asking: frozenset[str]
    """The people who ask."""
    others: Sequence[str]
    """People who do not, and so may be thrown out."""


class GoodWords:
    """The ids of what is there, as a seed draws them."""

    def __init__(self, there: There, *, replica: str, seed: int) -> None:
        self._there, self._replica = there, replica
        self._chance = Random(seed)  # noqa: S311  # which is drawn may be known

    def spare_those_who_ask(self, case: Any) -> None:
        """Let nobody who asks be thrown out: whatever they asked after that would be answered with 401."""
        said: Any = case.path_parameters or {}
        if said.get("person") in self._there.asking:
            said["person"] = self._chance.choice(self._there.others)

    def put_right(self, case: Any) -> None:
        """Change a case that was drawn as good."""
        self._name_in_path(case)
        match case.operation.definition.raw.get("operationId"):
            case "push" | "hand_in_late":
                self._of_one_replica(case)
            case "relay":
                _in_order(case)
            case _:
                self._name_in(case.body)

    def _name_in_path(self, case: Any) -> None:
        collection = case.operation.path.removeprefix("/v1/").partition("/")[0]
        said: Any = case.path_parameters or {}
        kind = _TYPE_OF.get(collection) or _PATHS.get(collection) or str(said.get("entity_type", ""))
        for name in said:
            if name != "entity_type":
                said[name] = self._drawn(kind, said[name])

    def _name_in(self, said: Any) -> None:
        for name, value in _members(said):
            kind = REFERS_TO.get(name)
            if name == "id":
                said[name] = _fresh()
            elif name == "target":
                said[name] = {"type": "visit", "id": self._drawn("visit", value["id"])}
            elif kind and isinstance(value, str):
                said[name] = self._drawn(kind, value)
            elif kind:
                edits = _members(value)
                said[name] = {edit: [self._drawn(kind, one) for one in ids[:_IDS_SAID]] for edit, ids in edits} or value

    def _drawn(self, kind: str, otherwise: Any) -> Any:
        there = self._there.ids.get(kind)
        return self._chance.choice(there) if there and self._chance.randrange(_LEFT_AS_DRAWN) else otherwise

    def _of_one_replica(self, case: Any) -> None:
        for each in _items(case.body):
            each["replica"] = self._replica


def _in_order(case: Any) -> None:
    frames = _items(case.body)
    events = {each["position"]: each for each in frames if each["frame"] == "event"}
    ends = [each for each in frames if each["frame"] == "checkpoint"] or [{"frame": "checkpoint", "cursor": 0}]
    ordered = [events[position] for position in sorted(events)]
    case.body = [*ordered, {**ends[0], "cursor": max([ends[0]["cursor"], *events])}]


def _members(said: Any) -> list[tuple[str, Any]]:
    """The members of an object, none where it is no object."""
    return list(cast("Any", said).items()) if isinstance(said, dict) else []


def _items(said: Any) -> list[Any]:
    """The items of a list, none where it is no list."""
    return list(cast("Any", said)) if isinstance(said, list) else []


def _fresh() -> str:
    """An id of version 7 that nothing has."""
    drawn = uuid.uuid4().hex
    return str(uuid.UUID(f"{drawn[:12]}7{drawn[13:16]}8{drawn[17:]}"))


def what_is_there(url: str, tokens: Mapping[str, str]) -> There:
    """Ids by type, as somebody who sees everything is told them; a few people more are let in, to be changed."""
    with httpx.Client(base_url=url, trust_env=False) as client:

        def told(who: str, path: str, **query: Any) -> Any:
            headers = {"Authorization": f"Bearer {tokens[who]}"}
            return client.get(path, headers=headers, params=query).raise_for_status().json()

        def let_in(number: int) -> str:
            said = {"name": f"Somebody {number}", "role": "technician", "email": f"somebody{number}@harbour.example"}
            headers = {"Authorization": f"Bearer {tokens['admin']}"}
            return str(client.post("/v1/people", headers=headers, json=said).raise_for_status().json()["person"])

        ids = {
            entity: [str(each["id"]) for each in told("supervisor", f"/v1/entities/{entity}", limit=_IDS_MAX)["items"]]
            for entity in COLLECTIONS
        }
        others = [let_in(number) for number in range(_OTHERS)]
        ids[PERSON] = [str(each["person"]) for each in told("admin", "/v1/people")["items"] if each["active"]]
        return There(ids, frozenset(str(told(who, "/v1/me")["person"]) for who in tokens), others)
