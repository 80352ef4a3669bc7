"""Proofs that whoever asks holds a key (DPoP, RFC 9449): a fresh JWT for one method and one address, by that key.

A token that is bound to a key is worth nothing to a thief who has not the key, which browsers never give out.
The device's clock decides nothing: where it is wrong, the server hands out a nonce that is as good as the right time.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import jwt
import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import base64url
from api.identity import Keyring
from api.problem import Problem

LENGTH_MAX: Final = 4_096
FRESH_MS: Final = 5 * 60 * 1_000
_KEPT_MS: Final = 2 * FRESH_MS
"""A proof may be dated as much ahead as behind."""
REMEMBERED_MAX: Final = 50_000
KEYS_REMEMBERED_MAX: Final = 10_000
"""Keys of devices that are read once, and not with every proof."""
_MINUTE_MS: Final = 60_000
_Word = Annotated[str, Field(min_length=1, max_length=200)]


class _Ed25519(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class _P256(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    y: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    typ: Literal["dpop+jwt"]
    alg: Literal["EdDSA", "ES256"]
    jwk: _Ed25519 | _P256


class ProofClaims(BaseModel):
    """What is looked at of what a proof says."""

    model_config = ConfigDict(extra="ignore", strict=True)
    jti: _Word
    htm: _Word
    htu: Annotated[str, Field(min_length=1, max_length=2_000)]
    iat: int
    ath: _Word | None = None
    nonce: _Word | None = None
    bh: _Word | None = None
    """Ours: base64url of the SHA-256 of the body, where that must not be another's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A key that whoever asks holds."""

    thumbprint: str
    """RFC 7638."""
    public_key: Mapping[str, str]
    """As a JWK."""
    body_hash: str | None


class SharedWords(Protocol):
    """What all processes of an installation know to be used."""

    def take(self, word: str, *, kept_ms: int) -> bool:
        """Whether nobody has taken it in the last `kept_ms`, as far as is known; called from several threads."""
        ...


class Proofs:
    """Checks proofs, and remembers those of the last minutes so that each is taken once: by this process, and by all
    where they share what they know."""

    def __init__(self, shared: SharedWords | None = None) -> None:
        self._shared = shared
        self._taken: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    @property
    def waits(self) -> bool:
        """Whether taking a proof asks somebody else, so that it must not be done where everybody waits for it."""
        return self._shared is not None

    def check(self, request: Request, keyring: Keyring, *, now_ms: int, token: str | None = None) -> Proven | None:
        """The key that a request proves, None where it carries no proof; raises Problem 401.

        `token` is the access token that comes with it, to which the proof must be bound.
        """
        sent = request.headers.getlist("dpop")
        if not sent:
            return None
        if len(sent) > 1 or len(sent[0]) > LENGTH_MAX:
            raise refused("There must be one DPoP header of at most 4,096 characters.")
        key, claims = _read(sent[0])
        _check_address(request, claims)
        if token is not None and claims.ath != base64url.spelled(hashlib.sha256(token.encode()).digest()):
            raise refused("The proof's `ath` is not the SHA-256 of the access token that it comes with.")
        if not _is_fresh(claims, keyring, now_ms):
            raise _stale(keyring, now_ms)
        proven = Proven(thumbprint=key.thumbprint, public_key=key.public_key, body_hash=claims.bh)
        self.take((proven.thumbprint, claims.jti), now_ms)
        return proven

    def take(self, name: tuple[str, str], now_ms: int) -> None:
        """Count this as used; raises Problem 401 where it was used before."""
        with self._lock:
            is_new = now_ms - self._taken.get(name, -_KEPT_MS - 1) >= _KEPT_MS
            if len(self._taken) >= REMEMBERED_MAX:
                self._taken = {name: at for name, at in self._taken.items() if now_ms - at < _KEPT_MS}
            if len(self._taken) >= REMEMBERED_MAX:
                self._taken = {}  # refusing would hurt more: what a proof allows may be repeated
            if is_new:
                self._taken[name] = now_ms
        if not is_new or (self._shared is not None and not self._shared.take("\n".join(name), kept_ms=_KEPT_MS)):
            raise refused("This proof was used before. Make a new one, with a new `jti`, for each request.")


class _Key(NamedTuple):
    """The key that a proof names in its header."""

    thumbprint: str
    public_key: Mapping[str, str]
    verifier: jwt.PyJWK


