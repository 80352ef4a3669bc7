"""The past over HTTP: who wrote what and why it is so, to whoever may know, and never without a note."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from commands import looking_back
from domain.people import Role
from infra.postgres.milestones import PostgresMilestones
from infra.postgres.pool import open_pool
from infra.postgres.roles import PROJECTOR
from sync.explain import explain
from sync.recorded import read
from tests.api.office import Office, problem
from tests.api.signing import Company, companies
from tests.conftest import TestServer
from tests.devices import CREATED, Device, new_id
from tests.infra.long_lives import milestone_every

JOBS: Final = "/v1/entities/work_order"
SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def make(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], "Past"]]:
    with embedded_server.database() as dsn, companies(dsn, tmp_path_factory.mktemp("keys")) as server:
        yield lambda: Past(server.new(), dsn)


@pytest.fixture
def past(make: Callable[[], "Past"]) -> "Past":
    return make()


class Past:
    """A company in which two devices wrote a job at the same time, and one of them a customer."""

    def __init__(self, company: Company, dsn: str) -> None:
        self.company, self.dsn = company, dsn
        services = company.services
        accounts: Any = services.accounts
        self.office = Office(
            client=company.client, log=services.log, accounts=accounts, clock=company.clock, tenant=company.tenant
        ).staff()
        self.job, self.customer = new_id(), new_id()
        desk, ben = self.office.device("desk"), self.office.device("ben", role="supervisor")
        self.desk = desk
        created = self.tell(desk, "work_order", self.job, "Created", CREATED["work_order"])
        ben.see(created)
        self.tell(desk, "work_order", self.job, "Edited", {"title": "Pump stuck"})
        self.clashing = self.tell(
            ben, "work_order", self.job, "Edited", {"title": "Filter <clogged>"}, role="supervisor"
        )
        self.tell(desk, "customer", self.customer, "Created", CREATED["customer"])
        desk.see(self.clashing)
        self.tell(desk, "work_order", self.job, "Edited", {"title": "Filter <clogged>"})
        self.tell(desk, "work_order", self.job, "WorkOrderOpened", {})
        self.head = services.log.head(company.tenant).position

    def tell(self, device: Device, kind: str, entity: str, fact: str, data: Any, **by: Any) -> bytes:
        self.company.clock.ms += 1_000
        raw = device.tell(kind, entity, fact, data)
        (verdict,) = self.office.verdicts(raw, **by)
        assert verdict["verdict"] == "accepted", verdict
        return raw

    def get(self, path: str, role: Any = "auditor", **query: Any) -> Any:
        answer = self.office.get(path, role=role, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def keep_milestones(self) -> None:
        with open_pool(self.dsn, size=1, role=PROJECTOR) as pool:
            PostgresMilestones(pool=pool).keep_up(self.company.tenant)

    def notes(self, kind: str) -> list[str]:
        return [each["detail"] for each in self.company.audit(kind)]


def test_a_history_says_who_wrote_what_when_by_both_clocks_and_what_they_did_not_know(past: Past) -> None:
    items = past.get(f"{JOBS}/{past.job}/history")["items"]
    assert [(each["type"], each["position"], each["actor"]["name"]) for each in items] == [
        ("Created", 1, "A dispatcher"),
        ("Edited", 2, "A dispatcher"),
        ("Edited", 3, "A supervisor"),
        ("Edited", 5, "A dispatcher"),
        ("WorkOrderOpened", 6, "A dispatcher"),
    ]
    clash = items[2]
    assert clash["did_not_know"] == {past.desk.replica: 1}
    assert clash["opened"] == ["title"]
    assert items[3]["settled"] == ["title"]
    assert items[4]["changed"] == [{"field": "status", "was": "draft", "now": "open"}]
    assert clash["said"] == {"title": "Filter <clogged>"}
    assert clash["written_at"] < clash["recorded_at"]


def test_a_history_comes_page_by_page_and_field_by_field(past: Past) -> None:
    whole = past.get(f"{JOBS}/{past.job}/history")["items"]
    items: list[Any] = []
    following: int | None = 0
    while following is not None:
        page = past.get(f"{JOBS}/{past.job}/history", limit=2, cursor=following)
        items, following = [*items, *page["items"]], page["next"]
    assert items == whole
    title = past.get(f"{JOBS}/{past.job}/history", field="title")["items"]
    assert [each["position"] for each in title] == [1, 2, 3, 5]
    as_of = past.get(f"{JOBS}/{past.job}/history", as_of=3)
    assert as_of["items"] == whole[:3]
    assert as_of["as_of"]["position"] == 3


def test_why_a_value_is_there_is_the_explanation_with_who_wrote_it(past: Past) -> None:
    rows = past.office.log.past(past.company.tenant).history(past.job, after=0, until=past.head, limit=9)
    for moment, count in ((3, 3), (past.head, 5)):
        told = past.get(f"{JOBS}/{past.job}/why/title", as_of=moment)
        events = [(read(row.body), row.effective) for row in rows if row.position <= moment]
        expected = explain(events, "title")
        assert len(events) == count
        assert told["explanation"]["rule"] == expected["rule"]
        assert told["explanation"]["shown"] == expected["shown"]
        assert [each["event"] for each in told["events"]] == [each["event"] for each in expected["writes"]]
    assert past.get(f"{JOBS}/{past.job}/why/title", as_of=3)["explanation"]["asks"] != []
    assert past.get(f"{JOBS}/{past.job}/why/hold_reason")["explanation"]["rule"] == "unwritten"


def test_differences_are_what_two_reads_show_otherwise(past: Past) -> None:
    kept = ("id", "type", "version", "scope", "conflicts", "as_of")
    for since in range(1, past.head + 1):
        for until in range(since, past.head + 1):
            before = past.get(f"{JOBS}/{past.job}", as_of=since)
            after = past.get(f"{JOBS}/{past.job}", as_of=until)
            told = past.get(f"{JOBS}/{past.job}/differences", since=since, until=until)
            assert told["changed"] == [
                {"field": field, "was": before.get(field), "now": after[field]}
                for field in sorted(after)
                if field not in kept and before.get(field) != after[field]
            ]
            assert told["events"] == after["version"] - before["version"]
            assert (told["since"]["position"], told["until"]["position"]) == (since, until)
    new = past.get(f"{JOBS}/{past.job}/differences")
    assert (new["since"], new["until"], new["events"]) == (None, None, 5)
    assert {"field": "title", "was": None, "now": "Filter <clogged>"} in new["changed"]


@pytest.mark.parametrize(
    ("limit", "scanned", "may_fold"), [(50, 5_000, 20_000), (1, 5_000, 20_000), (50, 2, 1), (1, 1, 1)]
)
def test_all_that_changed_between_two_moments_is_told_once_however_little_a_request_may_do(
    past: Past, monkeypatch: pytest.MonkeyPatch, limit: int, scanned: int, may_fold: int
) -> None:
    monkeypatch.setattr(looking_back, "SCANNED_EVENTS_MAX", scanned)
    monkeypatch.setattr(looking_back, "FOLDED_EVENTS_MAX", may_fold)
    for since, changed in ((None, [past.job, past.customer]), (1, [past.job, past.customer]), (4, [past.job]), (6, [])):
        items: list[Any] = []
        following: int | None = 0
        while following is not None:
            span = {"until": past.head} if since is None else {"since": since, "until": past.head}
            page = past.get("/v1/audit/differences", limit=limit, cursor=following, **span)
            items, following = [*items, *page["items"]], page["next"]
        assert [each["id"] for each in items] == changed
        for each in items:
            span = {} if since is None else {"since": since}
            alone = past.get(f"/v1/entities/{each['type']}/{each['id']}/differences", until=past.head, **span)
            assert {name: each[name] for name in ("events", "changed", "opened", "settled")} == {
                name: alone[name] for name in ("events", "changed", "opened", "settled")
            }
            assert each["is_new"] == (since is None or each["id"] == past.customer)


def test_everything_is_replayed_as_it_was(past: Past) -> None:
    for moment in (1, 3, 4, past.head):
        items: list[Any] = []
        query: dict[str, Any] = {"as_of": moment, "limit": 1}
        while True:
            page = past.get("/v1/audit/replay", **query)
            items += page["items"]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        there = sorted([past.job, past.customer] if moment >= 4 else [past.job])
        assert [each["id"] for each in items] == there
        for each in items:
            alone = past.get(f"/v1/entities/{each['type']}/{each['id']}", as_of=moment)
            del alone["as_of"]
            assert each == alone


def test_the_graph_says_who_knew_of_whom(past: Past) -> None:
    told = past.get(f"{JOBS}/{past.job}/graph")
    assert [(lane["replica"], lane["actor"]["name"]) for lane in told["lanes"]] == [
        (past.desk.replica, "A dispatcher"),
        ("rbenaaaaaaaaa", "A supervisor"),
    ]
    by_position = {each["position"]: each for each in told["events"]}
    desk, ben = past.desk.replica, "rbenaaaaaaaaa"
    assert by_position[3]["causes"] == [[desk, 1]]
    assert by_position[3]["concurrent"] == [[desk, 2]]
    assert by_position[2]["concurrent"] == [[ben, 1]]
    assert by_position[5]["causes"] == [[ben, 1], [desk, 2]]


def test_the_picture_says_the_same_in_words_and_runs_nothing(past: Past) -> None:
    answer = past.office.get(f"{JOBS}/{past.job}/graph.svg", role="auditor")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    drawn = ET.fromstring(answer.text)  # our own
    words = " ".join("".join(each.itertext()) for each in drawn.iter(f"{SVG}text"))
    assert "“Pump stuck” → “Filter <clogged>”" in words
    assert words.count("∥ ") == 2
    described = drawn.find(f"{SVG}desc")
    assert described is not None
    assert "2 of them concurrent" in str(described.text)
    assert not re.search(r"<script|onload|href|javascript", answer.text)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/history", "history_read"),
        ("/why/title", "why_read"),
        ("/graph", "graph_read"),
        ("/graph.svg", "graph_read"),
        ("/differences", "differences_read"),
    ],
)
def test_that_somebody_looked_is_noted_with_who_and_at_what(past: Past, path: str, kind: str) -> None:
    past.office.get(f"{JOBS}/{past.job}{path}", role="auditor")
    (entry,) = past.company.audit(kind)
    assert entry["actor"] == past.office.people["auditor"].person
    assert past.job in entry["detail"]
    # And whoever is refused leaves no note that says that they have seen it.
    past.office.get(f"{JOBS}/{past.job}{path}", role="technician")
    past.office.get(f"{JOBS}/{past.job}{path}", role="analyst")
    assert len(past.company.audit(kind)) == 1


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (f"{JOBS}/{{job}}", "work_order {job}"),
        (JOBS, "every work_order, from the first"),
        ("/v1/work-orders?cursor={job}", "every work_order, behind {job}"),
        ("/v1/views/work_order", "rows of work_order"),
        ("/v1/quarantine", "cases that are open"),
        ("/v1/sync/pull?history=true", "the log after position 0"),
        ("/v1/sync/pull?cursor=1", "what is new after position 1"),
        ("/v1/sync/digest", "the digest of everything"),
    ],
)
def test_f6_whatever_an_auditor_reads_is_noted_and_of_others_only_a_look_into_the_past(
    past: Past, path: str, detail: str
) -> None:
    path, detail = path.format(job=past.job), detail.format(job=past.job)
    assert past.office.client.get(path, headers=past.office.bearer("auditor")).status_code == 200
    (entry,) = past.company.audit("records_read")
    assert (entry["actor"], entry["detail"]) == (past.office.people["auditor"].person, detail)
    assert past.office.client.get(path, headers=past.office.bearer("supervisor")).status_code == 200
    assert len(past.company.audit("records_read")) == 1


@pytest.mark.parametrize("path", [f"{JOBS}/{{job}}", JOBS, "/v1/work-orders"])
@pytest.mark.parametrize("role", ["auditor", "dispatcher"])
def test_f6_a_look_at_records_as_they_were_is_noted_with_the_moment(past: Past, path: str, role: Role) -> None:
    url = f"{path.format(job=past.job)}?as_of=1"
    assert past.office.client.get(url, headers=past.office.bearer(role)).status_code == 200
    (entry,) = past.company.audit("past_read")
    assert entry["actor"] == past.office.people[role].person
    assert entry["detail"].endswith(", as of position 1")
    assert past.company.audit("records_read") == []


def test_what_cannot_be_noted_is_not_shown(past: Past) -> None:
    services, app = past.company.services, past.company.client._transport._carrier.app  # type: ignore[attr-defined]
    app.state.services = replace(services, identity=None)
    try:
        for path in ("/history", "/why/title", "/graph", "/graph.svg", "/differences"):
            answer = past.office.get(f"{JOBS}/{past.job}{path}", role="auditor")
            problem(answer, 503, "sign-in-off")
            assert "Pump" not in answer.text
        for path in ("/v1/audit/replay", "/v1/audit/differences"):
            problem(past.office.get(path, role="auditor"), 503, "sign-in-off")
    finally:
        app.state.services = services


def test_a_technician_looks_up_their_own_jobs_and_nobody_elses(past: Past) -> None:
    path = f"{JOBS}/{past.job}/history"
    problem(past.office.get(path, role="technician"), 404, "entity-not-found")
    past.tell(
        past.desk,
        "visit",
        new_id(),
        "Created",
        {"work_order_id": past.job, "assignee_id": past.office.people["technician"].person},
    )
    assert len(past.get(path, role="technician")["items"]) == 5
    refused = past.office.get(f"/v1/entities/customer/{past.customer}/history", role="technician")
    problem(refused, 403, "forbidden")


def test_a_dispatcher_looks_up_jobs_and_not_who_wrote_the_customers(past: Past) -> None:
    assert past.get(f"{JOBS}/{past.job}/history", role="dispatcher")["items"]
    problem(past.office.get(f"/v1/entities/customer/{past.customer}/history", role="dispatcher"), 403, "forbidden")
    assert past.get(f"/v1/entities/customer/{past.customer}/history", role="supervisor")["items"]


def test_a_long_history_is_told_from_its_milestones_and_refused_only_where_there_are_none(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = f"{JOBS}/{past.job}", past.get(f"{JOBS}/{past.job}/history")["items"]
    graph = past.get(f"{path}/graph")
    then = {moment: past.get(path, as_of=moment) for moment in range(1, past.head + 1)}
    with milestone_every(2):
        monkeypatch.setattr(looking_back, "FOLDED_EVENTS_MAX", 2)
        monkeypatch.setattr(looking_back, "GRAPH_EVENTS_MAX", 2)
        for asked, query in (("/history", {"cursor": 4}), ("/graph", {}), ("/graph.svg", {})):
            told = problem(past.office.get(path + asked, role="auditor", **query), 409, "history-too-long")
            assert "milestones" in told["detail"]
        assert past.get(f"{path}/history", cursor=2)["items"] == whole[2:]
        past.keep_milestones()
        for cursor in range(len(whole) + 1):
            assert past.get(f"{path}/history", cursor=cursor)["items"] == whole[cursor:]
            assert past.get(f"{path}/history", cursor=cursor, limit=1)["items"] == whole[cursor : cursor + 1]
        newest = past.get(f"{path}/graph")["events"]
        assert [each["event"] for each in newest] == [each["event"] for each in graph["events"][-2:]]
        assert {moment: past.get(path, as_of=moment) for moment in then} == then


def test_why_a_field_of_a_long_life_is_what_it_is_is_refused_and_says_how_to_ask_instead(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_back, "EXPLAINED_EVENTS_MAX", 3)
    told = problem(past.office.get(f"{JOBS}/{past.job}/why/title", role="auditor"), 409, "history-too-long")
    assert "`field=title`" in told["hint"]
    assert "before position 5" in told["hint"]
    past.get(f"{JOBS}/{past.job}/why/title", as_of=4)
    assert len(past.get(f"{JOBS}/{past.job}/history", field="title")["items"]) == 4


def test_a_page_looks_through_so_many_events_for_those_of_a_field(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = past.get(f"{JOBS}/{past.job}/history", field="status")["items"]
    monkeypatch.setattr(looking_back, "LOOKED_AT_EVENTS_MAX", 2)
    items: list[Any] = []
    pages, following = 0, 0
    while following is not None:
        page = past.get(f"{JOBS}/{past.job}/history", field="status", cursor=following, limit=1)
        items, following, pages = [*items, *page["items"]], page["next"], pages + 1
    assert items == whole
    assert pages > len(whole)


def test_a_graph_shows_the_newest_events_only(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_back, "GRAPH_EVENTS_MAX", 2)
    assert [each["position"] for each in past.get(f"{JOBS}/{past.job}/graph")["events"]] == [5, 6]


@pytest.mark.parametrize(
    ("path", "query", "kind"),
    [
        ("/why/salary", {}, "field-unknown"),
        ("/history", {"field": "salary"}, "field-unknown"),
        ("/differences", {"since": 5, "until": 2}, "range-reversed"),
        ("/differences", {"since": "tomorrow"}, "as-of-unreadable"),
        ("/differences", {"until": 99}, "as-of-ahead"),
        ("/history", {"as_of": "0"}, "as-of-before-beginning"),
        ("/history", {"cursor": -1}, "invalid-request"),
        ("/history", {"limit": 201}, "invalid-request"),
        ("/why/title'%20or%201=1", {}, "invalid-request"),
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(past: Past, path: str, query: dict[str, Any], kind: str) -> None:
    answer = past.office.get(f"{JOBS}/{past.job}{path}", role="auditor", **query)
    told = problem(answer, answer.status_code, kind)
    assert 400 <= answer.status_code < 500
    if kind == "field-unknown":
        assert "title" in told["fields"]


def test_a_range_of_everything_that_ends_before_it_begins_is_refused(past: Past) -> None:
    answer = past.office.get("/v1/audit/differences", role="auditor", since=5, until=2)
    problem(answer, 409, "range-reversed")


@pytest.mark.parametrize("end", ["since", "until"])
@pytest.mark.parametrize("path", ["/v1/audit/differences", f"{JOBS}/{{job}}/differences"])
def test_an_end_of_a_range_that_is_named_and_says_nothing_is_refused(past: Past, path: str, end: str) -> None:
    answer = past.office.get(path.format(job=past.job), role="auditor", **{end: ""})
    problem(answer, 422, "as-of-unreadable")
