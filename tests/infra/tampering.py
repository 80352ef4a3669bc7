"""What somebody can do who owns the database: any statement at all, past triggers, grants and policies."""

from typing import Any, Final, LiteralString

import psycopg

from infra.postgres.pool import connect

_TABLES: Final[LiteralString] = """
    select format('alter table only %%I %s trigger %%I', relname, tgname)
    from pg_trigger join pg_class on pg_class.oid = tgrelid
    where relnamespace = 'public'::regnamespace
      and tgname in ('insert_only', 'only_bodies_move', 'without_a_place', 'only_places_are_given')
"""


def tamper(dsn: str, statement: LiteralString, told: Any = ()) -> int:
    """Run a statement with the triggers of the log off, and leave them as they were; returns how many rows it hit."""
    with connect(dsn, role=None) as owner, owner.transaction():
        _switch(owner, "disable")
        hit = owner.execute(statement, told).rowcount
        _switch(owner, "enable always")
    return hit


def _switch(owner: psycopg.Connection, how: LiteralString) -> None:
    for (statement,) in owner.execute(_TABLES.replace("%s", how).replace("%%", "%")).fetchall():
        owner.execute(statement)
