"""Reads of the past: exactly what was there then, to whoever may see it now."""

from typing import Any

import orjson
import pytest

from api import reading
from sync import merge, shown
from sync.envelope import parse
from tests.api.office import Office, problem
from tests.devices import CREATED, NOON, Device, new_id

JOBS = "/v1/entities/work_order"


def told(office: Office) -> tuple[Device, dict[str, list[bytes]]]:
    """A log of three jobs that two devices wrote at the same time, one event a second."""
    office_one, ada = office.device("office"), office.device("ada")
    jobs = sorted(new_id() for _ in range(3))
    said: dict[str, list[bytes]] = {job: [] for job in jobs}

    def tell(device: Device, job: str, kind: str, data: dict[str, Any] | None = None) -> None:
        office.clock.ms += 1_000
        raw = device.tell(
            "work_order", job, kind, {**CREATED["work_order"], **(data or {})} if kind == "Created" else data
        )
        (verdict,) = office.verdicts(raw)
        assert verdict["verdict"] == "accepted"
        said[job].append(raw)

    for job in jobs[:2]:
        tell(office_one, job, "Created")
    ada.see(*said[jobs[0]])
    tell(office_one, jobs[0], "Edited", {"title": "Pump stuck"})
    tell(ada, jobs[0], "Edited", {"title": "Filter clogged"})
    tell(office_one, jobs[0], "WorkOrderOpened")
    tell(office_one, jobs[2], "Created")
    tell(office_one, jobs[1], "WorkOrderOpened")
    tell(office_one, jobs[1], "WorkOrderCancelled", {"cancel_reason": "sold"})
    return office_one, said


def folded(office: Office, position: int) -> dict[str, merge.State]:
    """By id, every state as of a position: an independent fold of the log from its beginning."""
    states: dict[str, merge.State] = {}
    for row in office.log.page(office.tenant, after=0, limit=position):
        before = states.get(row.entity, merge.empty(row.entity_type))
        states[row.entity] = merge.apply(before, parse(row.body), row.effective)
    return states


def test_an_entity_is_as_it_was_at_every_position_and_every_moment(office: Office) -> None:
    _, said = told(office)
    head = office.log.head(office.tenant).position
    for position in range(1, head + 1):
        states = folded(office, position)
        recorded_at = office.log.page(office.tenant, after=position - 1, limit=1)[0].recorded_at_ms
        moments = (str(position), f"2026-01-01T13:00:0{(recorded_at - NOON) % 3_600_000 // 1_000}Z")
        for job in said:
            for moment in moments:
                answer = office.get(f"{JOBS}/{job}", as_of=moment)
                if job not in states:
                    assert "at position" in problem(answer, 404, "entity-not-found")["detail"]
                    continue
                document = answer.json()
                assert "etag" not in answer.headers
                assert document.pop("as_of")["position"] == position
                assert document["version"] == states[job].version
                values = orjson.loads(orjson.dumps(shown.values(states[job])))
                assert {name: document[name] for name in values} == values
                assert len(document["conflicts"]) == len(shown.conflicts(states[job]))


def test_the_newest_moment_is_now(office: Office) -> None:
    _, said = told(office)
    head = office.log.head(office.tenant).position
    for job in said:
        then = office.get(f"{JOBS}/{job}", as_of=head).json()
        del then["as_of"]
        assert then == office.get(f"{JOBS}/{job}").json()


def pages(office: Office, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    while True:
        answer = office.get(path, **query)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        query["cursor"] = answer.json()["next"]
        if query["cursor"] is None:
            return items


@pytest.mark.parametrize("may_fold", [1, 3, 20_000])
def test_a_list_is_as_it_was_at_every_position_however_little_one_request_may_fold(
    office: Office, monkeypatch: pytest.MonkeyPatch, may_fold: int
) -> None:
    monkeypatch.setattr(reading, "FOLDED_PER_REQUEST_MAX", may_fold)
    told(office)
    head = office.log.head(office.tenant).position
    for position in range(1, head + 1):
        states = folded(office, position)
        for limit in (1, 2, 200):
            items = pages(office, JOBS, as_of=position, limit=limit)
            assert [(item["id"], item["version"]) for item in items] == [
                (job, states[job].version) for job in sorted(states)
            ]
            opened = pages(office, "/v1/work-orders", as_of=position, limit=limit, status="open")
            assert [item["id"] for item in opened] == [
                job for job in sorted(states) if shown.values(states[job])["status"] == "open"
            ]


def test_c12_what_somebody_may_not_see_today_they_do_not_see_as_of_yesterday(office: Office) -> None:
    """And what they may see today they see as it was before they were let in."""
    device, said = told(office)
    job, ada = next(iter(said)), office.people["technician"].person
    assert office.get(f"{JOBS}/{job}", role="technician", as_of=1).status_code == 404
    visit = new_id()
    office.verdicts(device.create("visit", visit, {"work_order_id": job, "assignee_id": ada}))
    let_in = office.log.head(office.tenant).position
    before = office.get(f"{JOBS}/{job}", role="technician", as_of=1)
    assert before.json()["version"] == 1
    office.verdicts(device.tell("visit", visit, "Edited", {"assignee_id": None}))
    for moment in (1, let_in):
        problem(office.get(f"{JOBS}/{job}", role="technician", as_of=moment), 404, "entity-not-found")
        assert office.get(JOBS, role="technician", as_of=moment).json()["items"] == []
        assert office.get("/v1/work-orders", role="technician", as_of=moment).json()["items"] == []


def test_c12_what_is_masked_today_is_masked_as_of_yesterday(office: Office) -> None:
    _, said = told(office)
    job = next(iter(said))
    for path in (f"{JOBS}/{job}", JOBS, "/v1/work-orders"):
        answer = office.get(path, role="analyst", as_of=2)
        assert "Pump" not in answer.text
        assert '"masked":[' in answer.text


@pytest.mark.parametrize("path", [JOBS, "/v1/work-orders", f"{JOBS}/{{job}}"])
@pytest.mark.parametrize(
    ("moment", "kind", "detail"),
    [
        ("0", "as-of-before-beginning", "position 1 was recorded at 2026-01-01T13:00:01.000Z"),
        ("2026-01-01T13:00:00.999Z", "as-of-before-beginning", "before the beginning"),
        ("99", "as-of-ahead", "The log ends at 8"),
        ("2027-01-01T00:00:00Z", "as-of-ahead", "the server's clock says 2026-01-01T13:00:08.000Z"),
        ("yesterday", "as-of-unreadable", "neither a position nor a time"),
        ("", "as-of-unreadable", "neither a position nor a time"),
    ],
)
def test_a_moment_that_there_is_not_is_said_to_be_none(
    office: Office, path: str, moment: str, kind: str, detail: str
) -> None:
    _, said = told(office)
    answer = office.get(path.format(job=next(iter(said))), as_of=moment)
    status = 422 if kind == "as-of-unreadable" else 409  # well formed, and the log has no such moment
    assert detail.lower() in problem(answer, status, kind)["detail"].lower()
