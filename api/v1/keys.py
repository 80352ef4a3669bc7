"""The public keys that access tokens are signed with: next, current and retired."""

from typing import Final

import orjson
from fastapi import APIRouter, Response

from api.auth import identity_of
from api.given import Ports

KEPT_S: Final = 3_600
"""A key is published a day before it signs, so an hour is soon enough."""

router = APIRouter(tags=["sign-in"])


@router.get("/.well-known/jwks.json", summary="The public keys of access tokens")
def jwks(services: Ports) -> Response:
    """A JWK set (RFC 7517), for whoever checks access tokens without asking us."""
    keys = [dict(key) for key in identity_of(services).keyring.published()]
    headers = {"Cache-Control": f"public, max-age={KEPT_S}"}
    return Response(orjson.dumps({"keys": keys}), media_type="application/jwk-set+json", headers=headers)
