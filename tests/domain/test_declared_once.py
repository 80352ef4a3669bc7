"""A field is declared in one place, and everything that knows fields follows from there."""

from dataclasses import dataclass, make_dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Le, MaxLen
from pydantic import TypeAdapter, ValidationError

from cairnfield.event_catalogue import event_catalogue
from domain.catalogue import DECLARATIONS, ENTITIES, FACTS
from domain.entity import EntityType, Record, describe
from domain.facts import facts_of
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum
from domain.values import Address, Date, Decimal, EntityId, Instant, Line, Pairs
from projections.columns import columns_of
from sync.envelope import Envelope
from sync.json_schema import data_schema
from sync.payload import schema_of
from sync.plan import Kind, plan_for


def ladder(**extra: Any) -> EntityType:
    """An entity that exists in this test alone, with one more field."""
    declaration = make_dataclass(
        "Ladder",
        [("label", Annotated[Line, Ask()]), *((name, hint, None) for name, hint in extra.items())],
        bases=(Record,),
        frozen=True,
        slots=True,
        kw_only=True,
    )
    return describe("ladder", declaration, home="catalog")


def checked(entity: EntityType, event_type: str, data: dict[str, Any]) -> Any:
    return TypeAdapter[Any](schema_of(entity, facts_of(entity)[event_type])).validate_python(data)


BEFORE = ladder()
AFTER = ladder(gate_code=Annotated[Annotated[str, MaxLen(20)] | None, Ask()])


def test_a_new_field_is_taken_by_the_events_that_tell_fields() -> None:
    assert "gate_code" not in facts_of(BEFORE)["Created"].fields
    assert "gate_code" in facts_of(AFTER)["Created"].fields
    assert "gate_code" in facts_of(AFTER)["Edited"].fields
    assert facts_of(AFTER)["Archived"].fields == ()


@pytest.mark.parametrize("event_type", ["Created", "Edited"])
def test_a_new_field_is_validated_with_its_limits(event_type: str) -> None:
    least = {"label": "Three metres"} if event_type == "Created" else {}
    assert checked(AFTER, event_type, {**least, "gate_code": "4711"})["gate_code"] == "4711"
    assert checked(AFTER, event_type, {**least, "gate_code": None})["gate_code"] is None
    for entity, wrong in ((AFTER, "x" * 21), (AFTER, 4711), (BEFORE, "4711")):
        with pytest.raises(ValidationError):
            checked(entity, event_type, {**least, "gate_code": wrong})


def test_a_new_field_merges_by_its_policy() -> None:
    assert "gate_code" not in plan_for(BEFORE).kinds
    assert plan_for(AFTER).kinds["gate_code"] is Kind.REGISTER
    assert plan_for(AFTER).policies["gate_code"] == Ask()


def test_a_new_field_is_in_the_json_schema() -> None:
    schema = data_schema(AFTER, facts_of(AFTER)["Created"])
    text = {"type": "string", "maxLength": 20, "pattern": r"^[^\x00]*$"}
    assert schema["properties"]["gate_code"]["anyOf"] == [text, {"type": "null"}]
    assert schema["required"] == ["label"]
    assert schema["additionalProperties"] is False
    assert "gate_code" not in data_schema(BEFORE, facts_of(BEFORE)["Created"])["properties"]


def test_a_new_field_is_a_column_and_the_last_one() -> None:
    assert columns_of(AFTER) == (*columns_of(BEFORE), ("gate_code", "text", True))


