"""Cursors of lists: opaque, good for one question of one company in one epoch, and made by nobody else.

What is in one is not secret, but it is signed together with what was asked: a cursor of another question, another
company or of before a restore is refused instead of leading somewhere else.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import orjson

from api import base64url
from api.identity import Keyring

CURSOR_LETTERS_MAX: Final = 2_000
_PURPOSE: Final = b"cursor of a list\x00"
"""Keeps what is signed here apart from everything else that this key signs."""


def spelled(keyring: Keyring, bound_to: Sequence[str], after: Sequence[str | None]) -> str:
    """The cursor behind a row."""
    said = orjson.dumps(after)
    kid, mac = keyring.mac("nonce", _signed(bound_to, said))
    return base64url.spelled(orjson.dumps([kid, base64url.spelled(mac), said.decode()]))


def read(keyring: Keyring, bound_to: Sequence[str], cursor: str) -> list[str | None] | None:
    """The row that a cursor stands behind; None where it is none of ours, or of something else."""
    raw = base64url.read(cursor)
    try:
        kid, mac, said = orjson.loads(raw or b"")
        expected = keyring.mac_by(kid, "nonce", _signed(bound_to, said.encode()))
        given = base64url.read(mac)
    except (ValueError, TypeError, AttributeError):
        return None
    if expected is None or given is None or not hmac.compare_digest(expected, given):
        return None
    after: list[str | None] = orjson.loads(said)
    return after


def _signed(bound_to: Sequence[str], said: bytes) -> bytes:
    return _PURPOSE + hashlib.sha256(orjson.dumps(list(bound_to))).digest() + said
