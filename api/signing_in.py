"""From a way in that was found good to a session: its tokens, what its device had handed in meanwhile, the audit."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import Request, Response

from api import access_token, refresh_token
from api.access_token import AUDIENCE, ISSUER, LIFE_MS, OUR_CLIENT, Claims
from api.auth import ports_of
from api.identity import Identity
from api.late_work import take_in_late
from api.policy import WITHOUT_KEY
from api.problem import Problem
from api.proof import Proven
from commands.authority import Principal
from commands.lanes import DeviceRow
from commands.people import AuditEntry
from commands.sessions import IDLE_MS_MAX, SessionRow, id_of_day
from commands.standing import Speaker, Standing
from sync.log import TenantId

COOKIE: Final = "__Host-cairn_rt"
_ANSWER_HEADERS: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who has just shown who they are."""

    tenant: TenantId
    person: str
    standing: Standing
    way: str
    proven: Proven | None
    """The key that the session is bound to; without one there is no session, only one access token that reads."""


def open_session(signed_in: SignedIn, request: Request, identity: Identity) -> Response:
    """The answer to a sign-in; raises Problem where the key is somebody else's."""
    services, now_ms = ports_of(request), ports_of(request).now_ms()
    device = _device(signed_in, identity)
    speaking = _principal(signed_in, device)
    late = take_in_late(speaking, device, services) if device else None
    session = _begun(signed_in, device, identity, now_ms) if signed_in.proven else None
    note(
        request,
        identity,
        signed_in.tenant,
        "signed_in",
        person=signed_in.person,
        actor=signed_in.person,
        device=device.device if device else None,
        session=session.session if session else None,
        detail=f"by {signed_in.way}; signed by {identity.keyring.signer()}",
    )
    told: dict[str, Any] = {"late": late} if late else {}
    return answer(signed_in, session, device, request, identity, number=1, **told)


def answer(
    signed_in: SignedIn,
    session: SessionRow | None,
    device: DeviceRow | None,
    request: Request,
    identity: Identity,
    *,
    number: int,
    **told: Any,
) -> Response:
    """The tokens, and whom they speak for. The refresh token goes where pages cannot read it, if a page asks."""
    tenant, standing = signed_in.tenant, signed_in.standing
    refreshing = None
    if session is not None:
        refreshing = refresh_token.spell(
            identity.keyring, session.refresh_key, tenant=tenant, session=session.session, number=number
        )
    is_page = by_a_page(request)
    document = {
        "access_token": access(signed_in, session, device, identity, ports_of(request).now_ms()),
        "token_type": "DPoP" if session else "Bearer",
        "expires_in": LIFE_MS // 1_000,
        "refresh_token": None if is_page else refreshing,
        "tenant": tenant,
        "session": session.session if session else None,
        "device": device.device if device else None,
        "replicas": list(device.replicas) if device else [],
        "person": {"id": signed_in.person, "name": standing.name, "role": standing.role},
        **told,
    }
    response = Response(orjson.dumps(document), media_type="application/json", headers=_ANSWER_HEADERS)
    if is_page and refreshing is not None:
        set_cookie(response, refreshing)
    return response


def access(
    signed_in: SignedIn, session: SessionRow | None, device: DeviceRow | None, identity: Identity, now_ms: int
) -> str:
    """A fresh access token."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": signed_in.person,
        "client_id": OUR_CLIENT,
        "iat": now_ms // 1_000,
        "exp": (now_ms + LIFE_MS) // 1_000,
        "jti": identity.new_id(),
        "tid": signed_in.tenant,
        "role": signed_in.standing.role,
        "ver": signed_in.standing.authority,
        "sid": session.session if session else None,
        "did": device.device if device else None,
        "scp": None if session else " ".join(sorted(WITHOUT_KEY)),
        "cnf": {"jkt": session.thumbprint} if session else None,
    }
    return access_token.spell(Claims.model_validate(claims), identity.keyring)


def standing_of(identity: Identity, tenant: TenantId, person: str) -> Standing | None:
    """Somebody who may sign in; None where they are unknown or have left."""
    standing = identity.sessions.standing(tenant, Speaker(person, None, None, None))
    return standing if standing and standing.is_active else None


def refused() -> Problem:
    """The same answer whatever was wrong, so that nobody finds out who is known."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "sign-in-refused",
        "That e-mail and what came with it do not sign anybody in.",
        hint="Try again, or ask an admin to set a new password.",
    )


