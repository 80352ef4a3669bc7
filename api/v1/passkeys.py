"""Passkeys (WebAuthn): signing in by what a phone or a security key holds, with nothing to be told or guessed."""

import secrets
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
import webauthn
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api import base64url
from api.auth import identity_of, proven_by
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.identity import Identity
from api.problem import Problem
from api.proof import Proofs, is_nonce, nonce
from api.signing_in import SignedIn, note, open_session, refused, standing_of
from api.v1.sign_in import Tenant, tenant_of
from commands.people import Passkey
from sync.log import Conflicting

NAME: Final = "Cairnfield"
_DRAWN_BYTES: Final = 16
ID_LETTERS_MAX: Final = 1_364
"""Of a credential id of 1,023 bytes, the longest that there may be (WebAuthn, 4), as base64url."""

router = APIRouter(prefix="/v1", tags=["passkeys"])
Part = Annotated[str, Field(max_length=ID_LETTERS_MAX, pattern="^[A-Za-z0-9_-]*$")]


class Named(BaseModel):
    """The company, where several are served."""

    model_config = ConfigDict(extra="forbid", strict=True)
    tenant: Tenant = None


class Answer(BaseModel):
    """What the authenticator answered, as `PublicKeyCredential.toJSON()` tells it."""

    model_config = ConfigDict(extra="ignore", strict=True)
    id: Part
    raw_id: Annotated[Part, Field(alias="rawId")]
    type: Annotated[str, Field(pattern="^public-key$")]
    response: dict[str, Any]


