"""What is written for TypeScript says all that is declared, and nothing else."""

import json
import subprocess
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import pytest
from annotated_types import MaxLen

from cairnfield.hint_names import HINT_NAMES
from cairnfield.node import node
from cairnfield.typescript import literal, pattern
from cairnfield.typescript_catalogue import catalogue
from cairnfield.typescript_limits import client_limits
from cairnfield.typescript_shapes import Shapes
from cairnfield.typescript_types import types
from domain.catalogue import ENTITIES, FACTS, ON_DEVICES, Catalogue
from domain.entity import EntityType, Record, describe
from domain.facts import Fact, facts_of, lifecycles_of, status_of
from domain.lifecycle import CLASHES, LIFECYCLES
from domain.merge_policy import Ask, Latest, MergePolicy
from domain.upcasts import Drop, Fill, Rename, Translate
from domain.values import Address, Line, Text
from sync import limits

ROOT: Final = Path(__file__).resolve().parents[1]
GENERATED: Final = ROOT / "pwa" / "sdk" / "src" / "generated"

# Sets and maps as JSON has them: in no order that anybody relies on.
_DUMP: Final = """
import { ENTITIES, ENVELOPE } from "./catalogue.ts";
const plain = (value) =>
  value instanceof Map ? Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]))
  : value instanceof Set ? [...value].map(plain).sort()
  : value instanceof RegExp ? value.source
  : Array.isArray(value) ? value.map(plain)
  : value !== null && typeof value === "object" ? plain(new Map(Object.entries(value)))
  : value;
console.log(JSON.stringify({ entities: plain(ENTITIES), envelope: plain(ENVELOPE) }));
"""


@pytest.fixture(scope="module")
def read() -> Any:
    """What Node reads in the generated catalogue."""
    run = [str(node()), "--input-type=module", "--eval", _DUMP]
    return json.loads(subprocess.run(run, cwd=GENERATED, capture_output=True, check=True).stdout)


def test_every_entity_is_there_and_no_other(read: Any) -> None:
    assert set(read["entities"]) == set(ON_DEVICES)


@pytest.mark.parametrize("name", ON_DEVICES)
def test_an_entity_has_its_fields_with_their_policies(name: str, read: Any) -> None:
    told = {each["name"]: (each["policy"], each["required"]) for each in read["entities"][name]["fields"].values()}
    assert told == {each.name: (_policy(each.policy), each.required) for each in ENTITIES[name].fields.values()}
    assert read["entities"][name]["home"] == ENTITIES[name].home


def _policy(policy: MergePolicy) -> str:
    return "EachKey" if policy == Latest(each_key=True) else type(policy).__name__


@pytest.mark.parametrize("name", ON_DEVICES)
def test_an_entity_has_its_facts(name: str, read: Any) -> None:
    assert read["entities"][name]["facts"] == {each.name: _fact(each) for each in FACTS[name].values()}


def _fact(fact: Fact) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": fact.name,
        "entity": fact.entity,
        "fields": sorted(fact.fields),
        "required": sorted(fact.required),
        "sets": [list(each) for each in fact.sets],
        "creates": fact.creates,
        "version": fact.version,
        "upcasts": [[_words(step) for step in steps] for steps in fact.upcasts],
    }
    return told | ({"move": fact.move} if fact.move else {})


def _words(step: Rename | Fill | Drop | Translate) -> list[Any]:
    parts = [getattr(step, name) for name in step.__slots__]
    return [type(step).__name__.lower(), *(dict(each) if isinstance(each, dict) else each for each in parts)]


@pytest.mark.parametrize("name", [name for name, entity in ON_DEVICES.items() if status_of(entity)])
def test_a_status_has_its_life(name: str, read: Any) -> None:
    field, lifecycle = status_of(ENTITIES[name]) or ("", "")
    declared = LIFECYCLES[lifecycle]
    told = read["entities"][name]["status"]
    assert told["field"] == field
    assert told["lifecycle"]["statuses"] == list(declared.statuses)
    assert told["lifecycle"]["moves"] == {
        each: {
            "leadsTo": move.leads_to,
            "legalFrom": sorted(move.legal_from),
            "rank": move.rank,
            "contestedByAny": move.contested_by_any,
        }
        for each, move in declared.moves.items()
    }
    pairs = {frozenset({one, other}) for one, others in told["lifecycle"]["asks"].items() for other in others}
    assert pairs == declared.asks
    assert all(one in told["lifecycle"]["asks"][other] for one, other in map(sorted, pairs))


def test_what_clashes_is_told_of_whom_it_concerns_alone(read: Any) -> None:
    assert {name: each["clash"] for name, each in read["entities"].items() if "clash" in each} == {
        name: {"field": clash.field, "status": clash.status, "moves": sorted(clash.moves)}
        for name, clash in CLASHES.items()
    }


