"""The histories of all entities of a tenant, one after the other, as of one moment."""

from collections.abc import Generator, Iterator, Sequence
from itertools import groupby
from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import cold, of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId
from sync.rows import EventRow

EVENTS_PER_FETCH: Final = 2_000

# Along the index of an entity's versions: whole entities, one after the other.
EVENTS: Final[LiteralString] = """
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
           effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event where tenant = %(tenant)s and position <= %(reached)s and entity_type = any(%(types)s)
    order by entity, version
"""
_END: Final = 2**63 - 1


def histories(
    pool: ConnectionPool[Connection], tenant: TenantId, types: Sequence[str]
) -> Generator[Iterator[EventRow]]:
    """The events of each entity of these types, by version; raises LogUnavailable."""
    with (
        of_tenant.transaction(pool, tenant) as connection,
        connection.cursor("histories", binary=True) as cursor,  # on the server: we hold one fetch at a time
    ):
        cursor.itersize = EVENTS_PER_FETCH
        rows = cursor.execute(EVENTS, {"tenant": tenant, "reached": _END, "types": [*types]})
        thaw = cold.on(connection, tenant)
        whole = (EventRow(*row) for row in thaw.stream(rows))
        for _, history in groupby(whole, key=lambda row: row.entity):
            yield history