class NewPasskey(BaseModel):
    """A passkey that the browser has just made, and what its owner calls it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["My phone"])]
    credential: Answer


class ByPasskey(BaseModel):
    """The answer to the options, and the company where several are served."""

    model_config = ConfigDict(extra="forbid", strict=True)
    credential: Answer
    tenant: Tenant = None


@router.post("/sign-in/passkey/options", summary="Begin to sign in by passkey", openapi_extra=told_in_openapi(Named))
def sign_in_options(said: Annotated[Named, Depends(small(Named))], services: Ports) -> Response:
    """For `navigator.credentials.get`: whoever has a passkey for this server is asked which. Nobody is named."""
    identity = identity_of(services)
    tenant = tenant_of(said.tenant, identity)
    options = webauthn.generate_authentication_options(
        rp_id=identity.relying_party.id,
        challenge=_challenge(identity, f"get {tenant}", services.now_ms()),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _options(options)


@router.post("/sign-in/passkey", summary="Sign in by passkey", openapi_extra=told_in_openapi(ByPasskey))
def sign_in_by_passkey(
    request: Request,
    said: Annotated[ByPasskey, Depends(small(ByPasskey))],
    services: Ports,
) -> Response:
    """As by password: with a DPoP proof a session that goes on, without one a single access token."""
    identity, now_ms = identity_of(services), services.now_ms()
    tenant, proven = tenant_of(said.tenant, identity), proven_by(request, with_token=False)
    passkey = identity.sign_ins.passkey(tenant, base64url.read(said.credential.raw_id) or b"")
    standing = standing_of(identity, tenant, passkey.person) if passkey else None
    if passkey is None or standing is None:
        raise refused()
    challenge = _answered(said.credential, request, identity, f"get {tenant}", now_ms)
    try:
        verified = webauthn.verify_authentication_response(
            credential=said.credential.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=identity.relying_party.id,
            expected_origin=list(identity.relying_party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.uses,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        note(request, identity, tenant, "sign_in_refused", person=passkey.person, detail="by passkey")
        raise refused() from None
    uses = verified.new_sign_count
    if not identity.sign_ins.passkey_used(tenant, passkey.credential, uses=uses, now_ms=now_ms):
        note(request, identity, tenant, "passkey_copied", person=passkey.person, detail=passkey.name)
        raise refused()
    signed_in = SignedIn(tenant=tenant, person=passkey.person, standing=standing, way="passkey", proven=proven)
    return open_session(signed_in, request, identity)


@router.post("/me/passkeys/options", summary="Begin to add a passkey")
def passkey_options(speaking: Speaking, services: Ports) -> Response:
    """For `navigator.credentials.create`."""
    identity = identity_of(services)
    row = identity.sign_ins.of_person(speaking.tenant, speaking.person)
    there = identity.sign_ins.passkeys(speaking.tenant, speaking.person)
    options = webauthn.generate_registration_options(
        rp_id=identity.relying_party.id,
        rp_name=NAME,
        user_id=speaking.person.encode(),
        user_name=row.email if row else speaking.name,
        user_display_name=speaking.name,
        challenge=_challenge(identity, f"create {speaking.person}", services.now_ms()),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential) for each in there],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return _options(options)


@router.post(
    "/me/passkeys", status_code=HTTPStatus.CREATED, summary="Add a passkey", openapi_extra=told_in_openapi(NewPasskey)
)
def add_passkey(
    request: Request,
    speaking: Speaking,
    said: Annotated[NewPasskey, Depends(small(NewPasskey))],
    services: Ports,
) -> Response:
    """It signs its owner in from now on."""
    identity, now_ms = identity_of(services), services.now_ms()
    challenge = _answered(said.credential, request, identity, f"create {speaking.person}", now_ms)
    try:
        verified = webauthn.verify_registration_response(
            credential=said.credential.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=identity.relying_party.id,
            expected_origin=list(identity.relying_party.origins),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _not_good() from None
    passkey = Passkey(
        credential=verified.credential_id,
        person=speaking.person,
        public_key=verified.credential_public_key,
        uses=verified.sign_count,
        name=said.name,
        added_at_ms=now_ms,
        used_at_ms=None,
    )
    try:
        identity.sign_ins.add_passkey(speaking.tenant, passkey)
    except Conflicting:
        raise _not_good() from None
    about = {"person": speaking.person, "actor": speaking.person, "session": speaking.session}
    note(request, identity, speaking.tenant, "passkey_added", **about, detail=said.name)
    return _json(_document(passkey), HTTPStatus.CREATED)


@router.get("/me/passkeys", summary="My passkeys")
def list_passkeys(speaking: Speaking, services: Ports) -> Response:
    """By what whoever speaks signs in, oldest first."""
    found = identity_of(services).sign_ins.passkeys(speaking.tenant, speaking.person)
    return _json({"items": [_document(each) for each in found]})


@router.delete("/me/passkeys/{credential}", status_code=HTTPStatus.NO_CONTENT, summary="Forget a passkey")
def drop_passkey(
    request: Request,
    credential: Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,1400}$", description="Its id, in base64url.")],
    speaking: Speaking,
    services: Ports,
) -> Response:
    """It signs nobody in any more; sessions that it began go on."""
    identity = identity_of(services)
    named = base64url.read(credential) or b""
    if not identity.sign_ins.drop_passkey(speaking.tenant, speaking.person, named):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "passkey-not-found",
            "You have no such passkey.",
            hint="GET /v1/me/passkeys lists yours.",
        )
    about = {"person": speaking.person, "actor": speaking.person, "session": speaking.session}
    note(request, identity, speaking.tenant, "passkey_dropped", **about, detail=credential[:40])
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _challenge(identity: Identity, purpose: str, now_ms: int) -> bytes:
    """Ours, for a few minutes, and for this purpose only; nothing of it is kept."""
    drawn = secrets.token_hex(_DRAWN_BYTES)
    return f"{drawn}:{nonce(identity.keyring, purpose=f'{purpose} {drawn}', now_ms=now_ms)}".encode()


def _answered(answer: Answer, request: Request, identity: Identity, purpose: str, now_ms: int) -> bytes:
    """The challenge that was answered: one that we gave out for this, and that nobody answered yet; raises Problem."""
    told = answer.response.get("clientDataJSON")
    raw = base64url.read(told) if isinstance(told, str) else None
    try:
        said = orjson.loads(raw or b"")["challenge"]
        challenge = (base64url.read(said) or b"").decode("ascii")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise _not_good() from None
    drawn, _, given = challenge.partition(":")
    if not is_nonce(given, identity.keyring, purpose=f"{purpose} {drawn}", now_ms=now_ms):
        raise _not_good()
    proofs = request.app.state.proofs
    assert isinstance(proofs, Proofs)
    proofs.take(("challenge", drawn), now_ms)
    return challenge.encode()


def _not_good() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "passkey-refused",
        "This is not the answer of a passkey to options of ours of the last minutes.",
        hint="Ask for fresh options and answer these.",
    )


def _options(options: Any) -> Response:
    text = webauthn.options_to_json(options)
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


def _document(passkey: Passkey) -> dict[str, Any]:
    return {
        "credential": base64url.spelled(passkey.credential),
        "name": passkey.name,
        "added_at_ms": passkey.added_at_ms,
        "used_at_ms": passkey.used_at_ms,
    }


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
