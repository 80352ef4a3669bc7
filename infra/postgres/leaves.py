"""The leaves of a tenant's Merkle tree as its log has them: each event's stamps and stored bytes, in one stream.

The server puts each leaf together and sends nothing else, by COPY: that is three times as fast as fetching the columns
and spelling the stamps here. How a leaf is spelled is `sync.leaf`'s to say; a test holds this to it for whatever text a
column can hold.
"""

from collections.abc import Iterator
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from sync.log import TenantId

# `to_json` escapes as canonical JSON does. Ids, replicas and effective times cannot hold what must be escaped.
LEAF: Final[LiteralString] = """
    convert_to(
        '["' || id::text || '","' || replica || '",' || seq::text || ',' || to_json(entity_type)::text || ',"'
        || entity::text || '",' || version::text || ',' || to_json(type)::text || ',' || schema_version::text || ','
        || to_json(scope)::text || ',"' || effective || '",' || to_json(actor)::text || ','
        || (extract(epoch from recorded_at) * 1000)::bigint::text || E']\\n', 'UTF8') || body
"""

_STREAM: Final[LiteralString] = f"""
    copy (
        select position, {LEAF} from event
        where tenant = %(tenant)s and position > %(after)s and position <= %(upto)s order by position
    ) to stdout (format binary)
"""

_HEADER_BYTES: Final = 19
"""Of the stream, before its first row."""
_BEFORE_LEAF: Final = 18
"""Bytes of a row before its leaf: the number of columns, the position behind its length, the length of the leaf."""


class Leaf(NamedTuple):
    """A leaf with the place that its row claims."""

    position: int
    leaf: bytes


def leaves(connection: psycopg.Connection[Any], tenant: TenantId, *, after: int, upto: int) -> Iterator[Leaf]:
    """The leaves of the rows that are there, by position; a transaction that names the tenant must be open.

    Whether positions are missing or claimed twice is for whoever reads to see.
    """
    told = {"tenant": tenant, "after": after, "upto": upto}
    with connection.cursor().copy(_STREAM, told) as stream:
        is_first = True
        while row := stream.read():
            raw = bytes(row)
            if is_first:
                raw, is_first = raw[_HEADER_BYTES:], False
            if len(raw) > _BEFORE_LEAF:  # else it is what ends the stream
                yield Leaf(int.from_bytes(raw[6:14]), raw[_BEFORE_LEAF:])
