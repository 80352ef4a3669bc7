"""What people who ask by SQL may see of the read model, and what they are told of it."""

import uuid
from collections.abc import Iterator
from typing import Final, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from commands.authority import PERSONAL
from infra.postgres import of_tenant
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.tables import KEPT, is_masked
from infra.postgres.read_model.views import IN_FULL, RPT, VIEWS
from infra.postgres.roles import ANALYST, AUDITOR, PROJECTOR
from infra.postgres.schema import APP_ROLE
from projections.read_model import PROJECTIONS
from tests.conftest import TestServer
from tests.infra.event_logs import Office, in_postgres
from tests.infra.read_models import catch_up
from tests.infra.towns import Town

NAMES = sorted([*(each.name for each in PROJECTIONS), *(each.name for each in VIEWS)])


class Place(NamedTuple):
    dsn: str
    ours: Office
    theirs: Office


@pytest.fixture(scope="module", params=["embedded", "installed"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Two companies whose read models hold rows, in a database that nobody here changes."""
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, TestServer)
    with (
        server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        kind, store = in_postgres(pool, dsn), PostgresStore(projecting, 1, PROJECTIONS)
        offices = kind.new(), kind.new()
        for office in offices:
            Town(office, 1).live(3)
            catch_up(store, office)
        yield Place(dsn, *offices)


@pytest.fixture
def dsn(place: Place) -> str:
    return place.dsn


def asking(dsn: str, role: str | None, tenant: str | None) -> Connection:
    connection = connect(dsn, role=role, autocommit=False)
    if tenant is not None:
        of_tenant.set_tenant(connection, tenant)
    return connection


def count(connection: Connection, area: str, name: str) -> int:
    found = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(area, name))).fetchone()
    assert found is not None
    return int(found[0])


def columns_of(dsn: str, area: str) -> dict[str, dict[str, tuple[str, str | None]]]:
    """By table or view of a schema, each column's type and comment."""
    found: dict[str, dict[str, tuple[str, str | None]]] = {}
    with connect(dsn, role=None) as owner:
        for name, column, kind, comment in owner.execute(
            "select relname, attname, format_type(atttypid, null), col_description(pg_class.oid, attnum)"
            " from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where relnamespace = %s::regnamespace and relkind in ('r', 'v') and attnum > 0 and not attisdropped"
            " order by relname, attnum",
            [area],
        ).fetchall():
            found.setdefault(name, {})[column] = (kind.replace("timestamp with time zone", "timestamptz"), comment)
    return found


def test_everything_is_there_under_its_name_with_the_type_and_the_comment_that_the_dictionary_gives(
    dsn: str,
) -> None:
    told = {each.name: list(each.columns) for each in PROJECTIONS}
    told |= {each.name: [shown.column for shown in each.columns] for each in VIEWS}
    found = columns_of(dsn, IN_FULL)
    assert sorted(found) == NAMES
    for name, columns in told.items():
        (first, _), *rest = found[name].items()
        assert first == "tenant"
        assert [(column, *said) for column, said in rest] == [(each.name, each.type, each.comment) for each in columns]


def test_every_table_and_view_says_what_it_is(dsn: str) -> None:
    with connect(dsn, role=None) as owner:
        silent = owner.execute(
            "select relname from pg_class"
            " where relnamespace in (%s::regnamespace, %s::regnamespace, 'rpt_v1'::regnamespace)"
            " and relkind in ('r', 'v') and obj_description(oid, 'pg_class') is null",
            [RPT, IN_FULL],
        ).fetchall()
    assert silent == []


def test_f6_analysts_are_shown_nothing_that_tells_of_a_person(dsn: str) -> None:
    found = columns_of(dsn, RPT)
    full = columns_of(dsn, IN_FULL)
    assert sorted({*found} - {"read_model_version"}) == NAMES
    masked = {(name, column) for name in NAMES for column in full[name].keys() - found[name].keys()}
    for entity, fields in PERSONAL.items():
        assert {(entity, field) for field in fields} <= masked
    assert {("work_board", "title"), ("work_board", "customer_name"), ("conflict_inbox", "written")} <= masked
    assert ("technician_day", "person_name") in masked
    assert ("visit", "status") not in masked


@pytest.mark.parametrize("role", [APP_ROLE, AUDITOR])
def test_c1_each_reader_sees_the_rows_of_the_tenant_it_names_and_no_others(place: Place, role: str) -> None:
    for area in (RPT, IN_FULL):
        for tenant in (None, str(uuid.uuid4())):
            with asking(place.dsn, role, tenant) as connection:
                assert [count(connection, area, name) for name in NAMES] == [0] * len(NAMES)
        with asking(place.dsn, role, place.ours.tenant) as connection:
            for name in NAMES:
                found = connection.execute(
                    sql.SQL("select distinct tenant::text from {}").format(sql.Identifier(area, name))
                )
                assert {tenant for (tenant,) in found.fetchall()} <= {place.ours.tenant}, name
            assert count(connection, area, "visit") > 0


def test_an_analyst_may_read_every_view(analyst: psycopg.Connection) -> None:
    for name in NAMES:
        analyst.execute(sql.SQL("select * from {} limit 1").format(sql.Identifier(RPT, name)))


@pytest.fixture
def analyst(place: Place) -> Iterator[psycopg.Connection]:
    """Somebody who has signed in as an analyst of our company."""
    login = f"anton_{uuid.uuid4().hex[:12]}"
    with connect(place.dsn, role=None) as owner:
        owner.execute(sql.SQL("create role {} login in role {}").format(sql.Identifier(login), sql.Identifier(ANALYST)))
        owner.execute("insert into analyst_login values (%s, %s)", [place.ours.tenant, login])
        with psycopg.connect(place.dsn) as connection:
            connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            connection.commit()
            yield connection
        owner.execute("delete from analyst_login where login = %s", [login])
        owner.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))


