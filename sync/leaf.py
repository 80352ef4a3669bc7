"""What of an event is proven: the bytes of its leaf in the Merkle tree, which follow from its row alone.

The stamps as a JSON array, a line feed, and the authored bytes exactly as they are stored. The position is not among
them: it is the leaf's index in the tree, so a leaf can be hashed before anybody knows where the event will lie. Nor is
the tenant: the origin in a checkpoint's first line names it.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import orjson

from sync.rows import EventRow

STAMPS: Final = EventRow._fields[1:13]
"""What the array holds, in this order; integers are numbers, everything else is text."""


def stamps_of(row: EventRow) -> bytes:
    """The stamps as canonical JSON."""
    return orjson.dumps(row[1:13])


def leaf_of(row: EventRow) -> bytes:
    """The bytes that are hashed."""
    return b"%b\n%b" % (stamps_of(row), row.body)


def leaf_hashes(rows: Iterable[EventRow]) -> list[bytes]:
    """The hash of each event's leaf, as `sync.merkle.leaf_hash` says."""
    dumps = orjson.dumps
    return [sha256(b"\x00%b\n%b" % (dumps(row[1:13]), row[13])).digest() for row in rows]
