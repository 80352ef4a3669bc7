"""The hybrid logical clock: wall time that never runs backwards on one replica, sortable as text.

A stamp is 16 hexadecimal characters: 12 of milliseconds since 1970, 4 of a counter that orders what falls into the same
millisecond. After Kulkarni et al., "Logical Physical Clocks" (2014).
"""

from typing import Final

from sync.limits import CLOCK_DRIFT_MS_MAX

Stamp = str
"""16 lower-case hexadecimal characters; later stamps are greater texts."""

BEGINNING: Final[Stamp] = "0" * 16
_COUNTER_MAX: Final = 0xFFFF
_MS_MAX: Final = 0xFFFF_FFFF_FFFF


def stamp(ms: int, counter: int = 0) -> Stamp:
    """The text form of a moment in milliseconds and a counter; moments outside the form are brought to its ends."""
    return f"{min(max(ms, 0), _MS_MAX):012x}{counter:04x}"


def latest_at(ms: int) -> Stamp:
    """The greatest stamp that an honest clock can show at this millisecond."""
    return stamp(ms, _COUNTER_MAX)


def ms_of(at: Stamp) -> int:
    """Milliseconds since 1970 of a stamp."""
    return int(at[:12], 16)


def counter_of(at: Stamp) -> int:
    """How many stamps of its clock in the same millisecond came before a stamp."""
    return int(at[12:], 16)


def tick(last: Stamp, now_ms: int) -> Stamp:
    """The stamp of a new local event, greater than `last` whatever the wall clock does."""
    wall = stamp(now_ms)
    if wall > last:
        return wall
    # The wall clock stood still or went back: only the counter keeps this edit after the one before it.
    return _after(last)


def observe(last: Stamp, seen: Stamp, now_ms: int) -> Stamp:
    """The clock after another replica's stamp was seen; one too far ahead is not followed."""
    if seen <= last or ms_of(seen) > now_ms + CLOCK_DRIFT_MS_MAX:
        return last
    return seen


def _after(last: Stamp) -> Stamp:
    ms, counter = ms_of(last), counter_of(last)
    if counter < _COUNTER_MAX:
        return stamp(ms, counter + 1)
    return max(last, stamp(ms + 1))  # at the very end of time it stands still, and still does not go back
