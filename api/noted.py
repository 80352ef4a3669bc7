"""That somebody looked at the past is itself part of the past: it is noted before anything is shown."""

from fastapi import Request

from api.auth import identity_of
from api.services import Services
from api.signing_in import note
from commands.authority import Principal


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
