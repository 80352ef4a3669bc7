"""The ids that the office gives: of its own replica, of whoever answers for it, and of its events."""

import base64
import hashlib
import secrets
import time
import uuid
from uuid import UUID

from sync.log import TenantId


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def replica_of(tenant: TenantId, application: str) -> str:
    """The replica of an application in a tenant: always the same, so that every process writes on with one chain."""
    digest = hashlib.sha256(f"{tenant} {application}".encode()).digest()
    return "r" + base64.b32encode(digest).decode().lower()[:12]


def person_of(tenant: TenantId, application: str) -> str:
    """Who answers for what an application says of itself."""
    return str(uuid.uuid5(UUID(tenant), f"application {application}"))


def event_ids(count: int, now_ms: int) -> list[str]:
    """New UUIDs of version 7 in rising order, as an index likes them."""
    # One draw for all and one bit unused, so that counting up never carries into the version.
    first = secrets.randbits(61)
    head = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62
    return [str(UUID(int=head | first + number)) for number in range(count)]
