"""Ed25519 as the `cryptography` package checks it."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key signed these bytes; False also for bytes that are no key. `sync.checkpoint.Verify`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
