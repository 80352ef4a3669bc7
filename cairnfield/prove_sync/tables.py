"""The read model at rest: what its tables hold, and what somebody finds who goes through the whole log by hand."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

import psycopg

from cairnfield.prove.naive_rows import naive
from cairnfield.prove_sync.history import Recorder
from infra.postgres.pool import Connection, open_pool
from infra.postgres.read_model.store import PostgresStore, follower_of
from infra.postgres.read_model.versions import versions
from infra.postgres.roles import PROJECTOR
from projections.projection import Projection, Row
from projections.read_model import PROJECTIONS
from sync.rows import EventRow

_REACHED: Final[LiteralString] = """
    select coalesce(max(position), 0) from tracking where tenant = %(tenant)s and application = %(follower)s
"""


def look_at_tables(dsn: str, tenant: str, log: Sequence[EventRow], recorder: Recorder) -> None:
    """Tell the history every row that people can see, beside the row that the log makes."""
    folded = naive(log)
    with psycopg.connect(dsn) as connection:  # past row-level security
        position, version = reached(connection, tenant), _shown(connection)
    with open_pool(dsn, size=1, role=PROJECTOR) as pool:
        store = PostgresStore(pool, version, PROJECTIONS)
        recorder.note(
            "ok",
            "tables",
            position=position,
            parked=[each.entity for each in store.all_parked(tenant)],
            folded={each.name: _by_key(each, folded[each.name]) for each in PROJECTIONS},
            held={each.name: _by_key(each, store.rows(tenant, each.name)) for each in PROJECTIONS},
        )


def reached(connection: Connection, tenant: str) -> int:
    """Up to where what people see holds the log."""
    asked = {"tenant": tenant, "follower": follower_of(_shown(connection))}
    return int(connection.execute(_REACHED, asked).fetchall()[0][0])


def _shown(connection: Connection) -> int:
    return next(each.number for each in versions(connection) if each.state == "shown")


def _by_key(table: Projection, rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    columns = [column.name for column in table.columns]
    return {" ".join(map(str, table.key_of(row))): dict(zip(columns, row, strict=True)) for row in rows}
