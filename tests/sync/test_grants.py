"""Who may write where, as the server decides it: what visits say, what is late, and what is out of place."""

from dataclasses import replace
from typing import Any, Final

import pytest

from domain.people import Role
from sync.grants import let_in
from sync.limits import DAY_MS, LATE_DAYS_MAX
from sync.push import Answer
from sync.rows import ScopeRow
from tests.devices import PERSON_1, PERSON_2, Device, fold, new_id
from tests.sync.test_push import TENANT, Desk

OFFICE: Final = PERSON_1
ADA: Final = PERSON_2
BEN: Final = "01900000-0000-7000-8000-00000000b0b0"


class Company(Desk):
    """The server, with an office that plans and two technicians who carry phones."""

    def __init__(self) -> None:
        super().__init__()
        self.imke, self.otto = self.device("imke"), self.device("otto")
        self.ada, self.ben = self.device("ada", ADA), self.device("ben", BEN)

    def office(self, *raws: bytes) -> None:
        assert set(self.taken(*raws)) == {"accepted"}

    def job(self, **about: Any) -> str:
        job = new_id()
        self.office(self.imke.create("work_order", job, {"site_id": new_id(), "customer_id": new_id(), **about}))
        return job

    def visit(self, job: str, **named: Any) -> str:
        visit = new_id()
        self.office(self.imke.create("visit", visit, {"work_order_id": job, **named}))
        return visit

    def reassign(self, visit: str, person: str | None) -> None:
        self.office(self.imke.tell("visit", visit, "VisitReassigned", {"assignee_id": person}))

    def pull(self, device: Device) -> None:
        device.see(*(row.body for row in self.log.page(TENANT, after=0, limit=10_000)))
        device.author = replace(device.author, seen=self.position)

    def by(self, person: str, *raws: bytes, role: Role = "technician") -> Answer:
        return self.push(*raws, role=role, actor=person)

    def codes(self, person: str, *raws: bytes) -> list[str]:
        return [each.get("code") or each["verdict"] for each in self.by(person, *raws).verdicts]

    def sees(self, person: str) -> set[str]:
        return {each.scope for each in self.log.scopes(TENANT, person, at=self.position)}

    def edit(self, device: Device, job: str) -> bytes:
        return device.tell("work_order", job, "Edited", {"title": f"Seen by {device.replica}"})


@pytest.fixture
def company() -> Company:
    return Company()


def test_a_technician_writes_where_a_visit_lets_them_in_and_nowhere_else(company: Company) -> None:
    mine, theirs = company.job(), company.job()
    company.visit(mine, assignee_id=ADA)
    company.pull(company.ada)
    raws = [company.edit(company.ada, mine), company.edit(company.ada, theirs)]
    raws.append(company.ada.create("note", new_id(), {"home": f"work_order:{theirs}"}))
    assert company.codes(ADA, *raws) == ["accepted", "out_of_scope", "out_of_scope"]
    assert company.sees(ADA) >= {f"work_order:{mine}"}
    assert f"work_order:{theirs}" not in company.sees(ADA)


def test_a_quarantine_for_the_scope_may_pass_later_and_does_not_block_what_follows(company: Company) -> None:
    mine, theirs = company.job(), company.job()
    company.visit(mine, assignee_id=ADA)
    company.pull(company.ada)
    verdicts = company.by(ADA, company.edit(company.ada, theirs), company.edit(company.ada, mine)).verdicts
    assert (verdicts[0]["code"], verdicts[0]["retryable"]) == ("out_of_scope", True)
    assert verdicts[0]["text"] == f"/entity/id: it lives in work_order:{theirs}, which is not yours"
    assert verdicts[1]["verdict"] == "accepted"


@pytest.mark.parametrize("role", ["dispatcher", "supervisor", "integration"])
def test_who_sees_everything_writes_everywhere(company: Company, role: Role) -> None:
    job = company.job()
    assert company.taken(company.edit(company.imke, job), role=role) == ["accepted"]


def test_a_job_leads_to_its_customer_and_its_site(company: Company) -> None:
    customer, site, other = new_id(), new_id(), new_id()
    company.office(company.imke.create("customer", customer))
    company.office(*(company.imke.create("site", each) for each in (site, other)))
    company.visit(company.job(customer_id=customer, site_id=site), assignee_id=ADA)
    company.pull(company.ada)
    note = company.ada.tell("customer", customer, "Edited", {"note": "Rings twice"})
    reading = company.ada.create("meter_reading", new_id(), {"site_id": site})
    edits = [company.ada.tell("site", each, "Edited", {"hazards": {"add": ["dog"]}}) for each in (site, other)]
    assert company.codes(ADA, note, reading, *edits) == ["accepted", "accepted", "accepted", "out_of_scope"]
    assert {f"customer:{customer}", f"site:{site}"} < company.sees(ADA)


