"""Everything of the domain model is declared, and lives where others look for it."""

import pytest

from domain.catalogue import DECLARATIONS, ENTITIES, FACTS, ON_DEVICES, entity_type, fact
from domain.entity import Record
from domain.merge_policy import Ask, Log, Once, Ref
from sync.frames import OFFICE_SCOPE
from tests.devices import CREATED, ELSEWHERE, new_id


def test_every_entity_of_the_domain_model_is_declared() -> None:
    assert set(ENTITIES) == {
        *("customer", "contact", "site", "asset", "meter_reading", "work_order", "visit"),
        *("checklist_template", "checklist_answer", "note", "attachment", "signature", "time_entry"),
        *("part", "stock_location", "part_use", "person", "device", "case"),
    }
    # In this order, whatever was imported first: generated files follow it.
    assert [each.declaration for each in ENTITIES.values()] == list(DECLARATIONS)


@pytest.mark.parametrize("name", ENTITIES)
def test_an_entity_is_a_frozen_record_that_says_what_it_is(name: str) -> None:
    declaration = ENTITIES[name].declaration
    assert issubclass(declaration, Record)
    assert declaration.__doc__
    assert "__dict__" not in dir(declaration), "slots"
    assert {"archived", "tags", "custom"} <= set(ENTITIES[name].fields)
    assert "id" not in ENTITIES[name].fields


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        *((own, f"{own}:{{id}}") for own in ("customer", "site", "work_order", "device")),
        ("case", "office"),
        *((each, "catalog") for each in ("part", "stock_location", "checklist_template", "person")),
        ("contact", f"customer:{ELSEWHERE}"),
        *((each, f"site:{ELSEWHERE}") for each in ("asset", "meter_reading")),
        *((each, f"work_order:{ELSEWHERE}") for each in ("visit", "checklist_answer", "signature")),
        *((each, f"work_order:{ELSEWHERE}") for each in ("time_entry", "part_use", "note", "attachment")),
    ],
)
def test_an_entity_lives_in_one_home_scope(name: str, scope: str) -> None:
    entity_id = new_id()
    assert ENTITIES[name].scope_of(entity_id, CREATED[name]) == scope.format(id=entity_id)


def test_what_decides_the_home_scope_is_said_at_creation_and_by_every_creation() -> None:
    for name, entity in ENTITIES.items():
        if entity.home.partition(":")[0] in ("own", "catalog", "office"):
            continue
        field = entity.home.partition(":")[2] or "home"
        assert all(field in each.required for each in FACTS[name].values() if each.creates)


def test_what_lives_in_the_office_is_on_no_device() -> None:
    assert set(ENTITIES) - set(ON_DEVICES) == {"case"}
    assert ENTITIES["case"].home == OFFICE_SCOPE


@pytest.mark.parametrize(
    ("name", "field", "policy"),
    [
        ("meter_reading", "value", Log()),
        ("note", "body", Log()),
        ("signature", "document_hash", Once()),
        ("checklist_template", "items", Ref()),
        ("work_order", "outcome", Ask()),
        ("visit", "assignee_id", Ask()),
    ],
)
def test_evidence_is_written_once_and_judgement_is_asked_about(name: str, field: str, policy: object) -> None:
    assert ENTITIES[name].fields[field].policy == policy


def test_what_nobody_declared_is_not_there() -> None:
    assert entity_type("unicorn") is None
    assert entity_type("visit") is ENTITIES["visit"]
    assert fact("unicorn", "Created") is None
    assert fact("visit", "WorkOrderOpened") is None
    assert fact("visit", "VisitArrived") is FACTS["visit"]["VisitArrived"]
