"""The second wall: whatever a statement forgets to say, nobody sees or writes another tenant's rows.

Everything here is straight SQL, as each role of the database; none of our own code stands between.
"""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from infra.postgres import of_tenant
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import Connection, PassesByTheWall, connect, open_pool
from infra.postgres.roles import ANALYST, AUDITOR, COLUMN_GRANTS, GRANTS, MIGRATOR, PROJECTOR
from infra.postgres.row_security import OF_TENANT, POLICY
from infra.postgres.schema import APP_ROLE, metadata
from tests.devices import NOON
from tests.infra.event_logs import Office, in_postgres
from tests.infra.pushing import device, pushed

RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
SERVING: Final = (APP_ROLE, PROJECTOR, AUDITOR, ANALYST)
TABLES: Final = sorted(metadata.tables)


@pytest.fixture
def offices(database: str) -> Iterator[tuple[str, Office, Office]]:
    """Two tenants with a customer each, and the database that they share."""
    with open_pool(database, size=2) as pool:
        kind = in_postgres(pool, database)
        ours, theirs = kind.new(), kind.new()
        for office in (ours, theirs):
            pushed(office, [device(office, "imke").create("customer", str(uuid.uuid4()))])
        yield database, ours, theirs


def as_role(database: str, role: str | None, tenant: str | None) -> Connection:
    connection = connect(database, role=role, autocommit=False)
    if tenant is not None:
        of_tenant.set_tenant(connection, tenant)
    return connection


def count(connection: Connection, table: str) -> int:
    found = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert found is not None
    return int(found[0])


def test_every_table_that_has_a_tenant_is_kept_apart(database: str) -> None:
    """Fails for a table that somebody added without `keep_apart` (infra/postgres/row_security.py) in its migration."""
    with connect(database, role=None) as owner:
        found = owner.execute(
            "select relname, relkind::text, relrowsecurity and relforcerowsecurity,"
            " array(select polname::text || ' ' || pg_get_expr(polqual, polrelid) from pg_policy"
            "       where polrelid = pg_class.oid and polcmd = '*' and polpermissive and polroles = '{0}'"
            "       and polwithcheck is null)"
            " from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'tenant'"
            " where relnamespace = 'public'::regnamespace and relkind not in ('i', 'I')"
        ).fetchall()
    assert {name for name, *_ in found} >= set(TABLES)
    open_ = [table for table, kind, forced, policies in found if kind not in "rp" or not forced or len(policies) != 1]
    assert open_ == [], f"these lack op.execute(keep_apart(...)) in their migration: {open_}"
    said = {policy for *_, policies in found for policy in policies}
    assert len(said) == 1, f"one policy for all: {said}"
    assert said.pop().startswith(f"{POLICY} (tenant = ( SELECT (NULLIF(current_setting('app.tenant'")


def test_the_only_policies_beside_it_list_the_tenants_and_know_analysts_by_their_login(database: str) -> None:
    with connect(database, role=None) as owner:
        found = owner.execute(
            "select tablename::text, policyname::text, cmd, unnest(roles)::text from pg_policies"
            " where schemaname = 'public' and policyname <> %s order by 1, 2, 4",
            [POLICY],
        ).fetchall()
    assert found == [
        ("analyst_login", "own_login", "SELECT", ANALYST),
        ("analyst_login", "own_login_only", "SELECT", ANALYST),
        *(("tenant", "listed", "SELECT", role) for role in (MIGRATOR, PROJECTOR)),
    ]


