"""Straight SQL as every role of the database, at every table and view that there is, about another company's rows.

What is there is asked of the database, and so is what a role may do with it: a table that somebody adds is in this
matrix from then on. Whatever a statement names, row-level security alone lets it reach nothing of another company; and
with that switched off, the same statements reach everything that the rights allow, so this would see it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from infra.postgres import of_tenant
from infra.postgres.pool import Connection, connect
from infra.postgres.roles import ANALYST, AUDITOR, MIGRATOR, PROJECTOR
from infra.postgres.schema import APP_ROLE
from tests.api.two_companies import two_companies
from tests.conftest import TestServer

ROLES: Final = (APP_ROLE, PROJECTOR, AUDITOR, ANALYST, MIGRATOR)
LISTS_TENANTS: Final = {(role, "public.tenant", "SELECT") for role in (PROJECTOR, MIGRATOR)}
"""Whoever works through all companies must know which there are: their ids and names, and nothing of theirs."""

Reached = set[tuple[str, str, str]]
"""Role, table, and what it did with another company's rows there."""

_RELATIONS: Final[LiteralString] = """
    select nspname, relname, relkind::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    join pg_attribute on attrelid = pg_class.oid and attname = 'tenant'
    where relkind in ('r', 'p', 'v', 'm', 'f') and nspname !~ '^pg_' and nspname <> 'information_schema'
    order by 1, 2
"""
_RIGHTS: Final[LiteralString] = """
    select nspname, relname, r from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    join pg_attribute on attrelid = pg_class.oid and attname = 'tenant'
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r
    where relkind in ('r', 'p', 'v', 'm', 'f') and nspname !~ '^pg_' and nspname <> 'information_schema'
      and (r = 'SELECT' or relkind in ('r', 'p')) and has_schema_privilege(%(role)s, pg_namespace.oid, 'USAGE')
      and (has_table_privilege(%(role)s, pg_class.oid, r)
           or r = 'SELECT' and has_column_privilege(%(role)s, pg_class.oid, attnum, 'SELECT'))
    order by 1, 2, 3
"""
_MADE_UP: Final[dict[str, LiteralString]] = {
    "uuid": "gen_random_uuid()", "text": "'x'", "bytea": "decode(repeat('00', 32), 'hex')", "bigint": "1",
    "integer": "1", "smallint": "1", "boolean": "true", "timestamp with time zone": "now()", "date": "current_date",
    "jsonb": "'{}'", "text[]": "'{}'", "numeric": "1",
}  # fmt: skip


_MADE_UP_AS: Final[dict[str, LiteralString]] = {"outcome": "'delivered'", "kind": "'ping'"}
"""Where a column takes a few words only."""


class Relation(NamedTuple):
    area: str
    name: str
    kind: str

    @property
    def sql(self) -> sql.Identifier:
        return sql.Identifier(self.area, self.name)

    def __str__(self) -> str:
        return f"{self.area}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database in which every table holds rows of both companies."""

    dsn: str
    ours: str
    theirs: str
    relations: list[Relation]
    rows: dict[Relation, str]
    """A row of theirs in each table, as PostgreSQL spells it."""


