"""Who may tell what."""

from typing import get_args

import pytest

from commands.authority import (
    PERSONAL,
    fault_in_telling,
    masked_from,
    may_hand_in,
    may_see_cases,
    may_tell,
    may_work_on_cases,
)
from domain.catalogue import ENTITIES, FACTS, ON_DEVICES
from domain.people import Role

ROLES: tuple[Role, ...] = get_args(Role)
EVERY = [(entity, name) for entity in ON_DEVICES for name in FACTS[entity]]


@pytest.mark.parametrize(
    ("role", "hands_in"),
    [
        *((role, True) for role in ("technician", "dispatcher", "supervisor", "admin", "integration")),
        *((role, False) for role in ("analyst", "auditor")),
    ],
)
def test_c7_only_those_who_tell_something_hand_in(role: Role, hands_in: bool) -> None:
    assert may_hand_in(role) is hands_in
    assert any(may_tell(role, *each) for each in EVERY) is hands_in


@pytest.mark.parametrize(
    ("entity", "name", "tellers"),
    [
        ("visit", "VisitFinished", {"technician", "supervisor"}),
        ("visit", "VisitCancelled", {"dispatcher", "supervisor"}),
        ("visit", "VisitReassigned", {"dispatcher", "supervisor"}),
        ("work_order", "Created", {"technician", "dispatcher", "supervisor", "admin", "integration"}),
        ("work_order", "WorkOrderCompleted", {"technician", "dispatcher", "supervisor", "integration"}),
        ("work_order", "WorkOrderCancelled", {"dispatcher", "supervisor", "admin", "integration"}),
        ("work_order", "WorkOrderApproved", {"supervisor", "admin"}),
        ("work_order", "WorkOrderClosed", {"supervisor", "admin"}),
        ("work_order", "WorkOrderReopened", {"dispatcher", "supervisor", "admin"}),
        ("customer", "Edited", {"technician", "dispatcher", "supervisor", "admin", "integration"}),
        ("site", "Created", {"dispatcher", "supervisor", "admin", "integration"}),
        ("part_use", "PartUsed", {"technician", "supervisor"}),
        ("signature", "SignatureTaken", {"technician", "supervisor"}),
        ("visit", "VisitDispatched", {"dispatcher", "supervisor"}),
        ("part", "Created", {"dispatcher", "supervisor", "admin"}),
        ("person", "Edited", {"dispatcher", "supervisor", "admin"}),
        ("device", "DeviceRevoked", {"dispatcher", "supervisor", "admin"}),
        ("note", "NoteWritten", {"technician", "dispatcher", "supervisor"}),
    ],
)
def test_c7_a_fact_is_told_by_those_roles_and_no_others(entity: str, name: str, tellers: set[str]) -> None:
    assert {role for role in ROLES if may_tell(role, entity, name)} == tellers


@pytest.mark.parametrize("role", ROLES)
def test_nobody_tells_what_only_the_server_says(role: Role) -> None:
    assert not any(may_tell(role, "case", name) for name in FACTS["case"])


def test_who_sees_everything_sees_cases_and_the_office_decides_about_them() -> None:
    assert {role for role in ROLES if not may_see_cases(role)} == {"technician", "analyst"}
    assert {role for role in ROLES if may_work_on_cases(role)} == {"dispatcher", "supervisor", "admin"}


def test_a_supervisor_may_tell_everything() -> None:
    assert all(may_tell("supervisor", *each) for each in EVERY)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_tells_what_is_not_declared(role: Role) -> None:
    assert not may_tell(role, "unicorn", "Created")
    assert not may_tell(role, "visit", "VisitTeleported")


ME, OTHER = "01900000-0000-7000-8000-00000000a001", "01900000-0000-7000-8000-00000000a002"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("entity", "told"), [("customer", {"note"}), ("site", {"position", "hazards"}), ("asset", {"condition"})]
)
def test_c7_a_technician_says_of_the_customers_things_only_what_is_seen_on_site(
    role: Role, entity: str, told: set[str]
) -> None:
    fields = FACTS[entity]["Edited"].fields
    said = {name for name in fields if fault_in_telling(role, entity, "Edited", {name: None}, ME) is None}
    everything = role in ("dispatcher", "supervisor", "admin", "integration")
    assert said == (told if role == "technician" else set(fields) if everything else set())


@pytest.mark.parametrize(
    ("field", "allowed"), [("assignee_id", False), ("crew", False), ("resolution", True), ("planned_start", False)]
)
def test_c7_whom_a_visit_sends_and_when_is_the_offices(field: str, allowed: bool) -> None:
    assert (fault_in_telling("technician", "visit", "Edited", {field: ME}, ME) is None) is allowed
    assert fault_in_telling("dispatcher", "visit", "Edited", {field: ME}, ME) is None


@pytest.mark.parametrize(
    ("entity", "name", "field"),
    [
        ("visit", "VisitPlanned", "assignee_id"),
        ("time_entry", "TimerStarted", "person_id"),
        ("note", "NoteWritten", "author_id"),
    ],
)
def test_c7_a_technician_speaks_for_nobody_else(entity: str, name: str, field: str) -> None:
    assert fault_in_telling("technician", entity, name, {field: ME}, ME) is None
    fault = fault_in_telling("technician", entity, name, {field: OTHER}, ME)
    assert fault == f"/data/{field}: whoever is technician names only themselves there"
    assert fault_in_telling("supervisor", entity, name, {field: OTHER}, ME) is None


def test_only_analysts_are_not_shown_who_it_was() -> None:
    assert {role for role in ROLES if any(masked_from(role, entity) for entity in ENTITIES)} == {"analyst"}
    assert all(fields <= ENTITIES[entity].fields.keys() for entity, fields in PERSONAL.items())