def _read(text: str) -> tuple[_Key, ProofClaims]:
    """Key and claims of a proof whose signature is good by the key that it names; raises Problem."""
    signed, _, signature = text.rpartition(".")
    header, _, payload = signed.partition(".")
    mark, said = base64url.read(signature), base64url.read(payload)
    try:
        key = _key(header)
        if mark is None or said is None or not _has_signed(key.verifier, signed.encode(), mark):
            raise refused("The DPoP proof is not signed by the key that it names.")
        claims = ProofClaims.model_validate_json(said)
    except ValidationError as error:
        raise refused(f"The DPoP proof does not say what it must: {_places(error)}.") from None
    except (jwt.PyJWTError, ValueError):
        raise refused("The DPoP proof names no key.") from None
    return key, claims


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def _key(header: str) -> _Key:
    """The key in a header; a device sends the same one with every proof. Raises ValidationError and PyJWTError."""
    said = _Header.model_validate_json(base64url.read(header) or b"")
    public_key = said.jwk.model_dump()
    return _Key(thumbprint(public_key), public_key, jwt.PyJWK.from_dict(public_key, algorithm=said.alg))


def _has_signed(verifier: jwt.PyJWK, signed: bytes, mark: bytes) -> bool:
    return bool(verifier.Algorithm.verify(signed, verifier.key, mark))


def _places(error: ValidationError) -> str:
    return ", ".join(sorted({"/".join(str(each) for each in fault["loc"]) or "header" for fault in error.errors()}))[
        :200
    ]


def _check_address(request: Request, claims: ProofClaims) -> None:
    """The scheme is not compared: whoever ends TLS in front of us speaks http to us."""
    told = urlsplit(claims.htu)
    host = request.headers.get("host", "")
    if claims.htm != request.method or told.path != request.url.path or told.netloc.lower() != host.lower():
        raise refused(f"The proof is for {claims.htm[:20]} {told.path[:200]} of another address than was asked.")


def _is_fresh(claims: ProofClaims, keyring: Keyring, now_ms: int) -> bool:
    if abs(now_ms - claims.iat * 1_000) <= FRESH_MS:
        return True
    return claims.nonce is not None and is_nonce(claims.nonce, keyring, purpose="dpop", now_ms=now_ms)


def nonce(keyring: Keyring, *, purpose: str, now_ms: int) -> str:
    """A word that tells us later that it was given out a few minutes ago at most."""
    minute = now_ms // _MINUTE_MS
    kid, mark = keyring.mac("nonce", f"{purpose} {minute}".encode())
    return f"{minute}.{kid}.{base64url.spelled(mark)}"


def is_nonce(text: str, keyring: Keyring, *, purpose: str, now_ms: int) -> bool:
    """Whether we gave it out for that purpose, a few minutes ago at most."""
    minute, _, rest = text.partition(".")
    kid, _, mark = rest.partition(".")
    if not (minute.isascii() and minute.isdecimal() and len(minute) < 12):
        return False
    if not 0 <= now_ms // _MINUTE_MS - int(minute) <= FRESH_MS // _MINUTE_MS:
        return False
    expected = keyring.mac_by(kid, "nonce", f"{purpose} {minute}".encode())
    return expected is not None and base64url.spelled(expected) == mark


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638, of a public key that holds nothing but what belongs into it."""
    return base64url.spelled(hashlib.sha256(orjson.dumps(dict(jwk), option=orjson.OPT_SORT_KEYS)).digest())


def refused(detail: str) -> Problem:
    """A proof that proves nothing."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "proof-refused",
        detail,
        hint="Sign a fresh DPoP proof (RFC 9449) with the key of this session, for this method and address.",
        headers={"WWW-Authenticate": 'DPoP error="invalid_dpop_proof", algs="EdDSA ES256"'},
    )


def missing() -> Problem:
    """No proof where there must be one."""
    return refused("This needs a DPoP header: a proof by the key that the session or device is bound to.")


def _stale(keyring: Keyring, now_ms: int) -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "proof-stale",
        "The proof is not from the last five minutes by our clock.",
        hint="Sign another with the `nonce` of the DPoP-Nonce header; a clock that is wrong does no harm then.",
        retryable=True,
        headers={
            "DPoP-Nonce": nonce(keyring, purpose="dpop", now_ms=now_ms),
            "WWW-Authenticate": 'DPoP error="use_dpop_nonce", algs="EdDSA ES256"',
        },
    )
