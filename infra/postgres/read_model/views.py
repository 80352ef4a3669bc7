"""The views that people read: every table as it is and what is shown of several, in `rpt` and in `rpt_in_full`.

Views are all that anybody names, so another version is shown by making them anew over its tables, in one transaction:
whoever reads sees the one or the other, and never some of both.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from psycopg import sql

from infra.postgres.pool import Connection
from infra.postgres.read_model.boards import (
    ASSET_HISTORY,
    CONFLICT_INBOX,
    QUARANTINE,
    SYNC_HEALTH,
    TECHNICIAN_DAY,
    WORK_BOARD,
)
from infra.postgres.read_model.figures import JOB_FACTS, SERVICE_LEVELS, THROUGHPUT, VISIT_FACTS
from infra.postgres.read_model.tables import READERS, TENANT, is_masked
from infra.postgres.read_model.view import View
from infra.postgres.roles import ANALYST
from projections.projection import Column, Table
from projections.read_model import FINGERPRINT_CHARACTERS

RPT: Final = "rpt"
"""What analysts read: nothing in it tells of a person."""
IN_FULL: Final = "rpt_in_full"
"""The same with every column."""

VIEWS: Final = (
    *(WORK_BOARD, TECHNICIAN_DAY, ASSET_HISTORY, CONFLICT_INBOX, QUARANTINE, SYNC_HEALTH),
    *(JOB_FACTS, VISIT_FACTS, SERVICE_LEVELS, THROUGHPUT),
)

_CREATE: Final = sql.SQL("create view {view} with (security_invoker = true) as select {columns} {source}")


def show(connection: Connection, schema: str, tables: Sequence[Table]) -> None:
    """Let the views show the tables of this schema, in the transaction that is open; those of before go."""
    there = [sql.Identifier(area, view) for area in (RPT, IN_FULL) for view in _there(connection, area)]
    if there:  # all at once, because some are made of others
        connection.execute(sql.SQL("drop view {}").format(sql.SQL(", ").join(there)))
    for area in (RPT, IN_FULL):
        for table in tables:
            _show_table(connection, area, schema, table)
        # Tables are named without their schema; views that views are made of come from the same area.
        connection.execute(
            sql.SQL("set local search_path = {}, {}").format(sql.Identifier(schema), sql.Identifier(area))
        )
        for each in VIEWS:
            _show_view(connection, area, each)
        connection.execute("set local search_path = public")


def views_fingerprint() -> str:
    """What the views are worked out by: kept beside the version, so that a change is noticed."""
    return hashlib.sha256(repr(VIEWS).encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


def _there(connection: Connection, area: str) -> list[str]:
    found = connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'v'", [area]
    )
    return [name for (name,) in found.fetchall()]


def shown_in(area: str, columns: Iterable[Column]) -> list[Column]:
    """Those of the columns that readers of this area see."""
    return [column for column in columns if area == IN_FULL or not is_masked(column)]


def _show_table(connection: Connection, area: str, schema: str, table: Table) -> None:
    columns = [TENANT, *shown_in(area, table.columns)]
    connection.execute(
        _CREATE.format(
            view=sql.Identifier(area, table.name),
            columns=sql.SQL(", ").join([sql.Identifier(each.name) for each in columns]),
            source=sql.SQL("from {}").format(sql.Identifier(schema, table.name)),
        )
    )
    _finish(connection, area, table.name, table.comment, columns)


def _show_view(connection: Connection, area: str, view: View) -> None:
    shown = [each for each in view.columns if area == IN_FULL or not is_masked(each.column)]
    expressions = [
        sql.SQL("{} as tenant").format(sql.SQL(view.tenant)),
        *(sql.SQL("{} as {}").format(sql.SQL(each.expression), sql.Identifier(each.name)) for each in shown),
    ]
    connection.execute(
        _CREATE.format(
            view=sql.Identifier(area, view.name),
            columns=sql.SQL(", ").join(expressions),
            source=sql.SQL(view.source),
        )
    )
    _finish(connection, area, view.name, view.comment, [TENANT, *(each.column for each in shown)])


def _finish(connection: Connection, area: str, name: str, comment: str, columns: Sequence[Column]) -> None:
    view = sql.Identifier(area, name)
    for reader in READERS if area == IN_FULL else (*READERS, ANALYST):
        connection.execute(sql.SQL("grant select on {} to {}").format(view, sql.Identifier(reader)))
    connection.execute(sql.SQL("comment on view {} is {}").format(view, sql.Literal(comment)))
    for column in columns:
        connection.execute(
            sql.SQL("comment on column {}.{} is {}").format(
                view, sql.Identifier(column.name), sql.Literal(column.comment)
            )
        )
