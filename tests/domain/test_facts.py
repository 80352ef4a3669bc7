"""What can be told about each entity, in the past tense, and what each telling says."""

import re

import pytest

from domain.catalogue import ENTITIES, FACTS
from domain.facts import CREATIONS, GENERIC_FACTS, NAMED_FACTS, Fact, first_move, status_of
from domain.lifecycle import LIFECYCLES
from domain.merge_policy import Advance, Log, Ref, Server

EVERY = [fact for facts in FACTS.values() for fact in facts.values()]


def _named(fact: Fact) -> str:
    return f"{fact.entity}-{fact.name}"


@pytest.mark.parametrize("fact", EVERY, ids=_named)
def test_a_fact_tells_fields_that_its_entity_declares_and_that_a_device_may_write(fact: Fact) -> None:
    fields = ENTITIES[fact.entity].fields
    assert set(fact.fields) <= set(fields)
    assert fact.required <= set(fact.fields)
    assert len(set(fact.fields)) == len(fact.fields)
    assert not any(isinstance(fields[name].policy, Server | Advance) for name in fact.fields)
    assert re.fullmatch("([A-Z][a-z0-9]*)+", fact.name)


@pytest.mark.parametrize("fact", EVERY, ids=_named)
def test_a_fact_that_moves_a_status_names_a_move_of_its_lifecycle(fact: Fact) -> None:
    status = status_of(ENTITIES[fact.entity])
    if fact.move is None:
        assert not fact.creates or status is None
        return
    assert status is not None
    move = LIFECYCLES[status[1]].moves[fact.move]
    assert fact.creates == (not move.legal_from)


@pytest.mark.parametrize("name", LIFECYCLES)
def test_every_move_of_a_lifecycle_is_made_by_exactly_one_fact_or_by_creation(name: str) -> None:
    entity = next(each for each in ENTITIES.values() if (status_of(each) or ("", ""))[1] == name)
    for move in LIFECYCLES[name].moves:
        makers = [fact.name for fact in FACTS[entity.name].values() if fact.move == move]
        if move == first_move(entity):
            assert all(FACTS[entity.name][maker].creates for maker in makers)
        else:
            assert len(makers) == 1, move


def test_an_immutable_field_is_told_at_creation_only() -> None:
    for fact in EVERY:
        fields = ENTITIES[fact.entity].fields
        told = [name for name in fact.fields if isinstance(fields[name].policy, Log | Ref)]
        assert fact.creates or not told, fact


@pytest.mark.parametrize("name", ENTITIES)
def test_every_entity_is_created_edited_archived_and_restored(name: str) -> None:
    facts = FACTS[name]
    assert set(GENERIC_FACTS) <= set(facts)
    assert facts["Created"].creates
    assert facts["Created"].required == {field.name for field in ENTITIES[name].fields.values() if field.required}
    assert facts["Archived"].sets == (("archived", True),)
    assert facts["Restored"].sets == (("archived", False),)
    assert "archived" not in facts["Edited"].fields


def test_what_people_call_a_creation_says_what_the_creation_says() -> None:
    for name, entity in CREATIONS.items():
        creation, created = FACTS[entity][name], FACTS[entity]["Created"]
        assert (creation.fields, creation.required, creation.move) == (created.fields, created.required, created.move)
        assert creation.creates


def test_a_named_fact_belongs_to_one_entity() -> None:
    names = [fact.name for fact in NAMED_FACTS]
    assert len(set(names)) == len(names)
    assert not set(names) & (set(CREATIONS) | set(GENERIC_FACTS))


@pytest.mark.parametrize(
    ("entity", "name", "field"),
    [
        ("work_order", "WorkOrderReopened", "reopen_reason"),
        ("work_order", "WorkOrderCancelled", "cancel_reason"),
        ("visit", "VisitFinished", "outcome"),
        ("visit", "VisitReassigned", "assignee_id"),
        ("time_entry", "TimerStopped", "stopped_at"),
    ],
)
def test_what_must_be_explained_is_explained(entity: str, name: str, field: str) -> None:
    assert FACTS[entity][name].required == {field}
