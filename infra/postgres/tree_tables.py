"""Where the trees of a stream lie in Postgres: the statements by which tiles and checkpoints are kept and read."""

from collections.abc import Iterator
from typing import Any, Final, LiteralString, NamedTuple, Protocol

import psycopg

from infra.postgres import audit_leaves, leaves
from infra.postgres.leaves import Run
from sync.checkpoint import Stream
from sync.log import TenantId

_COLUMNS: Final[LiteralString] = "epoch::text, size, root, (extract(epoch from signed_at) * 1000)::bigint, note"


class Hashed(Protocol):
    """The hashes of the leaves of a stream as it is now, so many at once; ends with the last, or with the row that
    does not follow."""

    def __call__(
        self, connection: psycopg.Connection[Any], tenant: TenantId, *, after: int, upto: int, at_once: int
    ) -> Iterator[Run]: ...


class TreeTables(NamedTuple):
    """The statements of one stream."""

    stream: Stream
    hashed: Hashed
    anchor: LiteralString
    """Where it ends, its epoch, up to where a verified backup holds it, its frontier."""
    outside: LiteralString
    """A row that claims a place where the stream has none."""
    tiled: LiteralString
    tile: LiteralString
    tiles: LiteralString
    keep_tile: LiteralString
    newest: LiteralString
    signed: LiteralString
    keep_signed: LiteralString


_OUTSIDE: Final[LiteralString] = """
    select position from {rows} where tenant = %(tenant)s and (position < 1 or position > %(upto)s)
    order by position limit 1
"""
_TILED: Final[LiteralString] = """
    select number, octet_length(hashes) from {tile}
    where tenant = %(tenant)s and level = 0 order by number desc limit 1
"""
_TILE: Final[LiteralString] = """
    select hashes from {tile} where tenant = %(tenant)s and level = %(level)s and number = %(number)s
"""
_TILES: Final[LiteralString] = """
    select number, hashes from {tile}
    where tenant = %(tenant)s and level = 0 and number >= %(number)s and number < %(end)s
"""
_KEEP_TILE: Final[LiteralString] = """
    insert into {tile} (tenant, level, number, hashes) values (%(tenant)s, %(level)s, %(number)s, %(hashes)s)
    on conflict (tenant, level, number) do update set hashes = excluded.hashes
    where octet_length({tile}.hashes) < octet_length(excluded.hashes)
"""
_NEWEST: Final[LiteralString] = f"""
    select {_COLUMNS} from {{checkpoint}}
    where tenant = %(tenant)s and epoch = %(epoch)s order by size desc limit 1
"""
_SIGNED: Final[LiteralString] = f"""
    select {_COLUMNS} from (
        select * from {{checkpoint}} where tenant = %(tenant)s and size > %(after)s
        order by size fetch first %(limit)s rows with ties) as page
    order by size, signed_at
"""
_KEEP_SIGNED: Final[LiteralString] = """
    insert into {checkpoint} (tenant, size, epoch, signed_at, root, note)
    values (%(tenant)s, %(size)s, %(epoch)s, timestamptz 'epoch' + %(signed_at_ms)s * interval '1 ms', %(root)s,
            %(note)s)
    on conflict do nothing
"""


def _tables(
    stream: Stream,
    hashed: Hashed,
    anchor: LiteralString,
    *,
    rows: LiteralString,
    tile: LiteralString,
    checkpoint: LiteralString,
) -> TreeTables:
    return TreeTables(
        stream=stream,
        hashed=hashed,
        anchor=anchor,
        outside=_OUTSIDE.format(rows=rows),
        tiled=_TILED.format(tile=tile),
        tile=_TILE.format(tile=tile),
        tiles=_TILES.format(tile=tile),
        keep_tile=_KEEP_TILE.format(tile=tile),
        newest=_NEWEST.format(checkpoint=checkpoint),
        signed=_SIGNED.format(checkpoint=checkpoint),
        keep_signed=_KEEP_SIGNED.format(checkpoint=checkpoint),
    )


EVENTS: Final = _tables(
    "events",
    leaves.hashed,
    "select position, epoch::text, durable, frontier from log_head where tenant = %(tenant)s",
    rows="event",
    tile="log_tile",
    checkpoint="log_checkpoint",
)
# A tenant whose audit nobody has looked at yet has no head of it; its epoch is that of its log.
AUDIT: Final = _tables(
    "audit",
    audit_leaves.hashed,
    """
    select coalesce(audit_head.position, 0), log_head.epoch::text, coalesce(audit_head.durable, 0),
           coalesce(audit_head.frontier, '{}')
    from log_head left join audit_head on audit_head.tenant = log_head.tenant where log_head.tenant = %(tenant)s
    """,
    rows="audit_entry",
    tile="audit_tile",
    checkpoint="audit_checkpoint",
)
