"""The current state of every entity: one table for each type, its columns read off the declaration."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final, Literal, assert_never, cast, get_args, get_origin

from domain.catalogue import DECLARATIONS, ENTITIES
from domain.entity import EntityType, Field
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum
from projections.columns import columns_of
from projections.projection import Column, OfEntities, Row, Subject, instant
from sync import shown
from sync.plan import plan_of

INDEXES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "asset": (("site_id",),),
    "attachment": (("home_scope",),),
    "case": (("status", "created_at"),),
    "checklist_answer": (("visit_id",),),
    "contact": (("customer_id",),),
    "meter_reading": (("asset_id", "read_at"),),
    "note": (("home_scope",),),
    "part_use": (("work_order_id",),),
    "signature": (("work_order_id",),),
    "site": (("customer_id",),),
    "time_entry": (("work_order_id",), ("visit_id",)),
    "visit": (("work_order_id",), ("planned_start",), ("finished_at",)),
    "work_order": (("status", "due_at"), ("site_id",), ("customer_id",), ("completed_at",)),
}
"""What else than by its id each is looked up by."""

OF_THE_LOG: Final = (
    Column("home_scope", "text", "The scope that it lives in, such as `work_order:<id>`."),
    Column("log_version", "bigint", "How many events are merged in it."),
    Column("log_position", "bigint", "Position in the log of the newest of them."),
    Column("created_at", "timestamptz", "When it came into being, as its author's clock said."),
    Column("created_by", "text", "Who brought it into being: a person's id."),
    Column("changed_at", "timestamptz", "When its newest change was made, as its author's clock said."),
    Column("changed_by", "text", "Who made its newest change: a person's id."),
    Column("recorded_at", "timestamptz", "When its newest change arrived, by the server's clock."),
    Column("conflicts", "bigint", "How many of its fields wait for a person to decide."),
)
"""What every entity's row tells besides its fields."""


def current_state(entity: EntityType) -> OfEntities:
    """The table that shows every entity of one type as it is now."""
    return OfEntities(
        name=entity.name,
        comment=_first_sentence(entity),
        columns=(*_columns(entity), *OF_THE_LOG),
        key=("id",),
        indexes=INDEXES.get(entity.name, ()),
        types=frozenset({entity.name}),
        rows=_row_of(entity),
        has_one_row=True,
    )


def _columns(entity: EntityType) -> tuple[Column, ...]:
    first, *others = columns_of(entity)
    return (
        Column(first.name, first.type, f"Its id, a UUID: that of the {_words(entity.name)} in the log."),
        *(
            Column(each.name, each.type, _comment(entity.fields[each.name]), each.nullable, (entity.name, each.name))
            for each in others
        ),
    )


def _row_of(entity: EntityType) -> Callable[[Subject], tuple[Row]]:
    unsaid = list(defaults(entity).items())

    def rows(subject: Subject) -> tuple[Row]:
        told, created, changed = subject.values, subject.created, subject.changed
        return (
            (
                subject.id,
                *[told.get(name, default) for name, default in unsaid],
                subject.scope,
                changed.version,
                changed.position,
                instant(created.effective_ms),
                created.actor,
                instant(changed.effective_ms),
                changed.actor,
                instant(changed.recorded_at_ms),
                len(shown.conflicts(subject.state)),
            ),
        )

    return rows


def defaults(entity: EntityType) -> dict[str, Any]:
    """By field, what it shows while nobody has written it."""
    declared = {each.name: each for each in fields(entity.declaration)}
    return {name: _default(declared[name], plan_of(entity.name).status == name) for name in entity.fields}


def _default(declared: Any, is_status: bool) -> Any:
    if declared.default_factory is not MISSING:
        return declared.default_factory()
    if declared.default is MISSING or is_status:
        return None
    return sorted(cast("frozenset[str]", declared.default)) if declared.default == frozenset() else declared.default


def _first_sentence(entity: EntityType) -> str:
    return (entity.declaration.__doc__ or "").partition("\n")[0]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _comment(field: Field) -> str:
    name, choices = _words(field.name), ", ".join(_choices(field.type))
    said = f"Id of the {name.removesuffix(' id')}" if field.name.endswith("_id") else name[0].upper() + name[1:]
    return f"{said}{', one of ' if choices else ''}{choices}; {_what_stands(field.policy)}."


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((found for each in get_args(hint) if (found := _choices(each))), ())


def _what_stands(policy: MergePolicy) -> str:
    match policy:
        case Latest(each_key=True):
            return "pairs of a key and a value, of each key the newest"
        case Latest():
            return "the newest that was written"
        case Ask():
            return "the newest, while a person is asked where several were written at once"
        case AddWins():
            return "all that were added and not taken away since"
        case Sum():
            return "the sum of all that was written"
        case Advance():
            return "where its moves have led"
        case Once():
            return "the first that was written"
        case Log() | Ref():
            return "as it was said at the beginning"
        case Server():
            return "written by the server"
    assert_never(policy)


ENTITY_TABLES: Final = tuple(
    current_state(next(each for each in ENTITIES.values() if each.declaration is declared)) for declared in DECLARATIONS
)
"""One for each declared entity, in the order in which people meet them."""
