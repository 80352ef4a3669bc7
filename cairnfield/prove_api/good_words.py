"""What good requests say that JSON Schema cannot ask for: names of what is there, one replica per push, and more.

Only what is drawn as good is put right so. Without it nearly every order would name something that is not there.
"""

import uuid
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple, cast

from commands.command import COLLECTIONS
from commands.references import PERSON, REFERS_TO
from domain.catalogue import ENTITIES

_IDS_SAID: Final = 4
_LEFT_AS_DRAWN: Final = 4
"""One in so many ids stays as it was drawn: also what is not there must be answered well."""
_TYPE_OF: Final[Mapping[str, str]] = {collection: entity for entity, collection in COLLECTIONS.items()}
_PATHS: Final[Mapping[str, str]] = {
    "devices": "device",
    "people": PERSON,
    "webhooks": "webhook",
    "quarantine": "case",
    "service-accounts": "client",
    "problems": "problem",
    "views": "view",
}
_ONE_OF: Final[Mapping[str, tuple[str, str]]] = {
    "inclusion": ("position", "event"),
    "audit_inclusion": ("position", "entry"),
    "evidence": ("scope", "event"),
}
"""By operation, two parameters of which there must be one."""
_WORDS: Final = ("copper", "lantern", "harbour", "walnut", "granite", "thistle", "saddle", "orchard", "velvet")


class There(NamedTuple):
    """What is there to be named."""

    ids: Mapping[str, Sequence[str]]
    """By type of entity; people, cases, webhooks, service accounts, views, events, entries of the audit and kinds of
    problems too."""
    columns: Mapping[str, Mapping[str, Sequence[str]]]
    """By who asks and by view, those that rows can be sorted by: not everybody sees all."""
    credentials: Mapping[str, Mapping[str, Any]]
    """By operation, what lets somebody in."""
    head: int
    """Up to where checkpoints hold the log."""
    asking: frozenset[str]
    """The people who ask."""
    others: Sequence[str]
    """People who do not, and so may be thrown out."""


