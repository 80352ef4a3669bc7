"""One authored event as it travels: the canonical bytes, what they say, and why some are not acceptable."""

import hashlib
import json
import re
from itertools import accumulate
from typing import Annotated, Any, Final, NamedTuple, NotRequired, TypedDict, cast

import orjson
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import TypeAdapter, ValidationError

from domain.catalogue import fact
from domain.facts import Fact
from domain.values import INTEGER_MAX, Count, EntityId, Pattern, Position, Sha256, Text
from sync import canonical
from sync.canonical import Json, NotCanonical
from sync.limits import CLOCK_ENTRIES_MAX, EVENT_BYTES_MAX, EVENTS_PER_PUSH_MAX
from sync.payload import check_of, checked, closed
from sync.upcast import upcast
from sync.vector_clock import REPLICA, covers

EventId = Annotated[str, Pattern(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
"""A UUID of version 7: the idempotency key of an event, for ever."""

Seq = Annotated[int, Ge(1), Le(INTEGER_MAX)]


class EntityName(TypedDict):
    """Which entity an event is about."""

    id: EntityId
    type: Annotated[str, MinLen(1), MaxLen(64)]


class Tx(TypedDict):
    """Events that stand or fall together: the i-th of n, all of one batch, one after the other."""

    id: EventId
    i: Annotated[int, Ge(1), Le(EVENTS_PER_PUSH_MAX)]
    n: Annotated[int, Ge(1), Le(EVENTS_PER_PUSH_MAX)]


class Envelope(TypedDict):
    """The members of an authored event; `data` is checked by its fact."""

    id: EventId
    replica: Annotated[str, REPLICA]
    seq: Seq
    prev: Sha256 | None
    entity: EntityName
    type: Annotated[str, Pattern(r"^[A-Z][A-Za-z0-9]{0,63}$")]
    v: Annotated[int, Ge(1), Le(1_000)]
    clock: Annotated[dict[Annotated[str, REPLICA], Seq], MaxLen(CLOCK_ENTRIES_MAX)]
    at: Annotated[str, Pattern(r"^[0-9a-f]{16}$")]
    seen: Count
    data: dict[str, Any]
    tx: NotRequired[Tx]
    reason: NotRequired[Annotated[Text, MinLen(1)]]
    geo: NotRequired[Position]


class Event(NamedTuple):
    """An authored event, parsed and checked; `raw` is what was hashed, and what is stored and sent."""

    id: str
    replica: str
    seq: int
    prev: str | None
    entity: str
    """The id of the entity."""
    entity_type: str
    type: str
    v: int
    clock: dict[str, int]
    at: str
    seen: int
    data: dict[str, Any]
    """What it says in the words of today's version, whichever version `v` its author wrote."""
    tx: Tx | None
    raw: bytes
    fact: Fact


class Link(NamedTuple):
    """The part of an event that chains it to its replica, readable even when the rest is not acceptable."""

    replica: str
    seq: int
    prev: str | None
    id: str | None
    entity: str | None


class Unacceptable(ValueError):  # the code is the name people see
    """An event that cannot be merged as it is: `code` for machines, `detail` with a JSON pointer for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unreadable(ValueError):
    """Bytes in which not even the link to their replica can be read, so that no verdict can be given on them."""


_CHAIN: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(
    closed("Chain", {"replica": checked(Annotated[str, REPLICA]), "seq": Seq, "prev": checked(Sha256 | None)})
)
_ENVELOPE: Final = TypeAdapter[dict[str, Any]](checked(Envelope)).validator
_EVENT_ID: Final[TypeAdapter[str]] = TypeAdapter(checked(EventId))
_BRANCH: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)
"""What opens or closes a list or an object, and whole texts, so that nothing in them does."""
_FORGIVEN_DEPTH_MAX: Final = 254
_ENTITY_ID: Final[TypeAdapter[str]] = TypeAdapter(checked(EntityId))


def hash_of(raw: bytes) -> str:
    """SHA-256 of an event's bytes, in hexadecimal: what the next event of its replica names as `prev`."""
    return hashlib.sha256(raw).hexdigest()


def parse(raw: bytes) -> Event:
    """The event that these bytes spell; raises Unacceptable."""
    if len(raw) > EVENT_BYTES_MAX:
        raise Unacceptable("event_too_large", f"{len(raw)} bytes; at most {EVENT_BYTES_MAX} are taken")
    try:
        document = canonical.loads_if_spelled_canonically(raw)
    except NotCanonical as why:
        raise Unacceptable(why.code, why.detail) from None
    return _event(raw, document)


def link_of(raw: bytes) -> Link:
    """The chain link of bytes that may be unacceptable otherwise; raises Unreadable."""
    document = _members(_read_leniently(raw))
    if document is None:
        raise Unreadable("an event is a JSON object")
    return _link(document)


def _read_leniently(raw: bytes) -> Any:
    """What the bytes say to a reader who forgives: an event with NaN, half a surrogate pair or a torn letter in it
    would otherwise have no verdict, and everything its replica tells later would wait behind it for ever."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as strict:
        text = raw.decode(errors="replace")
        try:
            # Python refuses to read very long whole numbers, and no link holds one.
            return None if _is_deep(text) else json.loads(text, strict=False, parse_int=_whole)
        except ValueError:
            raise Unreadable(f"not JSON: {strict.msg} at byte {strict.pos}") from None


def _is_deep(text: str) -> bool:
    """Whether Python's reader, which calls itself for every level, might give up here or there, as its caller's stack
    is short or long."""
    steps = (("[{".count(token[0]) - "]}".count(token[0])) for token in _BRANCH.findall(text))
    return max(accumulate(steps), default=0) > _FORGIVEN_DEPTH_MAX


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


def _link(document: dict[str, Any]) -> Link:
    try:
        chain = _CHAIN.validate_python({name: document.get(name) for name in ("replica", "seq", "prev")})
    except ValidationError as error:
        raise Unreadable(told(error)) from None
    entity: Any = document.get("entity")
    return Link(
        replica=chain["replica"],
        seq=chain["seq"],
        prev=chain["prev"],
        id=_if_valid(_EVENT_ID, document.get("id")),
        entity=_if_valid(_ENTITY_ID, _member_of(entity, "id")),
    )


def told(error: ValidationError) -> str:
    """A validation error as one line: a JSON pointer and what is wrong there, for at most three places."""
    places = [
        f"/{'/'.join(str(each) for each in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(places[:3]) + (f"; and {len(places) - 3} more" if len(places) > 3 else "")


def _event(raw: bytes, document: Any) -> Event:
    try:
        envelope = _ENVELOPE.validate_python(document)
    except ValidationError as error:
        raise _more_telling(document) or Unacceptable(_envelope_code(error), told(error)) from None
    if covers(envelope["clock"], envelope["replica"], envelope["seq"]):
        raise _more_telling(document) or Unacceptable("bad_clock", "/clock: an event cannot have seen itself")
    entity, data = envelope["entity"], envelope["data"]
    told_fact = fact(entity["type"], envelope["type"])
    if told_fact is None:
        _raise_unless_in_profile(document)
        raise Unacceptable("unknown_event", f"/type: {envelope['type']} of {entity['type']} is not an event we know")
    if envelope["v"] > told_fact.version:
        _raise_unless_in_profile(document)
        raise Unacceptable("unknown_version", f"/v: {envelope['type']} is known up to version {told_fact.version}")
    if envelope["v"] < told_fact.version:
        _raise_unless_in_profile(document)  # a step may drop what today's check would have looked at
        data = upcast(data, told_fact.steps_from(envelope["v"]))
    try:
        check_of(entity["type"], envelope["type"])(data)
    except ValidationError as error:
        raise _more_telling(document) or Unacceptable("bad_data", told(error)) from None
    if not data and told_fact.fields and told_fact.name == "Edited":
        raise Unacceptable("bad_data", "/data: an edit says at least one field")
    return Event(
        envelope["id"],
        envelope["replica"],
        envelope["seq"],
        envelope["prev"],
        entity["id"],
        entity["type"],
        envelope["type"],
        envelope["v"],
        envelope["clock"],
        envelope["at"],
        envelope["seen"],
        data,
        envelope.get("tx"),
        raw,
        told_fact,
    )


def _envelope_code(error: ValidationError) -> str:
    places = {problem["loc"][0] for problem in error.errors(include_url=False, include_input=False) if problem["loc"]}
    return "bad_clock" if places and places <= {"clock", "at", "seq", "seen"} else "bad_envelope"


def _more_telling(document: Json) -> Unacceptable | None:
    try:
        _raise_unless_in_profile(document)
    except Unacceptable as why:
        return why
    return None


def _raise_unless_in_profile(document: Json) -> None:
    try:
        canonical.check_values(document)
    except NotCanonical as why:
        raise Unacceptable(why.code, why.detail) from None


def _members(value: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _member_of(value: Any, name: str) -> object:
    return (_members(value) or {}).get(name)


def _if_valid(adapter: TypeAdapter[str], value: object) -> str | None:
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        return None


def spell(
    *,
    id: str,  # noqa: A002  # its name on the wire
    replica: str,
    seq: int,
    prev: str | None,
    entity_type: str,
    entity: str,
    type: str,  # noqa: A002  # its name on the wire
    v: int,
    clock: dict[str, int],
    at: str,
    seen: int,
    data: dict[str, Any],
    tx: Tx | None = None,
    reason: str | None = None,
    geo: Position | None = None,
) -> bytes:
    """The canonical bytes of an authored event; raises Unacceptable for a text that no event may hold."""
    document: dict[str, Any] = {
        "id": id,
        "replica": replica,
        "seq": seq,
        "prev": prev,
        "entity": {"id": entity, "type": entity_type},
        "type": type,
        "v": v,
        "clock": clock,
        "at": at,
        "seen": seen,
        "data": data,
    }
    document |= {key: value for key, value in (("tx", tx), ("reason", reason), ("geo", geo)) if value is not None}
    try:
        return canonical.dumps(document)
    except NotCanonical as why:
        raise Unacceptable(why.code, why.detail) from None
