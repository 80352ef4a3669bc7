"""Tables and boards over HTTP: every filter, order and page is what somebody finds who goes through them by hand."""

import csv
import io
import json
import operator as opers
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from importlib import import_module
from random import Random
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from api.exports import MEDIA, document, exported, safe
from infra.postgres.pool import open_pool
from infra.postgres.read_model import queries
from infra.postgres.read_model.queries import PostgresViews
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.projection import Column
from projections.query import Shape
from projections.read_model import PROJECTIONS
from tests.api.office import ROLES, Office, problem
from tests.api.signing import Company, companies
from tests.conftest import TestServer
from tests.devices import PERSON_1, PERSON_2
from tests.infra import event_logs
from tests.infra.read_models import catch_up
from tests.infra.towns import Town

pq: Any = import_module("pyarrow.parquet")
INJECTIONS: Final = (
    *(
        "'",
        '"',
        "';--",
        "1; drop table event",
        "1 or 1=1",
        "' or '1'='1",
        "\\",
        "%",
        "_",
        "$$",
        "{}",
        "%s",
        "%(tenant)s",
    ),
    *("null)", "pg_sleep(9)", "x' union select version()--", "\u02bc or 1=1", "id;", "id--", "id asc", "(select 1)"),
)


@dataclass
class Place:
    """A company with a few days of work, whose tables hold all of it."""

    company: Company
    office: Office
    shapes: dict[str, Shape]
    dsn: str

    def table(self, name: str) -> list[dict[str, Any]]:
        """Every row, as an owner of the database reads it."""
        statement = sql.SQL("select * from {} where tenant = %s").format(sql.Identifier("rpt_in_full", name))
        with psycopg.connect(self.dsn) as owner, owner.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, [self.company.tenant]).fetchall()

    def get(self, path: str, role: Any = "supervisor", **query: Any) -> Any:
        answer = self.office.get(f"/v1/views{path}", role=role, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, name: str, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/{name}", **query)
            items += page["items"]
            if page["next"] is None:
                return items
            query["cursor"] = page["next"]


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
        Town(written, 1).live(4)
        catch_up(PostgresStore(projecting, 1, PROJECTIONS), written)
        views = company.services.views
        assert isinstance(views, PostgresViews)
        yield Place(company, office, dict(views.shapes(masked=False)), dsn)


def holds(operator: str, value: Any, bound: Any) -> bool:
    """Whether a filter lets a value pass; what was never said is no more and no less than anything."""
    if operator in ("eq", "ne"):
        return bool((value == bound) == (operator == "eq"))
    compare = {"lt": opers.lt, "le": opers.le, "gt": opers.gt, "ge": opers.ge}[operator]
    return value is not None and bool(compare(value, bound))


def in_order(rows: list[dict[str, Any]], order: list[tuple[str, bool]]) -> list[dict[str, Any]]:
    """By these columns, what is null last whichever way."""

    def compare(one: dict[str, Any], other: dict[str, Any]) -> int:
        for name, is_falling in order:
            a, b = one[name], other[name]
            if a == b:
                continue
            if a is None or b is None:
                return 1 if a is None else -1
            return (1 if a > b else -1) * (-1 if is_falling else 1)
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def test_pages_are_turned_back_as_they_were_turned_and_all_are_counted(place: Place) -> None:
    dice = Random(5)
    for shape in place.shapes.values():
        sortable = [each for each in shape.columns if each.type not in ("jsonb", "text[]")]
        for _ in range(3):
            column = dice.choice(sortable)
            query: dict[str, Any] = {"sort": f"{dice.choice(['', '-'])}{column.name}", "limit": dice.choice([1, 2, 5])}
            forth = [place.get(f"/{shape.name}", **query)]
            while forth[-1]["next"] is not None and len(forth) < 12:
                forth.append(place.get(f"/{shape.name}", **query, cursor=forth[-1]["next"]))
            assert forth[0]["prev"] is None
            back = [forth[-1]]
            while back[-1]["prev"] is not None:
                back.append(place.get(f"/{shape.name}", **query, cursor=back[-1]["prev"]))
            assert [each["items"] for each in reversed(back)] == [each["items"] for each in forth]
            assert all(each["next"] is not None for each in back[1:])
        answer = place.office.client.get(
            f"/v1/views/{shape.name}",
            params={"limit": 1},
            headers={**place.office.bearer("supervisor"), "Prefer": "handling=strict, return=total-count"},
        )
        assert answer.json()["total"] == len(place.table(shape.name)), answer.text
        assert answer.headers["preference-applied"] == "return=total-count"
        assert "total" not in place.get(f"/{shape.name}")


def test_a_total_counts_what_the_filters_let_pass_and_whoever_asks_may_see(place: Place) -> None:
    told = {**place.office.bearer("technician"), "Prefer": "return=total-count"}
    answer = place.office.client.get("/v1/views/visit", params={"limit": 1}, headers=told).json()
    assert answer["total"] == len(place.get("/visit", role="technician")["items"]) < len(place.table("visit"))
    told |= place.office.bearer("supervisor")
    asked: dict[str, str | int] = {"limit": 1, "status[ne]": "planned"}
    answer = place.office.client.get("/v1/views/visit", params=asked, headers=told).json()
    assert answer["total"] == sum(row["status"] != "planned" for row in place.table("visit"))


def test_a_total_of_then_counts_what_was_there(place: Place) -> None:
    told = {**place.office.bearer("supervisor"), "Prefer": "return=total-count"}
    answer = place.office.client.get("/v1/views/audit_trail", params={"limit": 2, "as_of": 5}, headers=told).json()
    assert (answer["total"], answer["position"], len(answer["items"])) == (5, 5, 2)


def test_a_page_before_what_has_gone_is_the_beginning(place: Place) -> None:
    first = place.get("/audit_trail", limit=2)
    second = place.get("/audit_trail", limit=2, cursor=first["next"])
    gone = [row["position"] for row in first["items"]]
    with psycopg.connect(place.dsn) as owner:
        tables = sql.SQL("delete from rpt_v1.audit_trail where tenant = %s and position = any(%s)")
        owner.execute(tables, [place.company.tenant, gone])
    back = place.get("/audit_trail", limit=2, cursor=second["prev"])
    assert back == place.get("/audit_trail", limit=2)
    assert back["items"] == second["items"]


@pytest.mark.parametrize("seed", range(12))
def test_every_order_filter_and_page_is_what_is_found_by_hand(place: Place, seed: int) -> None:
    dice = Random(seed)
    for shape in place.shapes.values():
        rows = place.table(shape.name)
        sortable = [each for each in shape.columns if each.type not in ("jsonb", "text[]")]
        order = [(each.name, dice.random() < 0.5) for each in dice.sample(sortable, dice.randrange(3))]
        query: dict[str, Any] = {"sort": ",".join(f"-{name}" if falls else name for name, falls in order)}
        column = dice.choice([each for each in sortable if each.type != "boolean"])
        known = [row[column.name] for row in rows if row[column.name] is not None]
        if known and dice.random() < 0.8:
            bound = dice.choice(known)
            operator = dice.choice(["eq", "ne", "lt", "le", "gt", "ge"])
            told = str(bound.isoformat() if hasattr(bound, "isoformat") else bound)
            if "," not in told and told.isprintable() and len(told) <= 200:
                query[f"{column.name}[{operator}]"] = told
                rows = [row for row in rows if holds(operator, row[column.name], bound)]
        full = [*order, *((name, False) for name in shape.key if name not in dict(order))]
        expected = [document(shape.columns, row) for row in in_order(rows, full)]
        found = place.pages(shape.name, limit=dice.choice([1, 3, 50]) if len(rows) < 60 else 50, **query)
        assert found == json.loads(json.dumps(expected)), (shape.name, query)


def test_nothing_said_several_values_and_elements_are_filtered_by(place: Place) -> None:
    jobs = place.table("work_order")
    statuses = sorted({row["status"] for row in jobs})[:2]
    found = place.pages("work_order", status=",".join(statuses), fields="id,status")
    assert {each["id"] for each in found} == {str(row["id"]) for row in jobs if row["status"] in statuses}
    assert all(each.keys() == {"id", "status"} for each in found)
    never_due = place.pages("work_order", due_at="null")
    assert len(never_due) == sum(row["due_at"] is None for row in jobs)
    assert len(place.pages("work_order", **{"due_at[ne]": "null"})) == len(jobs) - len(never_due)
    tagged = [row for row in jobs if "urgent" in (row["tags"] or ())]
    assert len(place.pages("work_order", **{"tags[has]": "urgent"})) == len(tagged)


def test_rows_come_as_files_and_the_next_file_begins_where_the_last_ended(place: Place) -> None:
    expected = place.pages("audit_trail", sort="position")
    description = place.office.client.get("/openapi.json").json()
    described = description["paths"]["/v1/views/{view}/export"]["get"]["responses"]["200"]["content"]
    for form in ("csv", "ndjson", "parquet"):
        assert MEDIA[form].partition(";")[0] in described
        rows: list[Any] = []
        query: dict[str, Any] = {"format": form, "sort": "position", "limit": 20}
        while True:
            answer = place.office.get("/v1/views/audit_trail/export", role="supervisor", **query)
            assert answer.status_code == 200, answer.text
            assert int(answer.headers["cairnfield-position"]) == place.office.log.head(place.company.tenant).position
            match form:
                case "csv":
                    rows += [row["event_id"] for row in csv.DictReader(io.StringIO(answer.text))]
                case "ndjson":
                    rows += [json.loads(line)["event_id"] for line in answer.text.splitlines()]
                case _:
                    table = pq.read_table(io.BytesIO(answer.content))
                    assert table.schema.field("position").metadata[b"comment"]
                    rows += table.column("event_id").to_pylist()
            if "cairnfield-next" not in answer.headers:
                break
            query["cursor"] = answer.headers["cairnfield-next"]
        assert rows == [each["event_id"] for each in expected]
    assert len(place.company.audit("exported")) > 3


def test_only_what_came_since_is_exported_by_its_position(place: Place) -> None:
    position = place.office.log.head(place.company.tenant).position // 2
    later = place.pages("visit", **{"log_position[gt]": position})
    assert later
    assert {each["id"] for each in later} == {
        str(row["id"]) for row in place.table("visit") if row["log_position"] > position
    }


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\u00a0=1", "\ufeff=1", "\uff1d1", "|cmd", "%0A=1", "'=1"],
)
def test_b17_no_cell_of_a_spreadsheet_is_a_formula(text: str) -> None:
    column, number = Column("title", "text", ""), Column("seconds", "bigint", "")
    row = {"title": text, "seconds": -5}
    told = exported("csv", [column, number], [row]).decode()
    ((title, seconds),) = list(csv.reader(io.StringIO(told, newline="")))[1:]
    assert title == f"'{text}"
    assert seconds == "-5", "a number is no formula"
    assert safe("Pump = stuck") == "Pump = stuck"


