"""What a pull sends: one JSON document per line, the stored bytes of an event or a state in its frame untouched."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from sync import canonical, state_codec
from sync.envelope import Event, parse
from sync.merge import State
from sync.rows import EntityRow, EventRow

OFFICE_SCOPE: Final = "office"
"""The home of what no replica has a use for: cases, and the `eventsourcing` library's aggregates, whose bodies need not
be authored events, nor JSON. It has positions in the log, and frames for those alone who ask for the whole history."""

EVERYTHING: Final = "*"
"""The scope of whoever sees all there is: in `enter` and in digests it stands for every scope of the tenant."""


_AUTHORED_THERE: Final = "case"
"""The entity at home in the office whose events are authored like everybody's."""
_STAMPS_BYTES_MAX: Final = 300
"""What stands before the event in its frame, or before the body, is never longer."""


class EventFrame(NamedTuple):
    """An accepted event as a replica takes it in: the server's stamps and what was authored."""

    position: int
    effective: str
    event: Event
    scope: str = ""
    """The home scope of its entity."""
    version: int = 0
    """Its place among the events of its entity, without gaps."""
    recorded_at_ms: int = 0
    """When the server took it in, by its own clock: milliseconds since 1970."""


class SnapshotFrame(NamedTuple):
    """One entity as it was when the page was made, which may be later than the page's cursor."""

    scope: str
    entity: str
    state: State


class EnterFrame(NamedTuple):
    """A scope that whoever asks may see from now on; a snapshot of every entity in it follows."""

    scope: str
    position: int
    """Where the log stood when they were let in."""


class LeaveFrame(NamedTuple):
    """A scope that whoever asks may not see any longer."""

    scope: str
    position: int
    """Where the log stood when this was told."""


class VerdictFrame(NamedTuple):
    """What became of an own event after it was answered that it waits or was set aside."""

    verdict: Mapping[str, Any]
    """As `sync.verdict` spells it, with `replica`."""


Frame = EventFrame | SnapshotFrame | EnterFrame | LeaveFrame | VerdictFrame


class Page(NamedTuple):
    """What one pull brought."""

    frames: Sequence[Frame]
    cursor: int
    """Where the next pull begins."""
    head: int
    """Where the log ended when the page was made."""
    epoch: str = ""
    durable: int = 0
    """Up to which position a verified backup holds the log."""
    view: str = ""
    """Whose view of the log the cursor counts in; under another one it means nothing."""
    resume: str = ""
    """What to ask the next page with, where this one leaves something out that belongs before the cursor."""
    after: int = 0
    """The cursor that it was asked for with."""
    resumed: str = ""
    """The name of the word to resume that it was asked for with, see `sync.resume`."""
    digests: Mapping[str, str] | None = None
    """The hash of the states in each scope at the head, where that was asked for."""

    @property
    def events(self) -> list[EventFrame]:
        """The events among the frames."""
        return [frame for frame in self.frames if isinstance(frame, EventFrame)]


def event_frame(row: EventRow, *, to_all: bool = True) -> bytes:
    """The frame of one event. `infra.postgres.pull_statements` writes the same bytes in SQL.

    Where it goes to a replica (`to_all`), that of an event of the office is empty; in the history it is there, and what
    is no authored event is carried as it lies.
    """
    if row.scope == OFFICE_SCOPE and to_all:
        return b""
    if row.scope == OFFICE_SCOPE and row.entity_type != _AUTHORED_THERE:
        return b'{"frame":"opaque","position":%d,"recorded_at_ms":%d,"scope":"office","body":"%b"}\n' % (
            row.position,
            row.recorded_at_ms,
            base64.b64encode(row.body),
        )
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


def snapshot_frame(row: EntityRow) -> bytes:
    """The frame of one entity. `infra.postgres.pull_statements` writes the same bytes in SQL."""
    return b'{"frame":"snapshot","scope":"%b","entity":"%b","type":"%b","version":%d,"state":%b}\n' % (
        row.scope.encode(),
        row.entity.encode(),
        row.type.encode(),
        row.version,
        row.state,
    )


def line(frame: str, **members: Any) -> bytes:
    """Any other frame: canonical JSON and a line feed."""
    return canonical.dumps({"frame": frame, **members}) + b"\n"


def read_event(frame: bytes) -> EventFrame:
    """An event frame with its event's bytes as they are; raises envelope.Unacceptable for what we cannot read."""
    stamps, _, event = frame.partition(b',"event":')
    told = orjson.loads(stamps + b"}")
    return EventFrame(
        told["position"],
        told["effective"],
        parse(event[:-1]),
        told["scope"],
        told["version"],
        told["recorded_at_ms"],
    )


def read_snapshot(frame: bytes) -> SnapshotFrame:
    """A snapshot frame with its state."""
    about, _, state = frame.partition(b',"state":')
    told = orjson.loads(about + b"}")
    return SnapshotFrame(told["scope"], told["entity"], state_codec.decode(state[:-1]))


def read_page(lines: bytes, *, read: Callable[[bytes], EventFrame] = read_event) -> Page:
    """A pull's body; `read` may remember frames that it has read before. ValueError for a page without its end."""
    *frames, checkpoint = lines.removesuffix(b"\n").split(b"\n")
    told = orjson.loads(checkpoint)
    if told["frame"] != "checkpoint":
        raise ValueError("a page ends with a checkpoint; this one was cut off")
    return Page(
        [frame for frame in (_read(frame, read) for frame in frames) if frame is not None],
        told["cursor"],
        told["head"],
        told["epoch"],
        told["durable"],
        told["view"],
        told.get("resume", ""),
        told["after"],
        told.get("resumed", ""),
        dict(told["digests"]) if "digests" in told else None,
    )


def is_the_offices_own(frame: bytes) -> bool:
    """Whether a frame of the history is of something that no replica and no other hub has a use for."""
    return frame.find(b'"scope":"office","', 0, _STAMPS_BYTES_MAX) > 0


def _read(frame: bytes, read: Callable[[bytes], EventFrame]) -> Frame | None:
    """One frame; None for what no replica has a use for, and for a kind that a newer server sends."""
    if is_the_offices_own(frame):
        return None
    if frame.startswith(b'{"frame":"event",'):
        return read(frame)
    if frame.startswith(b'{"frame":"snapshot",'):
        return read_snapshot(frame)
    told: dict[str, Any] = orjson.loads(frame)
    match told:
        case {"frame": "enter", "scope": scope, "position": position}:
            return EnterFrame(scope, position)
        case {"frame": "leave", "scope": scope, "position": position}:
            return LeaveFrame(scope, position)
        case {"frame": "verdict"}:
            return VerdictFrame(told)
        case _:
            return None