def test_c5_work_written_before_its_author_could_know_of_the_leave_is_late_and_later_work_is_set_aside(
    company: Company,
) -> None:
    job = company.job()
    visit = company.visit(job, assignee_id=ADA)
    company.pull(company.ada)
    before = company.edit(company.ada, job)
    company.reassign(visit, BEN)
    assert company.codes(ADA, before) == ["accepted"]
    still_before = company.edit(company.ada, job)
    company.pull(company.ada)
    assert company.codes(ADA, still_before, company.edit(company.ada, job)) == ["accepted", "out_of_scope"]


def test_whoever_was_let_out_long_ago_is_not_late_any_more_whatever_they_say_they_had_seen(company: Company) -> None:
    job = company.job()
    visit = company.visit(job, assignee_id=ADA)
    company.pull(company.ada)
    late, too_late, still_late = (company.edit(company.ada, job) for _ in range(3))
    company.reassign(visit, BEN)
    let_out_at = company.now_ms
    company.now_ms = let_out_at + LATE_DAYS_MAX * DAY_MS
    assert company.codes(ADA, late) == ["accepted"]
    company.now_ms += 1
    assert company.codes(ADA, too_late) == ["out_of_scope"]
    company.visit(job, crew={"add": [ADA]})
    assert company.codes(ADA, still_late) == ["accepted"], "it is not about when they wrote it"


def test_who_comes_back_by_their_own_late_plan_may_go_on_in_the_same_batch(company: Company) -> None:
    site = new_id()
    company.office(company.imke.create("site", site))
    job = company.job(site_id=site)
    visit = company.visit(job, assignee_id=ADA)
    company.pull(company.ada)
    again = company.ada.create("visit", new_id(), {"work_order_id": job, "assignee_id": ADA})
    company.reassign(visit, BEN)
    company.pull(company.ada)
    edit = company.ada.tell("site", site, "Edited", {"hazards": {"add": ["dog"]}})
    assert company.codes(ADA, again, edit) == ["accepted", "accepted"]


def test_a_visit_that_was_reassigned_while_the_first_was_offline_is_worked_on_by_both(company: Company) -> None:
    job = company.job()
    visit = company.visit(job, assignee_id=ADA)
    for device in (company.ada, company.ben):
        company.pull(device)
    arrived = company.ada.tell("visit", visit, "VisitArrived", {"arrived_at": "2026-01-01T10:00:00.000Z"})
    company.reassign(visit, BEN)
    company.pull(company.ben)
    assert company.codes(BEN, company.edit(company.ben, job)) == ["accepted"]
    assert company.codes(ADA, arrived) == ["accepted"]
    assert f"work_order:{job}" in company.sees(BEN)
    assert f"work_order:{job}" not in company.sees(ADA)
    assert fold([row.body for row in company.log.page(TENANT, after=0, limit=99) if row.entity == visit]).clashes


def test_both_who_are_named_without_knowledge_of_each_other_keep_their_grants_until_it_is_settled(
    company: Company,
) -> None:
    job = company.job()
    visit = company.visit(job)
    company.otto.see(*(row.body for row in company.log.page(TENANT, after=0, limit=99)))
    one = company.imke.tell("visit", visit, "VisitReassigned", {"assignee_id": ADA})
    other = company.otto.tell("visit", visit, "VisitReassigned", {"assignee_id": BEN})
    company.office(one)
    company.office(other)
    assert f"work_order:{job}" in company.sees(ADA) & company.sees(BEN)
    company.imke.see(other)
    company.reassign(visit, BEN)
    assert f"work_order:{job}" in company.sees(BEN) - company.sees(ADA)


def test_the_crew_is_let_in_and_out(company: Company) -> None:
    job = company.job()
    visit = company.visit(job, assignee_id=ADA, crew={"add": [BEN, ADA]})
    assert f"work_order:{job}" in company.sees(ADA) & company.sees(BEN)
    company.office(company.imke.tell("visit", visit, "Edited", {"crew": {"remove": [BEN, ADA]}}))
    assert f"work_order:{job}" in company.sees(ADA) - company.sees(BEN), "who is named twice is in until neither is"
    company.reassign(visit, None)
    assert company.sees(ADA) == set()


def test_two_visits_let_in_until_both_have_ended(company: Company) -> None:
    job = company.job()
    one, other = company.visit(job, assignee_id=ADA), company.visit(job, assignee_id=ADA)
    company.reassign(one, BEN)
    assert f"work_order:{job}" in company.sees(ADA)
    company.pull(company.ada)
    assert company.codes(ADA, company.edit(company.ada, job)) == ["accepted"]
    company.reassign(other, BEN)
    assert f"work_order:{job}" not in company.sees(ADA)


