"""What bodies of one JSON document per line hold, for the description of the API: the lines as the items of a list.

Only what a body is refused for stands there. Whatever else an event says is judged by itself, and gets a verdict.
"""

from typing import Any, Final

from api.body import NDJSON
from domain.values import INTEGER_MAX, UUID_PATTERN
from sync.limits import EVENTS_PER_PUSH_MAX

_REPLICA: Final = {"type": "string", "pattern": "^r[a-z2-7]{12}$"}
_EXAMPLE: Final = {
    "at": "019c0a1f3b2a0000",
    "clock": {},
    "data": {"name": "Harbour Mill"},
    "entity": {"id": "018f3c1e-7a00-7000-8000-0000000000a1", "type": "customer"},
    "id": "018f3c1e-7a00-7000-8000-0000000000e1",
    "prev": None,
    "replica": "rabcdefghijkl",
    "seen": 0,
    "seq": 1,
    "type": "CustomerCreated",
    "v": 1,
}
EVENT: Final[dict[str, Any]] = {
    "title": "Event",
    "description": "An authored event in canonical JSON. Every event of a body is of the same replica.",
    "type": "object",
    "required": ["replica", "seq"],
    "properties": {
        "replica": {**_REPLICA, "description": "Who wrote it."},
        "seq": {"type": "integer", "minimum": 1, "maximum": INTEGER_MAX, "description": "1, 2, 3 without gaps."},
        "prev": {
            "anyOf": [{"type": "string", "pattern": "^[0-9a-f]{64}$"}, {"type": "null"}],
            "description": "SHA-256 of the event before it; null for the first.",
        },
    },
}
EVENTS: Final[dict[str, Any]] = {
    "title": "Events",
    "type": "array",
    "items": EVENT,
    "minItems": 1,
    "maxItems": EVENTS_PER_PUSH_MAX,
}
_POSITION: Final = {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}
_EVENT_FRAME: Final = {
    "title": "EventFrame",
    "description": "An event as the other hub stamped it.",
    "type": "object",
    "required": ["frame", "position", "effective", "actor", "event"],
    "properties": {
        "frame": {"const": "event"},
        "position": _POSITION,
        "effective": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "actor": {"type": "string", "pattern": UUID_PATTERN},
        "event": EVENT,
    },
}
_CHECKPOINT: Final = {
    "title": "Checkpoint",
    "description": "How far the page goes. It is the last line.",
    "type": "object",
    "required": ["frame", "cursor"],
    "properties": {"frame": {"const": "checkpoint"}, "cursor": _POSITION, "epoch": {"type": "string"}},
}
PAGE: Final[dict[str, Any]] = {
    "title": "Page",
    "type": "array",
    "items": {"oneOf": [_EVENT_FRAME, _CHECKPOINT]},
    "minItems": 1,
    "maxItems": EVENTS_PER_PUSH_MAX + 1,
}
PUSHED: Final = [_EXAMPLE]
RELAYED: Final = [{"frame": "checkpoint", "cursor": 0, "epoch": "018f3c1e-7a00-7000-8000-0000000000b1"}]


def lines_in_openapi(schema: dict[str, Any], example: list[dict[str, Any]]) -> dict[str, Any]:
    """What the API reference says of a body of lines."""
    return {"requestBody": {"required": True, "content": {NDJSON: {"schema": schema, "example": example}}}}
