"""A status as a table of moves: from where each is legal, where it leads, and what concurrent moves converge to.

What is written is the *move* ("reopen"), what is shown is where it leads ("open"): so that a job that was opened and a
job that was reopened can be told apart when they meet another move.
Facts about the physical world outrank plans; office decisions are never silently undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One way to change a status."""

    leads_to: str
    legal_from: frozenset[str]
    """The statuses it may follow when its author knew the status; empty: only at creation."""
    rank: int
    """Among concurrent moves the highest rank is shown; unique within a lifecycle, so that there is always one."""
    contested_by_any: bool = False
    """Any event on the entity that is concurrent with this move is brought before a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The statuses of an entity, in the order of an undisturbed life, and the moves between them."""

    statuses: tuple[str, ...]
    moves: Mapping[str, Move]
    asks: frozenset[frozenset[str]]
    """Pairs of moves that a person must look at when neither author knew of the other."""

    def __post_init__(self) -> None:
        assert len({move.rank for move in self.moves.values()}) == len(self.moves), "ranks must differ"
        assert all(
            move.leads_to in self.statuses and move.legal_from <= set(self.statuses) for move in self.moves.values()
        )
        assert all(pair <= set(self.moves) for pair in self.asks)


def _pairs(one: str, *others: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset({one, other}) for other in others)


_BEFORE_COMPLETED = frozenset({"draft", "open", "scheduled", "in_progress", "on_hold"})
_BEFORE_ON_SITE = frozenset({"planned", "dispatched", "accepted", "travelling"})

WORK_ORDER = Lifecycle(
    statuses=(
        *("draft", "open", "scheduled", "in_progress", "on_hold"),
        *("completed", "approved", "closed", "cancelled"),
    ),
    moves={
        "draft": Move(leads_to="draft", legal_from=frozenset(), rank=0),
        "open": Move(leads_to="open", legal_from=frozenset({"draft"}), rank=1),
        "schedule": Move(leads_to="scheduled", legal_from=frozenset({"open"}), rank=2),
        "unschedule": Move(leads_to="open", legal_from=frozenset({"scheduled"}), rank=3),
        "hold": Move(leads_to="on_hold", legal_from=frozenset({"open", "scheduled", "in_progress"}), rank=4),
        "cancel": Move(leads_to="cancelled", legal_from=_BEFORE_COMPLETED, rank=5),
        "start": Move(leads_to="in_progress", legal_from=frozenset({"open", "scheduled"}), rank=6),
        "resume": Move(leads_to="in_progress", legal_from=frozenset({"on_hold"}), rank=7),
        "complete": Move(leads_to="completed", legal_from=_BEFORE_COMPLETED, rank=8),
        "approve": Move(leads_to="approved", legal_from=frozenset({"completed"}), rank=9),
        "close": Move(leads_to="closed", legal_from=frozenset({"approved"}), rank=10, contested_by_any=True),
        "reopen": Move(leads_to="open", legal_from=frozenset({"completed", "approved"}), rank=11),
    },
    asks=_pairs("cancel", "start", "resume", "complete", "approve", "close")
    | _pairs("hold", "start", "resume", "cancel")
    | _pairs("reopen", "approve", "close", "complete", "cancel", "hold", "start", "resume")
    | _pairs("close", "complete", "hold", "start", "resume"),
)

VISIT = Lifecycle(
    statuses=(
        *("planned", "dispatched", "accepted", "travelling", "on_site", "paused", "done"),
        *("declined", "cancelled"),
    ),
    moves={
        "plan": Move(leads_to="planned", legal_from=frozenset(), rank=0),
        "dispatch": Move(leads_to="dispatched", legal_from=frozenset({"planned", "declined"}), rank=1),
        "accept": Move(leads_to="accepted", legal_from=frozenset({"planned", "dispatched"}), rank=2),
        "decline": Move(leads_to="declined", legal_from=frozenset({"planned", "dispatched"}), rank=3),
        "travel": Move(leads_to="travelling", legal_from=frozenset({"planned", "dispatched", "accepted"}), rank=4),
        "cancel": Move(leads_to="cancelled", legal_from=_BEFORE_ON_SITE | {"declined"}, rank=5),
        "arrive": Move(leads_to="on_site", legal_from=_BEFORE_ON_SITE, rank=6),
        "pause": Move(leads_to="paused", legal_from=frozenset({"on_site"}), rank=7),
        "continue": Move(leads_to="on_site", legal_from=frozenset({"paused"}), rank=8),
        "finish": Move(leads_to="done", legal_from=_BEFORE_ON_SITE | {"on_site", "paused"}, rank=9),
    },
    asks=_pairs("cancel", "arrive", "pause", "continue", "finish")
    | _pairs("decline", "accept", "travel", "arrive", "pause", "continue", "finish"),
)

DEVICE = Lifecycle(
    statuses=("active", "revoked"),
    moves={
        "enrol": Move(leads_to="active", legal_from=frozenset(), rank=0),
        "revoke": Move(leads_to="revoked", legal_from=frozenset({"active"}), rank=1),
    },
    asks=frozenset(),
)

_WHILE_OPEN = frozenset({"open"})

CASE = Lifecycle(
    statuses=("open", "retried", "resubmitted", "approved", "dismissed"),
    moves={
        "open": Move(leads_to="open", legal_from=frozenset(), rank=0),
        "dismiss": Move(leads_to="dismissed", legal_from=_WHILE_OPEN, rank=1),
        "resubmit": Move(leads_to="resubmitted", legal_from=_WHILE_OPEN, rank=2),
        "retry": Move(leads_to="retried", legal_from=_WHILE_OPEN, rank=3),
        "approve": Move(leads_to="approved", legal_from=_WHILE_OPEN, rank=4),
    },
    asks=frozenset(),
)

LIFECYCLES: Mapping[str, Lifecycle] = {"work_order": WORK_ORDER, "visit": VISIT, "device": DEVICE, "case": CASE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Two different fields of one entity whose concurrent writes a person must look at."""

    field: str
    status: str
    moves: frozenset[str]


CLASHES: Mapping[str, Clash] = {
    # The one who was sent is already on the way: the status stays, both names are kept, and somebody decides.
    "visit": Clash(
        field="assignee_id", status="status", moves=frozenset({"travel", "arrive", "pause", "continue", "finish"})
    )
}
