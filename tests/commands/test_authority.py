"""Who may tell what."""

from typing import get_args

import pytest

from commands.authority import may_hand_in, may_see_cases, may_tell, may_work_on_cases
from domain.catalogue import FACTS, ON_DEVICES
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
        ("visit", "VisitFinished", {"technician", "dispatcher", "supervisor"}),
        ("visit", "VisitCancelled", {"dispatcher", "supervisor"}),
        ("visit", "VisitReassigned", {"dispatcher", "supervisor"}),
        ("work_order", "Created", {"technician", "dispatcher", "supervisor", "integration"}),
        ("work_order", "WorkOrderCompleted", {"technician", "dispatcher", "supervisor", "integration"}),
        ("work_order", "WorkOrderCancelled", {"dispatcher", "supervisor", "integration"}),
        ("work_order", "WorkOrderApproved", {"supervisor"}),
        ("work_order", "WorkOrderClosed", {"supervisor"}),
        ("work_order", "WorkOrderReopened", {"dispatcher", "supervisor"}),
        ("customer", "Edited", {"dispatcher", "supervisor", "integration"}),
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
    assert {role for role in ROLES if not may_see_cases(role)} == {"technician"}
    assert {role for role in ROLES if may_work_on_cases(role)} == {"dispatcher", "supervisor", "admin"}


def test_a_supervisor_may_tell_everything() -> None:
    assert all(may_tell("supervisor", *each) for each in EVERY)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_tells_what_is_not_declared(role: Role) -> None:
    assert not may_tell(role, "unicorn", "Created")
    assert not may_tell(role, "visit", "VisitTeleported")
