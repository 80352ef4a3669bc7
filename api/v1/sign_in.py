"""Signing in by password, going on, signing out: sessions that are bound to a key, and survive lost answers."""

from http import HTTPStatus
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import proof as proofs
from api import refresh_token
from api.auth import identity_of, proven_by
from api.body import read_body, small, told_in_openapi
from api.given import Ports, Speaking
from api.identity import Identity
from api.pacing import spend_sign_in
from api.problem import Problem
from api.proof import Proven
from api.refresh_token import RefreshToken
from api.services import Services
from api.signing_in import (
    COOKIE,
    SignedIn,
    answer,
    check_own_site,
    forget_cookie,
    note,
    note_going_on,
    open_session,
    refused,
    standing_of,
)
from commands import sessions
from commands.people import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, SignInRow, email_spelled
from commands.sessions import Ends, GoesOn, IsOver, SessionRow
from domain.values import UUID_PATTERN

BODY_BYTES_MAX: Final = 4_096
_NONE_OF_OURS: Final = "?"
TOKEN_LENGTH_MAX: Final = refresh_token.LENGTH_MAX

router = APIRouter(prefix="/v1", tags=["sign-in"])
_NO_SPACE: Final = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff@]"
r"""Each named: what `\s` is differs from one language of patterns to the next."""
Email = Annotated[str, Field(min_length=3, max_length=320, pattern=rf"^{_NO_SPACE}+@{_NO_SPACE}+$")]
Password = Annotated[str, Field(min_length=1, max_length=PASSWORD_LENGTH_MAX, pattern=r"^[^\x00]+$")]
ChosenPassword = Annotated[
    str, Field(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX, pattern=r"^[^\x00]+$")
]
Tenant = Annotated[str | None, Field(pattern=UUID_PATTERN)]


class ByPassword(BaseModel):
    """What somebody says who signs in by password; `tenant` where several companies are served."""

    model_config = ConfigDict(extra="forbid", strict=True)
    email: Email
    password: Password
    tenant: Tenant = None


class Refresh(BaseModel):
    """The newest refresh token; browsers send it as a cookie instead."""

    model_config = ConfigDict(extra="forbid", strict=True)
    refresh_token: Annotated[str | None, Field(max_length=TOKEN_LENGTH_MAX)] = None


class SignOut(BaseModel):
    """Which sessions are to end: this one, or all of whoever speaks."""

    model_config = ConfigDict(extra="forbid", strict=True)
    everywhere: bool = False


@router.post("/sign-in", summary="Sign in by password", openapi_extra=told_in_openapi(ByPassword))
def sign_in_by_password(
    request: Request, said: Annotated[ByPassword, Depends(small(ByPassword))], services: Ports
) -> Response:
    """With a DPoP proof a session that goes on for weeks, bound to its key; without one, one access token that reads.

    On a registered device, what it had handed in without a session is taken in first; `late` tells how much.
    """
    spend_sign_in(request, said.email)
    identity = identity_of(services)
    tenant, proven = tenant_of(said.tenant, identity), proven_by(request, with_token=False)
    found = identity.sign_ins.by_email(tenant, email_spelled(said.email))
    is_right = identity.passwords.is_right(found.password_hash if found else None, said.password)
    standing = standing_of(identity, tenant, found.person) if found else None
    if found is None or standing is None or not is_right:
        if found is not None:
            note(request, identity, tenant, "sign_in_refused", person=found.person, detail="by password")
        raise refused()
    _keep_up(found, said.password, tenant, identity, services)
    signed_in = SignedIn(tenant=tenant, person=found.person, standing=standing, way="password", proven=proven)
    return open_session(signed_in, request, identity)


def _keep_up(found: SignInRow, password: str, tenant: str, identity: Identity, services: Services) -> None:
    """Hash the password anew where it was hashed with less work than is asked for today."""
    assert found.password_hash is not None
    if identity.passwords.is_outdated(found.password_hash):
        fresh = found._replace(password_hash=identity.passwords.hash(password))
        identity.sign_ins.keep(tenant, fresh, now_ms=services.now_ms())


@router.post("/sign-in/refresh", summary="Go on with a session", openapi_extra=told_in_openapi(Refresh))
async def refresh_session(request: Request, services: Ports) -> Response:
    """A new access token and the next refresh token. Needs a DPoP proof by the session's key.

    The same refresh token may be sent again until the next one was used: whoever lost the answer gets it once more.
    """
    said = _refresh_said(await read_body(request, bytes_max=BODY_BYTES_MAX))
    return await run_in_threadpool(_refreshed, said, request, services)


