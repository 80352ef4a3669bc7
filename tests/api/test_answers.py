"""What the routes answer: problems for every wrong turn, and the log and its entities as they are."""

from collections.abc import Callable

import orjson
import pytest

from sync.frames import read_page
from sync.limits import PAGE_EVENTS_MAX, told_to_clients
from sync.state_codec import state_hash
from tests.api.office import NDJSON, Office, customers, problem
from tests.devices import CREATED, Device, new_id

PATHS = ["/v1/sync/pull", "/v1/sync/digest", "/v1/entities/customer", "/livez", "/readyz"]


@pytest.mark.parametrize("path", ["/v1", "/v2/sync/pull", "/v1/sync/nothing", "/v1/entities", "/%00", "/../etc"])
def test_a_path_that_leads_nowhere_is_a_problem(office: Office, path: str) -> None:
    problem(office.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *(("POST", path, "GET") for path in PATHS),
        *((method, "/v1/sync/push", "POST") for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
        *(("OPTIONS", path, "GET") for path in PATHS),
        ("DELETE", f"/v1/entities/customer/{new_id()}", "GET"),
        *((method, "/v1/work-orders", "GET, POST") for method in ("PUT", "DELETE", "OPTIONS")),
        ("PUT", f"/v1/work-orders/{new_id()}", "PATCH"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(
    office: Office, method: str, path: str, allowed: str
) -> None:
    response = office.client.request(method, path, headers=office.bearer("dispatcher"))
    assert response.headers["allow"] == allowed
    if method == "HEAD":
        assert response.status_code == 405
    else:
        problem(response, 405, "method-not-allowed")


def test_a_process_that_lives_says_so_to_everybody(office: Office) -> None:
    assert office.client.get("/livez").json() == {"status": "alive"}
    assert office.client.get("/readyz").json() == {"status": "ready"}


def test_hello_tells_the_limits_and_where_the_log_ends(office: Office) -> None:
    device = office.device("ada")
    raws = customers(device, 2)
    office.verdicts(*raws)
    said = office.post("/v1/sync/hello", {"replica": device.replica}).json()
    assert said["limits"] == told_to_clients()
    assert (said["head"], said["replica"]["seq"]) == (2, 2)
    assert said["replica"]["hash"] == device.author.prev
    assert said["epoch"] == office.log.head(office.tenant).epoch


@pytest.mark.parametrize(
    "replica", ["", "x", "R" + "a" * 12, "r" + "a" * 11, "r" + "a" * 12 + "\n", 1, {}, "r" + "1" * 12]
)
def test_hello_of_what_is_no_replica_id_is_told_where(office: Office, replica: object) -> None:
    told = problem(office.post("/v1/sync/hello", {"replica": replica}), 422, "invalid-request")
    assert told["errors"][0]["pointer"] == "/body/replica"


# Pull


def test_pull_sends_the_bytes_that_were_pushed(office: Office) -> None:
    device = office.device("ada")
    raws = [
        device.create("customer", new_id(), {"name": name})
        for name in ("Mühle", '","event":{', "\\n\u2028", "<b>", "\U0001f4a7 zażółć", "e\u0301 \u00e9")
    ]
    office.verdicts(*raws)
    response = office.get("/v1/sync/pull", history=True)
    assert response.headers["content-type"] == NDJSON
    page = read_page(response.content)
    assert [frame.event.raw for frame in page.events] == raws
    assert [frame.position for frame in page.events] == list(range(1, 7))
    assert (page.cursor, page.head) == (6, 6)
    first = orjson.loads(response.content.split(b"\n")[0])
    assert set(first) == {"frame", "position", "version", "effective", "recorded_at_ms", "actor", "scope", "event"}
    assert first["actor"] == office.people["dispatcher"].person
    assert first["recorded_at_ms"] == office.clock.ms
    assert first["scope"] == f"customer:{first['event']['entity']['id']}"


def test_pull_goes_on_page_after_page_without_a_gap_or_a_double(office: Office) -> None:
    device = office.device("ada")
    office.verdicts(*customers(device, 25))
    positions: list[int] = []
    cursor = 0
    while True:
        page = read_page(office.get("/v1/sync/pull", cursor=cursor, limit=10, history=True).content)
        assert len(page.events) <= 10
        positions += [frame.position for frame in page.events]
        assert page.cursor == (positions[-1] if positions else 0)
        if page.cursor == page.head:
            break
        cursor = page.cursor
    assert positions == list(range(1, 26))
    head = office.log.head(office.tenant)
    told = '{"after":25,"cursor":25,"durable":0,"epoch":"%s","frame":"checkpoint","head":25,"view":"*"}\n'
    assert office.get("/v1/sync/pull", cursor=25).text == told % head.epoch


def test_a_page_is_bounded_in_bytes_and_always_brings_something(office: Office) -> None:
    device = office.device("ada")
    note = {"name": "Mill", "note": "x" * 8_000, "custom": [[f"k{i:02}", "y" * 1_000] for i in range(50)]}
    for _ in range(2):
        office.verdicts(*(device.create("customer", new_id(), note) for _ in range(15)))
    response = office.get("/v1/sync/pull", history=True)
    page = read_page(response.content)
    assert 0 < len(page.events) < 30
    assert len(response.content) < 1_048_576 + 65_536 + 1_000
    rest = read_page(office.get("/v1/sync/pull", cursor=page.cursor).content)
    assert len(page.events) + len(rest.events) == 30


def test_a_cursor_that_is_ahead_of_the_log_is_told_where_it_ends(office: Office) -> None:
    office.verdicts(*customers(office.device("ada"), 2))
    assert office.get("/v1/sync/pull", cursor=2).status_code == 200
    for cursor in (3, 2**53 - 1):
        assert problem(office.get("/v1/sync/pull", cursor=cursor), 409, "cursor-ahead")["head"] == 2


@pytest.mark.parametrize(
    "cursor", ["-1", "x", "1.5", "", str(2**53), str(2**70), "NaN", "1e400", "null", "\x00", "9" * 5_000]
)
def test_a_cursor_that_is_none_is_told_so(office: Office, cursor: str) -> None:
    told = problem(office.get("/v1/sync/pull", cursor=cursor), 422, "invalid-request")
    assert told["errors"][0]["pointer"] == "/query/cursor"


@pytest.mark.parametrize("limit", ["0", "-1", str(PAGE_EVENTS_MAX + 1), str(2**70), "x", ""])
def test_a_page_has_a_sane_size(office: Office, limit: str) -> None:
    for path in ("/v1/sync/pull", "/v1/entities/customer", "/v1/work-orders"):
        told = problem(office.get(path, limit=limit), 422, "invalid-request")
        assert told["errors"][0]["pointer"] == "/query/limit"


def test_the_digest_is_the_hash_of_every_state(office: Office) -> None:
    empty = office.get("/v1/sync/digest").json()
    office.verdicts(*customers(office.device("ada"), 3))
    told = office.get("/v1/sync/digest").json()
    assert told == {"head": 3, "state_hash": state_hash(office.log.states(office.tenant))}
    assert told["state_hash"] != empty["state_hash"]


# Entities


def test_an_entity_is_shown_with_its_version_as_its_tag(office: Office) -> None:
    device, job = office.device("ada"), new_id()
    office.verdicts(device.create("work_order", job), device.tell("work_order", job, "Edited", {"title": "Pump"}))
    response = office.get(f"/v1/entities/work_order/{job}")
    assert response.headers["etag"] == '"2"'
    shown = response.json()
    assert (shown["id"], shown["type"], shown["version"]) == (job, "work_order", 2)
    assert (shown["title"], shown["status"], shown["scope"]) == ("Pump", "draft", f"work_order:{job}")
    assert shown["conflicts"] == []


def test_an_open_conflict_is_shown_with_both_sides(office: Office) -> None:
    ada, ben, job = office.device("ada"), office.device("ben"), new_id()
    created = ada.create("work_order", job)
    ben.see(created)
    titles = [each.tell("work_order", job, "Edited", {"title": name}) for each, name in ((ada, "Pump"), (ben, "Valve"))]
    office.verdicts(created, titles[0])
    (verdict,) = office.verdicts(titles[1])
    assert verdict["conflicts"] == ["title"]
    (conflict,) = office.get(f"/v1/entities/work_order/{job}").json()["conflicts"]
    assert (conflict["field"], conflict["reason"]) == ("title", "values_differ")
    assert conflict["values"] == ["Pump", "Valve"]
    assert conflict["dots"] == [[ada.replica, 2], [ben.replica, 1]]


def test_what_is_not_there_or_is_something_else_is_not_found(office: Office) -> None:
    device, job = office.device("ada"), new_id()
    office.verdicts(device.create("work_order", job))
    problem(office.get(f"/v1/entities/customer/{job}"), 404, "entity-not-found")
    problem(office.get(f"/v1/entities/customer/{new_id()}"), 404, "entity-not-found")


@pytest.mark.parametrize(
    "name", ["x", "%00", "1;drop", new_id().replace("-", ""), "a" * 5_000, "01900000-0000-7000-9000-0000000000AB"]
)
def test_what_is_no_id_or_no_entity_is_told_so(office: Office, name: str) -> None:
    problem(office.get(f"/v1/entities/customer/{name}"), 422, "invalid-request")
    problem(office.get(f"/v1/entities/{name}"), 422, "invalid-request")
    problem(office.get("/v1/entities/customer", cursor=name), 422, "invalid-request")


def test_entities_come_page_by_page_in_order_and_of_one_type(office: Office) -> None:
    device = office.device("ada")
    office.verdicts(*customers(device, 7), device.create("site", new_id()))
    found: list[str] = []
    cursor: str | None = "00000000-0000-0000-0000-000000000000"
    pages = 0
    while cursor:
        page = office.get("/v1/entities/customer", limit=3, cursor=cursor).json()
        found += [each["id"] for each in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert pages == 3
    assert found == sorted(set(found))
    assert len(found) == 7


def test_a_last_page_that_is_full_is_known_to_be_the_last(office: Office) -> None:
    office.verdicts(*customers(office.device("ada"), 4))
    page = office.get("/v1/entities/customer", limit=4).json()
    assert (len(page["items"]), page["next"]) == (4, None)


def test_work_orders_are_found_by_status(office: Office) -> None:
    device = office.device("ada")
    jobs = [new_id() for _ in range(6)]
    told = [device.create("work_order", job) for job in jobs]
    told += [device.tell("work_order", job, "WorkOrderOpened") for job in jobs[:4]]
    told += [device.tell("work_order", job, "WorkOrderStarted") for job in jobs[:1]]
    office.verdicts(*told)

    def found(*status: str, limit: int = 50) -> list[str]:
        return [each["id"] for each in office.get("/v1/work-orders", status=list(status), limit=limit).json()["items"]]

    assert found() == jobs
    assert found("open") == jobs[1:4]
    assert found("open", "in_progress") == jobs[:4]
    assert found("closed") == []
    assert found("open", limit=2) == jobs[1:3]
    problem(office.get("/v1/work-orders", status="lost"), 422, "invalid-request")


def test_work_orders_of_a_status_come_page_by_page(office: Office) -> None:
    device = office.device("ada")
    jobs = [new_id() for _ in range(5)]
    told = [device.create("work_order", job) for job in jobs]
    office.verdicts(*told, *(device.tell("work_order", job, "WorkOrderOpened") for job in jobs[::2]))
    first = office.get("/v1/work-orders", status="open", limit=2).json()
    assert [each["id"] for each in first["items"]] == [jobs[0], jobs[2]]
    second = office.get("/v1/work-orders", status="open", limit=2, cursor=first["next"]).json()
    assert [each["id"] for each in second["items"]] == [jobs[4]]
    assert second["next"] is None


def test_a2_what_was_pushed_twice_is_there_once(office: Office) -> None:
    device = office.device("ada")
    raws = customers(device, 3)
    accepted = office.verdicts(*raws)
    before = office.standing(device)
    again = office.verdicts(*raws)
    assert [(each["verdict"], each["position"]) for each in again] == [
        ("duplicate", each["position"]) for each in accepted
    ]
    assert office.standing(device) == before


def test_c1_two_tenants_count_on_their_own(offices: Callable[[], Office]) -> None:
    for office in (offices(), offices()):
        device = office.device("ada")
        (verdict,) = office.verdicts(device.create("customer", new_id(), CREATED["customer"]))
        assert (verdict["position"], verdict["version"]) == (1, 1)
        assert len(read_page(office.get("/v1/sync/pull", history=True).content).events) == 1


def test_every_route_is_in_the_openapi_document(office: Office) -> None:
    paths = office.client.get("/openapi.json").json()["paths"]
    assert {"/v1/sync/push", "/v1/sync/pull", "/v1/sync/hello", "/v1/sync/replicas", "/v1/work-orders"} <= set(paths)
    hello = paths["/v1/sync/hello"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(hello["properties"]) == {"replica"}


def test_a_device_that_nobody_minted_hands_nothing_in(office: Office) -> None:
    problem(office.push(Device("nobody").create("customer", new_id())), 403, "replica-not-yours")
