"""The last events that the user of a device wrote, and whether it shows them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sync.device import Device
from sync.device import shown as state_of
from sync.envelope import Event
from sync.merge import knows

REMEMBERED: Final = 12
READ: Final = 5


class Own(NamedTuple):
    """An own event, and where it is found in its entity's clock."""

    entity: str
    replica: str
    seq: int
    is_moved: bool = False
    """Whether a fork gave it this number: a twin may have handed it in under another."""


Owned = Mapping[str, Own]
"""By event id, in the order of writing."""


def with_one_more(own: Owned, event: Event) -> Owned:
    """The last own events, this one included."""
    return dict([*own.items(), (event.id, Own(event.entity, event.replica, event.seq))][-REMEMBERED:])


def as_renamed(own: Owned, events: Iterable[Event]) -> Owned:
    """Those that now have another number have it from a fork."""
    now = {event.id: event for event in events if event.id in own}
    moved = {
        name: Own(event.entity, event.replica, event.seq, is_moved=True)
        for name, event in now.items()
        if (event.replica, event.seq) != (own[name].replica, own[name].seq)
    }
    return {**own, **moved}


def as_answered(own: Owned, answer: Mapping[str, Any]) -> Owned:
    """What a twin told before us stands under a number that only the event itself would say."""
    known = {each["id"] for each in answer["verdicts"] if each["verdict"] == "duplicate"}
    return {name: where for name, where in own.items() if not (where.is_moved and name in known)}


def as_seen(own: Owned, dots: Owned) -> Owned:
    """What came back, under another number if a twin handed it in first."""
    return {name: dots.get(name, where) for name, where in own.items()}


def whether_shown(own: Owned, device: Device, *, sees_all: bool) -> list[list[Any]]:
    """[id, whether it is shown] of the last that must be."""
    last = list(own.items())[-READ:]
    return [[event, _shows(device, where)] for event, where in last if _must_show(device, event, where, sees_all)]


def _must_show(device: Device, event: str, own: Own, sees_all: bool) -> bool:
    """Whether it must be shown: not what was taken from somebody's view, nor an edit of what is not there now.

    After a restore an entity may be missing until whoever created it has handed it in again.
    """
    if state_of(device, own.entity) is not None:
        return True
    return sees_all and event not in device.outbox


def _shows(device: Device, own: Own) -> bool:
    state = state_of(device, own.entity)
    return state is not None and knows(state, own.replica, own.seq)
