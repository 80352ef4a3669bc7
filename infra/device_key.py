"""The key of a device, and the proofs that it signs (DPoP, RFC 9449): one for each request, for that request alone."""

import base64
import hashlib
import json
import uuid
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_TYPE: Final = "dpop+jwt"


class DeviceKey:
    """An Ed25519 key pair."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": _spelled(public)}
        self._header = _spelled_json({"alg": "EdDSA", "jwk": jwk, "typ": _TYPE})
        self.thumbprint: Final = _spelled(hashlib.sha256(_json(jwk)).digest())
        """RFC 7638."""

    @classmethod
    def made(cls) -> Self:
        """A new one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def kept(cls, secret: str) -> Self:
        """The one that `secret` spells; raises ValueError."""
        return cls(Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))))

    @property
    def secret(self) -> str:
        """For the file that nobody else reads."""
        return _spelled(self._private.private_bytes_raw())

    def proof(
        self,
        method: str,
        url: str,
        *,
        now_ms: int,
        token: str | None = None,
        nonce: str | None = None,
        body: bytes | None = None,
    ) -> str:
        """A proof for one request to an address; `token` is the access token that goes with it, `nonce` what the server
        gave out, and `body` the body that is signed with it, where the route asks for that."""
        parts = urlsplit(url)
        said: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
            "iat": now_ms // 1_000,
            "ath": None if token is None else _hash(token.encode()),
            "nonce": nonce,
            "bh": None if body is None else _hash(body),
        }
        signed = f"{self._header}.{_spelled_json({name: value for name, value in said.items() if value is not None})}"
        return f"{signed}.{_spelled(self._private.sign(signed.encode()))}"


def _hash(raw: bytes) -> str:
    return _spelled(hashlib.sha256(raw).digest())


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _spelled_json(document: dict[str, Any]) -> str:
    return _spelled(_json(document))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
