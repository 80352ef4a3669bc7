"""The tables of one version of the read model, made from what the projections say of themselves.

They lie in a schema of their own, which nobody names but the runner: people read the views of `rpt` and
`rpt_in_full`. What a role may see is said by rights on columns, so a view cannot show what its reader may not see.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg import sql

from commands.authority import masked_from
from infra.postgres.pool import Connection
from infra.postgres.roles import ANALYST, AUDITOR
from infra.postgres.row_security import OF_ANALYST, OF_TENANT, POLICY
from infra.postgres.schema import APP_ROLE
from projections.projection import Column, Table

READERS: Final = (APP_ROLE, AUDITOR)
"""Who may see every column of the rows of a tenant."""

KEPT: Final = "entity_state"
"""The table in which the runner keeps what it has merged; nobody reads it but the runner."""

_ASIDE: Final = {"case": frozenset({"text", "dismiss_reason", "custom"})}
"""What tells of events that were set aside: analysts see no event, and none of these have a mask of their own."""

_TYPES: Final[dict[str, LiteralString]] = {
    "text": 'text collate "C"',
    "boolean": "boolean",
    "bigint": "bigint",
    "numeric": "numeric",
    "timestamptz": "timestamptz",
    "date": "date",
    "jsonb": "jsonb",
    "text[]": 'text[] collate "C"',
}

_KEEP_APART: Final = sql.SQL("""
    alter table {table} enable row level security, force row level security;
    create policy {of_tenant_name} on {table} using ({of_tenant});
    create policy of_analyst on {table} for select to {analyst} using ({of_analyst});
    create policy analyst_only on {table} as restrictive for select to {analyst} using ({of_analyst});
""")

_KEEP_STATES_APART: Final = sql.SQL("""
    alter table {table} enable row level security, force row level security;
    create policy {of_tenant_name} on {table} using ({of_tenant});
""")

_IS_CLOSED: Final[LiteralString] = """
    select relrowsecurity from pg_class where relnamespace = %(schema)s::regnamespace and relname = %(table)s
"""

_STATES: Final = sql.SQL("""
    create table {table} (
        tenant uuid not null,
        entity text collate "C" not null,
        marks text collate "C" not null,
        state text collate "C" not null,
        primary key (tenant, entity)
    ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
    comment on table {table} is
        'What the runner has merged of entities with a long story, up to where these tables hold the log.';
""")


def schema_of(version: int) -> str:
    """The schema in which a version's tables lie."""
    return f"rpt_v{version}"


def is_masked(column: Column) -> bool:
    """Whether analysts are kept from this column, because it may tell of a person."""
    if column.shows is None:
        return column.personal
    entity, field = column.shows
    return field in masked_from("analyst", entity) or field in _ASIDE.get(entity, ())


def make_tables(connection: Connection, schema: str, tables: Sequence[Table]) -> None:
    """Make the empty tables of a version with their comments; only PROJECTOR, to whom they belong, may look at them
    until they are closed."""
    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    for table in tables:
        _make(connection, schema, table)
    connection.execute(_STATES.format(table=sql.Identifier(schema, KEPT)))


def are_closed(connection: Connection, schema: str) -> bool:
    """Whether readers see what they may of these tables; else nobody but PROJECTOR can read them."""
    return connection.execute(_IS_CLOSED, {"schema": schema, "table": KEPT}).fetchone() == (True,)


def close_tables(connection: Connection, schema: str, tables: Sequence[Table]) -> None:
    """Let readers see what they may, each of their own tenant alone; nothing is done where that was done before."""
    if are_closed(connection, schema):
        return
    apart = {"of_tenant_name": sql.Identifier(POLICY), "of_tenant": sql.SQL(OF_TENANT)}
    for table in tables:
        name = sql.Identifier(schema, table.name)
        analyst = {"analyst": sql.Identifier(ANALYST), "of_analyst": sql.SQL(OF_ANALYST)}
        connection.execute(_KEEP_APART.format(table=name, **apart, **analyst))
        _grant(connection, name, table)
    connection.execute(_KEEP_STATES_APART.format(table=sql.Identifier(schema, KEPT), **apart))


def count_tables(connection: Connection, schema: str, tables: Sequence[Table]) -> None:
    """Let the planner know what was filled in: until then it takes large tables for small ones, and a question that
    joins two of them may take longer than a statement may."""
    for table in tables:
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table.name)))


def _make(connection: Connection, schema: str, table: Table) -> None:
    name = sql.Identifier(schema, table.name)
    columns = [_declared(column, is_key=column.name in table.key) for column in table.columns]
    connection.execute(
        sql.SQL("create table {} (tenant uuid not null, {}, primary key (tenant, {}))").format(
            name, sql.SQL(", ").join(columns), _names(table.key)
        )
    )
    for index in table.indexes:
        connection.execute(sql.SQL("create index on {} (tenant, {})").format(name, _names(index)))
    _say(connection, name, table)


def _declared(column: Column, *, is_key: bool) -> sql.Composed:
    null = sql.SQL("" if column.nullable and not is_key else " not null")
    return sql.SQL("{} {}{}").format(sql.Identifier(column.name), sql.SQL(_TYPES[column.type]), null)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(each) for each in columns])


def _grant(connection: Connection, name: sql.Identifier, table: Table) -> None:
    for reader in READERS:
        connection.execute(sql.SQL("grant select on {} to {}").format(name, sql.Identifier(reader)))
    seen = ["tenant", *(column.name for column in table.columns if not is_masked(column))]
    connection.execute(sql.SQL("grant select ({}) on {} to {}").format(_names(seen), name, sql.Identifier(ANALYST)))


def _say(connection: Connection, name: sql.Identifier, table: Table) -> None:
    connection.execute(sql.SQL("comment on table {} is {}").format(name, sql.Literal(table.comment)))
    for column in (TENANT, *table.columns):
        said = sql.Identifier(column.name), sql.Literal(column.comment)
        connection.execute(sql.SQL("comment on column {}.{} is {}").format(name, *said))


TENANT: Final = Column("tenant", "uuid", "Whose row: the company's id.")
"""The column that every table and view begins with."""
