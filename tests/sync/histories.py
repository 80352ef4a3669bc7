"""Histories for tests: what three replicas told of one entity while each now and then heard from another."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from sync import merge
from sync.envelope import Event, parse
from sync.merge import State
from sync.plan import plan_of
from tests.devices import ELSEWHERE, MINUTE, MORNING, NOON, PERSON_1, PERSON_2, Device, new_id

Saying = tuple[str, dict[str, Any]]

SAYINGS: Final[Mapping[str, Sequence[Saying]]] = {
    "visit": [
        ("Edited", {"assignee_id": PERSON_1}),
        ("VisitReassigned", {"assignee_id": PERSON_2}),
        ("Edited", {"crew": {"add": [PERSON_1]}}),
        ("Edited", {"crew": {"remove": [PERSON_1]}}),
        ("Edited", {"crew": {"add": [PERSON_1, PERSON_2], "remove": [PERSON_1]}}),
        ("Edited", {"sequence": "a"}),
        ("Edited", {"sequence": "b", "tags": {"remove": ["urgent"]}}),
        ("Edited", {"custom": [["bay", "1"], ["key", "x"]]}),
        ("Edited", {"custom": [["bay", None]]}),
        ("Edited", {"tags": {"add": ["urgent"]}}),
        ("VisitAccepted", {}),
        ("VisitTravelStarted", {"travel_started_at": MORNING}),
        ("VisitArrived", {"arrived_at": MORNING}),
        ("VisitPaused", {}),
        ("VisitFinished", {"outcome": "resolved"}),
        ("VisitFinished", {"outcome": "no_access", "finished_at": MORNING}),
        ("VisitCancelled", {"cancel_reason": "rain"}),
        ("Archived", {}),
        ("Restored", {}),
    ],
    "work_order": [
        ("Edited", {"title": "Pump drips"}),
        ("Edited", {"title": "Pump leaks"}),
        ("Edited", {"priority": "high", "assets": {"add": [ELSEWHERE]}}),
        ("WorkOrderOpened", {}),
        ("WorkOrderStarted", {}),
        ("WorkOrderPutOnHold", {"hold_reason": "parts"}),
        ("WorkOrderCompleted", {"outcome": "resolved", "completed_at": MORNING}),
        ("WorkOrderCompleted", {"outcome": "follow_up"}),
        ("WorkOrderApproved", {}),
        ("WorkOrderClosed", {"closed_at": MORNING}),
        ("WorkOrderReopened", {"reopen_reason": "drips again"}),
        ("WorkOrderCancelled", {"cancel_reason": "twice"}),
        ("Archived", {}),
    ],
    "part_use": [
        ("Edited", {"quantity": "0.5"}),
        ("Edited", {"quantity": "-2"}),
        ("Edited", {"quantity": "-0.000001", "tags": {"add": ["van"]}}),
        ("Archived", {}),
    ],
}


class Told(NamedTuple):
    """One event of a history, and the places of all that its author had merged."""

    event: Event
    knew: frozenset[int]


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """A history of a visit, a job or a use of parts, from its creation on."""
    entity_type = draw(st.sampled_from(sorted(SAYINGS)))
    entity, replicas = new_id(), [Device(name, now_ms=NOON) for name in ("ada", "ben", "eve")]
    told = [Told(parse(replicas[0].create(entity_type, entity)), frozenset())]
    known = [{0}, {0}, {0}]
    for device in replicas[1:]:
        device.see(told[0].event.raw)
    steps = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(SAYINGS[entity_type]), st.integers(0, 3))
    for speaker, heard, (event_type, data), minutes in draw(st.lists(steps, max_size=9)):
        device = replicas[speaker]
        for place in sorted(known[heard] - known[speaker]):
            device.see(told[place].event.raw)
        known[speaker] |= known[heard]
        device.now_ms = NOON + MINUTE * minutes  # clocks differ, and go back
        raw = device.tell(entity_type, entity, event_type, data)
        told.append(Told(parse(raw), frozenset(known[speaker])))
        known[speaker].add(len(told) - 1)
    return told


def causal_order(draw: Callable[[st.SearchStrategy[int]], int], told: list[Told]) -> list[Event]:
    """Any order in which nothing comes before what its author knew."""
    waiting, arrived = dict(enumerate(told)), set[int]()
    order: list[Event] = []
    while waiting:
        ready = [place for place, each in waiting.items() if each.knew <= arrived]
        place = ready[draw(st.integers(0, len(ready) - 1))]
        order.append(waiting.pop(place).event)
        arrived.add(place)
    return order


def merged(events: Sequence[Event]) -> State:
    state = merge.empty(events[0].entity_type)
    for event in events:
        state = merge.apply(state, event, event.at)
    return state


def said(event: Event) -> dict[str, Any]:
    """What an event writes: what it says, and what its type says."""
    return {**event.data, **dict(plan_of(event.entity_type).implied[event.type])}