@pytest.mark.parametrize("evil", INJECTIONS)
def test_b16_no_parameter_is_ever_part_of_a_statement(place: Place, evil: str) -> None:
    before = place.office.log.head(place.company.tenant)
    for path in ("/v1/views/work_order", "/v1/views/work_board/export"):
        for query in (
            {"sort": evil},
            {"sort": f"status,{evil}"},
            {"fields": evil},
            {evil: "1"},
            {f"status[{evil}]": "open"},
            {"due_at[lt]": evil},
            {"conflicts": evil},
            {"cursor": evil},
            {"format": evil},
            {"limit": evil},
            {"as_of": evil},
            {"wait_for": evil},
        ):
            answer = place.office.get(path, role="supervisor", **query)
            assert answer.status_code in (200, 409, 422), (query, answer.text)
            assert answer.status_code != 200 or query.keys() == {"format"} or path.endswith("order"), query
        found = place.office.get(path, role="supervisor", title=evil, format="ndjson")
        assert found.status_code == 200, found.text
        assert "id" not in found.text.replace('"items"', "")[:1]
    assert place.office.log.head(place.company.tenant) == before


@pytest.mark.parametrize(
    ("path", "query", "kind", "named"),
    [
        ("/salaries", {}, "view-unknown", "work_board"),
        ("/work_order", {"salary": "1"}, "filter-unknown", "status"),
        ("/work_order", {"status[has]": "open"}, "filter-unknown", "status[eq]"),
        ("/work_order", {"billing": "1"}, "filter-unknown", "status"),
        ("/work_order", {"due_at[lt]": "soon"}, "value-unreadable", None),
        ("/work_order", {"due_at[lt]": "2026-02-30"}, "value-unreadable", None),
        ("/work_order", {"conflicts": str(2**63)}, "value-unreadable", None),
        ("/work_order", {"title": "x" * 201}, "value-unreadable", None),
        ("/work_order", {"status": ",".join("x" * 101)}, "value-unreadable", None),
        ("/work_order", {"sort": "salary"}, "sort-unknown", "status"),
        ("/work_order", {"sort": "status,status"}, "sort-unknown", "status"),
        ("/work_order", {"sort": "tags"}, "sort-unknown", "status"),
        ("/work_order", {"fields": "salary"}, "fields-unknown", "status"),
        ("/work_order", {"cursor": "x"}, "cursor-unknown", None),
        ("/work_order", {"limit": 201}, "invalid-request", None),
        ("/work_order/export", {"limit": 50_001}, "invalid-request", None),
        ("/work_order", {"as_of": 10**9}, "as-of-ahead", None),
        ("/work_order", {"as_of": "yesterday"}, "as-of-unreadable", None),
        ("/work_order", {"as_of": "1999-01-01T00:00:00Z"}, "as-of-before-beginning", None),
        ("/work_order", {"wait_for": 10**9}, "position-ahead", None),
    ],
)
def test_what_cannot_be_asked_is_said_with_what_can(
    place: Place, path: str, query: dict[str, Any], kind: str, named: str | None
) -> None:
    answer = place.office.get(f"/v1/views{path}", role="supervisor", **query)
    told = problem(answer, answer.status_code, kind)
    if named is not None:
        assert named in told["allowed"]


