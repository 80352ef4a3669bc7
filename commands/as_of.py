"""Which moment of the log somebody means: a position, or the time by which the server had recorded it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from commands.moments import instant
from domain.refusals import Refused
from sync.past import Past

TEXT_LENGTH_MAX: Final = 40
POSITION_PATTERN: Final = r"^[0-9]{1,15}$"
"""Every position there will ever be; one digit more could be more than a number in JSON holds."""
_POSITION: Final = re.compile(POSITION_PATTERN)
_TIME: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    # In a query a `+` that nobody escaped has become a space.
    r"(?P<zone>[Zz]|[+ -][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """A moment of a log: when it ended at this position."""

    position: int
    recorded_at_ms: int
    """When the event there was recorded, in milliseconds since 1970."""

    @property
    def told(self) -> dict[str, object]:
        """As answers tell it."""
        return {"position": self.position, "recorded_at": instant(self.recorded_at_ms)}


class AsOfUnreadable(Refused):
    """Neither a position nor a time."""


class AsOfAhead(Refused):
    """A moment that has not come yet."""


class AsOfBeforeBeginning(Refused):
    """A moment before anything was recorded."""


def read_as_of(text: str) -> int | datetime:
    """The position or the moment that a text names; raises AsOfUnreadable."""
    if _POSITION.fullmatch(text):
        return int(text)
    told = _TIME.fullmatch(text)
    if told is None:
        raise AsOfUnreadable(f"{text[:TEXT_LENGTH_MAX]!r} is neither a position nor a time of RFC 3339")
    zone = "+00:00" if told["zone"] in "Zz" else told["zone"].replace(" ", "+")
    fraction = (told["fraction"] or "").ljust(6, "0")[:6]
    try:
        return datetime.fromisoformat(f"{told['day']}T{told['clock']}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise AsOfUnreadable(f"{text!r} names a day or an hour that there is not") from None


def as_of(text: str, past: Past, *, head: int, now_ms: int) -> AsOf:
    """The moment of the log that a text names; raises AsOfUnreadable, AsOfAhead and AsOfBeforeBeginning.

    A time means all that the server had recorded by then: its own clock counts, never that of a device.
    """
    asked = read_as_of(text)
    if isinstance(asked, int):
        if asked > head:
            raise AsOfAhead(f"position {asked} is not written yet: the log ends at {head}")
        position = asked
    else:
        at_ms = (asked - _EPOCH) // timedelta(milliseconds=1)
        if at_ms > now_ms:
            raise AsOfAhead(f"{instant(at_ms)} has not come yet: the server's clock says {instant(now_ms)}")
        position = past.position_at(at_ms)
    recorded_at_ms = past.recorded_at_ms(position)
    if recorded_at_ms is None:
        raise AsOfBeforeBeginning(_beginning(text, past))
    return AsOf(position=position, recorded_at_ms=recorded_at_ms)


def _beginning(text: str, past: Past) -> str:
    first = past.recorded_at_ms(1)
    if first is None:
        return "nothing is recorded yet"
    return f"{text} is before the beginning: position 1 was recorded at {instant(first)}"


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
