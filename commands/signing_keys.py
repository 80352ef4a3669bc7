"""Which key signs, which verify and which are published. Pure: what a key is follows from its times.

A new key is published a day before it signs, so that whoever keeps our key set for an hour has it in time, and one
that was replaced verifies for a day, so that nothing that it signed is refused early.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from commands.sessions import DAY_MS, SESSION_MS_MAX

Use = Literal["access", "refresh", "nonce", "checkpoint"]
USES: Final[tuple[Use, ...]] = ("access", "refresh", "nonce", "checkpoint")
PUBLISHED_BEFORE_MS: Final = DAY_MS
FOR_EVER_MS: Final = 1 << 62
GOOD_AFTER_MS: Final = {"access": DAY_MS, "refresh": SESSION_MS_MAX, "nonce": DAY_MS, "checkpoint": FOR_EVER_MS}
"""How long a key that was replaced is good for what was made with it. One of checkpoints goes on signing beside those
that followed it, so that whoever has kept it for years can still check, and take up its followers."""

Standing = Literal["next", "current", "retired", "gone", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key without its secret. Times are milliseconds since 1970."""

    kid: str
    use: Use
    made_at_ms: int
    current_from_ms: int
    revoked_at_ms: int | None = None


class Happening(NamedTuple):
    """Something that has become of a key."""

    at_ms: int
    kind: Literal["key_made", "key_in_use", "key_revoked"]
    key: KeyRow


def happenings(keys: Iterable[KeyRow], *, now_ms: int) -> list[Happening]:
    """All that has become of these keys until now, oldest first."""
    found: list[Happening] = []
    for key in keys:
        found.append(Happening(key.made_at_ms, "key_made", key))
        end_ms = now_ms if key.revoked_at_ms is None else min(now_ms, key.revoked_at_ms)
        if key.current_from_ms <= end_ms:
            found.append(Happening(key.current_from_ms, "key_in_use", key))
        if key.revoked_at_ms is not None:
            found.append(Happening(key.revoked_at_ms, "key_revoked", key))
    return sorted(found, key=lambda each: (each.at_ms, each.key.kid, each.kind))


def standing(key: KeyRow, among: Iterable[KeyRow], *, now_ms: int) -> Standing:
    """What a key is at this moment."""
    if key.revoked_at_ms is not None:
        return "revoked"
    if key.current_from_ms > now_ms:
        return "next"
    newer = [
        each.current_from_ms
        for each in among
        if each.use == key.use
        and each.revoked_at_ms is None
        and (key.current_from_ms, key.kid) < (each.current_from_ms, each.kid)
        and each.current_from_ms <= now_ms
    ]
    if not newer:
        return "current"
    return "retired" if now_ms - min(newer) < GOOD_AFTER_MS[key.use] else "gone"


def current(keys: Sequence[KeyRow], use: Use, *, now_ms: int) -> KeyRow | None:
    """The key that is used now; None where every key of that use is revoked or not yet due."""
    return next((key for key in keys if key.use == use and standing(key, keys, now_ms=now_ms) == "current"), None)


def good(keys: Sequence[KeyRow], use: Use, *, now_ms: int) -> list[KeyRow]:
    """The keys whose work is accepted: also the next one, because another process's clock may be ahead."""
    return [
        key for key in keys if key.use == use and standing(key, keys, now_ms=now_ms) in ("next", "current", "retired")
    ]


def due(keys: Sequence[KeyRow], use: Use, *, now_ms: int, at_once: bool) -> int:
    """From when on a key that is made now is used: after a day, or at once where nothing else could be."""
    is_alone = current(keys, use, now_ms=now_ms) is None
    return now_ms if at_once or is_alone else now_ms + PUBLISHED_BEFORE_MS
