"""The kinds of values a field can hold: all of them JSON without floats, each with its limits."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, NewType, NotRequired, TypedDict

from annotated_types import Ge, Le, MaxLen, MinLen


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that the whole text matches; Python, Rust and JavaScript must read it alike."""

    expression: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The text must also name a moment or day that exists: no 31st of February, no 25th hour."""

    expression: str
    """The same as a regular expression, for those who are told what they may say and have no calendar."""


_YEAR = "([0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_LONG, _SHORT = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])", "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
_FEBRUARY = "02-(0[1-9]|1[0-9]|2[0-8])"
_DAY = f"({_YEAR}-({_LONG}|{_SHORT}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}"


INTEGER_MAX = 2**53 - 1
"""The greatest whole number that every JSON reader keeps exactly."""

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

NOT_BLANK = (
    r"^[^\x00]*"
    r"[^\x00\t\n\x0b\x0c\r\x1c-\x1f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
    r"[^\x00]*$"
)
"""A text with something to be seen in it. White space is named one by one: no two languages mean the same by `\\s`."""

EntityId = Annotated[str, Pattern(UUID_PATTERN)]
"""A UUID in lower case with hyphens; version 7, so that ids made later sort later."""

PersonId = NewType("PersonId", str)
"""The id of a person of the tenant; a UUID like every entity's id."""

Instant = Annotated[
    str,
    # The pattern ends the day at 23:59:59 itself: a newer Python reads 24:00 as a moment, and JavaScript always did.
    Pattern(rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_TIME}Z$"),
    Calendar(f"^{_DAY}T{_TIME}Z$"),
]
"""A moment in UTC with milliseconds, in one spelling only, so that equal moments are equal texts."""

Date = Annotated[str, Pattern(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), Calendar(f"^{_DAY}$")]
"""A calendar day."""

Decimal = Annotated[str, Pattern(r"^(0|-?[1-9][0-9]{0,8}|-?(0|[1-9][0-9]{0,8})\.[0-9]{0,5}[1-9])$")]
"""A decimal as text: at most nine digits before the point and six after, no zeros that say nothing, no minus zero."""

Line = Annotated[str, MinLen(1), MaxLen(200)]
"""One line of text: names, titles, labels."""

Text = Annotated[str, MaxLen(8_000)]
"""Free text of a page or two."""

Word = Annotated[str, MinLen(1), MaxLen(64)]
"""A tag, a skill, a code: something short that is compared, not read."""

Phone = Annotated[str, Pattern(r"^\+[1-9][0-9]{4,14}$")]
"""A telephone number in E.164 form."""

# What only some languages count among `\s` is named: the separators of files and records, and two marks.
_UNSPACED = r"[^@\s\x00\x1c-\x1f\u0085\ufeff]+"
Email = Annotated[str, MaxLen(254), Pattern(rf"^{_UNSPACED}@{_UNSPACED}\.{_UNSPACED}$")]
"""An e-mail address, checked for its shape alone."""

Language = Annotated[str, Pattern(r"^[a-z]{2,3}(-[A-Z]{2})?$")]
"""A language tag such as `en` or `pt-BR`."""

TimeZone = Annotated[str, Pattern(r"^[A-Za-z]+([_/+-][A-Za-z0-9]+)*$"), MaxLen(64)]
"""The IANA name of a time zone."""

Sha256 = Annotated[str, Pattern(r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

Count = Annotated[int, Ge(0), Le(INTEGER_MAX)]
"""A whole number that every JSON reader keeps exactly."""

Minutes = Annotated[int, Ge(0), Le(100_000)]
Metres = Annotated[int, Ge(0), Le(100_000)]

HomeScope = Annotated[str, Pattern(r"^(catalog|(work_order|site|customer):" + UUID_PATTERN[1:-1] + r")$")]
"""The scope an entity lives in, as text: `work_order:<id>`, `site:<id>`, `customer:<id>` or `catalog`."""

FractionalIndex = Annotated[str, Pattern(r"^[0-9A-Za-z]{1,64}$")]
"""A sort key with room between any two neighbours."""


class Address(TypedDict):
    """A postal address as people write it; one value, replaced as a whole."""

    street: NotRequired[Annotated[str, MaxLen(200)]]
    city: NotRequired[Annotated[str, MaxLen(100)]]
    postcode: NotRequired[Annotated[str, MaxLen(20)]]
    region: NotRequired[Annotated[str, MaxLen(100)]]
    country: NotRequired[Annotated[str, Pattern(r"^[A-Z]{2}$")]]


class Position(TypedDict):
    """A place on earth: whole numbers of 1e-7 degrees (about a centimetre), WGS 84."""

    lat: Annotated[int, Ge(-900_000_000), Le(900_000_000)]
    lon: Annotated[int, Ge(-1_800_000_000), Le(1_800_000_000)]
    accuracy_m: NotRequired[Metres]
    source: NotRequired[Literal["gps", "map", "geocoder", "import"]]


class Window(TypedDict):
    """A span in which somebody wants a visit; `start` is included, `end` is not."""

    start: Instant
    end: Instant


class Target(TypedDict):
    """What a note or an attachment is about."""

    type: Annotated[str, Pattern(r"^[a-z][a-z_]{0,63}$")]
    id: EntityId


class ChecklistItem(TypedDict):
    """One question of a checklist template."""

    id: Annotated[str, Pattern(r"^[a-z][a-z0-9_]{0,63}$")]
    kind: Literal["yes_no", "number", "choice", "text", "photo", "reading"]
    text: Line
    required: bool
    unit: NotRequired[Annotated[str, MaxLen(20)]]
    at_least: NotRequired[Decimal]
    at_most: NotRequired[Decimal]
    choices: NotRequired[Annotated[list[Word], MaxLen(50)]]


Pair = Annotated[list[Annotated[str, MaxLen(1_000)] | None], MinLen(2), MaxLen(2)]


@dataclass(frozen=True, slots=True)
class KeysAscend:
    """Every pair begins with a key, and each key is greater than the one before it, so none is said twice."""


PAIRS_MAX: Final = 100
Pairs = Annotated[list[Pair], MaxLen(PAIRS_MAX), KeysAscend()]
"""A map with free keys, as `[key, value]` pairs; a null value removes the key. Each key merges on its own."""

Stroke = Annotated[list[Annotated[int, Ge(0), Le(100_000)]], MaxLen(2_000)]
"""One stroke of a pen: x, y, milliseconds, x, y, milliseconds, and so on."""
