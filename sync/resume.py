"""Where a pull goes on that did not fit into one page, as a word that only the server reads.

It grants nothing: what may be sent is looked up anew for every page, so a word that somebody made up leaves things out
or sends them twice, to them alone.
"""

import base64
from typing import Any, Final, NamedTuple, cast
from zlib import crc32

import orjson

from sync.limits import PAGE_EVENTS_MAX

GREATEST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
LEAST_ID: Final = "00000000-0000-0000-0000-000000000000"


class Place(NamedTuple):
    """What the pages of one pull have in common, and the last snapshot that was sent."""

    epoch: str
    cursor: int
    until: int
    """The position to which the last of them leads."""
    events: int = 0
    """How many events there are in between, at most."""
    refetch: str = ""
    """The scope that was asked for by name, if one was."""
    first: tuple[str, ...] = ()
    """The scopes that come before all others."""
    scope: str = ""
    """The scope of the last snapshot; empty: none is missing."""
    entity: str = GREATEST_ID


class ResumeUnknown(ValueError):
    """Nobody was ever told to resume there."""


def spell(place: Place) -> str:
    """The word for a place; up to its dot it is the name by which a page says that it goes on from there."""
    word = base64.urlsafe_b64encode(orjson.dumps([*place])).rstrip(b"=")
    return f"{crc32(word):08x}.{word.decode()}"


def name_of(word: str) -> str:
    """The name of a word, by which a checkpoint says which one its page answers; empty for none."""
    return word.partition(".")[0]


def read(word: str, *, cursor: int, epoch: str, head: int) -> Place | None:
    """The place that a word names; None for one of another epoch. ResumeUnknown for what was never handed out."""
    name, _, rest = word.partition(".")
    try:
        if name != f"{crc32(rest.encode()):08x}":
            raise ResumeUnknown("it is not one of ours")
        told: Any = orjson.loads(base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)))
        place = _checked(told)
    except (ValueError, TypeError) as why:
        raise ResumeUnknown(str(why)) from why
    if place.epoch != epoch:
        return None
    if place.cursor != cursor or not (cursor <= place.until <= head and 0 <= place.events <= PAGE_EVENTS_MAX):
        raise ResumeUnknown("it belongs to another cursor")
    return place


def _checked(told: Any) -> Place:
    kinds = (str, int, int, int, str, list, str, str)
    members = cast("list[Any]", told)
    if not isinstance(told, list) or [type(each) for each in members] != [*kinds]:
        raise ResumeUnknown("it is not one of ours")
    epoch, cursor, until, events, refetch, first, scope, entity = members
    if not all(isinstance(each, str) and "\x00" not in each for each in (*first, scope, refetch)) or not _is_id(entity):
        raise ResumeUnknown("it is not one of ours")
    return Place(epoch, cursor, until, events, refetch, tuple(first), scope, entity)


def _is_id(text: str) -> bool:
    digits = text.split("-")
    return [len(each) for each in digits] == [8, 4, 4, 4, 12] and set("".join(digits)) <= set("0123456789abcdef")
