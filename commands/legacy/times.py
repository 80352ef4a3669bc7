"""When things happened: three forms of time, wall clocks included, become UTC instants."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from commands.legacy.conversions import line, word
from commands.legacy.reading import Reading, SetAside, Value

_EPOCH_DIGITS: Final = range(9, 11)  # 1973 to 2286
_TIME_FORMS: Final = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y")


def moment(value: Value, reading: Reading) -> str | None:
    """When something happened: three forms, the ones without a zone in the time zone of `settings.tz`."""
    return _moment(value, reading, latest_ms=reading.now_ms)


def appointment(value: Value, reading: Reading) -> str | None:
    """When something is meant to happen: like `moment`, and the future is no mistake."""
    return _moment(value, reading, latest_ms=None)


def _moment(value: Value, reading: Reading, *, latest_ms: int | None) -> str | None:
    found = line(value, reading)
    if found is None:
        return None
    local, doubt = _read_time(found, reading)
    if not 1 < local.year < 9999:
        raise SetAside("lies at an end of the calendar")
    utc = local.astimezone(UTC)
    if latest_ms is not None and ms_of(utc) > latest_ms:
        raise SetAside("lies in the future")
    if doubt:
        raise SetAside(doubt, instant(utc))
    return instant(utc)


def _read_time(found: str, reading: Reading) -> tuple[datetime, str | None]:
    """The moment with its zone, and what is doubtful about it."""
    digits = found.removesuffix(".0")
    if re.fullmatch(r"-?[0-9]+", digits):
        if len(digits) not in _EPOCH_DIGITS:
            raise SetAside("is not a time: seconds since 1970 have nine or ten digits")
        meant = datetime.fromtimestamp(int(digits), UTC)
        return _in_zone(meant.replace(tzinfo=None), reading) if reading.epoch == "local" else (meant, None)
    for form in _TIME_FORMS:
        try:
            return _in_zone(datetime.strptime(found, form), reading)  # the zone follows
        except ValueError:
            continue
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
        raise SetAside("is not a time")
    try:
        meant = datetime.fromisoformat(found)
    except ValueError:
        raise SetAside("is not a time") from None
    return (meant, None) if meant.tzinfo else _in_zone(meant, reading)


def _in_zone(wall: datetime, reading: Reading) -> tuple[datetime, str | None]:
    """A wall clock's time in the old application's zone, by the rules of PEP 495.

    A time that the clock showed twice is taken as the first; one that it jumped over is moved forward by the jump.
    """
    local = wall.replace(tzinfo=reading.zone)
    other = local.replace(fold=1)
    if local.utcoffset() == other.utcoffset():
        return local, None
    back = local.astimezone(UTC).astimezone(reading.zone).replace(tzinfo=None)
    if back == wall:
        return local, f"the clocks of {reading.zone_name} showed this time twice; taken as the first"
    return local, f"the clocks of {reading.zone_name} jumped over this time; read as {back:%H:%M}"


def instant(utc: datetime) -> str:
    """A moment as we write it: UTC, milliseconds, `Z`."""
    return utc.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0") + f"{utc.microsecond // 1000:03d}Z"


_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def ms_of(utc: datetime) -> int:
    """Milliseconds since 1970, negative before."""
    return (utc - _BEGINNING) // timedelta(milliseconds=1)


def ms_of_instant(told: str | None) -> int | None:
    """Milliseconds since 1970 of what `instant` wrote."""
    return ms_of(datetime.fromisoformat(told)) if told else None


def day(value: Value, reading: Reading) -> str | None:
    """A calendar day; a year alone is not one, and goes where the mapping keeps it instead."""
    found = line(value, reading)
    if found is None or year(value, reading):
        return None
    local, _ = _read_time(found, reading)
    return local.date().isoformat()


def year(value: Value, reading: Reading) -> str | None:
    """Four digits that are a year and say no more."""
    found = word(value, reading)
    return found if found and re.fullmatch(r"(18|19|20)[0-9]{2}", found) else None
