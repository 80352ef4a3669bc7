"""Tiles and checkpoints in Postgres, of logs and of audits, and the leaves that these have now."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import cold, of_tenant
from infra.postgres.audit_leaves import COLUMNS, ENTRIES
from infra.postgres.pool import Connection
from infra.postgres.tree_tables import AUDIT, EVENTS, TreeTables
from infra.postgres.trouble import told_as_ours
from sync.audit_leaf import PlacedEntry
from sync.checkpoint import Stream
from sync.log import TenantId, TenantUnknown
from sync.merkle import HASH_BYTES
from sync.proof_shelf import Anchor, SignedRow
from sync.rows import EventRow
from sync.tiles import WIDTH, Tile

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
_OF_PERSON: Final[LiteralString] = f"""
    select position, {COLUMNS} from audit_entry
    where tenant = %(tenant)s and position <= %(upto)s
      and (%(person)s::uuid is null or person = %(person)s or actor = %(person)s)
    order by position limit %(limit)s
"""
_PLACED: Final[LiteralString] = f"""
    select position, {COLUMNS} from audit_entry
    where tenant = %(tenant)s and position is not null
      and (position = %(position)s::bigint or entry = %(entry)s::uuid) limit 1
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


class PostgresTreeShelf:
    """`sync.proof_shelf.TreeShelf`; a pool of the projector's may write, and list all tenants."""

    def __init__(self, pool: ConnectionPool[Connection], tables: TreeTables) -> None:
        self._pool, self._tables = pool, tables

    @property
    def stream(self) -> Stream:
        return self._tables.stream

    def tenants(self) -> Sequence[TenantId]:
        with told_as_ours(), self._pool.connection() as connection:
            return [tenant for (tenant,) in connection.execute(_TENANTS).fetchall()]

    def anchor(self, tenant: TenantId) -> Anchor:
        found = self._rows(self._tables.anchor, tenant=tenant)
        if not found:
            raise TenantUnknown(tenant)
        return Anchor(*found[0])

    def leaf_hashes(self, tenant: TenantId, *, after: int, upto: int) -> Sequence[bytes]:
        with of_tenant.transaction(self._pool, tenant) as connection:
            runs = self._tables.hashed(connection, tenant, after=after, upto=upto, at_once=upto - after)
            return [each for run in runs for each in run.hashes]

    def tiled(self, tenant: TenantId) -> int:
        found = self._rows(self._tables.tiled, tenant=tenant)
        return found[0][0] * WIDTH + found[0][1] // HASH_BYTES if found else 0

    def tile(self, tenant: TenantId, level: int, number: int) -> bytes:
        found = self._rows(self._tables.tile, tenant=tenant, level=level, number=number)
        return bytes(found[0][0]) if found else b""

    def keep_tiles(self, tenant: TenantId, tiles: Sequence[Tile]) -> None:
        told = [{"tenant": tenant, **each._asdict()} for each in tiles]
        with of_tenant.transaction(self._pool, tenant) as connection:
            connection.cursor().executemany(self._tables.keep_tile, told)

    def newest(self, tenant: TenantId, epoch: str) -> SignedRow | None:
        found = self._rows(self._tables.newest, tenant=tenant, epoch=epoch)
        return SignedRow(*found[0]) if found else None

    def signed(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[SignedRow]:
        return [SignedRow(*row) for row in self._rows(self._tables.signed, tenant=tenant, after=after, limit=limit)]

    def keep_signed(self, tenant: TenantId, row: SignedRow) -> None:
        self._rows(self._tables.keep_signed, tenant=tenant, **row._asdict())

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, asked)


class PostgresProofShelf(PostgresTreeShelf):
    """`sync.proof_shelf.ProofShelf`."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        super().__init__(pool, EVENTS)

    def event(self, tenant: TenantId, id: str) -> EventRow | None:  # noqa: A002  # its name everywhere
        return next(iter(cold.event_rows(self._pool, _BY_ID, {"tenant": tenant, "id": id})), None)

    def events_of_scope(self, tenant: TenantId, scope: str, *, upto: int, limit: int) -> Sequence[EventRow]:
        asked = {"tenant": tenant, "scope": scope, "upto": upto, "limit": limit}
        return cold.event_rows(self._pool, _OF_SCOPE, asked)


class PostgresAuditShelf(PostgresTreeShelf):
    """`sync.proof_shelf.AuditShelf`."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        super().__init__(pool, AUDIT)

    def entries(self, tenant: TenantId, *, after: int, upto: int, limit: int) -> Sequence[PlacedEntry]:
        asked = {"tenant": tenant, "after": after, "upto": upto, "limit": limit}
        return [PlacedEntry(*row) for row in self._rows(f"{ENTRIES} limit %(limit)s", **asked)]

    def entries_of(self, tenant: TenantId, person: str | None, *, upto: int, limit: int) -> Sequence[PlacedEntry]:
        found = self._rows(_OF_PERSON, tenant=tenant, person=person, upto=upto, limit=limit)
        return [PlacedEntry(*row) for row in found]

    def entry(self, tenant: TenantId, *, position: int | None, entry: str | None) -> PlacedEntry | None:
        found = self._rows(_PLACED, tenant=tenant, position=position, entry=entry)
        return PlacedEntry(*found[0]) if found else None
