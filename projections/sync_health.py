"""When each replica was last heard of, and how its clock went: all that the server can know of what is still unsent."""

from typing import Final

from projections.projection import Column, OfReplicas, Row, Told, instant
from sync.hybrid_clock import ms_of


def _row(told: Told) -> Row:
    row, event = told
    authored_ms = ms_of(event.at)
    return (
        row.replica,
        row.actor,
        row.seq,
        row.position,
        instant(authored_ms),
        instant(row.recorded_at_ms),
        row.recorded_at_ms - authored_ms,
        event.seen,
    )


REPLICA: Final = OfReplicas(
    name="replica_heard",
    comment="Each replica (a device's storage, or the server's own for whoever orders) as of the newest event of its "
    "that was accepted. What it has not handed in yet, nobody but itself can know.",
    columns=(
        Column("replica", "text", "Its id."),
        Column("actor_id", "text", "Who answers for that event: a person's id."),
        Column("last_seq", "bigint", "Its place among what the replica authored, which is how many that are."),
        Column("last_position", "bigint", "Its place in the log."),
        Column("authored_at", "timestamptz", "When it was written, as the replica's clock said."),
        Column("recorded_at", "timestamptz", "When it arrived, by the server's clock: the replica was heard of then."),
        Column(
            "delay_ms",
            "bigint",
            "From the one to the other in milliseconds: how long it was on its way, and how wrong the clock was. Less "
            "than nothing: the clock was ahead by at least that much.",
        ),
        Column("seen_position", "bigint", "Up to which position of the log the replica had read when it wrote it."),
    ),
    key=("replica",),
    indexes=(("recorded_at",),),
    row=_row,
    newest_by="last_seq",
)