def test_every_table_belongs_to_the_role_that_nobody_works_as(database: str) -> None:
    with connect(database, role=None) as owner:
        found = owner.execute(
            "select distinct tableowner::text from pg_tables where schemaname = 'public'"
            " union select rolname from pg_proc join pg_roles on pg_roles.oid = proowner"
            " where pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert found == [(MIGRATOR,)]


@pytest.mark.parametrize("role", [*SERVING, MIGRATOR])
def test_no_role_passes_by_the_wall(database: str, role: str) -> None:
    with connect(database, role=None) as owner:
        found = owner.execute(
            "select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication from pg_roles"
            " where rolname = %s",
            [role],
        ).fetchone()
        others = [other for other in (*SERVING, MIGRATOR) if other != role]
        member = owner.execute(
            "select array_agg(o) from unnest(%s::text[]) o where pg_has_role(%s, o, 'MEMBER')", [others, role]
        ).fetchone()
    assert found == (False,) * 6
    assert member == (None,)


def test_nothing_reads_with_the_rights_of_its_owner(database: str) -> None:
    """A view that is not `security_invoker`, or a function that is `SECURITY DEFINER`, would be a door in the wall."""
    with connect(database, role=None) as owner:
        views = owner.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')"
            " and not (relkind = 'v' and coalesce(reloptions @> '{security_invoker=true}', false))"
        ).fetchall()
        functions = owner.execute(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
        ).fetchall()
    assert views == functions == []


def test_each_role_may_do_what_is_written_down_and_nothing_more(database: str) -> None:
    """Fails for a grant that stands in a migration only: write it down in `infra/postgres/roles.py` or the schema."""
    granted_to_app = {table.name: frozenset(table.info["grants"]) for table in metadata.tables.values()}
    written = {APP_ROLE: {table: rights for table, rights in granted_to_app.items() if rights}, **GRANTS}
    with connect(database, role=None) as owner:
        rights = RIGHTS if owner.info.server_version >= 170_000 else RIGHTS[:-1]
        for role in SERVING:
            found = owner.execute(
                "select relname, array_agg(r) from pg_class, unnest(%s::text[]) r"
                " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')"
                " and has_table_privilege(%s, pg_class.oid, r) group by relname",
                [list(rights), role],
            ).fetchall()
            assert {table: frozenset(granted) for table, granted in found} == written[role], role


@pytest.mark.parametrize("role", SERVING)
def test_each_role_may_do_with_columns_what_is_written_down_and_nothing_more(database: str, role: str) -> None:
    with connect(database, role=None) as owner:
        found = owner.execute(
            "select relname, r, array_agg(attname::text) from pg_class join pg_attribute on attrelid = pg_class.oid"
            " cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) r"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and attnum > 0"
            " and has_column_privilege(%(role)s, pg_class.oid, attnum, r)"
            " and not has_table_privilege(%(role)s, pg_class.oid, r) group by 1, 2",
            {"role": role},
        ).fetchall()
    assert {(table, right): frozenset(columns) for table, right, columns in found} == COLUMN_GRANTS.get(role, {})


@pytest.mark.parametrize("role", SERVING)
def test_c1_whoever_does_not_say_whose_rows_sees_none(offices: tuple[str, Office, Office], role: str) -> None:
    database, ours, _ = offices
    for tenant in (None, "", str(uuid.uuid4())):
        with as_role(database, role, tenant) as connection:
            for table in TABLES:
                if may(connection, role, table, "SELECT"):
                    assert count(connection, table) == (2 if (role, table) == (PROJECTOR, "tenant") else 0), table
    with as_role(database, role, ours.tenant) as connection:
        for table in TABLES:
            if may(connection, role, table, "SELECT") and (role, table) != (PROJECTOR, "tenant"):
                found = connection.execute(sql.SQL("select tenant::text from {}").format(sql.Identifier(table)))
                assert set(found.fetchall()) <= {(ours.tenant,)}, table


def may(connection: Connection, role: str, table: str, right: str) -> bool:
    return connection.execute("select has_table_privilege(%s, %s, %s)", [role, table, right]).fetchone() == (True,)


def test_the_tables_that_these_tests_look_at_hold_rows_of_both(offices: tuple[str, Office, Office]) -> None:
    database, *_ = offices
    with connect(database, role=None) as superuser:
        for table in ("person", "event", "entity", "log_head", "replica"):
            tenants = sql.SQL("select count(distinct tenant) from {}").format(sql.Identifier(table))
            assert superuser.execute(tenants).fetchone() == (2,), table


def test_even_the_owner_sees_one_tenant_at_a_time(offices: tuple[str, Office, Office]) -> None:
    database, ours, _ = offices
    with as_role(database, MIGRATOR, None) as owner:
        assert [count(owner, table) for table in ("event", "person", "entity")] == [0, 0, 0]
        assert count(owner, "tenant") == 2
        of_tenant.set_tenant(owner, ours.tenant)
        assert count(owner, "event") == 1


