"""Whether a session goes on when somebody asks to refresh it. Pure: told the row, the proof and the time.

A refresh token is derived from its session and its number, so the same one can be given again without being kept:
whoever lost an answer asks once more and gets it. Only a token whose successor was used already tells of a thief.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Final, NamedTuple

DAY_MS: Final = 24 * 60 * 60 * 1_000
IDLE_MS_MAX: Final = 30 * DAY_MS
"""Three weeks without signal, and a margin."""
SESSION_MS_MAX: Final = 90 * DAY_MS
"""From the sign-in on, however often it is refreshed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One sign-in. Times are milliseconds since 1970."""

    session: str
    person: str
    device: str | None
    thumbprint: str
    """Of the key that every refresh must prove."""
    refresh_key: str
    """Id of the key that its refresh tokens are derived with."""
    generation: int
    """Number of the newest refresh token that was used; the one after it is on its way."""
    way: str
    signed_in_at_ms: int
    refreshed_at_ms: int
    ended_at_ms: int | None
    end_reason: str | None


class GoesOn(NamedTuple):
    """The token with number `generation` counts as used, and the next one is handed out."""

    generation: int


class Ends(NamedTuple):
    """The session is over from now on; `is_alarming` where that tells of a thief."""

    reason: str
    is_alarming: bool


class IsOver(NamedTuple):
    """It was over before."""

    reason: str


def refresh(row: SessionRow, *, number: int, proven: str, now_ms: int) -> GoesOn | Ends | IsOver:
    """What becomes of a session whose refresh token `number` is presented with a proof of the key `proven`.

    The caller has checked that we made that token. A number from the future was made by us too, before this server
    came back from a backup: it goes on.
    """
    if row.ended_at_ms is not None:
        return IsOver(row.end_reason or "ended")
    if proven != row.thumbprint:
        return Ends("stolen", is_alarming=True)
    if number < row.generation:
        return Ends("reused", is_alarming=True)
    if now_ms - row.refreshed_at_ms >= IDLE_MS_MAX or now_ms - row.signed_in_at_ms >= SESSION_MS_MAX:
        return Ends("expired", is_alarming=False)
    return GoesOn(number)


def id_of_day(session: str, address: str, now_ms: int) -> str:
    """A UUID of version 7 that is the same for a session and an address all day, and another the next: under it the
    audit holds once that the session went on from there."""
    mark = int.from_bytes(hashlib.sha256(f"{session} {address}".encode()).digest()[:10])
    number = (now_ms - now_ms % DAY_MS) << 80 | 7 << 76 | (mark >> 68) << 64 | 2 << 62 | mark & ((1 << 62) - 1)
    return str(uuid.UUID(int=number))
