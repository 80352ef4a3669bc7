"""Refresh tokens: each follows from its session and its number, so that one whose answer was lost can be given again.

Nothing of them is stored. What makes them ours is a MAC of 256 bits with a key that is not in the database.
"""

import hmac
import re
import uuid
from typing import Final, NamedTuple

from api import base64url
from api.identity import Keyring

LENGTH_MAX: Final = 200
_SPELLED: Final = re.compile(r"cairnrt_([0-9a-f]{32})_([0-9a-f]{32})_([1-9][0-9]{0,9})_([A-Za-z0-9_-]{43})\Z", re.ASCII)


class RefreshToken(NamedTuple):
    """A token as it was sent; whether it is ours is another question."""

    tenant: str
    session: str
    number: int
    mark: str


def spell(keyring: Keyring, kid: str, *, tenant: str, session: str, number: int) -> str | None:
    """The token of that number; None where the session's key is not good any more."""
    mark = _mark(keyring, kid, tenant, session, number)
    return mark and f"cairnrt_{uuid.UUID(tenant).hex}_{uuid.UUID(session).hex}_{number}_{mark}"


def read(text: str) -> RefreshToken | None:
    """The parts of a token, or None where it is spelled otherwise than ours."""
    parts = _SPELLED.match(text) if len(text) <= LENGTH_MAX else None
    if parts is None:
        return None
    return RefreshToken(str(uuid.UUID(parts[1])), str(uuid.UUID(parts[2])), int(parts[3]), parts[4])


def is_ours(keyring: Keyring, kid: str, token: RefreshToken) -> bool:
    """Whether we made that token."""
    mark = _mark(keyring, kid, token.tenant, token.session, token.number)
    return mark is not None and hmac.compare_digest(mark, token.mark)


def _mark(keyring: Keyring, kid: str, tenant: str, session: str, number: int) -> str | None:
    mark = keyring.mac_by(kid, "refresh", f"refresh {tenant} {session} {number}".encode())
    return None if mark is None else base64url.spelled(mark)
