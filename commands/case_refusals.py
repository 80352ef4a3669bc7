"""How a case says no: to settle one is an order, too, and each refusal says what to order instead."""

from commands.order_refusals import OrderRefused


class CaseRefused(OrderRefused):
    """What was ordered of a case is not done."""


class CaseSettled(CaseRefused):
    """Somebody has settled this case already."""

    hint = "Look at the case: nothing more needs to be done."

    def __init__(self, status: str, settled_by: str) -> None:
        super().__init__(f"{settled_by} has {status} it already")
        self.status, self.settled_by = status, settled_by


class NotApprovable(CaseRefused):
    """This cannot be merged as it is, whoever approves it."""

    hint = "Resubmit it with what is wrong corrected, or dismiss it with a reason."


class NotRetryable(CaseRefused):
    """The same event would be refused again, whenever it is tried."""

    hint = "Approve it, resubmit it with what is wrong corrected, or dismiss it with a reason."


class StillRefused(CaseRefused):
    """It cannot be taken in as it is, as the log stands now."""

    hint = "Try again when what it needs is there, resubmit it, or dismiss it with a reason."


class EventRefused(CaseRefused):
    """What should be said instead is not acceptable either."""

    hint = "Correct what the detail names and resubmit."


class NotYoursToTell(CaseRefused):
    """Whoever brings it in answers for it, and somebody in this role does not tell that."""

    hint = "Reassign the case to somebody who may."
