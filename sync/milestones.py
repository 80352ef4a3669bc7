"""What an entity was after every so many of its events: where a look into its past begins.

A milestone follows from the log and is never the truth: without it the same is answered, only later. Pure.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from typing import Any, Final, NamedTuple

from domain.catalogue import ENTITIES, FACTS
from domain.lifecycle import Clash, Lifecycle
from sync import merge, state_codec
from sync.knowledge import Knowledge
from sync.merge import State
from sync.plan import plan_of
from sync.recorded import read
from sync.rows import EntityRow, EventRow

MILESTONE_EVERY: Final = 500
"""Events of one entity from one milestone to the next, and so at most between a moment and where its fold begins."""
MERGING: Final = 1
"""Raised whenever the same events make another state, or a state or what was known is spelled otherwise: milestones of
before are not looked at any more and made again. What a declaration says counts by itself; `tests/sync/
test_milestones.py` notices what else changes."""
_CHARACTERS: Final = 32


class Milestone(NamedTuple):
    """An entity as it was after one of its events, as it is kept."""

    entity: str
    version: int
    position: int
    """Of that event."""
    scope: str
    state: bytes
    knew: bytes
    """What each author so far had merged (`sync.knowledge`)."""


class Stand(NamedTuple):
    """An entity as it was after one of its events."""

    entity: str
    version: int
    position: int
    """Of that event."""
    scope: str
    state: State

    @property
    def row(self) -> EntityRow:
        """As it was stored then."""
        return EntityRow(self.entity, self.state.type, self.version, self.scope, state_codec.encode(self.state))


def stand_of(milestone: Milestone) -> Stand:
    """What a milestone says of the entity."""
    entity, version, position, scope, state, _ = milestone
    return Stand(entity, version, position, scope, state_codec.decode(state))


def next_milestone(before: Milestone | None, rows: Iterable[EventRow]) -> Milestone:
    """The milestone at the last of these events: all since the one before, or all from the first on, by version."""
    state = state_codec.decode(before.state) if before else None
    known = Knowledge.decoded(before.knew) if before else Knowledge()
    last: EventRow | None = None
    for row in rows:
        event = read(row.body)
        state = merge.apply(state or merge.empty(row.entity_type), event, row.effective)
        known.add(event, known.of(event))
        last = row
    assert state is not None, "a milestone stands at an event"
    assert last is not None, "and never at that of another"
    return Milestone(last.entity, last.version, last.position, last.scope, state_codec.encode(state), known.encoded)


@cache
def way_of_folding() -> str:
    """What a milestone depends on besides its events: those that were made in another way are not looked at."""
    told = {"merging": MERGING, "every": MILESTONE_EVERY, "types": {name: _way_of(name) for name in ENTITIES}}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_CHARACTERS]


def _way_of(entity_type: str) -> list[Any]:
    plan = plan_of(entity_type)
    return [
        {field: [plan.kinds[field], str(policy)] for field, policy in plan.policies.items()},
        {name: [fact.version, plan.implied[name]] for name, fact in FACTS[entity_type].items()},
        _moves(plan.lifecycle),
        _clash(plan.clash),
    ]


def _moves(lifecycle: Lifecycle | None) -> list[Any]:
    if lifecycle is None:
        return []
    moves = [[name, each.leads_to, each.rank, each.contested_by_any] for name, each in lifecycle.moves.items()]
    return [moves, sorted(sorted(pair) for pair in lifecycle.asks)]


def _clash(clash: Clash | None) -> list[Any]:
    return [clash.field, clash.status, sorted(clash.moves)] if clash else []
