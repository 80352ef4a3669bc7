"""The leaves of a tenant's Merkle tree as its log has them: each event's stamps and stored bytes, in one stream.

The server puts each leaf together and sends nothing else, by COPY: that is three times as fast as fetching the columns
and spelling the stamps here. How a leaf is spelled is `sync.leaf`'s to say; a test holds this to it for whatever text a
column can hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import errors

from infra.cold_file import MARK_BYTES, BodySpoiled, ColdFileMissing, is_cold, place_of
from infra.postgres import cold
from sync.log import TenantId

# `to_json` escapes as canonical JSON does. Ids, replicas and effective times cannot hold what must be escaped.
LEAF: Final[LiteralString] = """
    convert_to(
        concat('["', id, '","', replica, '",', seq, ',', to_json(entity_type), ',"', entity, '",', version, ',',
               to_json(type), ',', schema_version, ',', to_json(scope), ',"', effective, '",', to_json(actor), ',',
               (date_part('epoch', recorded_at) * 1000)::bigint, E']\\n'), 'UTF8') || body
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


class Run(NamedTuple):
    """Hashes of leaves whose rows follow each other without a gap."""

    hashes: list[bytes]
    stranger: int | None
    """The position of the row after them, where it is not the one that should follow."""


class Leaf(NamedTuple):
    """A leaf with the place that its row claims."""

    position: int
    leaf: bytes


def leaves(connection: psycopg.Connection[Any], tenant: TenantId, *, after: int, upto: int) -> Iterator[Leaf]:
    """The leaves of the rows that are there, by position; a transaction that names the tenant must be open.

    Whether positions are missing or claimed twice is for whoever reads to see.
    """
    for row in _rows(connection, tenant, after, upto):
        yield Leaf(int.from_bytes(row[6:14]), bytes(row[_BEFORE_LEAF:]))


def hashed(
    connection: psycopg.Connection[Any], tenant: TenantId, *, after: int, upto: int, at_once: int
) -> Iterator[Run]:
    """The hashes of those leaves, so many at once; ends with the last, or with the row that does not follow."""
    following, hashes = after + 1, list[bytes]()
    for row in _rows(connection, tenant, after, upto):
        position = int.from_bytes(row[6:14])
        if position != following:
            yield Run(hashes, position)
            return
        hashes.append(sha256(b"\x00" + row[_BEFORE_LEAF:]).digest())
        following += 1
        if len(hashes) == at_once:
            yield Run(hashes, None)
            hashes = []
    yield Run(hashes, None)


def _rows(connection: psycopg.Connection[Any], tenant: TenantId, after: int, upto: int) -> Iterator[memoryview]:
    """Each row with its leaf whole, also where the body lies elsewhere."""
    files: Mapping[str, str] = {}
    while True:
        thaw, unknown, together = cold.Thaw(dict(files).copy), False, list[memoryview]()
        for raw in _stream(connection, tenant, after, upto):
            marked = bytes(raw[-MARK_BYTES:])
            lies_elsewhere = is_cold(marked)
            if unknown or (lies_elsewhere and place_of(marked).file not in files):
                unknown = True  # the rest is read to its end all the same: nothing else can be asked before
                continue
            after = int.from_bytes(raw[6:14])
            if not lies_elsewhere and not together:
                yield raw
                continue
            together.append(raw)
            if len(together) == cold.ROWS_TOGETHER_MAX:
                yield from whole(thaw, together)
                together = []
        yield from whole(thaw, together)
        if not unknown:
            return
        known, files = files, dict(connection.execute(cold.FILES, {"tenant": tenant}).fetchall())
        if files == known:
            raise ColdFileMissing(f"The event after position {after} lies in a cold file that nobody knows.")


def whole(thaw: cold.Thaw, rows: Sequence[memoryview]) -> Iterator[memoryview]:
    """Rows with the bodies that lie elsewhere, which are read file by file."""
    marks = {marked for raw in rows if is_cold(marked := bytes(raw[-MARK_BYTES:]))}
    bodies = {marked: _body(thaw, marked) for marked in sorted(marks)}
    for raw in rows:
        marked = bytes(raw[-MARK_BYTES:])
        yield memoryview(bytes(raw[:-MARK_BYTES]) + bodies[marked]) if marked in bodies else raw


def _body(thaw: cold.Thaw, marked: bytes) -> bytes:
    """What is not what was put there is hashed as nothing: whoever holds the leaf to something finds that."""
    try:
        return thaw.body(marked)
    except BodySpoiled:
        return b""


def _stream(connection: psycopg.Connection[Any], tenant: TenantId, after: int, upto: int) -> Iterator[memoryview]:
    told = {"tenant": tenant, "after": after, "upto": upto}
    with connection.cursor().copy(_STREAM, told) as stream:
        raw = memoryview(stream.read())[_HEADER_BYTES:]
        while len(raw) > _BEFORE_LEAF:
            yield raw
            raw = _arrived(connection) or memoryview(stream.read())
        while stream.read():  # what is no row ends the stream: the server has only to say that all went well
            pass


def _arrived(connection: psycopg.Connection[Any]) -> memoryview | None:
    """The next row where it is here already, which it nearly always is: psycopg's way of waiting takes longer than all
    else that is done with a row."""
    length, raw = connection.pgconn.get_copy_data(1)
    if length >= 0:
        return raw
    result = connection.pgconn.get_result()  # the stream broke off, and this says why
    assert result is not None, "a stream that breaks off comes to a result"
    while connection.pgconn.get_result():  # only then is the connection free again
        pass
    raise errors.error_from_result(result)