@pytest.mark.parametrize(
    ("hint", "policy", "kind", "column"),
    [
        (str, Latest(), Kind.REGISTER, ("text", False)),
        (Line | None, Once(), Kind.REGISTER, ("text", True)),
        (EntityId, Ref(), Kind.REGISTER, ("text", False)),
        (Literal["up", "down"] | None, Ask(), Kind.REGISTER, ("text", True)),
        (bool, Latest(), Kind.REGISTER, ("boolean", False)),
        (bool | None, Latest(), Kind.REGISTER, ("boolean", True)),
        (Annotated[int, Ge(0), Le(9)], Log(), Kind.REGISTER, ("bigint", False)),
        (Decimal, Sum(), Kind.SUM, ("numeric", False)),
        (Decimal | None, Ask(), Kind.REGISTER, ("numeric", True)),
        (Instant | None, Server(), Kind.REGISTER, ("timestamptz", True)),
        (Instant, Log(), Kind.REGISTER, ("timestamptz", False)),
        (Date | None, Ask(), Kind.REGISTER, ("date", True)),
        (Address | None, Ask(), Kind.REGISTER, ("jsonb", True)),
        (Pairs, Latest(each_key=True), Kind.MAP, ("jsonb", False)),
        (list[str], Log(), Kind.REGISTER, ("jsonb", False)),
        (bool | Decimal | None, Ask(), Kind.REGISTER, ("jsonb", True)),
        (frozenset[EntityId], AddWins(), Kind.SET, ("text[]", False)),
        (frozenset[Literal["gas", "dog"]], AddWins(), Kind.SET, ("text[]", False)),
    ],
)
def test_every_kind_of_value_has_its_way_to_merge_and_its_column(
    hint: Any, policy: MergePolicy, kind: Kind, column: tuple[str, bool]
) -> None:
    entity = ladder(told=Annotated[hint, policy])
    assert plan_for(entity).kinds["told"] is kind
    assert columns_of(entity)[-1] == ("told", *column)


def test_what_the_server_writes_is_told_by_no_event() -> None:
    entity = ladder(counted=Annotated[int | None, Server()])
    assert all("counted" not in fact.fields for fact in facts_of(entity).values())
    with pytest.raises(ValidationError):
        checked(entity, "Created", {"label": "Three metres", "counted": 1})


def test_a_status_brings_its_moves_and_no_member_of_data() -> None:
    entity = ladder(status=Annotated[str, Advance("device")])
    assert plan_for(entity).status == "status"
    assert facts_of(entity)["Created"].move == "enrol"
    assert all("status" not in fact.fields for fact in facts_of(entity).values())


def test_a_field_without_a_policy_or_with_two_is_no_declaration() -> None:
    for hint in (str, Annotated[str, Ask(), Latest()], Annotated[str, AddWins()]):
        with pytest.raises(AssertionError):
            ladder(told=hint)


def test_an_entity_is_declared_under_one_name_once() -> None:
    from domain.entity import entity  # noqa: PLC0415  # so that the name does not stand beside the fixture's

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Customer(Record):
        """Somebody else's customer."""

    with pytest.raises(AssertionError, match="customer is declared twice"):
        entity("customer", home="own")(Customer)


@pytest.mark.parametrize("name", ENTITIES)
def test_every_declared_field_has_a_column_and_every_event_a_closed_schema(name: str) -> None:
    entity = ENTITIES[name]
    assert [column.name for column in columns_of(entity)] == ["id", *entity.fields]
    for fact in FACTS[name].values():
        schema = data_schema(entity, fact)
        assert set(schema.get("properties", {})) == set(fact.fields)
        assert set(schema.get("required", [])) == fact.required
        assert schema["additionalProperties"] is False


def test_the_reference_page_names_every_entity_field_event_and_member() -> None:
    page = event_catalogue()
    sections = dict(section.split("\n", 1) for section in page.split("\n## ")[1:])
    assert set(ENTITIES) <= set(sections)
    for name, entity in ENTITIES.items():
        assert all(f"\n| `{field}` | " in sections[name] for field in entity.fields)
        assert all(f"\n| `{event_type}` | " in sections[name] for event_type in FACTS[name])
    assert all(f"\n| `{member}` | " in sections["The envelope"] for member in Envelope.__annotations__)


def test_the_reference_page_tells_entities_in_the_order_in_which_people_meet_them() -> None:
    names = {entity.declaration: name for name, entity in ENTITIES.items()}
    page = event_catalogue()
    places = [page.index(f"\n## {names[each]}\n") for each in DECLARATIONS]
    assert places == sorted(places)
