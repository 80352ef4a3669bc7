"""The port of the past: what the log said up to a position, read by entity and never from end to end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from domain.values import INTEGER_MAX
from sync.milestones import Milestone
from sync.rows import EntityRow, EventRow

_FIRST_STEP: Final = 1 << 52
"""The greatest power of two that is a position."""


class Touched(NamedTuple):
    """An event by the entity that it is about."""

    position: int
    entity: str
    entity_type: str
    before: int
    """Position of the event before it of the same entity; 0: it is the first."""


class Past(Protocol):
    """One tenant's log as it was. Implemented by `infra.postgres.past.PostgresPast` and `infra.memory_past.MemoryPast`.

    Each method raises LogUnavailable.
    """

    def position_at(self, at_ms: int) -> int:
        """How far the log had come by a moment, in milliseconds since 1970: as `crossing` finds it."""
        ...

    def recorded_at_ms(self, position: int) -> int | None:
        """When the event at a position was recorded, in milliseconds since 1970; None where there is none."""
        ...

    def history(self, entity: str, *, after: int, until: int, limit: int) -> Sequence[EventRow]:
        """At most `limit` events of one entity whose version is greater than `after` and whose position is at most
        `until`, by version."""
        ...

    def histories(
        self, entities: Sequence[str], *, behind: Sequence[int], until: int, limit: int
    ) -> Sequence[EventRow]:
        """At most `limit` events of these entities, of each behind the version that stands at its place in `behind`, at
        positions up to `until`: entity by entity in the order given, and each by version."""
        ...

    def milestones(self, entities: Sequence[str], *, until: int, version: int = INTEGER_MAX) -> Sequence[Milestone]:
        """Of each of these entities the newest milestone at a position up to `until` and a version up to `version`, in
        any order; none of those that have none: they are made after the events, and may be taken away."""
        ...

    def seqs(self, entity: str, *, version: int, behind: Mapping[str, int]) -> Mapping[str, Sequence[int]]:
        """The seqs of an entity's events up to a version, by replica and in order: of these replicas, and of each those
        behind the seq that it is given with. A replica that has none may be left out."""
        ...

    def everything(self, types: Sequence[str], *, after: str, limit: int) -> Sequence[EntityRow]:
        """At most `limit` entities of these types as they are now, whose id is greater than `after`, by id."""
        ...

    def touched(self, *, after: int, until: int, limit: int) -> Sequence[Touched]:
        """Which entities the events at positions behind `after` and up to `until` are about: at most `limit` events."""
        ...


def crossing(recorded_at_ms: Callable[[int], int | None], at_ms: int) -> int:
    """How far a log had come by a moment: the event at the position was recorded by then, the one after it later.

    Zero where not even the first was. Takes at most 53 looks, whatever the log's length. Where the server's clock never
    went back there is only one such position. Where it did, there may be several, and this finds one of them: always
    the same, as long as nothing is recorded for that moment or before it any more.
    """
    position, step = 0, _FIRST_STEP
    while step:
        recorded = recorded_at_ms(position + step)
        if recorded is not None and recorded <= at_ms:
            position += step
        step >>= 1
    return position
