"""Vectors of the hybrid logical clock."""

from typing import Final

from sync.hybrid_clock import BEGINNING
from tests.vectors.spelling import Case

ABOUT: Final = (
    "The hybrid logical clock: `call` with the other members as arguments must give `gives`."
    " A stamp is 12 hexadecimal characters of milliseconds since 1970 and 4 of a counter."
)
NOON: Final = 1_767_268_800_000
NOON_TEXT: Final = "019b796dd600"
DRIFT_MS: Final = 300_000


def _tick(name: str, why: str, last: str, now_ms: int, gives: str) -> Case:
    return {"name": name, "why": why, "call": "tick", "last": last, "now_ms": now_ms, "gives": gives}


def _observe(name: str, why: str, last: str, seen: str, now_ms: int, gives: str) -> Case:  # noqa: PLR0917
    return {
        "name": name,
        "why": why,
        "call": "observe",
        "last": last,
        "seen": seen,
        "now_ms": now_ms,
        "gives": gives,
    }


def _stamp(name: str, why: str, ms: int, counter: int, gives: str) -> Case:
    return {"name": name, "why": why, "call": "stamp", "ms": ms, "counter": counter, "gives": gives}


def _text(ms: int) -> str:
    return f"{ms:012x}"


def cases() -> list[Case]:
    """All of them."""
    return [
        *_ticks(),
        *_observations(),
        *_stamps(),
        {
            "name": "the latest stamp of a millisecond",
            "why": "An event is clamped to the end of the millisecond in which it arrived, so that an honest one never"
            " loses its counter.",
            "call": "latest_at",
            "ms": NOON,
            "gives": f"{NOON_TEXT}ffff",
        },
        {
            "name": "the milliseconds of a stamp",
            "why": "Only the first twelve characters are time; the counter is no part of it.",
            "call": "ms_of",
            "at": f"{NOON_TEXT}ffff",
            "gives": NOON,
        },
        {
            "name": "the milliseconds of the last stamp there is",
            "why": "48 bits are more than 32: bitwise operators of JavaScript would cut them.",
            "call": "ms_of",
            "at": "f" * 16,
            "gives": 2**48 - 1,
        },
    ]


def _ticks() -> list[Case]:
    return [
        _tick("the first tick", "A new replica follows the wall clock.", BEGINNING, NOON, f"{NOON_TEXT}0000"),
        _tick(
            "time goes on",
            "A wall clock that is ahead is followed, and the counter starts anew.",
            f"{NOON_TEXT}0007",
            NOON + 1,
            f"{_text(NOON + 1)}0000",
        ),
        _tick(
            "the same millisecond",
            "The wall clock stands still: only the counter orders the two edits.",
            f"{NOON_TEXT}0007",
            NOON,
            f"{NOON_TEXT}0008",
        ),
        _tick(
            "the same millisecond, first repeat",
            "Equal is not greater: `>=` here would give two edits one stamp.",
            f"{NOON_TEXT}0000",
            NOON,
            f"{NOON_TEXT}0001",
        ),
        _tick(
            "a clock set back an hour",
            "A stamp never runs backwards, whatever the wall clock says.",
            f"{NOON_TEXT}0000",
            NOON - 3_600_000,
            f"{NOON_TEXT}0001",
        ),
        _tick(
            "from nine to ten",
            "The counter is hexadecimal: after 9 comes a, and 9 sorts before a as text.",
            f"{NOON_TEXT}0009",
            NOON,
            f"{NOON_TEXT}000a",
        ),
        _tick(
            "the counter carries",
            "Each of its four characters carries into the next.",
            f"{NOON_TEXT}0fff",
            NOON,
            f"{NOON_TEXT}1000",
        ),
        _tick(
            "the counter overflows",
            "65,536 edits in one millisecond: the next borrows from the following millisecond, and stays greater.",
            f"{NOON_TEXT}ffff",
            NOON,
            f"{_text(NOON + 1)}0000",
        ),
        _tick(
            "after an overflow the wall clock is behind by one",
            "The borrowed millisecond arrives: it is not greater than the stamp, so the counter goes on.",
            f"{_text(NOON + 1)}0000",
            NOON + 1,
            f"{_text(NOON + 1)}0001",
        ),
        _tick(
            "the end of time",
            "There is no greater stamp; the clock stands still rather than wrap round to 1970.",
            "f" * 16,
            NOON,
            "f" * 16,
        ),
        _tick(
            "the last millisecond still counts",
            "Before the very end the counter goes on, also in the last millisecond.",
            "fffffffffffffffe",
            NOON,
            "f" * 16,
        ),
        _tick(
            "the wall clock is beyond the end of time",
            "A moment outside the form is brought to its end.",
            f"{NOON_TEXT}0000",
            2**48,
            "ffffffffffff0000",
        ),
        _tick(
            "the wall clock is before 1970",
            "A phone whose battery died; its first edit is stamped after the beginning all the same.",
            BEGINNING,
            -5,
            "0000000000000001",
        ),
    ]


