"""What a conversion is given and how it answers: loose values, what is known around them, and `SetAside`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal

Key = int | str
"""What the old application calls a row by: its primary key."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A text that is not UTF-8, as the bytes it is."""

    raw: bytes


Value = None | int | float | str | bytes | Undecodable
"""What a cell of SQLite can hold."""


class SetAside(Exception):  # not an error: an answer
    """A value that does not become what its column is for; `instead`, if not None, takes its place."""

    def __init__(self, reason: str, instead: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A row that was imported: its entity, and the moment that its dependents fall back on."""

    entity: str
    ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What it takes to understand a value: the settings of the old application and the rows read so far."""

    zone: tzinfo
    zone_name: str
    now_ms: int
    """Milliseconds since 1970; what happened later than this did not happen yet."""
    currency: str | None = None
    phone_country: str = "1"
    epoch: Literal["utc", "local"] = "utc"
    """How seconds since 1970 are meant: of UTC, as the word says, or of the wall clock of the zone."""
    rows: Mapping[tuple[str, Key], Known | None] = field(default_factory=dict[tuple[str, Key], Known | None])
    """By table and key the rows read so far; None for one that was set aside."""


Conversion = Callable[[Value, Reading], Any]


def key_of(value: Value) -> Key | None:
    """A key as one value, however it was written: 7, 7.0 and "7" are the same row."""
    match value:
        case int():
            return value
        case float():
            return int(value) if value.is_integer() else str(value)
        case str():
            found = value.strip()
            return int(found) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", found) else found.replace("\x00", "␀") or None
        case bytes():
            return f"x'{value.hex()}'"
        case Undecodable():
            return f"x'{value.raw.hex()}'"
        case None:
            return None
