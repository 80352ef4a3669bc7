"""How an order over HTTP says no: nothing was written, and the name of the class is the kind of problem."""

from collections.abc import Sequence
from typing import ClassVar

from domain.refusals import Refused


class OrderRefused(Refused):
    """What was ordered cannot be written as it is."""

    hint: ClassVar[str] = "Correct what the detail names and order it again."


class EntityNotFound(OrderRefused):
    """There is no such thing, or none that whoever orders may see."""

    hint = "Check the id, or wait until the device that created it has handed it in."


class NotYoursToOrder(OrderRefused):
    """Somebody in this role does not say that."""

    hint = "Ask somebody whose role does; docs/reference/authority.md says who."


class IllegalMove(OrderRefused):
    """The status does not let that follow."""

    hint = "Order one of `legal` instead, or leave it as it is."

    def __init__(self, name: str, statuses: Sequence[str], legal: Sequence[str]) -> None:
        super().__init__(f"{name} does not follow {' and '.join(statuses)}")
        self.statuses, self.legal = statuses, legal


class WorkSettled(OrderRefused):
    """The job was approved: what happened there is not the technician's to tell any more."""

    hint = "Ask a supervisor to correct it, or to reopen the job."


class ReferenceUnknown(OrderRefused):
    """An id names nothing that whoever orders may see, or something of another kind."""

    hint = "Correct the id that the detail points to."


class IdTaken(OrderRefused):
    """Something of that id exists."""

    hint = "Leave `id` out, or make a new UUID of version 7."


class NothingToResolve(OrderRefused):
    """Nothing waits for a decision there, or not that one."""

    hint = "Read the entity: `conflicts` lists what waits, with the values to choose from."


class VersionMoved(OrderRefused):
    """Somebody has written meanwhile."""

    hint = "Read what is there now, decide again, and send the new ETag as If-Match."

    def __init__(self, version: int) -> None:
        super().__init__(f"it is at version {version} now")
        self.version = version


class IdempotencyKeyReused(OrderRefused):
    """Another order was carried out under that key."""

    hint = "Make a new key for every order; send the same one only to send the same order again."
