"""What a pull sends: one JSON document per line, the stored bytes of an event inside their frame untouched."""

from typing import Any

from sync import canonical
from sync.log import EventRow


def event_frame(row: EventRow) -> bytes:
    """The frame of one event. `infra.postgres.statements.FRAMES` writes the same bytes in SQL."""
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