class GoodWords:
    """The ids of what is there, as a seed draws them."""

    def __init__(self, there: There, *, who: str, replica: str, seed: int) -> None:
        self._there, self._replica = there, replica
        self._columns = there.columns.get(who, {})
        self._chance = Random(seed)  # noqa: S311  # which is drawn may be known

    def spare_those_who_ask(self, case: Any) -> None:
        """Let nobody who asks be thrown out: whatever they asked after that would be answered with 401."""
        said: Any = case.path_parameters or {}
        if said.get("person") in self._there.asking:
            said["person"] = self._chance.choice(self._there.others)

    def put_right(self, case: Any) -> None:
        """Change a case that was drawn as good."""
        operation = case.operation.definition.raw.get("operationId")
        query: dict[str, Any] = case.query or {}
        self._name_in_path(case)
        self._ask_for_one(operation, query)
        self._ask_for_columns(case.path_parameters or {}, query)
        self._name_moments(query)
        case.query = query
        match operation:
            case "push" | "hand_in_late":
                self._of_one_replica(case)
            case "relay":
                _in_order(case)
            case "sign_in_by_password" | "service_token" if self._chance.randrange(_LEFT_AS_DRAWN):
                case.body = dict(self._there.credentials[operation])
            case _:
                self._name_in(case.body)

    def _name_in_path(self, case: Any) -> None:
        collection = case.operation.path.removeprefix("/v1/").removeprefix("/").partition("/")[0]
        said: Any = case.path_parameters or {}
        kind = _TYPE_OF.get(collection) or _PATHS.get(collection) or str(said.get("entity_type", ""))
        for name in said:
            if name == "field" and kind in ENTITIES:
                said[name] = self._chance.choice(sorted(ENTITIES[kind].fields))
            elif name in ("level", "number"):
                said[name] = self._either(0, said[name])
            elif name != "entity_type":
                said[name] = self._drawn(kind, said[name])

    def _ask_for_one(self, operation: str, query: dict[str, Any]) -> None:
        """Of two parameters of which one must be there, one."""
        if operation not in _ONE_OF:
            return
        name, other = _ONE_OF[operation]
        if name in query or self._chance.randrange(2):
            query.pop(other, None)
            drawn = str(query.get(name, "catalog"))
            query[name] = self._position() if name == "position" else self._scope(drawn)
        else:
            one = self._drawn(other, fresh_id())
            query[other] = one if name == "position" else [one]

    def _scope(self, drawn: str) -> str:
        kind, is_of_one, _ = drawn.partition(":")
        return f"{kind}:{self._drawn(kind, fresh_id())}" if is_of_one else drawn

    def _ask_for_columns(self, said: Mapping[str, Any], query: dict[str, Any]) -> None:
        """Columns of the view that is asked, and no cursor, as that belongs to one question."""
        columns = self._columns.get(str(said.get("view")))
        if columns is None:
            return
        for name in ("sort", "fields"):
            if query.get(name):
                query[name] = self._chance.choice(columns)
        query.pop("cursor", None)

    def _name_moments(self, query: dict[str, Any]) -> None:
        """Mostly moments that the log has; of two, the earlier first."""
        if "since" in query and "until" in query:
            query["since"], query["until"] = (str(each) for each in sorted((self._position(), self._position())))
        for name in ("as_of", "since", "until"):
            if isinstance(query.get(name), str):
                query[name] = self._either(str(self._position()), query[name])

    def _position(self) -> int:
        return self._chance.randint(1, self._there.head)

    def _name_in(self, said: Any) -> None:
        for name, value in _members(said):
            kind = REFERS_TO.get(name)
            if name == "id":
                said[name] = fresh_id()
            elif name in ("password", "new") and isinstance(value, str):
                said[name] = " ".join(self._chance.sample(_WORDS, 5))
            elif name == "target":
                said[name] = {"type": "visit", "id": self._drawn("visit", value["id"])}
            elif kind and isinstance(value, str):
                said[name] = self._drawn(kind, value)
            elif kind:
                edits = _members(value)
                said[name] = {edit: [self._drawn(kind, one) for one in ids[:_IDS_SAID]] for edit, ids in edits} or value

    def _drawn(self, kind: str, otherwise: Any) -> Any:
        there = self._there.ids.get(kind)
        return self._either(self._chance.choice(there), otherwise) if there else otherwise

    def _either(self, one: Any, otherwise: Any) -> Any:
        return one if self._chance.randrange(_LEFT_AS_DRAWN) else otherwise

    def _of_one_replica(self, case: Any) -> None:
        for each in _items(case.body):
            each["replica"] = self._replica


def _in_order(case: Any) -> None:
    frames = _items(case.body)
    events = {each["position"]: each for each in frames if each["frame"] == "event"}
    ends = [each for each in frames if each["frame"] == "checkpoint"] or [{"frame": "checkpoint", "cursor": 0}]
    ordered = [
        {
            **{name: said for name, said in events[position].items() if name != "event"},
            "event": events[position]["event"],
        }
        for position in sorted(events)
    ]
    case.body = [*ordered, {**ends[0], "cursor": max([ends[0]["cursor"], *events])}]


def _members(said: Any) -> list[tuple[str, Any]]:
    """The members of an object, none where it is no object."""
    return list(cast("Any", said).items()) if isinstance(said, dict) else []


def _items(said: Any) -> list[Any]:
    """The items of a list, none where it is no list."""
    return list(cast("Any", said)) if isinstance(said, list) else []


def fresh_id() -> str:
    """An id of version 7 that nothing has."""
    drawn = uuid.uuid4().hex
    return str(uuid.UUID(f"{drawn[:12]}7{drawn[13:16]}8{drawn[17:]}"))
