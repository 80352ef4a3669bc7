"""The names of what is imported: the same row of the same source always becomes the same entity and the same events.

An id must not depend on anything that somebody may correct in the old database and import again, a date above all. So
its time bits hold the row's old key: ids sort as the old rows did, which is what the log's indexes want.
"""

import base64
import hashlib
import uuid
from typing import Final

from commands.legacy.reading import Key

_TIME_MAX: Final = 2**48 - 1
_LOW_62: Final = 2**62 - 1


def entity_id(source: str, table: str, key: Key, kind: str) -> str:
    """The entity of this kind that a row becomes, as a UUID of version 7."""
    return _uuid7(source, table, key, kind)


def event_id(source: str, table: str, key: Key, kind: str, fact: str) -> str:
    """The event that tells this fact about it."""
    return _uuid7(source, table, key, kind, fact)


def replica_id(source: str) -> str:
    """The replica that authors everything from a source."""
    digest = hashlib.sha256(f"cairnfield import {source}".encode()).digest()
    return "r" + base64.b32encode(digest).decode().lower()[:12]


def importer_id(source: str) -> str:
    """The person in whose name a source is imported."""
    return _uuid7(source, "", 0, "importer")


def _uuid7(source: str, table: str, key: Key, *kind: str) -> str:
    # Lengths are part of what is hashed, so that no two names run together.
    named = "".join(f"{len(part)}:{part}" for part in (source, table, type(key).__name__, str(key), *kind))
    digest = hashlib.sha256(named.encode()).digest()
    time = key if isinstance(key, int) and 0 <= key <= _TIME_MAX else 0
    named_bits = int.from_bytes(digest[:10])
    return str(uuid.UUID(int=time << 80 | 7 << 76 | (named_bits >> 68 & 0xFFF) << 64 | 2 << 62 | named_bits & _LOW_62))
