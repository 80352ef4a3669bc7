"""Replica ids that say whose they are, so that a server which has forgotten one can give it back to its owner alone.

An id is `r`, eight letters that were drawn, and four that follow from these, the tenant and the person. So a claim is
checked without anything that a restored backup could have forgotten; that somebody else's id is one's own by chance has
a probability of one in a million, and nobody can try again: the tenant, the person and the id are given.
"""

import base64
import hashlib
from typing import Final

from sync.log import TenantId
from sync.vector_clock import ReplicaId

BYTES_DRAWN: Final = 5
_LETTERS_THAT_FOLLOW: Final = 4
_PREFIX: Final = "r"


def replica_id(drawn: bytes, *, tenant: TenantId, person: str) -> ReplicaId:
    """A replica id of that person's, from 5 random bytes; `person` is a UUID."""
    assert len(drawn) == BYTES_DRAWN
    letters = base64.b32encode(drawn).decode().lower()
    return _PREFIX + letters + _that_follow(letters, tenant, person)


def is_id_of(replica: ReplicaId, *, tenant: TenantId, person: str) -> bool:
    """Whether an id of the right form was minted for that person of that tenant."""
    letters = replica.removeprefix(_PREFIX)
    drawn, follow = letters[:-_LETTERS_THAT_FOLLOW], letters[-_LETTERS_THAT_FOLLOW:]
    return follow == _that_follow(drawn, tenant, person)


def _that_follow(letters: str, tenant: TenantId, person: str) -> str:
    digest = hashlib.sha256(f"cairnfield replica {letters} {tenant} {person}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_LETTERS_THAT_FOLLOW]
