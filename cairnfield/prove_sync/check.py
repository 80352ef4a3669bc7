"""The checker: a whole history against thirteen promises, each in time that grows with the length of the history.

Ids are unique and written once, so nothing has to be searched for: every promise is held by looking things up. The
promises are those of Jepsen's checkers for logs, causal consistency and session guarantees, read for a log with
positions: lost writes, aborted reads, contiguity, monotonic reads, read your writes, writes follow reads, convergence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from cairnfield.prove_sync.answers import nothing_from_nowhere, settled_one_way, taken_for_good
from cairnfield.prove_sync.cases import decided_once
from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.ledger import Fault, Ledger, ledger_of
from cairnfield.prove_sync.order import (
    causes_first,
    nothing_goes_back,
    nothing_passed_over,
    one_event_per_position,
)
from cairnfield.prove_sync.replicas import (
    all_quiet_and_equal,
    derived_once,
    equal_knowledge_equal_states,
    own_writes_are_read,
)
from cairnfield.prove_sync.together import all_or_nothing

Promise = Callable[[Sequence[Op], Ledger], Iterator[Fault]]

PROMISES: Final[Mapping[str, Promise]] = {
    "I1": taken_for_good,
    "I2": nothing_from_nowhere,
    "I3": settled_one_way,
    "I4": one_event_per_position,
    "I5": nothing_passed_over,
    "I6": nothing_goes_back,
    "I7": own_writes_are_read,
    "I8": causes_first,
    "I9": all_or_nothing,
    "I10": derived_once,
    "I11": equal_knowledge_equal_states,
    "I12": all_quiet_and_equal,
    "I13": decided_once,
}


def faults(history: Sequence[Op]) -> list[Fault]:
    """Everything in a history that must not be; empty for a good one."""
    ledger = ledger_of(history)
    return [fault for promise in PROMISES.values() for fault in promise(history, ledger)]
