"""What somebody can do to a log who owns the database: any statement at all, past triggers, grants and policies."""

from typing import Any, Final, LiteralString

import psycopg

from infra.postgres.pool import connect

_TABLES: Final[LiteralString] = """
    select format('alter table %%I %s trigger insert_only', relname) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname ~ '^event(_[0-9]{2})?$'
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
