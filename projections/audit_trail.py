"""The audit trail: who told what of which entity, and when, by the author's clock and by the server's."""

from typing import Final

from projections.projection import Column, OfEvents, Row, Told, instant
from sync.hybrid_clock import ms_of


def _row(told: Told) -> Row:
    row, event = told
    authored_ms = ms_of(event.at)
    return (
        row.position,
        row.id,
        row.type,
        row.entity_type,
        row.entity,
        row.version,
        sorted(event.data),
        row.actor,
        row.replica,
        row.seq,
        row.scope,
        instant(authored_ms),
        instant(row.recorded_at_ms),
        row.recorded_at_ms - authored_ms,
        event.seen,
    )


AUDIT_TRAIL: Final = OfEvents(
    name="audit_trail",
    comment="Every event: who told what of which entity, and when, by both clocks. What was said is in the log alone.",
    columns=(
        Column("position", "bigint", "Its place in the log: 1, 2, 3 without gaps."),
        Column("event_id", "text", "The event's id, a UUID."),
        Column("fact", "text", "What happened, such as `VisitFinished`."),
        Column("entity_type", "text", "What kind of thing it is about, such as `visit`."),
        Column("entity_id", "text", "Which one it is about."),
        Column("entity_version", "bigint", "Its place among the events of that entity: 1, 2, 3 without gaps."),
        Column("fields", "text[]", "The fields that it writes, by name."),
        Column("actor_id", "text", "Who answers for it: a person's id."),
        Column("replica", "text", "On which device, or other storage, it was written."),
        Column("seq", "bigint", "Its place among what that replica authored: 1, 2, 3 without gaps."),
        Column("home_scope", "text", "The scope of the entity, such as `work_order:<id>`."),
        Column("authored_at", "timestamptz", "When it was written, as the author's clock said."),
        Column("recorded_at", "timestamptz", "When it arrived, by the server's clock."),
        Column(
            "delay_ms",
            "bigint",
            "From the one to the other in milliseconds: how long it was on its way, and how wrong the author's clock "
            "was. Less than nothing: that clock was ahead.",
        ),
        Column("seen_position", "bigint", "Up to which position of the log its author's device had read."),
    ),
    key=("position",),
    indexes=(("entity_id", "position"), ("actor_id", "position"), ("replica", "position")),
    row=_row,
)
