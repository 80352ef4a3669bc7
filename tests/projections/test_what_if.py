"""Another policy for a field is tried on what has happened: which past conflicts would have gone otherwise."""

from typing import Any

import pytest

from domain.catalogue import ENTITIES
from domain.merge_policy import Ask, Latest, Once
from projections.what_if import Meeting, Outcome, may_be_tried, meetings
from tests.devices import MINUTE, NOON, Device, new_id
from tests.projections.logs import log_of

SITE = new_id()


def titles(*, decided: str | None, ben: str = "Pump leaks") -> list[bytes]:
    """Ada and Ben retitle a job without knowing of each other, Ben a minute later; then perhaps somebody decides."""
    job, ada, other = new_id(), Device("ada"), Device("ben")
    created = ada.create("work_order", job)
    other.see(created)
    hers = ada.tell("work_order", job, "Edited", {"title": "Pump drips"}, now_ms=NOON + MINUTE)
    his = other.tell("work_order", job, "Edited", {"title": ben}, now_ms=NOON + 2 * MINUTE)
    told = [created, hers, his]
    if decided is not None:
        ada.see(his)
        told.append(ada.tell("work_order", job, "Edited", {"title": decided}))
    return told


def met(raws: list[bytes], now: Any, then: Any) -> list[Meeting]:
    return meetings(log_of(raws), "title", now, then)


def test_a_policy_that_asks_nobody_shows_what_it_would_have_shown() -> None:
    (meeting,) = met(titles(decided="Pump drips"), Ask(), Latest())
    assert (meeting.position, meeting.written) == (3, ["Pump drips", "Pump leaks"])
    assert (meeting.now, meeting.then) == (Outcome("Pump leaks", asks=True), Outcome("Pump leaks", asks=False))
    assert (meeting.is_decided, meeting.decided) == (True, "Pump drips")
    assert meeting.goes_otherwise
    assert meeting.is_against_the_decision


def test_where_people_decided_as_the_policy_would_have_nothing_is_lost() -> None:
    (meeting,) = met(titles(decided="Pump leaks"), Ask(), Latest())
    assert meeting.goes_otherwise
    assert not meeting.is_against_the_decision


def test_the_first_that_was_written_may_stand_instead_of_the_last() -> None:
    (meeting,) = met(titles(decided=None), Ask(), Once())
    assert meeting.then == Outcome("Pump drips", asks=True)
    assert not meeting.is_decided
    assert not meeting.is_against_the_decision


def test_where_all_wrote_the_same_no_policy_asks() -> None:
    (meeting,) = met(titles(decided=None, ben="Pump drips"), Ask(), Latest())
    assert not meeting.goes_otherwise


def test_where_everybody_knew_of_each_other_nobody_met() -> None:
    ada, job = Device("ada"), new_id()
    told = [ada.create("work_order", job), ada.tell("work_order", job, "Edited", {"title": "Pump drips"})]
    assert met(told, Ask(), Latest()) == []


def test_three_who_did_not_know_of_each_other_are_one_meeting() -> None:
    raws = titles(decided=None)
    eve = Device("eve")
    eve.see(raws[0])
    job = log_of(raws)[0].entity
    raws.append(eve.tell("work_order", job, "Edited", {"title": "Pump runs dry"}))
    (meeting,) = met(raws, Ask(), Latest())
    assert (len(meeting.sides), meeting.position) == (3, 4)


@pytest.mark.parametrize("field", ["status", "archived", "assets", "custom", "customer_id", "number"])
def test_what_is_no_matter_of_choice_cannot_be_tried(field: str) -> None:
    assert field not in may_be_tried(ENTITIES["work_order"])
    assert {"title", "priority", "opened_at"} <= set(may_be_tried(ENTITIES["work_order"]))
