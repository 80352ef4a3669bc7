"""What only one process at a time may do with a database, whichever machines they are on."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, LiteralString

import psycopg

_TAKE: Final[LiteralString] = "select pg_advisory_lock(hashtextextended(%s, 0))"


@contextmanager
def one_at_a_time(dsn: str, what: str) -> Generator[None]:
    """Wait until nobody else does this; whoever is gone does it no more. Raises psycopg.OperationalError."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_TAKE, [what])
        yield  # the lock goes with the connection
