"""A log that already holds a million events, made from the rows of a small one."""

from typing import Final, LiteralString

import psycopg

from infra.postgres.frontier import rebuild_of

# Each round is the tenant's first events once more, under other ids, entities and replicas, at the end of the log. Ids
# keep the order of UUIDv7: the round is in their leading bits.
_EVENTS: Final[LiteralString] = """
    insert into event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type,
                       type, scope, effective, actor, body)
    select tenant, %(head)s + position, version, seq, recorded_at,
           overlay(id::text placing lpad(to_hex(%(round)s::int), 6, '0') from 1 for 6)::uuid,
           overlay(entity::text placing lpad(to_hex(%(round)s::int), 6, '0') from 1 for 6)::uuid, schema_version,
           overlay(replica placing translate(lpad(%(round)s::int::text, 4, '0'), '0123456789', 'abcdefghij')
                   from 2 for 4),
           entity_type, type, scope, effective, actor, body
    from event where tenant = %(tenant)s and position <= %(template)s
"""
_ENTITIES: Final[LiteralString] = """
    insert into entity (tenant, entity, version, type, scope, state)
    select tenant, overlay(entity::text placing lpad(to_hex(%(round)s::int), 6, '0') from 1 for 6)::uuid, version, type,
           scope, state
    from entity where tenant = %(tenant)s and entity in (
        select entity from event where tenant = %(tenant)s and position <= %(template)s)
"""


def fill(dsn: str, tenant: str, *, events: int) -> None:
    """Bring a tenant's log to at least `events` events, and its entities with them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("select position from log_head where tenant = %s", [tenant]).fetchone()
        assert row
        assert row[0] > 0
        template, head, number = row[0], row[0], 0
        # Else the first rounds are planned for tables that seem to hold a page each, and so are all the later ones.
        connection.execute("analyze event, entity")
        while head < events:
            number += 1
            told = {"tenant": tenant, "template": template, "round": number, "head": head}
            with connection.transaction():
                connection.execute(_EVENTS, told)
                connection.execute(_ENTITIES, told)
                head += template
                connection.execute("update log_head set position = %s where tenant = %s", [head, tenant])
        rebuild_of(connection, tenant)
        connection.execute("vacuum (analyze) event")
        connection.execute("vacuum (analyze) entity")
        connection.execute("checkpoint")
