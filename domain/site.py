"""Where the work is done, and on what."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Ask, Latest, Log, Once, Ref
from domain.values import Address, Date, Decimal, EntityId, Instant, Line, Metres, Position, Text, TimeZone, Word

Hazard = Literal[
    "asbestos",
    "confined_space",
    "dog",
    "electricity",
    "gas",
    "height",
    "hostile_person",
    "hot_work",
    "traffic",
    "water",
]


@entity("site", home="own")
@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Record):
    """A place where work is done."""

    customer_id: Annotated[EntityId, Ref()]
    name: Annotated[Line, Ask()]
    address: Annotated[Address | None, Ask()] = None
    position: Annotated[Position | None, Ask()] = None
    access_code: Annotated[Word | None, Ask()] = None
    hazards: Annotated[frozenset[Hazard], AddWins()] = frozenset()
    directions: Annotated[Text | None, Latest()] = None
    opening_hours: Annotated[Line | None, Latest()] = None
    geofence_m: Annotated[Metres | None, Latest()] = None
    timezone: Annotated[TimeZone | None, Latest()] = None


@entity("asset", home="site:site_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class Asset(Record):
    """A thing at a site that is looked after: a pump, a lamp, a lift.

    Its events live in the scope of the site where it was first recorded, also after it has moved.
    """

    site_id: Annotated[EntityId, Ask()]
    parent_id: Annotated[EntityId | None, Ask()] = None
    serial: Annotated[Line | None, Ask()] = None
    model: Annotated[Line | None, Ask()] = None
    qr_code: Annotated[Word | None, Once()] = None
    installed_on: Annotated[Date | None, Ask()] = None
    warranty_until: Annotated[Date | None, Ask()] = None
    condition: Annotated[Literal["good", "watch", "fault", "out"] | None, Ask()] = None


@entity("meter_reading", home="site:site_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading(Record):
    """What a meter of an asset showed at a moment; a wrong reading is corrected by another that names it."""

    asset_id: Annotated[EntityId, Ref()]
    site_id: Annotated[EntityId, Ref()]
    meter: Annotated[Word, Log()]
    value: Annotated[Decimal, Log()]
    unit: Annotated[Word | None, Log()] = None
    read_at: Annotated[Instant, Log()]
    corrects_id: Annotated[EntityId | None, Ref()] = None
