"""Other systems: accounts that sign in with a secret and speak in their own name, within scopes."""

import hashlib
import secrets
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, cast

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import access_token
from api.access_token import AUDIENCE, ISSUER, Claims
from api.auth import identity_of, proven_by
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.pacing import spend_sign_in
from api.policy import SCOPES
from api.problem import Problem
from api.signing_in import note, standing_of
from api.v1.sign_in import tenant_of
from commands.people import ServiceAccount
from domain.values import UUID_PATTERN

TOKEN_LIFE_MS: Final = access_token.LIFE_S_MAX * 1_000
_SECRET_BYTES: Final = 32

router = APIRouter(prefix="/v1", tags=["service accounts"])
Scope = Annotated[
    str, Field(pattern="^[a-z]+:[a-z]+$", max_length=40, json_schema_extra={"enum": cast("Any", sorted(SCOPES))})
]


class NewServiceAccount(BaseModel):
    """What another system is called and may do."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["Billing"])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]


class ClientCredentials(BaseModel):
    """A service account's id and secret (RFC 6749, 4.4); `scope` asks for less than it has."""

    model_config = ConfigDict(extra="forbid", strict=True)
    grant_type: Literal["client_credentials"]
    client_id: Annotated[str, Field(pattern=UUID_PATTERN)]
    client_secret: Annotated[str, Field(min_length=1, max_length=200)]
    scope: Annotated[str | None, Field(max_length=400)] = None
    tenant: Annotated[str | None, Field(pattern=UUID_PATTERN)] = None


@router.post(
    "/service-accounts",
    status_code=HTTPStatus.CREATED,
    summary="Let another system sign in",
    openapi_extra=told_in_openapi(NewServiceAccount),
)
def create_service_account(
    request: Request,
    speaking: Speaking,
    said: Annotated[NewServiceAccount, Depends(small(NewServiceAccount))],
    services: Ports,
) -> Response:
    """Its secret is told once, here, and kept nowhere."""
    identity, now_ms = identity_of(services), services.now_ms()
    _check_scopes(frozenset(said.scopes), SCOPES)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    account = ServiceAccount(
        client=identity.new_id(),
        person=identity.new_id(),
        name=said.name,
        scopes=tuple(sorted(set(said.scopes))),
        created_at_ms=now_ms,
        revoked_at_ms=None,
    )
    services.accounts.add_person(speaking.tenant, person=account.person, name=said.name, role="integration")
    identity.people.add_service_account(speaking.tenant, account, secret_hash=_hash(secret))
    about = {"person": account.person, "actor": speaking.person}
    note(request, identity, speaking.tenant, "service_account_created", **about, detail=" ".join(account.scopes))
    return _json({**_document(account), "client_secret": secret}, HTTPStatus.CREATED)


@router.get("/service-accounts", summary="Which other systems may sign in")
def service_accounts(speaking: Speaking, services: Ports) -> Response:
    """Oldest first, also those that were revoked."""
    found = identity_of(services).people.service_accounts(speaking.tenant)
    return _json({"items": [_document(each) for each in found]})


@router.post("/service-accounts/{client}/revoke", summary="Let another system sign in no more")
def revoke_service_account(
    request: Request,
    client: Annotated[str, Path(pattern=UUID_PATTERN, description="Its `client_id`.")],
    speaking: Speaking,
    services: Ports,
) -> Response:
    """Its tokens count for seconds more. It cannot be undone."""
    identity = identity_of(services)
    found = identity.people.service_accounts(speaking.tenant, client=client)
    if not found:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "service-account-not-found",
            f"There is no service account {client}.",
            hint="GET /v1/service-accounts lists them.",
        )
    if identity.people.revoke_service_account(speaking.tenant, client, now_ms=services.now_ms()):
        about = {"person": found[0].person, "actor": speaking.person}
        note(request, identity, speaking.tenant, "service_account_revoked", **about, detail=found[0].name)
    return _json(_document(identity.people.service_accounts(speaking.tenant, client=client)[0]))


@router.post("/token", summary="An access token for another system", openapi_extra=told_in_openapi(ClientCredentials))
def service_token(
    request: Request, said: Annotated[ClientCredentials, Depends(small(ClientCredentials))], services: Ports
) -> Response:
    """Good for an hour; ask again with the secret instead of refreshing it. A DPoP proof binds it to its key."""
    spend_sign_in(request, said.client_id)
    identity, now_ms = identity_of(services), services.now_ms()
    tenant = tenant_of(said.tenant, identity)
    found = identity.people.service_accounts(tenant, client=said.client_id, secret_hash=_hash(said.client_secret))
    standing = standing_of(identity, tenant, found[0].person) if found else None
    if not found or standing is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "sign-in-refused",
            "That id and secret sign nobody in.",
            hint="Check both; an admin can make a new service account.",
        )
    account = found[0]
    scopes = frozenset(said.scope.split()) if said.scope else frozenset(account.scopes)
    proven = proven_by(request, with_token=False)
    _check_scopes(scopes, frozenset(account.scopes))
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account.person,
        "client_id": account.client,
        "iat": now_ms // 1_000,
        "exp": (now_ms + TOKEN_LIFE_MS) // 1_000,
        "jti": identity.new_id(),
        "tid": tenant,
        "role": standing.role,
        "ver": standing.authority,
        "scp": " ".join(sorted(scopes)),
        "cnf": {"jkt": proven.thumbprint} if proven else None,
    }
    about = {"person": account.person, "actor": account.person}
    said_of_it = f"{' '.join(sorted(scopes))}; signed by {identity.keyring.signer()}"
    note(request, identity, tenant, "service_signed_in", **about, detail=said_of_it)
    spelled = access_token.spell(Claims.model_validate(claims), identity.keyring)
    told = {"access_token": spelled, "expires_in": TOKEN_LIFE_MS // 1_000, "scope": " ".join(sorted(scopes))}
    return _json({**told, "token_type": "DPoP" if proven else "Bearer"})


def _check_scopes(asked: frozenset[str], there: frozenset[str]) -> None:
    if not asked or asked - there:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "scope-unknown",
            f"{', '.join(sorted(asked - there)) or 'Nothing'} cannot be given.",
            hint=f"There is: {', '.join(sorted(there))}.",
        )


def _hash(secret: str) -> bytes:
    """A random secret needs no slow hash: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).digest()


def _document(account: ServiceAccount) -> dict[str, Any]:
    return {
        "client_id": account.client,
        "person": account.person,
        "name": account.name,
        "scopes": list(account.scopes),
        "created_at_ms": account.created_at_ms,
        "revoked_at_ms": account.revoked_at_ms,
    }


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(document), status, media_type="application/json", headers=headers)