def by_a_page(request: Request) -> bool:
    """Whether a browser asks: it says so itself, and no script of a page can say otherwise."""
    return "sec-fetch-site" in request.headers


def set_cookie(response: Response, refreshing: str) -> None:
    """Keep a refresh token where no script of any page reads it, and no other site's page sends it."""
    response.set_cookie(
        COOKIE, refreshing, max_age=IDLE_MS_MAX // 1_000, path="/", secure=True, httponly=True, samesite="strict"
    )


def forget_cookie(response: Response) -> None:
    """Let a browser forget its refresh token."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def check_own_site(request: Request) -> None:
    """Refuse what a page of another site asks with our cookie; raises Problem 403."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "cross-site",
            "A page of another site asked for this.",
            hint="Ask from a page of this server.",
        )


def note(
    request: Request,
    identity: Identity,
    tenant: TenantId,
    kind: str,
    *,
    person: str | None = None,
    actor: str | None = None,
    device: str | None = None,
    session: str | None = None,
    detail: str = "",
) -> None:
    """Write into the audit what has just happened."""
    now_ms = ports_of(request).now_ms()
    identity.audit.note(
        tenant,
        AuditEntry(
            entry=identity.new_id(),
            at_ms=now_ms,
            kind=kind,
            person=person,
            actor=actor,
            device=device,
            session=session,
            address=_address(request),
            detail=detail,
        ),
    )


def note_going_on(request: Request, identity: Identity, tenant: TenantId, row: SessionRow) -> None:
    """Write into the audit that a session goes on, once a day for each address that it goes on from."""
    now_ms, address = ports_of(request).now_ms(), _address(request)
    entry = AuditEntry(
        entry=id_of_day(row.session, address or "", now_ms),
        at_ms=now_ms,
        kind="session_went_on",
        person=row.person,
        actor=row.person,
        device=row.device,
        session=row.session,
        address=address,
        detail="for the first time that day from there",
    )
    identity.audit.note_once(tenant, entry)


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _device(signed_in: SignedIn, identity: Identity) -> DeviceRow | None:
    """The registered device whose key was proven."""
    if signed_in.proven is None:
        return None
    device = identity.devices.by_key(signed_in.tenant, signed_in.proven.thumbprint)
    if device is not None and (device.person != signed_in.person or device.revoked_at_ms is not None):
        raise key_taken()
    return device


def key_taken() -> Problem:
    """A device's key speaks for one person, and for nobody once it was revoked."""
    return Problem(
        HTTPStatus.CONFLICT,
        "key-taken",
        "This key is that of another person's device, or of one that was revoked.",
        hint="Make a new key for each person on a device, and register it. What is not handed in yet stays theirs.",
    )


def _principal(signed_in: SignedIn, device: DeviceRow | None) -> Principal:
    return Principal(
        tenant=signed_in.tenant,
        person=signed_in.person,
        name=signed_in.standing.name,
        role=signed_in.standing.role,
        device=device.device if device else None,
    )


def _begun(signed_in: SignedIn, device: DeviceRow | None, identity: Identity, now_ms: int) -> SessionRow:
    assert signed_in.proven is not None
    kid, _ = identity.keyring.mac("refresh", b"")
    row = SessionRow(
        session=identity.new_id(),
        person=signed_in.person,
        device=device.device if device else None,
        thumbprint=signed_in.proven.thumbprint,
        refresh_key=kid,
        generation=0,
        way=signed_in.way,
        signed_in_at_ms=now_ms,
        refreshed_at_ms=now_ms,
        ended_at_ms=None,
        end_reason=None,
    )
    identity.sessions.begin(signed_in.tenant, row)
    return row
