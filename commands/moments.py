"""A moment as fields spell theirs."""

from datetime import UTC, datetime


def instant(ms: int) -> str:
    """The moment of so many milliseconds since 1970, such as `2026-01-01T12:00:00.000Z`."""
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