def test_c2_nothing_is_written_into_another_tenant(offices: tuple[str, Office, Office]) -> None:
    database, ours, theirs = offices
    rows: dict[str, list[Any]] = {
        "insert into person (tenant, person, name, role) values (%s, gen_random_uuid(), 'x', 'admin')": [theirs.tenant],
        "insert into entity values (%s, gen_random_uuid(), 1, 'visit', 'v', '{}')": [theirs.tenant],
        "insert into event select %s, position + 1, version, seq + 1, recorded_at, gen_random_uuid(), gen_random_uuid()"
        ", schema_version, replica, entity_type, type, scope, effective, actor, body from event": [theirs.tenant],
        "insert into tenant values (%s, 'x', now())": [str(uuid.uuid4())],
        "insert into tracking values (%s, 'x', 1)": [theirs.tenant],
        "update person set tenant = %s": [theirs.tenant],
        "update entity set tenant = %s": [theirs.tenant],
    }
    for statement, told in rows.items():
        with as_role(database, APP_ROLE, ours.tenant) as app:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                app.execute(statement, told)
            app.rollback()


def test_c2_what_is_changed_or_removed_is_ones_own(offices: tuple[str, Office, Office]) -> None:
    database, ours, theirs = offices
    for statement in ("update person set name = 'x'", "update log_head set durable = 0", "delete from held"):
        with as_role(database, APP_ROLE, None) as app:
            assert app.execute(statement).rowcount == 0
    with as_role(database, APP_ROLE, ours.tenant) as app:
        assert app.execute("update person set name = 'x' where tenant = %s", [theirs.tenant]).rowcount == 0
        assert app.execute("select from log_head where tenant = %s for update", [theirs.tenant]).fetchall() == []
        assert app.execute("update log_head set durable = 0").rowcount == 1


@pytest.mark.parametrize("role", SERVING)
def test_no_role_that_works_on_the_log_rewrites_it(offices: tuple[str, Office, Office], role: str) -> None:
    database, ours, _ = offices
    for statement in ("update event set actor = 'x'", "delete from event", "truncate event"):
        with (
            as_role(database, role, ours.tenant) as app,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
        ):
            app.execute(statement)


def test_c3_a_key_that_is_taken_elsewhere_is_free_here(offices: tuple[str, Office, Office]) -> None:
    """A unique key that did not begin with the tenant would tell one company what another has."""
    database, ours, theirs = offices
    with connect(database, role=None) as superuser:
        taken = superuser.execute("select id, entity, replica from event where tenant = %s", [theirs.tenant]).fetchone()
    assert taken is not None
    with as_role(database, APP_ROLE, ours.tenant) as app:
        app.execute(
            "insert into event select tenant, 99, 99, 99, recorded_at, %s, %s, schema_version, %s, entity_type, type,"
            " scope, effective, actor, body from event",
            taken,
        )
        app.rollback()


def test_c9_a_worker_that_does_not_say_for_whom_it_works_does_nothing(offices: tuple[str, Office, Office]) -> None:
    database, ours, _ = offices
    with as_role(database, PROJECTOR, None) as worker:
        assert count(worker, "tenant") == 2
        assert count(worker, "event") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            worker.execute("insert into tracking values (%s, 'follower:field', 1)", [ours.tenant])


def fail_half_way(pool: ConnectionPool[Connection], tenant: str, statement: LiteralString) -> None:
    with suppress(ZeroDivisionError), of_tenant.transaction(pool, tenant) as connection:
        assert connection.execute(statement).rowcount > 0
        raise ZeroDivisionError


def test_a_tenant_is_forgotten_with_its_transaction(offices: tuple[str, Office, Office]) -> None:
    database, ours, theirs = offices
    with open_pool(database, size=1) as pool:
        asked = {"tenant": ours.tenant}
        assert of_tenant.rows(pool, "select tenant::text from event where %(tenant)s <> ''", asked) == [(ours.tenant,)]
        with pytest.raises(psycopg.errors.DivisionByZero):
            of_tenant.rows(pool, "select 1 / 0 where %(tenant)s <> ''", asked)
        fail_half_way(pool, theirs.tenant, "update person set name = 'Nobody'")
        with pool.connection() as connection:
            assert connection.execute("select tenant from event").fetchall() == []


