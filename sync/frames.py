"""What a pull sends: one JSON document per line, the stored bytes of an event inside their frame untouched."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from sync import canonical
from sync.envelope import Event, parse
from sync.log import EventRow

OFFICE_SCOPE: Final = "office"
"""The home of what no replica has a use for, such as the `eventsourcing` library's aggregates: it has a position in the
log and no frame, because its body need not be an authored event, nor JSON."""


class EventFrame(NamedTuple):
    """An accepted event as a replica takes it in: the server's stamps and what was authored."""

    position: int
    effective: str
    event: Event


class Page(NamedTuple):
    """What one pull brought."""

    events: Sequence[EventFrame]
    cursor: int
    """Where the next pull begins."""
    head: int
    """Where the log ended when the page was made."""


def event_frame(row: EventRow) -> bytes:
    """The frame of one event, nothing for one of the office. `infra.postgres.statements.FRAMES` writes the same bytes
    in SQL."""
    if row.scope == OFFICE_SCOPE:
        return b""
    return (
        b'{"frame":"event","position":%d,"version":%d,"effective":"%b","recorded_at_ms":%d,"actor":"%b","scope":"%b",'
        b'"event":%b}\n'
        % (
            row.position,
            row.version,
            row.effective.encode(),
            row.recorded_at_ms,
            row.actor.encode(),
            row.scope.encode(),
            row.body,
        )
    )


def line(frame: str, **members: Any) -> bytes:
    """Any other frame: canonical JSON and a line feed."""
    return canonical.dumps({"frame": frame, **members}) + b"\n"


def read_event(frame: bytes) -> EventFrame:
    """An event frame with its event's bytes as they are; raises envelope.Unacceptable for what we cannot read."""
    stamps, _, event = frame.partition(b',"event":')
    told = orjson.loads(stamps + b"}")
    return EventFrame(told["position"], told["effective"], parse(event[:-1]))


def read_page(lines: bytes, *, read: Callable[[bytes], EventFrame] = read_event) -> Page:
    """A pull's body; `read` may remember frames that it has read before. ValueError for a page without its end."""
    *frames, checkpoint = lines.removesuffix(b"\n").split(b"\n")
    told = orjson.loads(checkpoint)
    if told["frame"] != "checkpoint":
        raise ValueError("a page ends with a checkpoint; this one was cut off")
    return Page([read(frame) for frame in frames], told["cursor"], told["head"])