def test_a_cursor_is_good_for_its_question_its_company_and_its_epoch_alone(place: Place) -> None:
    cursor = place.get("/visit", limit=1)["next"]
    assert place.get("/visit", limit=9, cursor=cursor)["items"]
    for query in ({"sort": "-id"}, {"status": "done"}, {"fields": "id"}):
        problem(place.office.get("/v1/views/visit", role="supervisor", cursor=cursor, **query), 422, "cursor-unknown")
    problem(place.office.get("/v1/views/site", role="supervisor", cursor=cursor), 422, "cursor-unknown")
    problem(place.office.get("/v1/views/visit", role="analyst", cursor=cursor), 422, "cursor-unknown")
    for changed in (cursor[:-2], cursor + "A", cursor.swapcase()):
        problem(place.office.get("/v1/views/visit", role="supervisor", cursor=changed), 422, "cursor-unknown")
    epoch = place.office.log.head(place.company.tenant).epoch
    place.office.log.begin_epoch(place.company.tenant, "01900000-0000-4000-8000-00000000e9c0")
    problem(place.office.get("/v1/views/visit", role="supervisor", cursor=cursor), 422, "cursor-unknown")
    place.office.log.begin_epoch(place.company.tenant, epoch)


def test_f6_an_analyst_is_shown_no_column_that_tells_of_a_person(place: Place) -> None:
    listed = {
        each["name"]: {column["name"] for column in each["columns"]} for each in place.get("", role="analyst")["items"]
    }
    assert "title" not in listed["work_order"]
    assert "customer_name" not in listed["work_board"]
    assert "audit_trail" not in listed
    role: Any = "analyst"
    for name in ("work_order", "work_board"):
        refused = place.office.get(f"/v1/views/{name}", role=role, fields="title")
        assert "title" not in problem(refused, 422, "fields-unknown")["allowed"]
        problem(place.office.get(f"/v1/views/{name}", role=role, title="x"), 422, "filter-unknown")
        problem(place.office.get(f"/v1/views/{name}", role=role, sort="title"), 422, "sort-unknown")


