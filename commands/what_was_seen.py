"""What the author of an event had before their eyes: its entity, folded as far as the event's clock says."""

from typing import Any, Final

from domain.values import INTEGER_MAX
from sync import merge, shown
from sync.as_of import events_until, milestone_before
from sync.envelope import Event, parse
from sync.merge import State
from sync.milestones import MILESTONE_EVERY, stand_of
from sync.past import Past
from sync.vector_clock import covers

HISTORY_MAX: Final = 5_000
"""Of an entity that was written more often since than that, it is not worked out."""


def seen_by(event: Event, past: Past, newest: int) -> dict[str, Any] | None:
    """The values of the entity as the author knew them, without what they had written themselves and nobody accepted.

    `newest` is the version of the entity now. None where they knew of nothing that is there, or too much came since.
    """
    state = _wholly_seen(event, past, newest)
    if newest - state.version > HISTORY_MAX:
        return None
    for row in events_until(past, event.entity, INTEGER_MAX, after=state.version):
        if _had_seen(event, row.replica, row.seq):
            state = merge.apply(state, parse(row.body), row.effective)
    return shown.values(state) if state.version else None


def _wholly_seen(event: Event, past: Past, newest: int) -> State:
    """The newest milestone of which the author knew everything; nothing at all, where none is near enough."""
    version = newest
    while version > max(newest - HISTORY_MAX, 0):
        begun = milestone_before(past, event.entity, INTEGER_MAX, version=version)
        if begun is None:
            break
        state = stand_of(begun).state
        if all(_had_seen(event, replica, seq) for replica, seq in state.clock.items()):
            return state
        version = begun.version - MILESTONE_EVERY
    return merge.empty(event.entity_type)


def _had_seen(event: Event, replica: str, seq: int) -> bool:
    return (replica == event.replica and seq < event.seq) or covers(event.clock, replica, seq)
