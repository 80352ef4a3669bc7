"""The `settings` table of the old application: what it says of times, money and itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from commands.legacy.conversions import currency, word
from commands.legacy.reading import Key, Reading, SetAside, key_of
from commands.legacy.row import Aside, Row, shown

NO_ZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSettings:
    """How to read the other tables, and which settings were of no use."""

    reading: Reading
    version: str | None
    imported: int
    asides: tuple[Aside, ...]
    originals: tuple[tuple[str, Key, Row], ...]
    zone_is_told: bool
    """Whether the file or the person who imports it said in which zone the old clocks were."""


def read_settings(
    rows: Iterable[tuple[int, Row]],
    *,
    now_ms: int,
    zone: str | None,
    phone_country: str,
    epoch: Literal["utc", "local"],
) -> OldSettings:
    """Read the settings; `zone`, where given, stands above the file's. Raises SetAside where no zone has that name."""
    found: dict[str, str | None] = {}
    asides: list[Aside] = []
    originals: list[tuple[str, Key, Row]] = []
    told_zone = _zone(zone) if zone else None
    reading = Reading(
        zone=told_zone or ZoneInfo(NO_ZONE),
        zone_name=zone or NO_ZONE,
        now_ms=now_ms,
        phone_country=phone_country,
        epoch=epoch,
    )
    old_zone: ZoneInfo | None = None
    for number, row in rows:
        key = key_of(row.get("k")) or f"row {number}"
        name = str(key).lower()
        try:
            if name in found:
                raise SetAside("is said twice; the first is taken")
            match name:
                case "tz":
                    old_zone = _zone(word(row.get("v"), reading))
                    found[name] = old_zone.key
                case "currency":
                    found[name] = currency(row.get("v"), reading)
                case "version":
                    found[name] = word(row.get("v"), reading)
                case _:
                    raise SetAside("is not a setting we know")
        except SetAside as why:
            asides.append(Aside("settings", key, "v", why.reason, shown(row.get("v")), "row"))
            originals.append(("settings", key, row))
    used = told_zone or old_zone or ZoneInfo(NO_ZONE)
    return OldSettings(
        reading=Reading(
            zone=used,
            zone_name=used.key,
            now_ms=now_ms,
            currency=found.get("currency"),
            phone_country=phone_country,
            epoch=epoch,
        ),
        version=found.get("version"),
        imported=len(found),
        asides=tuple(asides),
        originals=tuple(originals),
        zone_is_told=(told_zone or old_zone) is not None,
    )


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "")
    except (ValueError, OSError, LookupError):  # nothing, a path, a folder, a name that is no zone
        raise SetAside(f"{name!r} is not a time zone") from None