def _observations() -> list[Case]:
    later = NOON + 60_000
    return [
        _observe(
            "a stamp that is ahead is followed",
            "What I write now comes after what I have seen.",
            f"{NOON_TEXT}0003",
            f"{_text(later)}0009",
            NOON,
            f"{_text(later)}0009",
        ),
        _observe(
            "a stamp that is behind changes nothing",
            "A clock does not go back.",
            f"{_text(later)}0000",
            f"{NOON_TEXT}ffff",
            NOON,
            f"{_text(later)}0000",
        ),
        _observe(
            "my own stamp changes nothing",
            "Seeing an equal stamp is no news.",
            f"{NOON_TEXT}0003",
            f"{NOON_TEXT}0003",
            NOON,
            f"{NOON_TEXT}0003",
        ),
        _observe(
            "ahead by the counter alone",
            "The counter is part of the stamp.",
            f"{NOON_TEXT}0003",
            f"{NOON_TEXT}0004",
            NOON,
            f"{NOON_TEXT}0004",
        ),
        _observe(
            "exactly at the drift that is allowed",
            "Five minutes ahead of my own wall clock is still believed, with any counter.",
            f"{NOON_TEXT}0000",
            f"{_text(NOON + DRIFT_MS)}ffff",
            NOON,
            f"{_text(NOON + DRIFT_MS)}ffff",
        ),
        _observe(
            "a millisecond beyond the drift",
            "One phone in the year 9999 must not drag every clock of the fleet there.",
            f"{NOON_TEXT}0000",
            f"{_text(NOON + DRIFT_MS + 1)}0000",
            NOON,
            f"{NOON_TEXT}0000",
        ),
        _observe(
            "too far ahead, though I am far ahead myself",
            "What counts is the wall clock, not how far I have been dragged already.",
            f"{_text(NOON + DRIFT_MS)}0000",
            f"{_text(NOON + DRIFT_MS + 5)}0000",
            NOON,
            f"{_text(NOON + DRIFT_MS)}0000",
        ),
        _observe(
            "the end of time is not followed",
            "The greatest stamp there is would stop every clock that followed it.",
            f"{NOON_TEXT}0000",
            "f" * 16,
            NOON,
            f"{NOON_TEXT}0000",
        ),
    ]


def _stamps() -> list[Case]:
    return [
        _stamp("noon", "Padded to its width, so that stamps sort as texts.", NOON, 0, f"{NOON_TEXT}0000"),
        _stamp("noon and a counter", "The counter is padded too.", NOON, 0xAB, f"{NOON_TEXT}00ab"),
        _stamp("the beginning", "Zero is a moment.", 0, 0, BEGINNING),
        _stamp("before the beginning", "Brought to the beginning.", -1, 3, "0000000000000003"),
        _stamp("the last millisecond", "2^48 - 1 is inside.", 2**48 - 1, 0, "ffffffffffff0000"),
        _stamp("after the last millisecond", "Brought to the end.", 2**53 - 1, 0, "ffffffffffff0000"),
    ]