@pytest.fixture(scope="module")
def place(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with embedded_server.database() as dsn, two_companies(dsn, tmp_path_factory.mktemp("keys")) as towns:
        ours, theirs = towns.ours.company.tenant, towns.theirs.company.tenant
        with psycopg.connect(dsn, autocommit=True) as superuser:
            superuser.execute("set session_replication_role = replica")  # so that no reference needs its end
            relations = [Relation(*each) for each in superuser.execute(_RELATIONS).fetchall()]
            tables = [each for each in relations if each.kind in "rp" and not is_part_of_event(each)]
            for table in tables:
                for tenant in (ours, theirs):
                    if not count(superuser, table, tenant):
                        make_up_a_row(superuser, table, tenant)
            rows = {table: row_of(superuser, table, theirs) for table in tables}
        yield Place(dsn=dsn, ours=ours, theirs=theirs, relations=relations, rows=rows)


def is_part_of_event(relation: Relation) -> bool:
    return relation.area == "public" and relation.name.startswith("event_")


def count(connection: Connection, relation: Relation, tenant: str) -> int:
    found = connection.execute(sql.SQL("select count(*) from {} where tenant = %s").format(relation.sql), [tenant])
    return int(found.fetchall()[0][0])


def row_of(superuser: Connection, table: Relation, tenant: str) -> str:
    asked = sql.SQL("select t::text from {} t where tenant = %s limit 1").format(table.sql)
    return str(superuser.execute(asked, [tenant]).fetchall()[0][0])


def make_up_a_row(superuser: Connection, table: Relation, tenant: str) -> None:
    columns: list[tuple[str, str]] = superuser.execute(
        "select attname::text, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped and attname <> 'tenant' and attnotnull",
        [table.sql.as_string(superuser)],
    ).fetchall()
    superuser.execute(
        sql.SQL("insert into {} (tenant, {}) values (%s, {})").format(
            table.sql,
            sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
            sql.SQL(", ").join(sql.SQL(_MADE_UP_AS.get(name, _MADE_UP[kind])) for name, kind in columns),
        ),
        [tenant],
    )


def granted(place: Place, role: str) -> list[tuple[Relation, str]]:
    """What the role may do with what, whosever rows it is about; views are only read here."""
    with connect(place.dsn, role=None) as superuser:
        rights = superuser.execute(_RIGHTS, {"role": role}).fetchall()
    there = {(each.area, each.name): each for each in place.relations}
    return [(there[area, name], right) for area, name, right in rights]


def reached(place: Place, role: str, named: str | None) -> Reached:
    """What the role gets at of theirs where it names that company, another or none as the one it works for."""
    found: Reached = set()
    with connect(place.dsn, role=role, autocommit=False) as connection:
        if named is not None:
            of_tenant.set_tenant(connection, named)
        for relation, right in granted(place, role):
            if any(gets_at(connection, *each) for each in attempts(place, relation, right)):
                found.add((role, str(relation), right))
    return found


Attempt = tuple[sql.Composed, list[Any]]


def attempts(place: Place, relation: Relation, right: str) -> list[Attempt]:
    """Statements that use the right on rows of theirs, or on rows of ours to make them theirs."""
    told: dict[str, list[tuple[LiteralString, list[Any]]]] = {
        "SELECT": [("select count(*) > 0 from {} where tenant = %s having count(*) > 0", [place.theirs])],
        "INSERT": [("insert into {0} select (%s::{0}).*", [place.rows[relation]])] if relation in place.rows else [],
        "UPDATE": [
            ("update {} set tenant = tenant where tenant = %s", [place.theirs]),
            ("update {} set tenant = %s", [place.theirs]),
        ],
        "DELETE": [("delete from {} where tenant = %s", [place.theirs])],
    }
    return [(sql.SQL(statement).format(relation.sql), said) for statement, said in told[right]]


def gets_at(connection: Connection, statement: sql.Composed, said: list[Any]) -> bool:
    """Whether the statement, which is undone, reaches a row: whatever stops it but the wall had got past the wall."""
    try:
        with connection.transaction(force_rollback=True):
            return connection.execute(statement, said).rowcount > 0
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException):
        return False  # by row-level security, or by the trigger that lets nobody rewrite the log
    except psycopg.errors.IntegrityError:
        return True


def test_every_table_holds_rows_of_both_companies(place: Place) -> None:
    with connect(place.dsn, role=None) as superuser:
        for table in place.rows:
            for tenant in (place.ours, place.theirs):
                assert count(superuser, table, tenant) > 0, table
    areas = {each.area for each in place.rows}
    assert areas == {"public", "rpt_v1"}
    assert len(place.rows) > 50


@pytest.mark.parametrize("role", ROLES)
def test_c1_no_role_reaches_another_companys_rows_by_straight_sql(place: Place, role: str) -> None:
    only_listed = {each for each in LISTS_TENANTS if each[0] == role}
    for named in (place.ours, "", None):
        assert reached(place, role, named) == only_listed, named


@pytest.mark.parametrize("role", [APP_ROLE, PROJECTOR, AUDITOR, MIGRATOR])
def test_without_row_level_security_the_same_statements_reach_everything(place: Place, role: str) -> None:
    """So the test above can fail, for every table and every right."""
    with connect(place.dsn, role=None) as superuser:
        may = {
            (role, str(relation), right)
            for relation, right in granted(place, role)
            if attempts(place, relation, right) and count(superuser, relation, place.theirs)
        }
        switch(superuser, place, "disable")
        try:
            found = reached(place, role, place.ours)
        finally:
            switch(superuser, place, "enable")
    # The triggers of log and audit stand where the wall was: even their owner rewrites nothing, and nobody puts in an
    # entry that has its place, as the one of theirs has.
    rewriting = {
        each
        for each in may - found
        if (each[1].startswith("public.event") and each[2] in ("UPDATE", "DELETE"))
        or (each[1] == "public.audit_entry" and each[2] in ("INSERT", "UPDATE", "DELETE"))
    }
    assert may - found == rewriting
    assert {each[1:] for each in found} >= {
        ("public.event", "SELECT"),
        ("rpt.work_board", "SELECT"),
    } or role == MIGRATOR
    assert len(found) > 30


def switch(superuser: Connection, place: Place, to: LiteralString) -> None:
    for relation in place.relations:
        if relation.kind in "rp":
            superuser.execute(sql.SQL("alter table {} " + to + " row level security").format(relation.sql))


@pytest.mark.parametrize("table", ["order_answer", "session", "webhook_errand"])
def test_a_policy_that_is_gone_from_one_table_is_noticed(place: Place, table: str) -> None:
    with connect(place.dsn, role=None) as superuser:
        superuser.execute(sql.SQL("alter table {} disable row level security").format(sql.Identifier(table)))
        try:
            found = reached(place, APP_ROLE, place.ours)
        finally:
            superuser.execute(sql.SQL("alter table {} enable row level security").format(sql.Identifier(table)))
    assert {each[1] for each in found} == {f"public.{table}"}
