"""Ids that are made here: UUIDs of version 7 and moments as text."""

import uuid
from datetime import UTC, datetime
from random import Random


def uuid7(ms: int, random: Random) -> str:
    """A UUID of version 7 of that millisecond since 1970, its other 74 bits from `random`."""
    made = bytearray(ms.to_bytes(6, "big") + random.randbytes(10))
    made[6] = 0x70 | made[6] & 0x0F
    made[8] = 0x80 | made[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(made)))


def instant(ms: int) -> str:
    """A moment in milliseconds since 1970 as events spell it."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
