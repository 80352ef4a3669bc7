"""What is read of the past of a log in memory, said in the plainest way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sync.past import Touched, crossing
from sync.rows import EntityRow, EventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPast:
    """`sync.past.Past` over the rows of a tenant as they were when it was asked for."""

    events: Sequence[EventRow]
    entities: Iterable[EntityRow]

    def position_at(self, at_ms: int) -> int:
        return crossing(self.recorded_at_ms, at_ms)

    def recorded_at_ms(self, position: int) -> int | None:
        return self.events[position - 1].recorded_at_ms if 1 <= position <= len(self.events) else None

    def history(self, entity: str, *, after: int, until: int, limit: int) -> Sequence[EventRow]:
        rows = [row for row in self.events[:until] if row.entity == entity and row.version > after]
        return sorted(rows, key=lambda row: row.version)[:limit]

    def histories(self, entities: Sequence[str], *, until: int, limit: int) -> Sequence[EventRow]:
        found = [row for each in entities for row in self.history(each, after=0, until=until, limit=limit)]
        return found[:limit]

    def everything(self, types: Sequence[str], *, after: str, limit: int) -> Sequence[EntityRow]:
        return sorted(row for row in self.entities if row.type in types and row.entity > after)[:limit]

    def touched(self, *, after: int, until: int, limit: int) -> Sequence[Touched]:
        places = {(row.entity, row.version): row.position for row in self.events}
        return [
            Touched(row.position, row.entity, row.entity_type, places.get((row.entity, row.version - 1), 0))
            for row in self.events[after:until]
        ][:limit]
