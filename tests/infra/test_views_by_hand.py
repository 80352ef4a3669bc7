"""Boards and figures after random histories, whatever was handed in twice, are what somebody works out by hand."""

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from infra.postgres.migrate import upgrade
from infra.postgres.pool import connect, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.read_model import PROJECTIONS
from tests.conftest import TestServer
from tests.infra.event_logs import Office, Offices, in_postgres
from tests.infra.read_models import catch_up, is_right, projector
from tests.infra.streets import Street
from tests.projections.naive_views import naive_views

SEEDS: Final = 8
ROUNDS: Final = 14


class Place(NamedTuple):
    offices: Offices
    store: PostgresStore


@pytest.fixture(scope="module")
def place(embedded_server: TestServer) -> Iterator[Place]:
    with (
        embedded_server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        yield Place(in_postgres(pool, dsn), PostgresStore(projecting, 1, PROJECTIONS))


def shown(place: Place, office: Office, view: str) -> list[dict[str, Any]]:
    """The rows as SQL gives them, without the tenant."""
    statement = sql.SQL("select * from {} where tenant = %s").format(sql.Identifier("rpt_in_full", view))
    with psycopg.connect(place.offices.dsn) as superuser, superuser.cursor(row_factory=dict_row) as cursor:
        superuser.execute("set timezone = 'UTC'")
        rows = cursor.execute(statement, [office.tenant]).fetchall()
    return [{name: value for name, value in row.items() if name != "tenant"} for row in rows]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return value


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(map(plain, rows), key=lambda row: str(sorted(row.items(), key=lambda each: each[0])))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_boards_and_figures_are_what_is_worked_out_by_hand(place: Place, seed: int) -> None:
    office, dice = place.offices.new(), random.Random(seed)  # a story, told again by its seed
    street = Street(office, seed)
    for _ in range(ROUNDS):
        street.live()
        street.hand_in_again(dice.randint(0, 4))
        for _ in range(dice.randint(0, 2)):
            projector(place.store, page=dice.randint(1, 30)).step(office.tenant)
    catch_up(place.store, office, page=dice.randint(1, 50))
    is_right(place.store, office)
    expected = naive_views(office.events())
    assert expected["job_facts"], "there is something to compare"
    for view, rows in expected.items():
        assert in_order(shown(place, office, view)) == in_order(rows), view


def test_views_that_are_worked_out_otherwise_are_made_anew_by_the_next_program(place: Place) -> None:
    dsn, office = place.offices.dsn, place.offices.new()
    street = Street(office, 3)
    street.live(6)
    catch_up(place.store, office)
    before = in_order(shown(place, office, "throughput"))
    with connect(dsn, role=PROJECTOR) as maker:  # what a program of before has left behind
        for area in ("rpt", "rpt_in_full"):
            named = sql.Identifier(area, "throughput")
            maker.execute(sql.SQL("drop view {}").format(named))
            maker.execute(sql.SQL("create view {} as select 1 as tenant").format(named))
        upgrade(dsn, allow_unsafe=True)
        assert maker.execute("select * from rpt.throughput").fetchall() == [(1,)], "it knows no difference"
        maker.execute("alter table rpt.read_model_version drop column views")
    upgrade(dsn, allow_unsafe=True)
    assert in_order(shown(place, office, "throughput")) == before
