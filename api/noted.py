"""That somebody looked at the past is itself part of the past: it is noted before anything is shown."""

from fastapi import Request

from api.auth import identity_of
from api.services import Services
from api.signing_in import note
from commands.as_of import AsOf
from commands.authority import Principal, is_noted_reading


def note_reading(request: Request, speaking: Principal, services: Services, kind: str, detail: str) -> None:
    """Write down who asks for what; raises Problem, and nothing is shown, where that cannot be written down."""
    note(
        request,
        identity_of(services),
        speaking.tenant,
        kind,
        actor=speaking.person,
        device=speaking.device,
        session=speaking.session,
        detail=detail,
    )


def note_looking(
    request: Request, speaking: Principal, services: Services, what: str, moment: AsOf | None = None
) -> None:
    """Write down a look at records, where it is one into the past, or one of somebody whose every look is noted.

    A server where nobody signs in keeps no audit. Wherever one is kept, what cannot be written down is not shown.
    """
    if services.identity is None:
        return
    if moment is not None:
        note_reading(request, speaking, services, "past_read", f"{what}, as of position {moment.position}")
    elif is_noted_reading(speaking.role):
        note_reading(request, speaking, services, "records_read", what)
