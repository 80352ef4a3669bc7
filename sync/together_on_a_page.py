"""Where a page of events may end: never within events that stand or fall together, so nobody shows half of them."""

from typing import Any

import orjson

from sync.moment import Tail


def together(lines: bytes) -> tuple[int, int]:
    """The first and the last position of what the last of these frames belongs to; (0, 0) for an event on its own.

    Events of one `tx` are neighbours in the log, because they were handed in and accepted together.
    """
    frame = _last_of(lines)
    if b'"tx":' not in frame:
        return 0, 0
    told = orjson.loads(frame)
    tx = told["event"].get("tx")
    return (told["position"] - tx["i"] + 1, told["position"] + tx["n"] - tx["i"]) if tx else (0, 0)


def cut_before(tail: Tail, position: int) -> Tail:
    """The same tail, ended before a position."""
    lines, events = tail.lines, tail.events
    while lines and _position(_last_of(lines)) >= position:
        lines, events = lines[: -len(_last_of(lines))], events - 1
    return Tail(lines, events, position - 1)


def _last_of(lines: bytes) -> bytes:
    return lines[lines.rfind(b"\n", 0, -1) + 1 :]


def _position(frame: bytes) -> int:
    told: dict[str, Any] = orjson.loads(frame)
    return int(told["position"])
