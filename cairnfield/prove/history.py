"""A history: what replicas told while apart, who knew what, and in which order each of them heard it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.catalogue import FACTS
from sync.envelope import Event, hash_of, parse, spell


class Said(NamedTuple):
    """One event before it is spelled: plain data, so that a history can be shortened and written down."""

    replica: str
    entity: str
    entity_type: str
    type: str
    data: dict[str, Any]
    at: str
    effective: str
    """As the server would stamp it: the smaller of `at` and the arrival."""
    knew: int
    """One bit for each place in the history that its author had heard of, of this entity or another."""
    more: dict[str, Any]
    """`reason`, `geo`, `seen` and other members that the merge does not look at."""


class Told(NamedTuple):
    """An event with what nobody can read off its bytes."""

    place: int
    event: Event
    effective: str
    knew: int


class History(NamedTuple):
    """A whole history; the places in `said` are a causal order, and so is each of `heard`."""

    said: Sequence[Said]
    heard: Sequence[Sequence[int]]
    """For each replica, the places in the order in which it heard of them."""


def spelled(said: Sequence[Said]) -> list[Told]:
    """The events of a history: numbered, chained, with the clocks that follow from what their authors knew."""
    seqs: dict[str, int] = {}
    prevs: dict[str, str] = {}
    written: dict[str, list[tuple[int, str, int]]] = {}
    told: list[Told] = []
    for place, each in enumerate(said):
        seq = seqs[each.replica] = seqs.get(each.replica, 0) + 1
        before = written.setdefault(each.entity, [])
        clock = {replica: known for bit, replica, known in before if each.knew >> bit & 1}
        if place % 4 == 0:
            clock.pop(each.replica, None)  # an author knows its own events, whether its clock says so or not
        raw = spell(
            id=f"01900000-0000-7000-8000-{place:012x}",
            replica=each.replica,
            seq=seq,
            prev=prevs.get(each.replica),
            entity_type=each.entity_type,
            entity=each.entity,
            type=each.type,
            v=FACTS[each.entity_type][each.type].version,
            clock=clock,
            at=each.at,
            seen=place,
            **each.more,
            data=each.data,
        )
        prevs[each.replica] = hash_of(raw)
        before.append((place, each.replica, seq))
        told.append(Told(place, parse(raw), each.effective, each.knew))
    return told


def without(history: History, dropped: int) -> History:
    """The history as it would be had nobody told what stands at the places of these bits."""
    kept = [place for place in range(len(history.said)) if not dropped >> place & 1]
    moved = {place: number for number, place in enumerate(kept)}
    said = [
        history.said[place]._replace(knew=sum(1 << moved[k] for k in kept if history.said[place].knew >> k & 1))
        for place in kept
    ]
    heard = [[moved[place] for place in order if place in moved] for order in history.heard]
    return History(said, heard)
