"""Whether an event that arrives may be said."""

import pytest

from commands.judge import judge_for, judge_move
from domain.people import Role
from sync.envelope import Unacceptable, parse
from tests.devices import PERSON_1, PERSON_2, Device, fold, new_id

JOB = new_id()
REASONS = {"WorkOrderReopened": {"reopen_reason": "Drips"}, "WorkOrderCancelled": {"cancel_reason": "Sold"}}


def told(device: Device, *event_types: str) -> list[bytes]:
    """A job that was created, and what happened to it then."""
    return [device.create("work_order", JOB)] + [
        device.tell("work_order", JOB, each, REASONS.get(each)) for each in event_types
    ]


def verdict(history: list[bytes], event: bytes) -> Unacceptable | None:
    return judge_move(parse(event), fold(history) if history else None)


@pytest.mark.parametrize(
    ("role", "entity_type", "event_type", "refused"),
    [
        ("technician", "work_order", "WorkOrderCompleted", False),
        ("technician", "work_order", "WorkOrderApproved", True),
        ("supervisor", "work_order", "WorkOrderApproved", False),
        ("analyst", "work_order", "WorkOrderCompleted", True),
    ],
)
@pytest.mark.parametrize("actor", [PERSON_1, PERSON_2])
def test_c7_a_role_tells_what_the_table_says(
    role: Role, entity_type: str, event_type: str, refused: bool, actor: str
) -> None:
    event = parse(Device("a").tell(entity_type, JOB, event_type))
    fault = judge_for(role).may_tell(event, actor)
    assert (fault.code if fault else None) == ("not_allowed" if refused else None)
    if fault:
        assert fault.detail.endswith(f"{role} does not tell {event_type} of a {entity_type}")


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ([], "WorkOrderOpened"),
        ([], "WorkOrderCompleted"),  # skipped forward
        (["WorkOrderOpened"], "WorkOrderStarted"),
        (["WorkOrderCompleted"], "WorkOrderReopened"),
        (["WorkOrderCompleted", "WorkOrderReopened"], "WorkOrderStarted"),
        (["WorkOrderOpened"], "WorkOrderOpened"),  # saying again what is so
        (["WorkOrderCompleted"], "WorkOrderCompleted"),
    ],
)
def test_a_move_that_follows_what_its_author_knew_is_taken(before: list[str], then: str) -> None:
    device = Device("a")
    history = told(device, *before)
    assert verdict(history, device.tell("work_order", JOB, then, REASONS.get(then))) is None


@pytest.mark.parametrize(
    ("before", "then", "text"),
    [
        (["WorkOrderCompleted"], "WorkOrderStarted", "WorkOrderStarted does not follow completed"),
        (["WorkOrderCompleted"], "WorkOrderCancelled", "WorkOrderCancelled does not follow completed"),
        (["WorkOrderCancelled"], "WorkOrderCompleted", "WorkOrderCompleted does not follow cancelled"),
        ([], "WorkOrderApproved", "WorkOrderApproved does not follow draft; it follows completed"),
        (["WorkOrderOpened"], "WorkOrderClosed", "WorkOrderClosed does not follow open; it follows approved"),
    ],
)
def test_a_move_its_author_knew_to_be_impossible_is_refused(before: list[str], then: str, text: str) -> None:
    device = Device("a")
    history = told(device, *before)
    fault = verdict(history, device.tell("work_order", JOB, then, REASONS.get(then)))
    assert fault is not None
    assert fault.code == "illegal_move"
    assert fault.detail.startswith(text)


def test_what_others_did_meanwhile_refuses_nothing() -> None:
    office, technician = Device("office"), Device("tech")
    history = told(office, "WorkOrderOpened")
    technician.see(*history)
    history.append(office.tell("work_order", JOB, "WorkOrderCancelled", {"cancel_reason": "Sold"}))
    late = technician.tell("work_order", JOB, "WorkOrderStarted")
    assert verdict(history, late) is None
    technician.see(history[-1])
    known = technician.tell("work_order", JOB, "WorkOrderCompleted")
    assert verdict([*history, late], known) is None, "of the two known statuses, one lets it follow"


def test_what_makes_no_move_is_judged_by_nobody() -> None:
    device = Device("a")
    history = told(device, "WorkOrderCancelled")
    assert verdict(history, device.tell("work_order", JOB, "Edited", {"title": "Pump"})) is None


@pytest.mark.parametrize("role", ["technician", "supervisor"])
def test_a_move_is_judged_alike_for_every_role(role: Role) -> None:
    device = Device("a")
    history = told(device, "WorkOrderCancelled")
    event = parse(device.tell("work_order", JOB, "WorkOrderStarted"))
    fault = judge_for(role).follows(event, fold(history))
    assert fault is not None
    assert judge_for(role).follows(event, None) is None


def test_a_move_is_judged_by_what_its_author_had_just_seen_of_somebody_else() -> None:
    device, other = Device("a"), Device("b")
    history = told(device, "WorkOrderCancelled")
    other.see(*history)
    fault = verdict(history, other.tell("work_order", JOB, "WorkOrderStarted"))
    assert fault is not None
    assert fault.code == "illegal_move"
