"""What is read of the past of a log in Postgres: along an entity's versions, and never through the log."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from domain.values import INTEGER_MAX
from infra.postgres import cold, of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId
from sync.milestones import Milestone, way_of_folding
from sync.past import Touched
from sync.rows import EntityRow, EventRow

_EVENT: Final[LiteralString] = """
    position, id::text, replica, seq, entity_type, event.entity::text, version, type, schema_version, scope, effective,
    actor, (extract(epoch from recorded_at) * 1000)::bigint, body
"""

# `sync.past.crossing`, step by step, in one go: each step is one look-up in the primary key.
POSITION_AT: Final[LiteralString] = """
    with recursive search(step, reached) as (
        select 1::bigint << 52, 0::bigint
        union all
        select step >> 1, reached + case when exists (
            select from event
            where tenant = %(tenant)s and position = reached + step
                  and recorded_at <= timestamptz 'epoch' + %(at_ms)s * interval '1 ms') then step else 0 end
        from search where step > 0)
    select reached from search where step = 0
"""
RECORDED_AT: Final[LiteralString] = """
    select (extract(epoch from recorded_at) * 1000)::bigint from event
    where tenant = %(tenant)s and position = %(position)s
"""
HISTORY: Final[LiteralString] = f"""
    select {_EVENT} from event
    where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and position <= %(until)s
    order by version limit %(limit)s
"""
# One walk along the unique index per entity, whatever the statistics say.
HISTORIES: Final[LiteralString] = f"""
    select found.*
    from unnest(%(entities)s::uuid[], %(behind)s::bigint[]) with ordinality as asked(entity, behind, place)
    cross join lateral (
        select {_EVENT} from event
        where event.tenant = %(tenant)s and event.entity = asked.entity and event.version > asked.behind
              and event.position <= %(until)s
        order by event.version limit %(limit)s) as found
    order by asked.place, found.version limit %(limit)s
"""
# Whatever has happened to the rows since they were written: one that stands at no event of this log, or was made in
# another epoch or another way, is none.
MILESTONES: Final[LiteralString] = """
    select found.* from unnest(%(entities)s::uuid[]) as asked(entity)
    cross join lateral (
        select kept.entity::text, kept.version, kept.position, event.scope, kept.state, kept.knew
        from milestone as kept join event
            on event.tenant = kept.tenant and event.entity = kept.entity and event.version = kept.version
               and event.position = kept.position
        where kept.tenant = %(tenant)s and kept.entity = asked.entity and kept.version <= %(version)s
              and kept.position <= %(until)s and kept.way = %(way)s
              and kept.epoch = (select log_head.epoch from log_head where log_head.tenant = %(tenant)s)
        order by kept.version desc limit 1) as found
"""
SEQS: Final[LiteralString] = """
    select event.replica, array_agg(event.seq order by event.seq) from event
    join unnest(%(replicas)s::text[], %(seqs)s::bigint[]) as behind(replica, seq)
        on event.replica = behind.replica and event.seq > behind.seq
    where event.tenant = %(tenant)s and event.entity = %(entity)s and event.version <= %(version)s
    group by event.replica
"""
EVERYTHING: Final[LiteralString] = """
    select entity::text, type, version, scope, state from entity
    where tenant = %(tenant)s and entity > %(after)s::uuid and type = any(%(types)s::text[])
    order by entity limit %(limit)s
"""
TOUCHED: Final[LiteralString] = """
    select position, later.entity::text, entity_type, coalesce((
        select earlier.position from event as earlier
        where earlier.tenant = %(tenant)s and earlier.entity = later.entity and earlier.version = later.version - 1), 0)
    from event as later
    where later.tenant = %(tenant)s and position > %(after)s and position <= %(until)s
    order by position limit %(limit)s
"""


class PostgresPast:
    """`sync.past.Past` over the schema of `infra.postgres.schema`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection], tenant: TenantId) -> None:
        self._pool, self._tenant = pool, tenant

    def position_at(self, at_ms: int) -> int:
        return int(self._rows(POSITION_AT, at_ms=at_ms)[0][0])

    def recorded_at_ms(self, position: int) -> int | None:
        found = self._rows(RECORDED_AT, position=position)
        return found[0][0] if found else None

    def history(self, entity: str, *, after: int, until: int, limit: int) -> Sequence[EventRow]:
        asked = {"entity": entity, "after": after, "until": until, "limit": limit}
        return cold.event_rows(self._pool, HISTORY, {"tenant": self._tenant, **asked})

    def histories(
        self, entities: Sequence[str], *, behind: Sequence[int], until: int, limit: int
    ) -> Sequence[EventRow]:
        asked = {"entities": list(entities), "behind": list(behind), "until": until, "limit": limit}
        return cold.event_rows(self._pool, HISTORIES, {"tenant": self._tenant, **asked})

    def milestones(self, entities: Sequence[str], *, until: int, version: int = INTEGER_MAX) -> Sequence[Milestone]:
        asked = {"entities": list(entities), "until": until, "version": version, "way": way_of_folding()}
        return [Milestone(*row) for row in self._rows(MILESTONES, **asked)]

    def seqs(self, entity: str, *, version: int, behind: Mapping[str, int]) -> Mapping[str, Sequence[int]]:
        replicas, seqs = list(behind), list(behind.values())
        return dict(self._rows(SEQS, entity=entity, version=version, replicas=replicas, seqs=seqs))

    def everything(self, types: Sequence[str], *, after: str, limit: int) -> Sequence[EntityRow]:
        return [EntityRow(*row) for row in self._rows(EVERYTHING, types=list(types), after=after, limit=limit)]

    def touched(self, *, after: int, until: int, limit: int) -> Sequence[Touched]:
        return [Touched(*row) for row in self._rows(TOUCHED, after=after, until=until, limit=limit)]

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, {"tenant": self._tenant, **asked})