def test_what_one_statement_writes_is_undone_with_it_and_kept_without_fault(database: str) -> None:
    with open_pool(database, size=1) as pool:
        accounts = PostgresAccounts(pool)
        tenant = accounts.add_tenant("Acme", now_ms=NOON)
        named = {"tenant": tenant, "name": "Bergmann"}
        rename = "update tenant set name = %(name)s where tenant = %(tenant)s returning name"
        assert of_tenant.rows(pool, rename, named) == [("Bergmann",)]
        with pytest.raises(psycopg.errors.NotNullViolation):
            of_tenant.rows(pool, rename, {**named, "name": None})
        fail_half_way(pool, tenant, "update tenant set name = 'Nobody'")
        assert accounts.tenants() == [(tenant, "Bergmann")]


def test_whoever_serves_requests_cannot_list_the_tenants(offices: tuple[str, Office, Office]) -> None:
    database, ours, theirs = offices
    with open_pool(database, size=1) as pool:
        assert {tenant for tenant, _ in PostgresAccounts(pool).tenants()} == {ours.tenant, theirs.tenant}
        with pool.connection() as connection:
            assert connection.execute("select current_user").fetchone() == (APP_ROLE,)
            assert connection.execute("select from tenant").fetchall() == []


def test_a_pool_that_passes_by_the_wall_does_not_open(database: str) -> None:
    with pytest.raises(PassesByTheWall, match="passes by row-level security; they must work as cairn_api"):
        open_pool(database, size=1, role=None)


def test_a_pool_whose_role_may_pass_by_the_wall_does_not_open(database: str) -> None:
    name = f"careless_{uuid.uuid4().hex}"
    with connect(database, role=None) as superuser:
        superuser.execute(sql.SQL("create role {} bypassrls").format(sql.Identifier(name)))
        try:
            with pytest.raises(PassesByTheWall, match="passes by"):
                open_pool(database, size=1, role=name)
        finally:
            superuser.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_pool_of_a_role_that_is_not_there_does_not_open(database: str) -> None:
    with pytest.raises(PoolTimeout):
        open_pool(database, size=1, role="nobody_has_made_it")


def test_the_policy_reads_the_setting_once_for_a_statement(offices: tuple[str, Office, Office]) -> None:
    assert OF_TENANT.startswith("tenant = (SELECT ")
    database, ours, _ = offices
    with as_role(database, APP_ROLE, ours.tenant) as app:
        explained = app.execute("explain (costs off) select * from entity").fetchall()
    assert any("InitPlan" in line for (line,) in explained)


@pytest.fixture
def serving_only(database: str) -> Iterator[str]:
    """The database for a user who may sign in, serve and work through the logs, and nothing else."""
    name = f"serving_{uuid.uuid4().hex}"
    with connect(database, role=None) as superuser:
        superuser.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        superuser.execute(sql.SQL("grant cairn_api, cairn_projector to {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(database, user=name)
        finally:
            superuser.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_user_who_is_no_owner_serves_and_takes_on_no_more(database: str, serving_only: str) -> None:
    with open_pool(database, size=1) as pool:
        tenant = in_postgres(pool, database).new().tenant
    with open_pool(serving_only, size=2) as pool:
        office = in_postgres(pool, serving_only).new()
        pushed(office, [device(office, "imke").create("customer", str(uuid.uuid4()))])
        assert office.log.head(office.tenant).position == 1
        assert {each for each, _ in PostgresAccounts(pool).tenants()} == {tenant, office.tenant}
        with pool.connection() as connection:
            for role in (MIGRATOR, AUDITOR, "postgres"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to set role"):
                    connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            connection.execute("set role none")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("delete from event")
            connection.execute("reset role")  # what the session asked for when it began
            assert connection.execute("select current_user").fetchone() == (APP_ROLE,)