@pytest.mark.parametrize(
    ("entity", "field", "shape"),
    [
        ("visit", "archived", {"kind": "boolean"}),
        ("visit", "crew", {"kind": "text", "pattern": "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"}),
        ("customer", "name", {"kind": "text", "min": 1, "max": 200}),
        ("customer", "note", {"kind": "union", "of": [{"kind": "text", "max": 8000}, {"kind": "null"}]}),
        ("attachment", "size", {"kind": "integer", "min": 0, "max": 2**40}),
        ("note", "body", {"kind": "text", "min": 1, "max": 8000}),
        ("note", "visibility", {"kind": "one_of", "values": ["internal", "customer"]}),
        ("device", "skew_ms", {"kind": "union", "of": [{"kind": "integer"}, {"kind": "null"}]}),
        (
            "meter_reading",
            "read_at",
            {
                "kind": "text",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z$",
                "calendar": True,
            },
        ),
        (
            "visit",
            "custom",
            {
                "kind": "list",
                "of": {
                    "kind": "list",
                    "of": {"kind": "union", "of": [{"kind": "text", "max": 1000}, {"kind": "null"}]},
                    "min": 2,
                    "max": 2,
                },
                "max": 100,
                "ascending": True,
            },
        ),
    ],
)
def test_a_field_may_hold_what_is_declared(entity: str, field: str, shape: dict[str, Any], read: Any) -> None:
    told = read["entities"][entity]["fields"][field]["shape"]
    if field == "crew":
        told["pattern"] = told["pattern"].replace("[0-9a-f]{4}-" * 3, "([0-9a-f]{4}-){3}")
    assert told == shape


def test_the_envelope_is_closed_and_has_its_members(read: Any) -> None:
    members = read["envelope"]["members"]
    assert {name for name, (_, required) in members.items() if not required} == {"tx", "reason", "geo"}
    assert members["clock"][0]["max"] == limits.CLOCK_ENTRIES_MAX
    assert members["data"][0] == {"kind": "map", "keys": {"kind": "text"}, "of": {"kind": "any"}}


GATE_CODE: Final[Any] = Annotated[Annotated[str, MaxLen(20)] | None, Ask()]


def with_a_ladder(hint: Any = GATE_CODE) -> tuple[Any, Catalogue]:
    """Everything that is declared, and an entity that exists in this test alone."""
    declaration = make_dataclass(
        "Ladder",
        [("label", Annotated[Line, Ask()]), ("gate_code", hint, None)],
        bases=(Record,),
        frozen=True,
        slots=True,
        kw_only=True,
    )
    ladder: EntityType = describe("ladder", declaration, home="catalog")
    return {**ON_DEVICES, "ladder": ladder}, {**FACTS, "ladder": facts_of(ladder)}


def test_a_new_field_is_in_what_is_checked_and_in_what_is_compiled() -> None:
    declared = with_a_ladder()
    assert "gate_code" not in catalogue() + types()
    assert 'gate_code: ["Ask", { kind: "union", of: [{ kind: "text", max: 20 }, nothing] }, "ce"],' in catalogue(
        *declared
    )
    assert types(*declared).count("  readonly gate_code?: string | null;") == len({"shown", "Created", "Edited"})


@pytest.mark.parametrize(
    "other",
    [
        Annotated[Annotated[str, MaxLen(21)] | None, Ask()],
        Annotated[Annotated[str, MaxLen(20)], Ask()],
        Annotated[Annotated[str, MaxLen(20)] | None, Latest()],
    ],
)
def test_a_changed_limit_type_or_policy_changes_the_catalogue(other: Any) -> None:
    assert catalogue(*with_a_ladder(other)) != catalogue(*with_a_ladder())


def test_older_versions_are_told_step_by_step() -> None:
    entities, facts = with_a_ladder()
    steps = (
        (Rename("tag", "label"), Fill("gate_code", None)),
        (Drop("weight.net"), Translate("label", {"long ladder": "long", "short": "low"})),
    )
    aged = {**facts["ladder"], "Archived": replace(facts["ladder"]["Archived"], upcasts=steps)}
    assert (
        'Archived: { sets: [["archived", true]], upcasts: [[["rename", "tag", "label"], ["fill", "gate_code", null]], '
        '[["drop", "weight.net"], ["translate", "label", { "long ladder": "long", short: "low" }]]] },'
    ) in catalogue(entities, {**facts, "ladder": aged})


def test_two_types_never_share_a_constant() -> None:
    shapes = Shapes()
    for hint in (Text, str, Text | None, str | None):
        shapes.shape(hint)
    assert shapes.constants["anyText"] == {"kind": "text"}
    assert shapes.constants["text"] == {"kind": "text", "max": 8_000}


def test_composite_values_choices_and_statuses_have_a_type_of_their_own() -> None:
    source = types()
    assert f"export interface {Address.__name__} {{\n  readonly street?: string;\n" in source
    for lifecycle in lifecycles_of(ON_DEVICES).values():
        assert " | ".join(f'"{status}"' for status in lifecycle.statuses) in source
    for hint in HINT_NAMES:
        if getattr(hint, "__origin__", None) is Literal:
            assert " | ".join(f'"{each}"' for each in get_args(hint)) in source


def test_every_event_has_its_data_under_one_name() -> None:
    source = types()
    names = [line.split()[2] for line in source.splitlines() if line.startswith(("export interface", "export type"))]
    assert len(names) == len(set(names))
    section = source.split("export interface EventData {\n")[1].split("\n}\n")[0]
    assert section.count(";") == sum(len(FACTS[entity]) + 1 for entity in ON_DEVICES)


def test_every_limit_that_clients_are_told_is_there_with_its_value() -> None:
    told = {
        line.split()[2].lower(): int(line.split()[4].rstrip(";"))
        for line in client_limits().splitlines()
        if line.startswith("export")
    }
    assert told == {**limits.told_to_clients(), "clock_drift_ms_max": limits.CLOCK_DRIFT_MS_MAX}


def test_texts_are_quoted_as_javascript_reads_them() -> None:
    assert literal({"plain": 'a "b"\n', "not plain": [None, True, -1]}) == (
        '{ plain: "a \\"b\\"\\n", "not plain": [null, true, -1] }'
    )
    assert literal(pattern("^[a-z]+/[a-z]$")) == r"/^[a-z]+\/[a-z]$/u"
