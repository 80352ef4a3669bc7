"""Whether a replica is the speaker's own: nobody else says anything for it, and nobody else is told of it.

One that was minted for a registered device is that device's alone. Whoever speaks without one, by a token that somebody
gave out, has replicas of their own, which are no device's.
"""

from http import HTTPStatus

from api.auth import forbidden
from api.problem import Problem
from api.services import Services
from commands.authority import Principal, may_hand_in
from sync.rows import ReplicaRow


def own_replica(replica: str, speaking: Principal, services: Services) -> ReplicaRow:
    """How far a replica of the speaker's has come; raises Problem."""
    check_role(speaking)
    check_device(replica, speaking, services)
    return check_owner(replica, services.log.replica(speaking.tenant, replica), speaking)


def check_role(speaking: Principal) -> None:
    """Refuse whoever hands nothing in, and so has no replica; raises Problem."""
    if not may_hand_in(speaking.role):
        raise forbidden(f"Whoever is {speaking.role} hands nothing in.", "Sign in as somebody who does.")


def check_owner(replica: str, row: ReplicaRow | None, speaking: Principal) -> ReplicaRow:
    """The replica's row, if it is the speaker's; raises Problem."""
    if row is None or row.person != speaking.person:
        raise _not_yours(replica, speaking)
    return row


def check_device(replica: str, speaking: Principal, services: Services) -> None:
    """Refuse whoever speaks from another device than the replica's; raises Problem."""
    if services.identity and not services.identity.devices.is_of(speaking.tenant, replica, speaking.device):
        raise _not_yours(replica, speaking)


def is_remembered(replica: str, speaking: Principal, services: Services) -> bool:
    """Whether `check_device` would pass and ask nobody."""
    return not services.identity or services.identity.devices.remembers(speaking.tenant, replica, speaking.device)


def _not_yours(replica: str, speaking: Principal) -> Problem:
    """The same for somebody else's replica, another device's and none, so that nobody finds out which there are."""
    return Problem(
        HTTPStatus.FORBIDDEN,
        "replica-not-yours",
        f"{replica} is not a replica of {speaking.name} on this device.",
        hint="If it was yours, register it again by its id with POST /v1/sync/replicas, and hand in all its events."
        " Where that is refused, mint one there, write your unsent events anew under it, and keep their ids.",
    )
