"""Work that was set aside because its author was not let in: it comes right by itself, and nothing else does."""

from typing import Any

import orjson
import pytest

from tests.api.office import Office
from tests.devices import new_id


class Job:
    """A job that a technician works on and is not let into."""

    def __init__(self, office: Office) -> None:
        self.office, self.id = office, new_id()
        self.bens, self.adas = office.device("ben"), office.device("ada", "technician")
        created = self.bens.create("work_order", self.id)
        office.verdicts(created)
        self.adas.see(created)

    def tell(self, *raws: bytes) -> list[dict[str, Any]]:
        return self.office.verdicts(*raws, role="technician")

    def set_aside(self, *raws: bytes) -> list[str]:
        """The cases of what a technician hands in, and nobody lets them."""
        told = self.tell(*raws)
        assert {each["code"] for each in told} == {"out_of_scope"}
        return [each["case"] for each in told]

    def edited(self, field: str = "description", **more: Any) -> bytes:
        return self.adas.tell("work_order", self.id, "Edited", {field: new_id()}, **more)

    def let_in(self) -> None:
        """Plan a visit for the technician."""
        person = self.office.people["technician"].person
        self.office.verdicts(self.bens.create("visit", new_id(), {"work_order_id": self.id, "assignee_id": person}))

    def states(self, *cases: str) -> list[str]:
        return [self.office.get(f"/v1/quarantine/{case}").json()["state"] for case in cases]

    def in_log(self) -> list[bytes]:
        rows = self.office.log.page(self.office.tenant, after=0, limit=1_000)
        return [row.body for row in rows if row.replica == self.adas.replica]


@pytest.fixture
def job(office: Office) -> Job:
    return Job(office)


def test_who_is_let_in_has_it_taken_in_and_is_told(job: Job) -> None:
    raws = [job.edited(), job.edited(), job.edited()]
    cases = job.set_aside(*raws)
    cursor = job.office.log.head(job.office.tenant).position
    job.let_in()
    assert job.in_log() == raws, "in the order in which they were written"
    assert job.states(*cases) == ["retried"] * 3
    asked = {"cursor": cursor, "replica": job.adas.replica}
    page = job.office.get("/v1/sync/pull", role="technician", **asked)
    told = [frame for line in page.text.splitlines() if (frame := orjson.loads(line))["frame"] == "verdict"]
    assert [each["verdict"] for each in told] == ["accepted"] * 3
    assert [each["verdict"] for each in job.tell(*raws)] == ["duplicate"] * 3


def test_what_others_told_of_what_they_had_made_follows(job: Job) -> None:
    note = new_id()
    about = {"home": f"work_order:{job.id}", "target": {"type": "work_order", "id": job.id}}
    made = job.adas.create("note", note, about)
    (case,) = job.set_aside(made)
    job.bens.see(made)
    (verdict,) = job.office.verdicts(job.bens.tell("note", note, "Edited", {"visibility": "customer"}))
    assert verdict["code"] == "unknown_entity"
    job.let_in()
    assert job.states(case, verdict["case"]) == ["retried", "retried"]
    assert job.office.get(f"/v1/entities/note/{note}").json()["visibility"] == "customer"


def test_what_waits_for_others_is_tried_again_when_its_author_says_hello(job: Job) -> None:
    lost = job.office.device("lost")
    earlier = lost.tell("work_order", job.id, "Edited", {"title": "Pump"}, clock={job.bens.replica: 1})
    job.adas.see(earlier)
    (case,) = job.set_aside(job.edited())
    job.let_in()
    assert job.states(case) == ["open"], "what it was written on top of is not there"
    job.office.verdicts(earlier)
    job.office.post("/v1/sync/hello", {"replica": job.adas.replica}, role="technician")
    assert job.states(case) == ["retried"]


def test_nobody_elses_work_and_no_other_jobs_work_comes_along(job: Job) -> None:
    other = Job.__new__(Job)
    other.office, other.id, other.bens, other.adas = job.office, new_id(), job.bens, job.adas
    created = job.bens.create("work_order", other.id)
    job.office.verdicts(created)
    job.adas.see(created)
    cases = [*job.set_aside(job.edited()), *other.set_aside(other.edited())]
    job.let_in()
    assert job.states(*cases) == ["retried", "open"]


def test_what_a_person_has_decided_stays_decided(job: Job) -> None:
    cases = job.set_aside(job.edited(), job.edited())
    dismissed = job.office.post(f"/v1/quarantine/{cases[0]}/dismiss", {"reason": "It is Ben's job."})
    assert dismissed.status_code == 200
    job.let_in()
    assert job.states(*cases) == ["dismissed", "retried"]


def test_what_is_refused_for_another_reason_too_stays_set_aside(job: Job) -> None:
    (case,) = job.set_aside(job.adas.tell("work_order", job.id, "WorkOrderResumed"))
    job.let_in()
    assert job.states(case) == ["open"]
    assert job.in_log() == []


def test_many_are_taken_in_over_several_hellos(job: Job) -> None:
    cases: list[str] = []
    for _ in range(3):
        cases += job.set_aside(*(job.edited() for _ in range(50)))
    job.let_in()
    for _ in range(2):
        job.office.post("/v1/sync/hello", {"replica": job.adas.replica}, role="technician")
    assert len(job.in_log()) == 150
    assert {*job.states(*cases[:3], *cases[-3:])} == {"retried"}
