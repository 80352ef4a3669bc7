"""What the runner keeps of an entity with a long story, to go on from: everything that was merged in it, as text.

Of all others it keeps nothing, and folds them again (`store.FOLDED_AGAIN_MAX`). Nobody reads it but the runner. It is
two texts and not a column for each number, because nothing is looked for in it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import orjson
from psycopg import sql

from infra.postgres.read_model.tables import KEPT
from projections.projection import Column, Mark, Row, Subject, Table
from sync import state_codec

KEPT_TABLE: Final = Table(
    name=KEPT,
    comment="What the runner has merged of entities with a long story, up to where these tables hold the log.",
    columns=(
        Column("entity", "text", "Its id."),
        Column("marks", "text", "Its home scope, and the events that made it and that changed it last, as JSON."),
        Column("state", "text", "What was merged (`sync.state_codec`)."),
    ),
    key=("entity",),
)

# One look-up in the index for each, whatever the statistics say of a table that was made a moment ago.
_RECALL: Final = sql.SQL("""
    select found.* from unnest(%(entities)s::text[]) as asked(entity)
    cross join lateral (
        select entity, marks, state from {table} as kept
        where kept.tenant = %(tenant)s and kept.entity = asked.entity limit 1) as found
""")


@cache
def recalling(schema: str) -> sql.Composed:
    """The statement that finds what was kept of the entities `entities`."""
    return _RECALL.format(table=sql.Identifier(schema, KEPT))


def kept(subjects: Sequence[Subject]) -> list[Row]:
    """The rows that say what these entities are."""
    return [(each.id, _marks(each), state_codec.encode(each.state).decode()) for each in subjects]


def _marks(subject: Subject) -> str:
    return orjson.dumps([subject.scope, *subject.created, *subject.changed]).decode()


def recalled(row: Row) -> Subject:
    """An entity as it was kept."""
    entity, marks, state = row
    scope, *both = orjson.loads(marks)
    half = len(Mark._fields)
    return Subject(entity, scope, state_codec.decode(state.encode()), Mark(*both[:half]), Mark(*both[half:]))
