"""Base64url as tokens spell it: without padding, and each value in one spelling only."""

import base64
import binascii


def spelled(raw: bytes) -> str:
    """Bytes as text."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(text: str) -> bytes | None:
    """The bytes, or None where the text is none of ours: also where it is another spelling of the same bytes."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if spelled(raw) == text else None