def test_c4_a_technician_is_shown_rows_of_their_scopes_alone(place: Place) -> None:
    mine = place.office.get("/v1/views/work_order", role="technician").json()["items"]
    assert mine == []
    listed = [each["name"] for each in place.get("", role="technician")["items"]]
    assert "visit" in listed
    assert not {"work_board", "service_levels", "audit_trail"} & {*listed}
    everybodys = place.get("/part", role="technician")["items"]
    assert len(everybodys) == len(place.table("part"))


@pytest.mark.parametrize("role", ROLES)
def test_everybody_finds_what_they_may_ask(place: Place, role: Any) -> None:
    for each in place.get("", role=role)["items"]:
        place.get(f"/{each['name']}", role=role, limit=1)


def test_a_question_that_takes_too_long_ends(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "STATEMENT_TIMEOUT", "set local statement_timeout = '200ms'")
    with psycopg.connect(place.dsn) as owner:
        owner.execute("lock table rpt_v1.work_order in access exclusive mode")
        problem(place.office.get("/v1/views/work_order", role="supervisor"), 422, "question-too-slow")
    assert place.get("/work_order")["items"]


def test_who_waits_for_their_own_order_is_told_when_it_is_not_shown_yet_and_shown_it_then(place: Place) -> None:
    order = {"Idempotency-Key": "not-shown-yet", **place.office.bearer("supervisor")}
    told = place.office.client.post("/v1/customers", json={"name": "North Dock"}, headers=order).json()["told"]
    written = told[-1]["position"]
    late = place.office.get("/v1/views/customer", role="supervisor", wait_for=written)
    assert problem(late, 503, "not-shown-yet")["retryable"]
    assert "retry-after" in late.headers
    with open_pool(place.dsn, size=2, role=PROJECTOR) as projecting:
        office = event_logs.Office(log=place.company.services.log, tenant=place.company.tenant)
        catch_up(PostgresStore(projecting, 1, PROJECTIONS), office)
    assert place.get("/customer", wait_for=written, name="North Dock")["items"]
    ahead = place.office.get("/v1/views/customer", role="supervisor", wait_for=written + 1)
    problem(ahead, 409, "position-ahead")
