"""The catalogue for TypeScript: every entity, field, fact and lifecycle as data, in few bytes.

Shapes that have a name where they are declared are constants, so that each is said once; so are the fields and facts
that every entity has. What reads it is `pwa/sdk/src/declared.ts`.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never

from cairnfield.typescript import Key, Source, file, literal, spread
from cairnfield.typescript_shapes import Shapes
from domain.catalogue import DECLARATIONS, FACTS, ON_DEVICES, Catalogue
from domain.entity import EntityType, Field, Record, describe
from domain.facts import Fact, facts_of, lifecycles_of, status_of
from domain.lifecycle import CLASHES, Clash, Lifecycle, Move
from domain.merge_policy import Latest, MergePolicy
from domain.upcasts import Drop, Fill, Rename, Step, Translate
from sync.envelope import Envelope

_IMPORTS: Final = (
    'import type { ObjectShape, Shape } from "../declaration.ts";',
    "import { declared, type WrittenEntity, type WrittenFact, type WrittenField, type WrittenLifecycle } "
    'from "../declared.ts";',
)
_RECORD: Final = describe("record", Record, home="own")
_EVERY_FIELD, _EVERY_FACT = Source("...record"), Source("...always")


def catalogue(entities: Mapping[str, EntityType] = ON_DEVICES, facts: Catalogue = FACTS) -> str:
    """The source of `generated/catalogue.ts`."""
    shapes = Shapes()
    envelope = shapes.members(Envelope)
    record = {name: _field(field, facts_of(_RECORD), shapes) for name, field in _RECORD.fields.items()}
    always = {name: _fact(fact) for name, fact in facts_of(_RECORD).items() if not fact.creates}
    written = {name: _entity(entity, facts[name], always, shapes) for name, entity in in_order(entities).items()}
    lifecycles = {name: _lifecycle(lifecycle) for name, lifecycle in lifecycles_of(entities).items()}
    return file(
        "Every entity, field, fact and lifecycle, and the envelope that events travel in.",
        *_IMPORTS,
        "",
        *(f"const {name}: Shape = {literal(shape)};" for name, shape in shapes.constants.items()),
        "",
        f"const record: Readonly<Record<string, WrittenField>> = {spread(record, 1)};",
        f"const always: Readonly<Record<string, WrittenFact>> = {spread(always, 1)};",
        f"const lifecycles: Readonly<Record<string, WrittenLifecycle>> = {spread(lifecycles, 3)};",
        f"const entities: Readonly<Record<string, WrittenEntity>> = {spread(written, 3)};",
        "",
        "/** What an event is around its data. */",
        f"export const ENVELOPE: ObjectShape = {spread(envelope, 2)};",
        "",
        "/** Every declared entity by its name. */",
        "export const ENTITIES = declared(entities, lifecycles);",
    )


def in_order(entities: Mapping[str, EntityType]) -> dict[str, EntityType]:
    """Entities in the order in which people meet them; those that nobody registered come last."""
    known = [*DECLARATIONS, *(entity.declaration for entity in entities.values())]
    return dict(sorted(entities.items(), key=lambda each: known.index(each[1].declaration)))


def _entity(entity: EntityType, facts: Mapping[str, Fact], always: Mapping[str, Any], shapes: Shapes) -> dict[str, Any]:
    own = [field for name, field in entity.fields.items() if name not in _RECORD.fields]
    fields: dict[Key, Any] = {_EVERY_FIELD: None} | {field.name: _field(field, facts, shapes) for field in own}
    named = {name: _fact(fact) for name, fact in facts.items() if _fact(fact) != always.get(name)}
    told: dict[Key, Any] = {_EVERY_FACT: None} | named
    written: dict[str, Any] = {"home": entity.home, "fields": fields, "facts": told}
    status, clash = status_of(entity), CLASHES.get(entity.name)
    if status:
        written["status"] = status
    if clash:
        written["clash"] = _clash(clash)
    return written


def _field(field: Field, facts: Mapping[str, Fact], shapes: Shapes) -> list[Any]:
    created = facts["Created"]
    letters = (
        *("c" if field.name in created.fields else ""),
        *("r" if field.name in created.required else ""),
        *("e" if field.name in facts["Edited"].fields else ""),
    )
    return [policy_name(field.policy), shapes.shape(field.type), *(["".join(letters)] if letters else [])]


def policy_name(policy: MergePolicy) -> str:
    """How TypeScript calls a policy."""
    return "EachKey" if policy == Latest(each_key=True) else type(policy).__name__


def _fact(fact: Fact) -> dict[str, Any]:
    written = {
        **_told(fact),
        "move": fact.move,
        "sets": fact.sets,
        "upcasts": [[_step(step) for step in steps] for steps in fact.upcasts],
    }
    return {name: value for name, value in written.items() if value}


def _told(fact: Fact) -> dict[str, Any]:
    if fact.creates:
        return {"told": "c"}
    if fact.name == "Edited":
        return {"told": "e"}
    return {"may": sorted(set(fact.fields) - fact.required), "must": sorted(fact.required)}


def _step(step: Step) -> list[Any]:
    match step:
        case Rename(path=path, name=name):
            return ["rename", path, name]
        case Fill(path=path, value=value):
            return ["fill", path, value]
        case Drop(path=path):
            return ["drop", path]
        case Translate(path=path, words=words):
            return ["translate", path, words]
    assert_never(step)


def _clash(clash: Clash) -> list[Any]:
    return [clash.field, clash.status, sorted(clash.moves)]


def _lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    return {
        "statuses": lifecycle.statuses,
        "moves": {name: _move(move, lifecycle) for name, move in lifecycle.moves.items()},
        "asks": {name: others for name in lifecycle.moves if (others := _asked_beside(name, lifecycle))},
    }


def _move(move: Move, lifecycle: Lifecycle) -> list[Any]:
    legal_from = [status for status in lifecycle.statuses if status in move.legal_from]
    rest: list[Any] = [legal_from, True] if move.contested_by_any else [legal_from] if legal_from else []
    return [move.leads_to, move.rank, *rest]


def _asked_beside(name: str, lifecycle: Lifecycle) -> list[str]:
    """The moves after this one that a person is asked about beside it, so that each pair is written once."""
    moves = list(lifecycle.moves)
    return [other for other in moves[moves.index(name) :] if frozenset({name, other}) in lifecycle.asks]