def test_who_creates_a_job_on_the_way_is_let_in_for_good(company: Company) -> None:
    site, job, visit = new_id(), new_id(), new_id()
    ada = company.ada
    company.office(company.imke.create("site", site))
    raws = [
        ada.create("work_order", job, {"site_id": site}),
        ada.create("visit", visit, {"work_order_id": job, "assignee_id": ADA}),
        ada.create("meter_reading", new_id(), {"site_id": site}),
        company.edit(ada, job),
    ]
    assert company.codes(ADA, *raws) == ["accepted"] * 4
    assert {f"site:{site}", f"work_order:{job}"} < company.sees(ADA)
    others = company.ada.create("visit", new_id(), {"work_order_id": job, "assignee_id": BEN})
    assert company.codes(ADA, others) == ["not_allowed"], "whom a visit sends is the office's"
    assert company.codes(ADA, company.edit(ada, job)) == ["accepted"]


def test_the_office_needs_no_grant_for_what_it_creates(company: Company) -> None:
    company.job()
    assert company.sees(OFFICE) == set()


def test_what_was_created_in_a_tx_that_did_not_stand_lets_nobody_in(company: Company) -> None:
    job, tx_id, ada = new_id(), new_id(), company.ada
    tx = [{"id": tx_id, "i": number, "n": 2} for number in (1, 2)]
    created = ada.tell(
        "work_order",
        job,
        "Created",
        {"customer_id": new_id(), "site_id": new_id(), "kind": "repair", "title": "x"},
        tx=tx[0],  # type: ignore[arg-type]  # a Tx, spelled as it travels
    )
    approved = ada.tell("work_order", job, "WorkOrderApproved", tx=tx[1])  # type: ignore[arg-type]  # as above
    note = ada.create("note", new_id(), {"home": f"work_order:{job}"})
    assert company.codes(ADA, created, approved, note) == ["tx_broken", "tx_broken", "out_of_scope"]
    assert company.sees(ADA) == set()


def test_a_quarantined_visit_lets_nobody_in(company: Company) -> None:
    job = company.job()
    visit = company.visit(job, assignee_id=ADA)
    company.pull(company.ada)
    stranger = company.ben.tell("visit", visit, "VisitReassigned", {"assignee_id": BEN})
    twice = company.ben.create("visit", new_id(), {"work_order_id": job, "assignee_id": BEN})
    assert company.codes(BEN, stranger, twice) == ["not_allowed", "out_of_scope"]
    assert company.sees(BEN) == set()


def test_a_held_visit_lets_in_when_it_is_let_go_and_its_author_is_told(company: Company) -> None:
    job = company.job()
    visit = company.visit(job)
    seen = company.otto.tell("visit", visit, "Edited", {"planned_start": "2026-01-02T08:00:00.000Z"})
    company.imke.see(seen)
    named = company.imke.tell("visit", visit, "VisitReassigned", {"assignee_id": ADA})
    assert company.taken(named) == ["held"]
    assert company.sees(ADA) == set()
    company.office(seen)
    assert [*company.log.scopes(TENANT, ADA, at=company.position)][-1] == ScopeRow(f"work_order:{job}", 4)
    later = company.log._tenant(TENANT).later
    assert [(row.replica, row.position, row.verdict["verdict"]) for row in later] == [
        (company.imke.replica, 4, "accepted")
    ]


def test_a_held_event_that_is_set_aside_when_it_is_let_go_is_told_to_its_author(company: Company) -> None:
    job = company.job()
    first = company.otto.tell("work_order", job, "WorkOrderOpened", clock={company.imke.replica: 1})
    company.imke.see(first)
    company.imke.see(closing := company.otto.tell("work_order", job, "WorkOrderCompleted"))
    opened = company.imke.tell("work_order", job, "WorkOrderScheduled")
    assert company.taken(opened) == ["held"]
    company.office(first, closing)
    (row,) = company.log._tenant(TENANT).later
    assert (row.seq, row.verdict["verdict"], row.verdict["code"]) == (2, "quarantined", "illegal_move")


def test_what_waits_was_judged_by_the_scope_when_it_came(company: Company) -> None:
    job = company.job()
    unseen = company.otto.tell("work_order", job, "Edited", {"title": "x"})
    company.ada.see(unseen)
    company.ben.see(unseen)
    assert company.codes(ADA, company.edit(company.ada, job)) == ["out_of_scope"]
    company.visit(job, assignee_id=BEN)
    assert company.codes(BEN, company.edit(company.ben, job)) == ["held"]
    company.office(unseen)
    assert company.log.page(TENANT, after=0, limit=9)[-1].actor == BEN


def test_the_catalogue_is_everybodys_as_far_as_the_role_goes(company: Company) -> None:
    raws = [company.ada.create("part", new_id()), company.ada.create("note", new_id(), {"home": "catalog"})]
    assert company.codes(ADA, *raws) == ["not_allowed", "accepted"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [({}, set()), ({"assignee_id": ADA}, {ADA}), ({"assignee_id": None, "crew": {"add": [BEN]}}, {BEN})],
)
def test_a_visit_lets_in_whom_it_names(named: dict[str, Any], expected: set[str]) -> None:
    assert let_in(fold([Device("a").create("visit", new_id(), named)])) == expected
    assert let_in(fold([Device("a").create("work_order", new_id())])) == set()
