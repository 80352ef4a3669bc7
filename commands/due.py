"""Which jobs a technician needs first on a device that knows none yet: today's, then whatever is not over."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from sync import shown, state_codec
from sync.rows import EntityRow

NEAR_MS: Final = 16 * 60 * 60 * 1_000
"""So long before and after now it may be today for whoever goes there, wherever that is."""
_OVER: Final = frozenset({"done", "declined", "cancelled"})
_UNDER_WAY: Final = frozenset({"travelling", "on_site", "paused"})
_NEVER: Final = "9"


def due_first(granted: Sequence[EntityRow], *, now_ms: int) -> list[str]:
    """The scopes of visits that are not over, told what grants them: under way, of today, the others; by their time."""
    ranked = sorted(_ranked(granted, _instant(now_ms - NEAR_MS), _instant(now_ms + NEAR_MS)))
    return list(dict.fromkeys(scope for _, _, scope in ranked))


def _ranked(granted: Sequence[EntityRow], earliest: str, latest: str) -> Iterator[tuple[int, str, str]]:
    for row in granted:
        if row.type != "visit":
            continue
        visit = shown.values(state_codec.decode(row.state))
        status, start = visit.get("status"), visit.get("planned_start") or _NEVER
        if status in _OVER:
            continue
        yield 0 if status in _UNDER_WAY else 1 if earliest <= start <= latest else 2, start, row.scope


def _instant(ms: int) -> str:
    """A moment as visits spell theirs, which sort as text."""
    return datetime.fromtimestamp(max(0, ms) / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
