"""Access tokens: signed JWTs of ten minutes (RFC 9068) that say who speaks, on which device, in which session.

Read strictly and in this order: size, three parts, header, signature, claims. The header is not parsed at all. We spell
it ourselves, so it is one of the few that our good keys have, letter by letter, or the token is none of ours: no
header can name another algorithm, another key or a place to fetch one from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import base64url
from api.identity import Keyring
from domain.people import Role

ISSUER: Final = "cairnfield"
AUDIENCE: Final = "cairnfield-api"
TYPE: Final = "at+jwt"
OUR_CLIENT: Final = "cairnfield"
"""What people sign in with; whoever else signs in is a service account."""
LIFE_MS: Final = 10 * 60 * 1_000
LIFE_S_MAX: Final = 60 * 60
"""Of the tokens of service accounts; those of people live for LIFE_MS."""
LEEWAY_S: Final = 60
LENGTH_MAX: Final = 4_096
_SIGNATURE_BYTES: Final = 64

_Text = Annotated[str, Field(min_length=1, max_length=100)]


class _Bound(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    jkt: _Text


class Claims(BaseModel):
    """What an access token says; nothing of it is personal."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    iss: _Text
    aud: _Text
    sub: _Text
    """The person."""
    client_id: _Text
    """The service account, or `cairnfield` for people."""
    iat: int
    exp: int
    jti: _Text
    tid: _Text
    """The tenant."""
    role: Role
    ver: int
    """The person's authority when it was made: a token with a smaller one than they have now is refused."""
    did: _Text | None = None
    """The device."""
    sid: _Text | None = None
    """The session."""
    scp: str | None = None
    """What it is limited to, words with spaces between; None: all that the role may."""
    cnf: _Bound | None = None
    """The key that it is bound to."""


@dataclass(frozen=True, slots=True)
class NotGood(Exception):
    """A token is refused; the reason is for our own log, never for whoever sent it."""

    reason: str


def spell(claims: Claims, keyring: Keyring) -> str:
    """A signed token that says this."""
    kid = keyring.signer()
    payload = base64url.spelled(orjson.dumps(claims.model_dump(exclude_none=True)))
    signed = f"{header_of(kid)}.{payload}"
    return f"{signed}.{base64url.spelled(keyring.sign(kid, signed.encode()))}"


def read(token: str, keyring: Keyring, *, now_ms: int) -> Claims:
    """What a token of ours says; raises NotGood."""
    if len(token) > LENGTH_MAX:
        raise NotGood("it is too long")
    parts = token.split(".")
    if len(parts) != 3:
        raise NotGood("it has not three parts")
    header, payload, signature = parts
    kid = _kid(header, keyring.verifying()) or _kid(header, keyring.verifying(now=True))
    if kid is None:
        raise NotGood("its header is none of ours")
    mark, body = base64url.read(signature), base64url.read(payload)
    if mark is None or body is None or len(mark) != _SIGNATURE_BYTES:
        raise NotGood("it is not spelled as ours are")
    if not keyring.verify(kid, mark, f"{header}.{payload}".encode()):
        raise NotGood("its signature is not good")
    try:
        claims = Claims.model_validate_json(body)
    except ValidationError:
        raise NotGood("its claims are none of ours") from None
    _check(claims, now_ms // 1_000)
    return claims


def _kid(header: str, good: Sequence[str]) -> str | None:
    """Whose header it is, of the keys that are good."""
    return next((kid for kid in good if header_of(kid) == header), None)


def _check(claims: Claims, now_s: int) -> None:
    if (claims.iss, claims.aud) != (ISSUER, AUDIENCE):
        raise NotGood("it is for somebody else")
    if claims.exp <= now_s - LEEWAY_S:
        raise NotGood("it has expired")
    if claims.iat > now_s + LEEWAY_S or not 0 < claims.exp - claims.iat <= LIFE_S_MAX:
        raise NotGood("it is from the future, or lives longer than we ever say")


@lru_cache(maxsize=64)
def header_of(kid: str) -> str:
    """The header of every access token that this key signs."""
    return base64url.spelled(orjson.dumps({"alg": "EdDSA", "kid": kid, "typ": TYPE}, option=orjson.OPT_SORT_KEYS))
