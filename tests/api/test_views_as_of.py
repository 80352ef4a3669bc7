"""Tables and boards as of a moment are what they showed at that moment."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from infra.postgres import of_tenant
from infra.postgres.milestones import PostgresMilestones
from infra.postgres.pool import connect, open_pool
from infra.postgres.read_model import as_of
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.views import show
from infra.postgres.roles import PROJECTOR
from projections.query import NoReadModel, Shape, read_query
from projections.read_model import BY_NAME, PROJECTIONS
from tests.api.office import Office, problem
from tests.api.signing import companies
from tests.conftest import TestServer
from tests.devices import PERSON_1, PERSON_2
from tests.infra import event_logs
from tests.infra.long_lives import milestone_every
from tests.infra.read_models import catch_up
from tests.infra.towns import Town

Rows = list[dict[str, Any]]
MOMENTS = 8


@dataclass
class Place:
    """A company whose boards were read at several moments of its life."""

    office: Office
    dsn: str
    then: dict[int, dict[str, Rows]]
    """By position, every row of every table and view that was shown then."""

    def ask(self, name: str, **query: Any) -> Any:
        answer = self.office.get(f"/v1/views/{name}", role="supervisor", limit=200, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, name: str, **query: Any) -> Rows:
        items: Rows = []
        while True:
            page = self.ask(name, **query)
            items += page["items"]
            if page["next"] is None:
                return items
            query["cursor"] = page["next"]

    def everything(self, **query: Any) -> dict[str, Rows]:
        return {name: self.rows(name, **query) for name in self.names}

    @property
    def names(self) -> list[str]:
        return [each["name"] for each in self.office.get("/v1/views", role="supervisor").json()["items"]]


@pytest.fixture(scope="module")
def place(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        embedded_server.database() as dsn,
        companies(dsn, tmp_path_factory.mktemp("keys")) as server,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        company = server.new()
        accounts: Any = company.services.accounts
        office = Office(company.client, company.services.log, accounts, company.clock, company.tenant).staff()
        written = event_logs.Office(log=company.services.log, tenant=company.tenant)
        for person in (PERSON_1, PERSON_2):
            accounts.add_person(company.tenant, person=person, name="Ada", role="dispatcher")
        town, store = Town(written, 1), PostgresStore(projecting, 1, PROJECTIONS)
        here = Place(office, dsn, {})
        for _ in range(MOMENTS):
            town.live(1)
            catch_up(store, written)
            here.then[here.ask("visit")["position"]] = here.everything()
        yield here


def test_f6_that_somebody_looked_at_rows_as_they_were_is_noted(place: Place) -> None:
    services = place.office.client._transport._carrier.app.state.services  # type: ignore[attr-defined]

    def noted() -> list[str]:
        asked: dict[str, Any] = {"before": None, "kind": "past_read", "person": None, "limit": 200}
        return [each.detail for each in services.identity.audit.entries(place.office.tenant, **asked)]

    before, position = noted(), next(iter(place.then))
    place.ask("visit")
    assert noted() == before, "as they are is everybody's work"
    place.ask("visit", as_of=position)
    assert noted() == [f"rows of visit, as of position {position}", *before]


def test_every_table_and_view_shows_again_what_it_showed(place: Place) -> None:
    assert len(place.then) == MOMENTS
    for position, shown in place.then.items():
        assert place.everything(as_of=position) == shown, position
    first, *_, last = place.then.values()
    assert first["conflict_inbox"] != last["conflict_inbox"] or first["work_board"] != last["work_board"]


def test_what_is_folded_from_the_beginning_is_what_is_put_together(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of, "FOLDED_EVENTS_MAX", 10**6)
    for limit in (0, 10**6):
        monkeypatch.setattr(as_of, "CHANGED_EVENTS_MAX", 10**6)
        monkeypatch.setattr(as_of, "BEGINNING_EVENTS_MAX", limit)
        for position, shown in place.then.items():
            assert place.rows("work_board", as_of=position) == shown["work_board"]


def test_a_question_about_a_moment_says_which_and_goes_on_page_by_page(place: Place) -> None:
    position, shown = [*place.then.items()][MOMENTS // 2]
    page = place.office.get("/v1/views/visit", role="supervisor", as_of=position, limit=1).json()
    assert (page["position"], page["as_of"]["position"]) == (position, position)
    assert page["items"] == shown["visit"][:1]
    on = {"cursor": page["next"], "limit": 200}
    assert (
        place.office.get("/v1/views/visit", role="supervisor", as_of=position, **on).json()["items"]
        == (shown["visit"][1:])
    )
    for other in ({}, {"as_of": position - 1}):
        problem(place.office.get("/v1/views/visit", role="supervisor", **on, **other), 422, "cursor-unknown")


def test_a_file_of_a_moment_holds_the_rows_of_then(place: Place) -> None:
    position, shown = next(iter(place.then.items()))
    answer = place.office.get("/v1/views/visit/export", role="supervisor", as_of=position, format="ndjson")
    assert len(answer.text.splitlines()) == len(shown["visit"])
    assert answer.headers["Cairnfield-Position"] == str(position)


def test_where_too_much_has_changed_a_question_says_so_and_one_thing_can_still_be_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of, "CHANGED_EVENTS_MAX", 10)
    monkeypatch.setattr(as_of, "BEGINNING_EVENTS_MAX", 0)
    position, shown = [*place.then.items()][1]
    told = problem(place.office.get("/v1/views/work_board", role="supervisor", as_of=position), 409, "past-too-far")
    assert "goes through 10 at most" in told["detail"]
    for each in shown["visit"][:3]:
        assert place.rows("visit", as_of=position, id=each["id"]) == [each]
    monkeypatch.setattr(as_of, "CHANGED_EVENTS_MAX", 0)
    changed = next(each for each in [*place.then.values()][-1]["visit"] if each not in shown["visit"])
    asked = {"as_of": position, "home_scope": changed["home_scope"]}
    told = problem(place.office.get("/v1/views/visit", role="supervisor", **asked), 409, "past-too-far")
    assert "More than 0 events have happened in these scopes" in told["detail"]
    monkeypatch.setattr(as_of, "CHANGED_EVENTS_MAX", 10**6)
    for each in shown["visit"][:3]:
        scope = each["home_scope"]
        there = [row for row in shown["visit"] if row["home_scope"] == scope]
        assert place.rows("visit", as_of=position, home_scope=scope) == there
    monkeypatch.setattr(as_of, "FOLDED_EVENTS_MAX", 3)
    told = problem(place.office.get("/v1/views/visit", role="supervisor", as_of=position), 409, "past-too-far")
    assert "more than 3 events" in told["detail"]


def test_of_a_long_life_only_what_came_since_its_milestone_is_folded_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of, "BEGINNING_EVENTS_MAX", 0)
    tenant = place.office.tenant
    with (
        milestone_every(2),
        open_pool(place.dsn, size=1, role=PROJECTOR) as pool,
        connect(place.dsn, role=PROJECTOR) as connection,
    ):
        PostgresMilestones(pool=pool).keep_up(tenant)
        for position, shown in place.then.items():
            assert place.everything(as_of=position) == shown, position
        position, shown = [*place.then.items()][-2]
        of_tenant.begin(connection, tenant)
        kept = connection.execute("select entity::text from milestone where position <= %s", [position]).fetchall()
        connection.commit()
        long = next(row["id"] for row in shown["visit"] if (row["id"],) in kept)
        monkeypatch.setattr(as_of, "FOLDED_EVENTS_MAX", 1)
        assert place.rows("visit", as_of=position, id=long) == [row for row in shown["visit"] if row["id"] == long]
        # One that stands still in the tables does so as of a moment, too: what its milestone says was not taken in.
        of_tenant.begin(connection, tenant)
        connection.execute("update milestone set state = 'not even JSON' where entity = %s", [long])
        connection.execute(
            "insert into projection_parked (tenant, version, position, parked_at, entity, why)"
            " values (%s, 1, %s, now(), %s, 'x')",
            [tenant, position, long],
        )
        connection.commit()
        problem(place.office.get("/v1/views/visit", role="supervisor", as_of=position, id=long), 409, "past-too-far")
        monkeypatch.setattr(as_of, "FOLDED_EVENTS_MAX", 99)
        assert place.rows("visit", as_of=position, id=long) == [row for row in shown["visit"] if row["id"] == long]
        of_tenant.begin(connection, tenant)
        connection.execute("delete from projection_parked where tenant = %s", [tenant])
        connection.commit()


def test_whoever_sees_some_scopes_sees_the_past_of_those_alone(place: Place) -> None:
    position = next(iter(place.then))
    listed = place.office.get("/v1/views/part", role="technician", as_of=position).json()["items"]
    assert listed == place.then[position]["part"][:50]
    assert place.office.get("/v1/views/visit", role="technician", as_of=position).json()["items"] == []


def test_a_question_whose_tables_are_replaced_under_its_feet_is_not_answered(place: Place) -> None:
    tenant = place.office.tenant
    with open_pool(place.dsn, size=1) as pool, connect(place.dsn, role=PROJECTOR) as maker:
        for is_replaced in (False, True):
            with of_tenant.transaction(pool, tenant, opened_by=of_tenant.ONE_MOMENT) as connection:
                if is_replaced:
                    with maker.transaction():
                        show(maker, "rpt_v1", PROJECTIONS)
                connection.execute("select from rpt_in_full.visit limit 1")
                with pytest.raises(NoReadModel) if is_replaced else nullcontext():
                    as_of.check_not_replaced(connection, "visit")


_CHANGED_SINCE = """
    select coalesce(max(version) filter (where position <= %(then)s), 0) from event
    where tenant = %(tenant)s and entity_type = 'visit' group by entity having max(position) > %(then)s
"""


def test_milestones_are_looked_for_of_what_was_long_by_then_and_of_nothing_else(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of, "BEGINNING_EVENTS_MAX", 0)
    tenant, then, table = place.office.tenant, [*place.then][1], BY_NAME["visit"]
    shape = Shape(table.name, table.comment, table.columns, table.key)
    query = replace(read_query(shape, (), sort="", fields="", limit=1), as_of=then)
    with (
        open_pool(place.dsn, size=1) as pool,
        of_tenant.transaction(pool, tenant, opened_by=of_tenant.ONE_MOMENT) as connection,
    ):
        versions = [row[0] for row in connection.execute(_CHANGED_SINCE, {"tenant": tenant, "then": then}).fetchall()]
        long = max(versions)
        assert any(0 < each < long for each in versions)
        with milestone_every(long):
            as_of.as_of(connection, tenant, query, None)
        looks = "select seq_scan + idx_scan from pg_stat_xact_all_tables where relname = 'milestone'"
        assert connection.execute(looks).fetchone() == (sum(each >= long for each in versions),)
