"""What waits for a person to decide: one row for each conflict that is open."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.catalogue import ENTITIES
from projections.projection import Column, OfEntities, Row, Subject, instant
from sync import shown
from sync.hybrid_clock import ms_of
from sync.merge import Dot, State, Write
from sync.plan import Kind, plan_of
from sync.shown import Conflict


def _rows(subject: Subject) -> list[Row]:
    if not shown.may_ask(subject.state):
        return []
    found = shown.conflicts(subject.state)
    written = {write[:2]: ms_of(write.effective) for write in _writes(subject.state)} if found else {}
    return [
        (
            subject.id,
            each.field,
            each.reason,
            *map(_spelled, each.dots[:2]),
            subject.type,
            subject.scope,
            instant(_began_ms(each, written)),
            [_spelled(dot) for dot in each.dots],
            each.shown,
            list(each.values),
        )
        for each in found
    ]


def _writes(state: State) -> Iterator[Write]:
    kinds = plan_of(state.type).kinds
    for name, cell in state.cells.items():
        if kinds[name] is Kind.REGISTER:
            yield from cell


def _began_ms(conflict: Conflict, written: Mapping[Dot, int]) -> int:
    """When the second of its sides was written; who contests a write as a whole need not have left one behind."""
    dots = conflict.dots[:1] if conflict.reason == "contested" else conflict.dots
    return sorted(written[dot] for dot in dots)[:2][-1]


def _spelled(dot: Dot) -> str:
    return f"{dot[0]}/{dot[1]}"


def _column(name: str, kind: str, comment: str, **other: Any) -> Column:
    return Column(name, kind, comment, **other)


OPEN_CONFLICT: Final = OfEntities(
    name="open_conflict",
    comment="What several people wrote without knowing of each other, and a person must decide; a row goes when "
    "somebody who has seen all sides writes once more.",
    columns=(
        _column("entity_id", "text", "Which entity it is about."),
        _column("field", "text", "Which of its fields."),
        _column(
            "reason", "text", "Why a person is asked: values_differ, moves_clash, contested or reassigned_under_way."
        ),
        _column("first_side", "text", "The event of the first side, as `<replica>/<seq>`."),
        _column("second_side", "text", "The event of the second: a change of plan may cross several events under way."),
        _column("entity_type", "text", "What kind of thing the entity is, such as `visit`."),
        _column("home_scope", "text", "The scope that it lives in, such as `work_order:<id>`."),
        _column(
            "began_at",
            "timestamptz",
            "When its second side was written; of what is contested, when that was.",
        ),
        _column("sides", "text[]", "The event of each side, as `<replica>/<seq>`."),
        _column("shown", "jsonb", "What is shown meanwhile.", nullable=True, personal=True),
        _column("written", "jsonb", "What each side wrote, in the order of `sides`.", personal=True),
    ),
    key=("entity_id", "field", "reason", "first_side", "second_side"),
    indexes=(("began_at",), ("home_scope",)),
    types=frozenset(ENTITIES),
    rows=_rows,
)
