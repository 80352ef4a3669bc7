"""What the library reads and keeps beside the log, in SQL; parameters are bound, never written into the text."""

from typing import Final, LiteralString

HISTORY: Final[LiteralString] = """
    select position, entity, version, type, body, entity_type, effective
    from event where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and version <= %(until)s
    order by version limit %(limit)s
"""

HISTORY_DESCENDING: Final[LiteralString] = """
    select position, entity, version, type, body, entity_type, effective
    from event where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and version <= %(until)s
    order by version desc limit %(limit)s
"""

NOTIFICATIONS: Final[LiteralString] = """
    select position, entity, version, type, body, entity_type, effective
    from event
    where tenant = %(tenant)s and position between %(first)s and %(last)s
      and (entity_type <> %(aggregate)s or replica = %(replica)s)
      and (%(topics)s::text[] is null or type = any(%(topics)s))
    order by position limit %(limit)s
"""

KEEP: Final[LiteralString] = """
    insert into snapshot (tenant, entity, version, type, state)
    select %(tenant)s, t.entity, t.version, t.type, t.state
    from unnest(%(entities)s::uuid[], %(versions)s::bigint[], %(types)s::text[], %(states)s::bytea[])
         as t(entity, version, type, state)
"""

KEPT: Final[LiteralString] = """
    select entity, version, type, state
    from snapshot where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and version <= %(until)s
    order by version limit %(limit)s
"""

KEPT_DESCENDING: Final[LiteralString] = """
    select entity, version, type, state
    from snapshot where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and version <= %(until)s
    order by version desc limit %(limit)s
"""
