"""The audit of sign-ins, devices and keys, for auditors and admins. That it was read is noted too."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from api.auth import identity_of
from api.given import Ports, Speaking
from api.signing_in import note
from domain.values import UUID_PATTERN

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", summary="Who signed in, and what was done with devices and keys")
def audit(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    cursor: Annotated[str | None, Query(pattern=UUID_PATTERN, description="`next` of the page before.")] = None,
    kind: Annotated[str | None, Query(pattern="^[a-z_]{1,64}$", description="Only this kind of entries.")] = None,
    person: Annotated[str | None, Query(pattern=UUID_PATTERN, description="Only what is about them.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
) -> Response:
    """Newest first; ask on with `next` until it is null."""
    identity = identity_of(services)
    found = identity.audit.entries(speaking.tenant, before=cursor, kind=kind, person=person, limit=limit)
    note(request, identity, speaking.tenant, "audit_read", actor=speaking.person)
    following = found[-1].entry if len(found) == limit else None
    document = {"items": [each._asdict() for each in found], "next": following}
    return Response(orjson.dumps(document), media_type="application/json", headers={"Cache-Control": "no-store"})
