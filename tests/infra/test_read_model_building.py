"""A version that is being built: nobody but who builds it looks at it, and its rows go in by COPY as they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from infra.postgres import of_tenant
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.read_model.rows import Writing
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.tables import KEPT, close_tables, schema_of
from infra.postgres.read_model.versions import let_see, make, prepare
from infra.postgres.read_model.views import show
from infra.postgres.roles import ANALYST, AUDITOR, PROJECTOR
from infra.postgres.schema import APP_ROLE
from projections.projection import Column, Row, Table
from projections.read_model import PROJECTIONS
from tests.devices import NOON
from tests.infra.event_logs import Office, in_postgres
from tests.infra.read_models import catch_up, is_right
from tests.infra.towns import Town

NASTY: Final = (
    *("", " ", "\\", "\\N", "\\.", "\t", "\n", "\r\n", "a\tb\nc\\d", '"', "'", "{", "}", "{}", ",", "null", "NULL"),
    *('{"a","b"}', "\\t", "\\\\", "ÄÖ€", "\U0001f6a7", "\x1f", "\u2028", "x" * 70_000),
)
EVERYTHING: Final = Table(
    name="everything",
    comment="",
    columns=(
        Column("id", "text", ""),
        Column("word", "text", "", nullable=True),
        Column("words", "text[]", "", nullable=True),
        Column("told", "jsonb", "", nullable=True),
        Column("number", "bigint", "", nullable=True),
        Column("amount", "numeric", "", nullable=True),
        Column("is_so", "boolean", "", nullable=True),
        Column("at", "timestamptz", "", nullable=True),
        Column("day", "date", "", nullable=True),
    ),
    key=("id",),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A database with a version that is being built beside the one that people see."""

    dsn: str
    office: Office
    version: int


@pytest.fixture
def place(embedded_database: str) -> Iterator[Place]:
    dsn = embedded_database
    with connect(dsn, role=None) as owner:
        prepare(owner, now_ms=NOON)
    with open_pool(dsn, size=2) as pool, connect(dsn, role=PROJECTOR) as maker:
        office = in_postgres(pool, dsn).new()
        Town(office, 1).live(3)
        yield Place(dsn, office, make(maker, now_ms=NOON))


def rows_of(words: tuple[str, ...]) -> list[Row]:
    nothing = ("nothing", *[None] * 8)
    return [
        nothing,
        *(
            (f"{number:03d}", word, [word, ""], {"a": [word, None, number]}, -number, "1.50", number % 2 == 0, AT, DAY)
            for number, word in enumerate(words)
        ),
    ]


_TABLE: Final = sql.SQL("""
    create table {} (tenant uuid, id text, word text, words text[], told jsonb, number bigint, amount numeric,
                     is_so boolean, at timestamptz, day date, primary key (tenant, id))
""")
AT: Final = "2026-01-01T12:00:00.007Z"
DAY: Final = "2026-01-31"


def test_what_goes_in_by_copy_comes_out_as_it_went_in(place: Place) -> None:
    schema, rows = schema_of(place.version), rows_of(NASTY)
    table = sql.Identifier(schema, "everything")
    with connect(place.dsn, role=PROJECTOR) as maker:
        maker.execute(_TABLE.format(table))
        writing, found = Writing(schema, EVERYTHING), dict[str, list[Row]]()
        for name in ("copy", "add", "write"):
            with maker.transaction():
                getattr(writing, name)(maker, place.office.tenant, rows)
                found[name] = sorted(writing.all(maker, place.office.tenant))
            maker.execute(sql.SQL("truncate {}").format(table))
    assert found["copy"] == sorted(rows, key=lambda row: str(row[0]))
    assert found["copy"] == found["add"] == found["write"]


def seen(reader: Connection, schema: str) -> int:
    found = reader.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, "visit"))).fetchone()
    assert found is not None
    return int(found[0])


def test_until_it_is_shown_nobody_looks_at_it_and_then_each_at_their_own(place: Place) -> None:
    schema, tenant = schema_of(place.version), place.office.tenant
    with open_pool(place.dsn, size=1, role=PROJECTOR) as pool:
        catch_up(PostgresStore(pool, place.version, PROJECTIONS, is_bare=True), place.office)
    with connect(place.dsn, role=PROJECTOR) as maker:
        roles = sql.SQL(", ").join(map(sql.Identifier, (APP_ROLE, AUDITOR, ANALYST)))
        maker.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), roles))
        for role in (APP_ROLE, AUDITOR, ANALYST):
            with connect(place.dsn, role=role) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
                seen(reader, schema)
        let_see(maker, place.version, now_ms=NOON)
        with pytest.raises(AssertionError), maker.transaction():
            assert seen(maker, schema), "its owner sees nothing either who names no tenant"
        kept_apart = maker.execute(
            "select relname, relrowsecurity and relforcerowsecurity from pg_class"
            " where relnamespace = %s::regnamespace and relkind = 'r'",
            [schema],
        ).fetchall()
    assert dict(kept_apart) == dict.fromkeys([KEPT, *(each.name for each in PROJECTIONS)], True)
    with open_pool(place.dsn, size=1) as pool, of_tenant.transaction(pool, tenant) as reader:
        assert seen(reader, schema) > 0


def test_whoever_builds_goes_on_where_it_was_shown_meanwhile(place: Place) -> None:
    with open_pool(place.dsn, size=1, role=PROJECTOR) as pool, connect(place.dsn, role=PROJECTOR) as maker:
        store: Any = PostgresStore(pool, place.version, PROJECTIONS, is_bare=True)
        catch_up(store, place.office)
        let_see(maker, place.version, now_ms=NOON)
        Town(place.office, 2).live(2)
        catch_up(store, place.office)
        is_right(store, place.office)
        assert store.is_bare is False


def test_what_an_older_program_has_shown_can_be_read_after_the_next_start(place: Place) -> None:
    """It knew of no tables that are closed when they are shown, and so did not close them."""
    with connect(place.dsn, role=PROJECTOR) as maker, maker.transaction():
        show(maker, schema_of(place.version), PROJECTIONS)
        maker.execute("update rpt.read_model_version set state = 'kept' where state = 'shown'")
        maker.execute("update rpt.read_model_version set state = 'shown' where version = %s", [place.version])
    look = "select count(*) from rpt_in_full.visit"
    with connect(place.dsn) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(look)
    with connect(place.dsn, role=None) as owner:
        prepare(owner, now_ms=NOON)
    with open_pool(place.dsn, size=1) as pool, of_tenant.transaction(pool, place.office.tenant) as reader:
        assert reader.execute(look).fetchone() == (0,)


def test_tables_are_closed_once(place: Place) -> None:
    with connect(place.dsn, role=PROJECTOR) as maker:
        for _ in range(2):
            close_tables(maker, schema_of(place.version), PROJECTIONS)
