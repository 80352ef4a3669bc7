"""Myself: who I am, where I am signed in, my password."""

from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict

from api.auth import identity_of
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.problem import Problem
from api.signing_in import note, refused
from api.v1.people import hashed_if_strong, keep
from api.v1.sign_in import ChosenPassword, Password
from domain.values import UUID_PATTERN

router = APIRouter(prefix="/v1/me", tags=["me"])


class NewPassword(BaseModel):
    """The old password and the new one."""

    model_config = ConfigDict(extra="forbid", strict=True)
    old: Password
    new: ChosenPassword


@router.get("", summary="Who I am")
def me(speaking: Speaking) -> Response:
    """As the server knows whoever sends this token."""
    told = {"tenant": speaking.tenant, "person": speaking.person, "name": speaking.name, "role": speaking.role}
    scopes = None if speaking.scopes is None else sorted(speaking.scopes)
    return _json({**told, "device": speaking.device, "session": speaking.session, "scopes": scopes})


@router.get("/sessions", summary="Where I am signed in")
def list_sessions(speaking: Speaking, services: Ports) -> Response:
    """Newest first; those that have ended are not among them."""
    found = identity_of(services).sessions.of_person(speaking.tenant, speaking.person)
    items = [
        {
            "session": row.session,
            "device": row.device,
            "way": row.way,
            "signed_in_at_ms": row.signed_in_at_ms,
            "refreshed_at_ms": row.refreshed_at_ms,
            "is_this_one": row.session == speaking.session,
        }
        for row in found
    ]
    return _json({"items": items})


@router.delete("/sessions/{session}", status_code=HTTPStatus.NO_CONTENT, summary="Sign out elsewhere")
def end_session(
    request: Request,
    session: Annotated[str, Path(pattern=UUID_PATTERN, description="Which session.")],
    speaking: Speaking,
    services: Ports,
) -> Response:
    """Its access tokens count for seconds more."""
    identity = identity_of(services)
    mine = {row.session for row in identity.sessions.of_person(speaking.tenant, speaking.person)}
    if session not in mine:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "session-not-found",
            f"No session {session} of yours goes on.",
            hint="GET /v1/me/sessions lists them.",
        )
    identity.sessions.end(speaking.tenant, session=session, reason="signed_out", now_ms=services.now_ms())
    about = {"person": speaking.person, "actor": speaking.person, "session": session}
    note(request, identity, speaking.tenant, "signed_out", **about, detail="elsewhere")
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put(
    "/password",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Choose another password",
    openapi_extra=told_in_openapi(NewPassword),
)
def set_password(
    request: Request, speaking: Speaking, said: Annotated[NewPassword, Depends(small(NewPassword))], services: Ports
) -> Response:
    """All sessions end, this one too: whoever knew the old password is signed out."""
    identity, now_ms = identity_of(services), services.now_ms()
    row = identity.sign_ins.of_person(speaking.tenant, speaking.person)
    about = {"person": speaking.person, "actor": speaking.person, "session": speaking.session}
    if row is None or not identity.passwords.is_right(row.password_hash, said.old):
        note(request, identity, speaking.tenant, "sign_in_refused", **about, detail="by the old password")
        raise refused()
    hashed = hashed_if_strong(said.new, row.email, speaking.name, identity)
    keep(identity, speaking.tenant, row._replace(password_hash=hashed), now_ms)
    identity.sessions.end(speaking.tenant, person=speaking.person, reason="password_changed", now_ms=now_ms)
    note(request, identity, speaking.tenant, "password_changed", **about, detail="by themselves")
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