def test_an_analyst_sees_their_own_company_whatever_they_set(place: Place, analyst: psycopg.Connection) -> None:
    for tenant in ("", place.ours.tenant, place.theirs.tenant):
        analyst.execute("select set_config('app.tenant', %s, false)", [tenant])
        found = analyst.execute("select distinct tenant::text from rpt.visit").fetchall()
        assert found == [(place.ours.tenant,)], tenant
        assert analyst.execute("select distinct tenant::text from rpt.work_board").fetchall() == found
        assert analyst.execute("select tenant::text from analyst_login").fetchall() == found


FORBIDDEN: Final[tuple[LiteralString, ...]] = (
    "select from rpt_in_full.visit",
    "select from rpt_v1.visit",
    "select title from rpt_v1.work_order",
    "select from event",
    "select from entity",
    "select from tracking",
    "delete from rpt.visit",
    "update rpt.visit set status = 'done'",
    "insert into analyst_login select tenant, 'x' from analyst_login",
    "create table rpt.mine (a int)",
    "create view rpt.mine as select 1",
)


def test_an_analyst_reads_the_read_model_and_nothing_else(analyst: psycopg.Connection) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(statement)
        analyst.rollback()


def test_masks_are_rights_on_columns_so_no_view_could_show_what_is_masked(dsn: str) -> None:
    with connect(dsn, role=None) as owner:
        for table in PROJECTIONS:
            for column in table.columns:
                found = owner.execute(
                    "select has_column_privilege(%s, %s::regclass, %s, 'SELECT')",
                    [ANALYST, f'rpt_v1."{table.name}"', column.name],
                ).fetchone()
                assert found == (not is_masked(column),), (table.name, column.name)


def test_every_table_is_kept_apart_and_every_view_reads_as_its_reader(dsn: str) -> None:
    with connect(dsn, role=None) as owner:
        tables = owner.execute(
            "select relname, relrowsecurity and relforcerowsecurity, relowner::regrole::text from pg_class"
            " where relnamespace = 'rpt_v1'::regnamespace and relkind = 'r'"
        ).fetchall()
        views = owner.execute(
            "select relname, reloptions, relowner::regrole::text from pg_class"
            " where relnamespace in (%s::regnamespace, %s::regnamespace) and relkind = 'v'",
            [RPT, IN_FULL],
        ).fetchall()
    assert sorted(name for name, *_ in tables) == sorted([KEPT, *(each.name for each in PROJECTIONS)])
    assert {each[1:] for each in tables} == {(True, PROJECTOR)}
    assert len(views) == 2 * len(NAMES)
    assert all((options, owner) == (["security_invoker=true"], PROJECTOR) for _, options, owner in views)


def test_what_the_runner_has_merged_is_for_nobody_else(dsn: str) -> None:
    for role in (APP_ROLE, AUDITOR, ANALYST):
        with connect(dsn, role=role) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select from rpt_v1.entity_state")
