"""What of an entry of the audit is proven: the bytes of its leaf, which name the tenant, the position and every column.

What may be personal, the address and the words, is in the leaf as a salted hash. So it can be erased together with its
salt, and the leaf stays what it was; without the salt nobody can try whether it was somebody's.
"""

from hashlib import sha256
from typing import Final, NamedTuple

import orjson

from sync.log import TenantId

SALT_BYTES: Final = 16


class PlacedEntry(NamedTuple):
    """An entry that has its place."""

    position: int
    entry: str
    at_us: int | None
    """Microseconds since 1970; None: nothing that the program writes."""
    kind: str
    person: str | None
    actor: str | None
    device: str | None
    session: str | None
    address: str | None
    detail: str
    salt: bytes | None
    sealed: bytes | None
    """What `seal` came to, where address, detail and salt were erased."""


def seal(salt: bytes, address: str | None, detail: str) -> bytes:
    """What stands in the leaf for address and detail."""
    return sha256(salt + orjson.dumps([address, detail])).digest()


def said_of(placed: PlacedEntry) -> bytes | None:
    """The same of an entry, erased or not; None where it is neither the one nor the other."""
    if placed.sealed is None:
        return None if placed.salt is None else seal(placed.salt, placed.address, placed.detail)
    is_erased = placed.salt is None and placed.address is None and not placed.detail
    return placed.sealed if is_erased else None


def audit_leaf_of(tenant: TenantId, placed: PlacedEntry) -> bytes:
    """The bytes that are hashed: canonical JSON."""
    said = said_of(placed)
    return orjson.dumps(
        {
            "actor": placed.actor,
            "at_us": placed.at_us,
            "device": placed.device,
            "entry": placed.entry,
            "kind": placed.kind,
            "person": placed.person,
            "position": placed.position,
            "said": said and said.hex(),
            "session": placed.session,
            "tenant": tenant,
        }
    )
