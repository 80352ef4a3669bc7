"""Dated versions of what we answer: additive changes come under `/v1` without one, others with a date of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Final

HEADER: Final = "Cairnfield-Version"
FIRST: Final = "2026-11-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """What will go, since when that is known, and where it says what to use instead."""

    since: date
    sunset: date
    see: str
    """A path of this server or a URL."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and where to read on."""
        since, sunset = (datetime(each.year, each.month, each.day, tzinfo=UTC) for each in (self.since, self.sunset))
        return [
            (b"deprecation", b"@%d" % int(since.timestamp())),
            (b"sunset", format_datetime(sunset, usegmt=True).encode()),
            (b"link", f'<{self.see}>; rel="deprecation"; type="text/html"'.encode()),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Which are answered, oldest first; who names none is answered in the newest."""

    served: tuple[str, ...] = (FIRST,)
    farewells: Mapping[str, Farewell] = field(default_factory=dict[str, Farewell])
    """Of those that are still served and will not be."""
    retired: frozenset[str] = frozenset()
    """No longer read to, but what their clients have done offline is still taken."""

    @property
    def newest(self) -> str:
        """What is answered to whoever asks for none."""
        return self.served[-1]


VERSIONS: Final = Versions()
