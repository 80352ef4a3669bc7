"""Three forms of time, wall clocks that jump and clocks that were wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from commands.legacy.reading import Reading, SetAside
from commands.legacy.times import appointment, day, instant, moment, ms_of_instant, year

NOW_MS = 1_700_000_000_000
NEW_YORK = Reading(zone=ZoneInfo("America/New_York"), zone_name="America/New_York", now_ms=NOW_MS)
ON_THE_WALL = Reading(zone=ZoneInfo("America/New_York"), zone_name="America/New_York", now_ms=NOW_MS, epoch="local")


def reason(value: str | float) -> tuple[str, object]:
    with pytest.raises(SetAside) as why:
        moment(value, NEW_YORK)
    return why.value.reason, why.value.instead


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("06/26/2018 10:58:54 AM", "2018-06-26T14:58:54.000Z"),
        ("01/31/2019 12:00:00 AM", "2019-01-31T05:00:00.000Z"),
        ("01/31/2019 12:00:00 PM", "2019-01-31T17:00:00.000Z"),
        ("2018-06-26 10:58:54", "2018-06-26T14:58:54.000Z"),
        ("2018-06-26T10:58:54.123456", "2018-06-26T14:58:54.123Z"),
        ("2018-06-26 10:58:54+02:00", "2018-06-26T08:58:54.000Z"),
        ("2018-06-26", "2018-06-26T04:00:00.000Z"),
        ("1530010734", "2018-06-26T10:58:54.000Z"),
        (1530010734, "2018-06-26T10:58:54.000Z"),
        (1530010734.0, "2018-06-26T10:58:54.000Z"),
    ],
)
def test_three_forms_of_one_moment(value: str | float, found: str) -> None:
    assert moment(value, NEW_YORK) == found


def test_seconds_of_a_wall_clock_are_read_in_its_zone() -> None:
    assert moment("1530010734", ON_THE_WALL) == "2018-06-26T14:58:54.000Z"


def test_a_time_that_the_clock_showed_twice_is_the_first_and_is_reported() -> None:
    why, instead = reason("2018-11-04 01:30:00")
    assert why == "the clocks of America/New_York showed this time twice; taken as the first"
    assert instead == "2018-11-04T05:30:00.000Z"


def test_a_time_that_the_clock_jumped_over_moves_with_the_jump_and_is_reported() -> None:
    why, instead = reason("03/10/2019 02:30:00 AM")
    assert why == "the clocks of America/New_York jumped over this time; read as 03:30"
    assert instead == "2019-03-10T07:30:00.000Z"


@pytest.mark.parametrize(
    "value", ["2018-11-04 00:59:59", "2018-11-04 02:00:00", "2019-03-10 01:59:59", "2019-03-10 03:00:00"]
)
def test_times_beside_a_change_of_clocks_are_in_no_doubt(value: str) -> None:
    assert moment(value, NEW_YORK)


@pytest.mark.parametrize(
    "value",
    [
        *("02/31/2018 10:00:00 AM", "13/01/2018 10:00:00 AM", "2018-02-31 10:00:00", "2018-06-26 25:00:00"),
        *("yesterday", "10:00", "26.6.2018", "1530010734000", "20180626", "-1530010734", "0", "99999999999999999999"),
        *(1e18, "0001-01-01 00:00:00+14:00", "2018-06-26 10:00:00 Europe/Berlin"),
    ],
)
def test_what_is_no_time_is_set_aside(value: str | float) -> None:
    assert reason(value)[1] is None


def test_what_has_been_does_not_lie_in_the_future_but_what_is_planned_may() -> None:
    assert reason("2219-06-26 10:00:00") == ("lies in the future", None)
    assert appointment("2219-06-26 10:00:00", NEW_YORK) == "2219-06-26T14:00:00.000Z"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_time_is_no_time(value: str | None) -> None:
    assert moment(value, NEW_YORK) is None


def test_a_year_alone_is_not_a_day() -> None:
    assert (day("2009", NEW_YORK), year("2009", NEW_YORK)) == (None, "2009")
    assert (day("06/26/2018", NEW_YORK), year("06/26/2018", NEW_YORK)) == ("2018-06-26", None)


@given(some.integers(-62_000_000_000_000, 250_000_000_000_000))
def test_an_instant_says_its_milliseconds_and_no_other(ms: int) -> None:
    told = instant(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
    assert ms_of_instant(told) == ms
