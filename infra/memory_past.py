"""What is read of the past of a log in memory, said in the plainest way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.values import INTEGER_MAX
from sync.milestones import Milestone
from sync.past import Touched, crossing
from sync.rows import EntityRow, EventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPast:
    """`sync.past.Past` over the rows of a tenant as they were when it was asked for."""

    events: Sequence[EventRow]
    entities: Iterable[EntityRow]
    kept: Sequence[Milestone] = ()
    """Nobody makes any of a log in memory: it is short enough to be folded from its beginning."""

    def position_at(self, at_ms: int) -> int:
        return crossing(self.recorded_at_ms, at_ms)

    def recorded_at_ms(self, position: int) -> int | None:
        return self.events[position - 1].recorded_at_ms if 1 <= position <= len(self.events) else None

    def history(self, entity: str, *, after: int, until: int, limit: int) -> Sequence[EventRow]:
        rows = [row for row in self.events[:until] if row.entity == entity and row.version > after]
        return sorted(rows, key=lambda row: row.version)[:limit]

    def histories(
        self, entities: Sequence[str], *, behind: Sequence[int], until: int, limit: int
    ) -> Sequence[EventRow]:
        asked = zip(entities, behind, strict=True)
        found = [row for each, after in asked for row in self.history(each, after=after, until=until, limit=limit)]
        return found[:limit]

    def milestones(self, entities: Sequence[str], *, until: int, version: int = INTEGER_MAX) -> Sequence[Milestone]:
        found: dict[str, Milestone] = {}
        for each in sorted(self.kept, key=lambda each: each.version):
            if each.entity in entities and each.position <= until and each.version <= version:
                found[each.entity] = each
        return [*found.values()]

    def seqs(self, entity: str, *, version: int, behind: Mapping[str, int]) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = {}
        for row in self.history(entity, after=0, until=len(self.events), limit=version):
            if row.replica in behind and row.seq > behind[row.replica]:
                found.setdefault(row.replica, []).append(row.seq)
        return found

    def everything(self, types: Sequence[str], *, after: str, limit: int) -> Sequence[EntityRow]:
        return sorted(row for row in self.entities if row.type in types and row.entity > after)[:limit]

    def touched(self, *, after: int, until: int, limit: int) -> Sequence[Touched]:
        places = {(row.entity, row.version): row.position for row in self.events}
        return [
            Touched(row.position, row.entity, row.entity_type, places.get((row.entity, row.version - 1), 0))
            for row in self.events[after:until]
        ][:limit]
