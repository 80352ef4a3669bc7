"""Orders over HTTP: what they come to, that they happen once, and that none undoes what its author had not seen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.problem_types import PROBLEM_TYPES
from commands.carrying_out import console_of
from commands.registry import COMMANDS, may_order
from domain.people import Role
from domain.values import PAIRS_MAX
from infra.memory import MemoryEventLog
from sync import shown, state_codec
from sync.envelope import parse
from sync.limits import ANSWER_KEPT_MS
from tests.api.office import ROLES, Office, problem
from tests.api.orders import Town
from tests.devices import CREATED, Device, new_id

NOBODY = "01900000-0000-7000-8000-00000000ffff"


@pytest.fixture
def town(office: Office) -> Town:
    return Town(office).built()


def state_of(town: Town, entity: str) -> dict[str, Any]:
    row = town.office.log.entity(town.office.tenant, entity)
    assert row is not None
    return shown.values(state_codec.decode(row.state))


def test_a_job_goes_from_the_first_call_to_the_archive_by_orders(town: Town) -> None:
    job = town.job()
    visit = town.sent(job)
    assert town.read("work_order", job).json()["status"] == "scheduled"
    town.done(f"visits/{visit}/dispatch")
    by: dict[str, Any] = {"role": "technician"}
    for step in ("accept", "travel", "arrive", "pause", "continue"):
        town.done(f"visits/{visit}/{step}", **by)
    town.done(f"work-orders/{job}/start", **by)
    timer = town.done("time-entries", {"visit_id": visit, "kind": "work"}, **by)["id"]
    about = {"visit_id": visit, "work_order_id": job}
    part = town.done("parts", {"sku": "V-12", "name": "Valve"})["id"]
    used = town.done("part-uses", {**about, "part_id": part, "quantity": "2"}, **by)["id"]
    note = town.done("notes", {"target": {"type": "visit", "id": visit}, "body": "Saw rust"}, **by)
    assert (note["scope"], note["author_id"]) == (f"work_order:{job}", town.office.people["technician"].person)
    photo = {"sha256": "ab" * 32, "mime": "image/jpeg", "size": 9, "target": {"type": "work_order", "id": job}}
    town.done("attachments", photo, **by)
    town.done("signatures", {"visit_id": visit, "document_hash": "cd" * 32, "signer_name": "Mia"}, **by)
    items = [{"id": "tight", "kind": "yes_no", "text": "Is it tight?", "required": True}]
    template = {"key": "pump", "template_version": 1, "title": "Pump", "items": items}
    checklist = town.done("checklist-templates", template)["id"]
    answer = {"visit_id": visit, "template_id": checklist, "item_id": "tight", "value": False}
    answered = town.done("checklist-answers", answer, **by)["id"]
    town.done(f"time-entries/{timer}/stop", **by)
    town.done(f"visits/{visit}/finish", {"outcome": "resolved"}, **by)
    town.done(f"work-orders/{job}/complete", {"outcome": "resolved"}, **by)
    why: dict[str, Any] = {"role": "supervisor"}
    town.done(f"checklist-answers/{answered}/correct", {"value": True, "reason": "Misread"}, **why)
    town.done(f"part-uses/{used}/correct", {"quantity": "3", "reason": "Counted again"}, **why)
    span = {"started_at": "2026-01-01T08:00:00.000Z", "stopped_at": "2026-01-01T09:00:00.000Z"}
    corrected = town.done(f"time-entries/{timer}/correct", {**span, "reason": "Forgot to stop"}, **why)
    assert state_of(town, corrected["told"][0]["entity_id"])["corrects_id"] == timer
    assert state_of(town, used)["quantity"] == "3"
    assert state_of(town, answered)["value"] is True
    town.done(f"work-orders/{job}/approve", **why)
    town.done(f"work-orders/{job}/reopen", {"reason": "Drips again"})
    town.done(f"work-orders/{job}/complete", {"outcome": "resolved"})
    for last in ("approve", "close", "archive", "restore"):
        town.done(f"work-orders/{job}/{last}", **why)
    assert state_of(town, job)["status"] == "closed"


def test_b1_more_pairs_than_there_may_be_are_refused_also_where_they_are_of_one_key(town: Town) -> None:
    pairs = [["bay", str(number)] for number in range(PAIRS_MAX)]
    town.done("customers", {"name": "Mill", "custom": pairs})
    for too_many in ([*pairs, ["bay", "7"]], [*pairs, *pairs]):
        problem(town.order("POST", "customers", {"name": "Mill", "custom": too_many}), 422, "invalid-request")


def test_an_order_is_an_event_of_the_servers_replica_for_that_person(town: Town) -> None:
    job = town.job()
    town.done(f"work-orders/{job}/hold", {"reason": "Rain"})
    dispatcher = town.office.people["dispatcher"].person
    console = console_of(town.office.tenant, dispatcher).replica
    events = town.office.log.page(town.office.tenant, after=0, limit=100)
    assert [parse(row.body).seq for row in events] == [*range(1, len(events) + 1)]
    assert {(row.replica, row.actor) for row in events} == {(console, dispatcher)}
    assert b'"reason":"Rain"' in events[-1].body
    row = town.office.log.replica(town.office.tenant, console)
    assert row is not None
    assert (row.person, row.last_seq) == (dispatcher, len(events))


def test_what_is_ordered_and_what_is_handed_in_come_to_the_same(town: Town) -> None:
    device, by_push, by_order = town.office.device("desk"), new_id(), new_id()
    told = {**CREATED["work_order"], "customer_id": town.customer, "site_id": town.site}
    town.office.verdicts(
        device.create("work_order", by_push, told),
        device.tell("work_order", by_push, "WorkOrderOpened", {"opened_at": "2026-01-01T08:00:00.000Z"}),
        device.tell("work_order", by_push, "Edited", {"assets": {"add": [town.asset]}, "priority": "high"}),
        device.tell("work_order", by_push, "WorkOrderPutOnHold", {"hold_reason": "Rain"}),
    )
    town.done("work-orders", {**told, "id": by_order})
    town.done(f"work-orders/{by_order}/open", {"opened_at": "2026-01-01T08:00:00.000Z"})
    edit = {"assets": {"add": [town.asset]}, "priority": "high"}
    town.done(f"work-orders/{by_order}", edit, method="PATCH", match='"2"')
    town.done(f"work-orders/{by_order}/hold", {"reason": "Rain"})
    assert state_of(town, by_order) == state_of(town, by_push)


def test_who_is_at_a_console_and_who_is_offline_merge_like_two_phones(town: Town) -> None:
    job = town.job()
    device = town.office.device("desk")
    device.see(*(row.body for row in town.office.log.page(town.office.tenant, after=0, limit=100) if row.entity == job))
    town.done(f"work-orders/{job}", {"title": "At the console"}, method="PATCH", match='"2"')
    town.office.verdicts(device.tell("work_order", job, "Edited", {"title": "Offline"}))
    (conflict,) = town.read("work_order", job).json()["conflicts"]
    assert (conflict["field"], set(conflict["values"])) == ("title", {"At the console", "Offline"})
    problem(
        town.order("POST", f"work-orders/{job}/resolve", {"field": "kind", "value": "repair", "reason": "x"}),
        *(409, "nothing-to-resolve"),
    )
    resolved = town.done(f"work-orders/{job}/resolve", {"field": "title", "value": "Offline", "reason": "Saw it"})
    assert (resolved["title"], resolved["conflicts"]) == ("Offline", [])


def test_a_status_that_clashes_is_resolved_by_one_of_its_moves(town: Town) -> None:
    job = town.job()
    device = town.office.device("desk")
    device.see(*(row.body for row in town.office.log.page(town.office.tenant, after=0, limit=100) if row.entity == job))
    town.done(f"work-orders/{job}/cancel", {"reason": "Sold"})
    town.office.verdicts(device.tell("work_order", job, "WorkOrderCompleted", {"outcome": "resolved"}))
    assert [each["field"] for each in town.read("work_order", job).json()["conflicts"]] == ["status"]
    wrong = {"field": "status", "value": "scheduled", "reason": "x"}
    problem(town.order("POST", f"work-orders/{job}/resolve", wrong), 409, "nothing-to-resolve")
    right = {"field": "status", "value": "completed", "reason": "It was done, and is billed"}
    resolved = town.done(f"work-orders/{job}/resolve", right)
    assert (resolved["status"], resolved["conflicts"]) == ("completed", [])


def test_a_move_that_cannot_follow_is_refused_and_told_what_can(town: Town) -> None:
    job = town.job()
    head = town.office.log.head(town.office.tenant)
    told = problem(town.order("POST", f"work-orders/{job}/approve", role="supervisor"), 409, "illegal-move")
    assert told["status_now"] == ["open"]
    assert set(told["legal"]) == {"schedule", "hold", "cancel", "start", "complete"}
    assert town.office.log.head(town.office.tenant) == head


@pytest.mark.parametrize("name", ["hold", "cancel", "reopen"])
@pytest.mark.parametrize("document", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": "\x00"}])
def test_an_order_that_undoes_a_plan_says_why(town: Town, name: str, document: Any) -> None:
    job = town.job()
    problem(town.order("POST", f"work-orders/{job}/{name}", document), 422, "invalid-request")


def test_an_order_without_a_key_is_refused(town: Town) -> None:
    told: dict[str, Any] = {"json": {"name": "x"}, "headers": town.office.bearer("dispatcher")}
    problem(town.office.client.post("/v1/customers", **told), 400, "idempotency-key-missing")
    for key in ("", "a b", "ä", "x" * 129):
        headers = {**town.office.bearer("dispatcher"), "Idempotency-Key": key.encode()}
        answer = town.office.client.post("/v1/customers", json={"name": "x"}, headers=headers)  # type: ignore[arg-type]
        problem(answer, 400, "idempotency-key-missing")


def test_an_order_whose_answer_was_lost_is_answered_the_same_and_done_once(town: Town) -> None:
    job = town.job()
    first = town.order("POST", f"work-orders/{job}/hold", {"reason": "Rain"}, key="k")
    town.done(f"work-orders/{job}/resume")
    head = town.office.log.head(town.office.tenant)
    again = town.order("POST", f"work-orders/{job}/hold", {"reason": "Rain"}, key="k")
    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert town.office.log.head(town.office.tenant) == head
    created = [town.order("POST", "customers", {"name": "x"}, key="c") for _ in range(3)]
    assert len({(each.status_code, each.content, each.headers["location"]) for each in created}) == 1


def test_another_order_under_the_same_key_is_refused(town: Town) -> None:
    job, other = town.job(), town.job()
    town.done(f"work-orders/{job}/hold", {"reason": "Rain"}, key="k")
    for path, document in [
        (f"work-orders/{job}/hold", {"reason": "Snow"}),
        (f"work-orders/{other}/hold", {"reason": "Rain"}),
        (f"work-orders/{job}/cancel", {"reason": "Rain"}),
    ]:
        problem(town.order("POST", path, document, key="k"), 422, "idempotency-key-reused")
    town.done(f"work-orders/{other}/hold", {"reason": "Rain"}, key="k", role="supervisor")


def test_a_key_is_forgotten_after_a_day(town: Town) -> None:
    job = town.job()
    town.done(f"work-orders/{job}/hold", {"reason": "Rain"}, key="k")
    town.office.clock.ms += ANSWER_KEPT_MS + 1
    answer = town.order("POST", f"work-orders/{job}/resume", key="k")
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers


def test_a_refused_order_leaves_its_key_free(town: Town) -> None:
    job = town.job()
    problem(town.order("POST", f"work-orders/{job}/resume", key="k"), 409, "illegal-move")
    town.done(f"work-orders/{job}/hold", {"reason": "Rain"})
    assert town.done(f"work-orders/{job}/resume", key="k")["status"] == "in_progress"


def test_the_same_order_eight_times_at_once_has_one_effect(town: Town) -> None:
    before = town.office.log.head(town.office.tenant).position

    def give(_: int) -> bytes:
        return town.order("POST", "customers", {"name": "Mill"}, key="once").content

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(give, range(8)))
    assert len(answers) == 1
    assert town.office.log.head(town.office.tenant).position == before + 1


def test_orders_of_eight_people_at_once_are_all_carried_out(town: Town) -> None:
    before = town.office.log.head(town.office.tenant).position

    def give(number: int) -> int:
        return town.order("POST", "customers", {"name": f"Mill {number}"}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(give, range(32))) == {201}
    assert town.office.log.head(town.office.tenant).position == before + 32


def test_an_edit_names_the_version_it_was_decided_on(town: Town) -> None:
    job = town.job()
    problem(town.order("PATCH", f"work-orders/{job}", {"title": "x"}), 428, "if-match-missing")
    etag = town.read("work_order", job).headers["etag"]
    edited = town.order("PATCH", f"work-orders/{job}", {"title": "x"}, match=etag)
    assert (edited.status_code, edited.headers["etag"]) == (200, '"3"')
    told = problem(town.order("PATCH", f"work-orders/{job}", {"title": "y"}, match=etag), 412, "version-moved")
    assert (told["version"], told["changed"]) == (3, {"title": {"was": "Pump leaks", "now": "x"}})
    for match in ('W/"3"', '"99"', '"three"', 'W/"3", "4"'):
        problem(town.order("PATCH", f"work-orders/{job}", {"title": "y"}, match=match), 412, "version-moved")
    for match in ("3", '"3', "nonsense", '"3" "4"', ""):
        told = problem(town.order("PATCH", f"work-orders/{job}", {"title": "y"}, match=match), 422, "invalid-request")
        assert told["errors"][0]["pointer"] == "/header/If-Match"
    for match in ('"2", "3"', "*"):
        assert town.order("PATCH", f"work-orders/{job}", {"title": "x"}, match=match).status_code == 200
    problem(town.order("POST", f"work-orders/{job}/hold", {"reason": "x"}, match='"1"'), 412, "version-moved")


def test_edits_that_race_on_one_version_lose_nothing(town: Town) -> None:
    job = town.job()

    def edit(number: int) -> int:
        said = {"title": f"Take {number}"}
        return town.order("PATCH", f"work-orders/{job}", said, match='"2"').status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(edit, range(8)))
    assert sorted(statuses) == [200] + [412] * 7
    assert town.read("work_order", job).json()["title"] == f"Take {statuses.index(200)}"


def test_an_edit_that_changes_nothing_writes_nothing(town: Town) -> None:
    job = town.job()
    answer = town.done(f"work-orders/{job}", {"title": "Pump leaks"}, method="PATCH", match='"2"')
    assert (answer["version"], answer["told"]) == (2, [])


RESERVED = (
    *("type", "version", "scope", "status", "archived", "number", "home", "actor", "replica", "seq", "position"),
    *("tenant", "created_at", "conflicts", "person", "clock", "at", "v", "upload", "author_id", "corrects_id"),
)


@pytest.mark.parametrize("field", RESERVED)
def test_b15_no_order_says_what_only_the_server_says(office: Office, field: str) -> None:
    town = Town(office)
    head = office.log.head(office.tenant)
    for command in COMMANDS:
        path = command.path.removeprefix("/v1/").format(id=NOBODY)
        answer = town.order(command.method, path, {field: "x"}, role="supervisor", match="*")
        told = problem(answer, 422, "invalid-request")
        assert f"/body/{field}" in {each["pointer"] for each in told["errors"]}, (command.operation, field)
    assert office.log.head(office.tenant) == head


def test_c2_an_id_that_names_nothing_of_ours_is_refused(town: Town, offices: Any) -> None:
    elsewhere = Town(offices()).built()
    job = town.job()
    visit = town.sent(job)
    theirs_job = elsewhere.job()
    foreign = {"customer": elsewhere.customer, "site": elsewhere.site, "asset": elsewhere.asset, "job": theirs_job}
    person = elsewhere.office.people["technician"].person
    kind = {"title": "x", "kind": "repair"}
    orders: list[tuple[str, dict[str, Any], str]] = [
        ("sites", {"name": "x", "customer_id": foreign["customer"]}, "/customer_id"),
        ("contacts", {"name": "x", "customer_id": foreign["customer"]}, "/customer_id"),
        ("assets", {"site_id": foreign["site"]}, "/site_id"),
        ("assets", {"site_id": town.site, "parent_id": foreign["asset"]}, "/parent_id"),
        ("work-orders", {**kind, "customer_id": foreign["customer"], "site_id": town.site}, "/customer_id"),
        ("work-orders", {**kind, "customer_id": town.customer, "site_id": foreign["site"]}, "/site_id"),
        ("work-orders", {**kind, "customer_id": town.site, "site_id": town.site}, "/customer_id"),
        ("visits", {"work_order_id": theirs_job}, "/work_order_id"),
        ("visits", {"work_order_id": job, "assignee_id": person}, "/assignee_id"),
        ("visits", {"work_order_id": job, "crew": {"add": [person]}}, "/crew/add/0"),
        (f"visits/{visit}/assign", {"assignee_id": person}, "/assignee_id"),
        (f"work-orders/{job}/schedule", {"assignee_id": NOBODY}, "/assignee_id"),
        ("notes", {"body": "x", "target": {"type": "work_order", "id": theirs_job}}, "/target/id"),
        ("notes", {"body": "x", "target": {"type": "visit", "id": job}}, "/target/id"),
    ]
    orders_of_supervisors: list[tuple[str, dict[str, Any], str]] = [
        ("time-entries", {"visit_id": NOBODY, "kind": "work"}, "/visit_id"),
        ("time-entries", {"visit_id": visit, "kind": "work", "person_id": person}, "/person_id"),
        ("part-uses", {"work_order_id": job, "part_id": NOBODY, "quantity": "1"}, "/part_id"),
        ("signatures", {"visit_id": job, "document_hash": "ab" * 32}, "/visit_id"),
    ]
    head = town.office.log.head(town.office.tenant)
    for role, given in (("dispatcher", orders), ("supervisor", orders_of_supervisors)):
        for path, document, pointer in given:
            told = problem(town.order("POST", path, document, role=role), 409, "reference-unknown")  # type: ignore[arg-type]
            assert told["detail"].startswith(f"{pointer}: "), told["detail"]
    for path in (f"work-orders/{theirs_job}/hold", f"sites/{foreign['site']}/archive", f"visits/{NOBODY}/dispatch"):
        problem(town.order("POST", path, {"reason": "x"} if "hold" in path else None), 404, "entity-not-found")
    assert town.office.log.head(town.office.tenant) == head


def test_c4_a_technician_orders_and_sees_only_where_they_are_let_in(town: Town) -> None:
    mine, other = town.job(), town.job()
    visit = town.sent(mine)
    nothing = problem(town.read("work_order", NOBODY, role="technician"), 404, "entity-not-found")
    hidden = problem(town.read("work_order", other, role="technician"), 404, "entity-not-found")
    assert hidden["detail"].replace(other, "") == nothing["detail"].replace(NOBODY, "")
    assert town.read("work_order", mine, role="technician").status_code == 200
    assert town.read("site", town.site, role="technician").status_code == 200
    for path in ("/v1/work-orders", "/v1/entities/work_order"):
        assert [each["id"] for each in town.office.get(path, role="technician").json()["items"]] == [mine]
        assert {each["id"] for each in town.office.get(path).json()["items"]} == {mine, other}
    assert [each["id"] for each in town.office.get("/v1/entities/visit", role="technician").json()["items"]] == [visit]
    for path, document in [
        (f"work-orders/{other}/hold", {"reason": "x"}),
        (f"work-orders/{other}/complete", None),
    ]:
        problem(town.order("POST", path, document, role="technician"), 404, "entity-not-found")
    note = {"body": "x", "target": {"type": "work_order", "id": other}}
    problem(town.order("POST", "notes", note, role="technician"), 409, "reference-unknown")
    town.done(f"work-orders/{mine}/hold", {"reason": "Waiting for a part"}, role="technician")
    town.done(f"visits/{visit}/assign", {"assignee_id": town.office.people["supervisor"].person})
    problem(town.read("work_order", mine, role="technician"), 404, "entity-not-found")
    problem(town.order("POST", f"work-orders/{mine}/resume", role="technician"), 404, "entity-not-found")


def test_c4_a_technician_says_of_others_things_only_what_the_table_lets_them(town: Town) -> None:
    town.sent(town.job())
    by: dict[str, Any] = {"role": "technician", "match": "*", "method": "PATCH"}
    town.done(f"sites/{town.site}", {"hazards": {"add": ["dog"]}}, **by)
    town.done(f"customers/{town.customer}", {"note": "Rings twice"}, **by)
    for path, said in [
        (f"sites/{town.site}", {"name": "x"}),
        (f"sites/{town.site}", {"hazards": {"add": ["gas"]}, "access_code": "1"}),
        (f"customers/{town.customer}", {"name": "x"}),
        (f"assets/{town.asset}", {"serial": "x"}),
    ]:
        answer = town.order("PATCH", path, said, role="technician", match="*")
        assert "/data/" in problem(answer, 403, "not-yours-to-order")["detail"]


def test_c4_what_a_technician_did_is_theirs_to_tell_until_it_is_approved(town: Town) -> None:
    job = town.job()
    visit = town.sent(job)
    town.done(f"visits/{visit}/finish", {"outcome": "resolved"}, role="technician")
    note = town.done("notes", {"body": "Rust", "target": {"type": "visit", "id": visit}}, role="technician")["id"]
    correction = {"body": "No rust", "reason": "It was paint"}
    town.done(f"notes/{note}/correct", correction, role="technician")
    town.done(f"work-orders/{job}/complete", role="technician")
    town.done(f"work-orders/{job}/approve", role="supervisor")
    for path, document in [
        (f"notes/{note}/correct", correction),
        ("notes", {"body": "x", "target": {"type": "visit", "id": visit}}),
        ("time-entries", {"visit_id": visit, "kind": "work"}),
    ]:
        problem(town.order("POST", path, document, role="technician"), 409, "work-settled")
    town.done(f"notes/{note}/correct", correction, role="supervisor")


def test_an_analyst_is_shown_no_names(town: Town) -> None:
    told = town.read("customer", town.customer, role="analyst").json()
    assert (told["name"], told["masked"]) == (None, ["name"])
    assert "Harbour Mill" not in town.office.get("/v1/entities/customer", role="analyst").text
    for path in ("/v1/sync/pull", "/v1/sync/digest", "/v1/quarantine"):
        problem(town.office.get(path, role="analyst"), 403, "forbidden")
    assert "masked" not in town.read("customer", town.customer, role="auditor").json()


@pytest.mark.parametrize("role", ROLES)
def test_c7_a_role_gives_the_orders_of_the_table_and_no_others(office: Office, role: Role) -> None:
    town = Town(office)
    for command in COMMANDS:
        path = command.path.removeprefix("/v1/").format(id=NOBODY)
        answer = town.order(command.method, path, {"nonsense": 1}, role=role, match="*")
        assert (answer.status_code != 403) is may_order(role, command), (role, command.operation)


def test_every_refusal_of_an_order_is_a_declared_problem() -> None:
    declared = {"illegal-move", "version-moved", "if-match-missing", "idempotency-key-reused", "reference-unknown"}
    assert declared <= PROBLEM_TYPES.keys()


def test_a_second_console_of_one_person_writes_on_with_the_same_chain(town: Town) -> None:
    if isinstance(town.office.log, MemoryEventLog):
        town.office.log.replica(town.office.tenant, Device("x").replica)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda n: town.order("POST", "parts", {"sku": f"{n}", "name": "x"}), range(12)))
    assert {each.status_code for each in made} == {201}
    console = console_of(town.office.tenant, town.office.people["dispatcher"].person).replica
    events = town.office.log.page(town.office.tenant, after=0, limit=200)
    assert [row.seq for row in events if row.replica == console] == [*range(1, len(events) + 1)]
