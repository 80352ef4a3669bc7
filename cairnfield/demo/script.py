"""A script: what each person told and when, as a list that grows in any order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

from cairnfield.ids import uuid7

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE


class Told(NamedTuple):
    """One thing that one person told, at one moment, about something that belongs to one matter."""

    at_ms: int
    who: str
    matter: str
    """What must be known before telling it: people who work on the same matter wait for each other's news."""
    entity_type: str
    entity: str
    type: str
    data: Mapping[str, Any]


class Ahead(NamedTuple):
    """A visit that is still to come."""

    visit: str
    technician: str


@dataclass(slots=True)
class Script:
    """The script while it is written."""

    now_ms: int
    random: Random = field(default_factory=lambda: Random(8411))  # noqa: S311  # a story, not a secret
    told: list[Told] = field(default_factory=list[Told])
    ids: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The ids of people, customers, sites, assets, parts, templates and vans, in the order of the tables."""
    ahead: list[Ahead] = field(default_factory=list[Ahead])

    def new_id(self, at_ms: int) -> str:
        return uuid7(at_ms, self.random)

    def tell(  # noqa: PLR0917  # in the order of Told
        self,
        at_ms: int,
        who: str,
        matter: str,
        entity_type: str,
        entity: str,
        type: str,  # noqa: A002  # its name on the wire
        data: Mapping[str, Any],
    ) -> str:
        """Add one event; returns the id of its entity."""
        self.told.append(Told(at_ms, who, matter, entity_type, entity, type, data))
        return entity

    def create(self, at_ms: int, who: str, entity_type: str, **data: Any) -> str:
        """Let something of the town itself come into being; returns its id."""
        return self.tell(at_ms, who, "town", entity_type, self.new_id(at_ms), "Created", data)
