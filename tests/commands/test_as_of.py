"""A moment is a position, or a time by the server's clock; whatever else is said has an answer that says so."""

from datetime import UTC, datetime

import pytest

from commands.as_of import AsOfAhead, AsOfBeforeBeginning, AsOfUnreadable, as_of, read_as_of
from infra.memory_past import MemoryPast
from tests.devices import NOON
from tests.infra.event_logs import events

NOON_UTC = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAST = MemoryPast(events=[row._replace(recorded_at_ms=NOON + row.position * 1_000) for row in events(5)], entities=[])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", 0),
        ("880", 880),
        ("2026-01-01T12:00:00Z", NOON_UTC),
        ("2026-01-01t12:00:00z", NOON_UTC),
        ("2026-01-01 12:00:00Z", NOON_UTC),
        ("2026-01-01T13:30:00+01:30", NOON_UTC),
        ("2026-01-01T13:30:00 01:30", NOON_UTC),
        ("2026-01-01T07:00:00-05:00", NOON_UTC),
        ("2026-01-01T12:00:00.5Z", NOON_UTC.replace(microsecond=500_000)),
        ("2026-01-01T12:00:00.123456789Z", NOON_UTC.replace(microsecond=123_456)),
    ],
)
def test_a_position_and_every_spelling_of_a_time_are_read(text: str, meant: int | datetime) -> None:
    assert read_as_of(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "1.5", "1e3", "+5", "0x10", "yesterday", "now", "2026-01-01", "12:00:00Z", "2026-01-01T12:00:00"),
        *("2026-02-30T12:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T12:00:60Z"),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "2026-01-01T12:00:00+99:00", "٤٢", "2026-01-01T12:00Z"),
        *("9" * 16, "9" * 4_000, "1;drop table event", "1 or 1=1", "\x00", "2026-01-01T12:00:00Z' or '1'='1"),
    ],
)
def test_what_is_no_moment_is_said_to_be_none(text: str) -> None:
    with pytest.raises(AsOfUnreadable) as refused:
        read_as_of(text)
    assert len(refused.value.detail) < 120


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("1", 1),
        ("5", 5),
        ("2026-01-01T12:00:01Z", 1),
        ("2026-01-01T12:00:01.999Z", 1),
        ("2026-01-01T12:00:02Z", 2),
        ("2026-01-01T13:00:00Z", 5),
    ],
)
def test_a_time_means_what_the_server_had_recorded_by_then(text: str, position: int) -> None:
    moment = as_of(text, PAST, head=5, now_ms=NOON + 3_600_000)
    assert (moment.position, moment.recorded_at_ms) == (position, NOON + position * 1_000)


def test_what_has_not_come_yet_is_said_with_where_the_log_ends_and_what_the_clock_says() -> None:
    with pytest.raises(AsOfAhead, match="position 6 is not written yet: the log ends at 5"):
        as_of("6", PAST, head=5, now_ms=NOON)
    with pytest.raises(
        AsOfAhead, match=r"9999-12-31T23:59:59\.000Z has not come yet: .* says 2026-01-01T12:00:00\.000Z"
    ):
        as_of("9999-12-31T23:59:59Z", PAST, head=5, now_ms=NOON)


def test_what_is_before_the_beginning_is_said_with_when_it_began() -> None:
    for text in ("0", "2026-01-01T12:00:00Z", "0001-01-01T00:00:00Z"):
        with pytest.raises(AsOfBeforeBeginning, match="position 1 was recorded at 2026-01-01T12:00:01"):
            as_of(text, PAST, head=5, now_ms=NOON + 3_600_000)
    nothing = MemoryPast(events=[], entities=[])
    for text in ("0", "2026-01-01T12:00:00Z"):
        with pytest.raises(AsOfBeforeBeginning, match="nothing is recorded yet"):
            as_of(text, nothing, head=0, now_ms=NOON)
