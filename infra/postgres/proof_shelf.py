"""Tiles and checkpoints in Postgres, and the leaves that the log has now."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import cold, of_tenant
from infra.postgres.leaves import hashed
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.log import TenantId, TenantUnknown
from sync.merkle import HASH_BYTES
from sync.proof_shelf import Anchor, SignedRow
from sync.rows import EventRow
from sync.tiles import WIDTH, Tile

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
_ANCHOR: Final[LiteralString] = """
    select position, epoch::text, durable, frontier from log_head where tenant = %(tenant)s
"""
_TILED: Final[LiteralString] = """
    select number, octet_length(hashes) from log_tile
    where tenant = %(tenant)s and level = 0 order by number desc limit 1
"""
_TILE: Final[LiteralString] = """
    select hashes from log_tile where tenant = %(tenant)s and level = %(level)s and number = %(number)s
"""
_KEEP_TILE: Final[LiteralString] = """
    insert into log_tile (tenant, level, number, hashes) values (%(tenant)s, %(level)s, %(number)s, %(hashes)s)
    on conflict (tenant, level, number) do update set hashes = excluded.hashes
    where octet_length(log_tile.hashes) < octet_length(excluded.hashes)
"""
_COLUMNS: Final[LiteralString] = "epoch::text, size, root, (extract(epoch from signed_at) * 1000)::bigint, note"
_NEWEST: Final[LiteralString] = f"""
    select {_COLUMNS} from log_checkpoint
    where tenant = %(tenant)s and epoch = %(epoch)s order by size desc limit 1
"""
_SIGNED: Final[LiteralString] = f"""
    select {_COLUMNS} from (
        select * from log_checkpoint where tenant = %(tenant)s and size > %(after)s
        order by size fetch first %(limit)s rows with ties) as page
    order by size, signed_at
"""
_KEEP_SIGNED: Final[LiteralString] = """
    insert into log_checkpoint (tenant, size, epoch, signed_at, root, note)
    values (%(tenant)s, %(size)s, %(epoch)s, timestamptz 'epoch' + %(signed_at_ms)s * interval '1 ms', %(root)s,
            %(note)s)
    on conflict do nothing
"""
_EVENT: Final[LiteralString] = """
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
           effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event
"""
_BY_ID: Final[LiteralString] = f"{_EVENT} where tenant = %(tenant)s and id = %(id)s"
_OF_SCOPE: Final[LiteralString] = f"""
    {_EVENT} where tenant = %(tenant)s and scope = %(scope)s and position <= %(upto)s
    order by position limit %(limit)s
"""


class PostgresProofShelf:
    """`sync.proof_shelf.ProofShelf`; a pool of the projector's may write, and list all tenants."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def tenants(self) -> Sequence[TenantId]:
        with told_as_ours(), self._pool.connection() as connection:
            return [tenant for (tenant,) in connection.execute(_TENANTS).fetchall()]

    def anchor(self, tenant: TenantId) -> Anchor:
        found = self._rows(_ANCHOR, tenant=tenant)
        if not found:
            raise TenantUnknown(tenant)
        return Anchor(*found[0])

    def leaf_hashes(self, tenant: TenantId, *, after: int, upto: int) -> Sequence[bytes]:
        with of_tenant.transaction(self._pool, tenant) as connection:
            runs = hashed(connection, tenant, after=after, upto=upto, at_once=upto - after)
            return [each for run in runs for each in run.hashes]

    def tiled(self, tenant: TenantId) -> int:
        found = self._rows(_TILED, tenant=tenant)
        return found[0][0] * WIDTH + found[0][1] // HASH_BYTES if found else 0

    def tile(self, tenant: TenantId, level: int, number: int) -> bytes:
        found = self._rows(_TILE, tenant=tenant, level=level, number=number)
        return bytes(found[0][0]) if found else b""

    def keep_tiles(self, tenant: TenantId, tiles: Sequence[Tile]) -> None:
        with of_tenant.transaction(self._pool, tenant) as connection:
            connection.cursor().executemany(_KEEP_TILE, [{"tenant": tenant, **each._asdict()} for each in tiles])

    def newest(self, tenant: TenantId, epoch: str) -> SignedRow | None:
        found = self._rows(_NEWEST, tenant=tenant, epoch=epoch)
        return SignedRow(*found[0]) if found else None

    def signed(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[SignedRow]:
        return [SignedRow(*row) for row in self._rows(_SIGNED, tenant=tenant, after=after, limit=limit)]

    def keep_signed(self, tenant: TenantId, row: SignedRow) -> None:
        self._rows(_KEEP_SIGNED, tenant=tenant, **row._asdict())

    def event(self, tenant: TenantId, id: str) -> EventRow | None:  # noqa: A002  # its name everywhere
        return next(iter(cold.event_rows(self._pool, _BY_ID, {"tenant": tenant, "id": id})), None)

    def events_of_scope(self, tenant: TenantId, scope: str, *, upto: int, limit: int) -> Sequence[EventRow]:
        asked = {"tenant": tenant, "scope": scope, "upto": upto, "limit": limit}
        return cold.event_rows(self._pool, _OF_SCOPE, asked)

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, asked)