def _refresh_said(body: bytes) -> Refresh:
    try:
        return Refresh.model_validate_json(body or b"{}")
    except ValidationError:
        return Refresh(refresh_token=_NONE_OF_OURS)


def _refreshed(said: Refresh, request: Request, services: Services) -> Response:
    identity, now_ms = identity_of(services), services.now_ms()
    text = said.refresh_token
    if text is None:
        check_own_site(request)
        text = request.cookies.get(COOKIE, "")
    token = refresh_token.read(text)
    proven = proven_by(request, with_token=False)
    if token is None:
        raise _over("unknown")
    went = _decided(token, proven, identity, now_ms)
    if went is None:
        raise _over("unknown")
    row, outcome = went
    match outcome:
        case GoesOn(generation=generation):
            return _gone_on(row, generation, token.tenant, request, services)
        case Ends(reason=reason, is_alarming=is_alarming):
            if is_alarming:
                about = {"person": row.person, "device": row.device, "session": row.session}
                note(request, identity, token.tenant, f"refresh_{reason}", **about, detail="the session was ended")
            raise proofs.missing() if proven is None else _over(reason)
        case IsOver(reason=reason):
            raise _over(reason)


def _decided(
    token: RefreshToken, proven: Proven | None, identity: Identity, now_ms: int
) -> tuple[SessionRow, GoesOn | Ends | IsOver] | None:
    def decide(row: SessionRow) -> GoesOn | Ends | IsOver | None:
        if not refresh_token.is_ours(identity.keyring, row.refresh_key, token):
            return None
        thumbprint = proven.thumbprint if proven else ""
        return sessions.refresh(row, number=token.number, proven=thumbprint, now_ms=now_ms)

    return identity.sessions.refresh(token.tenant, token.session, decide, now_ms=now_ms)


def _gone_on(row: SessionRow, generation: int, tenant: str, request: Request, services: Services) -> Response:
    identity, now_ms = identity_of(services), services.now_ms()
    standing = standing_of(identity, tenant, row.person)
    device = identity.devices.device(tenant, row.device) if row.device else None
    if standing is None or (device is not None and device.revoked_at_ms is not None):
        identity.sessions.end(tenant, session=row.session, reason="left", now_ms=now_ms)
        raise _over("left")
    if device is not None:
        identity.devices.seen(tenant, device.device, now_ms=now_ms)
    note_going_on(request, identity, tenant, row)
    signed_in = SignedIn(tenant=tenant, person=row.person, standing=standing, way=row.way, proven=None)
    return answer(signed_in, row, device, request, identity, number=generation + 1)


def _over(reason: str) -> Problem:
    cookie = Response()
    forget_cookie(cookie)
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "session-over",
        "This refresh token does not go on with any session.",
        hint="Sign in again. Keep what is not handed in: a registered device may send it to POST /v1/sync/handin.",
        headers={"Set-Cookie": cookie.headers["set-cookie"]},
        reason=reason,
    )


@router.post("/sign-out", summary="End this session, or all of mine", openapi_extra=told_in_openapi(SignOut))
def sign_out(
    request: Request, speaking: Speaking, said: Annotated[SignOut, Depends(small(SignOut))], services: Ports
) -> Response:
    """Its access tokens count for seconds more. What is not handed in stays on the device, and may come late."""
    identity, now_ms = identity_of(services), services.now_ms()
    check_own_site(request)
    ended = 0
    if said.everywhere:
        ended = identity.sessions.end(speaking.tenant, person=speaking.person, reason="signed_out", now_ms=now_ms)
    elif speaking.session is not None:
        ended = identity.sessions.end(speaking.tenant, session=speaking.session, reason="signed_out", now_ms=now_ms)
    note(
        request,
        identity,
        speaking.tenant,
        "signed_out",
        person=speaking.person,
        actor=speaking.person,
        device=speaking.device,
        session=speaking.session,
        detail="everywhere" if said.everywhere else "",
    )
    response = Response(orjson.dumps({"ended": ended}), media_type="application/json")
    forget_cookie(response)
    return response


def tenant_of(named: str | None, identity: Identity) -> str:
    """The company that somebody signs in to; raises Problem 422 where that is not clear."""
    tenant = named or identity.home
    if tenant is None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "tenant-missing",
            "Several companies are served here.",
            hint="Send `tenant` with the id of yours.",
        )
    return tenant
