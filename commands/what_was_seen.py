"""What the author of an event had before their eyes: its entity, folded as far as the event's clock says."""

from collections.abc import Sequence
from typing import Any, Final

from sync import merge, shown
from sync.envelope import Event, parse
from sync.rows import EventRow
from sync.vector_clock import covers

HISTORY_MAX: Final = 5_000
"""Of an entity with a longer history it is not worked out."""


def seen_by(event: Event, history: Sequence[EventRow]) -> dict[str, Any] | None:
    """The values of the entity as the author knew them, without what they had written themselves and nobody accepted.

    `history` is every event of the entity, by version; None where they knew of nothing that is there.
    """
    state = merge.empty(event.entity_type)
    for row in history:
        if (row.replica == event.replica and row.seq < event.seq) or covers(event.clock, row.replica, row.seq):
            state = merge.apply(state, parse(row.body), row.effective)
    return shown.values(state) if state.version else None
