"""Gives the entries of an audit their places in its Merkle log, after the fact and many at a time.

Whoever notes an entry waits for nobody: it has no place yet. Places are given under the lock of the audit's head, which
only those who do this take, in the order of the entries' ids, which is that of the clock they were made by.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import of_tenant
from infra.postgres.audit_leaves import COLUMNS
from infra.postgres.pool import Connection
from sync.audit_leaf import SALT_BYTES, PlacedEntry, audit_leaf_of
from sync.log import TenantId
from sync.merkle import appended, leaf_hash

PLACES_PER_STEP: Final = 2_048

_IS_ANY_WITHOUT: Final[LiteralString] = """
    select exists (select from audit_entry where tenant = %(tenant)s and position is null)
"""
_BEGIN_HEAD: Final[LiteralString] = """
    insert into audit_head (tenant, position, frontier) values (%(tenant)s, 0, '{}') on conflict do nothing
"""
_HEAD: Final[LiteralString] = "select position, frontier from audit_head where tenant = %(tenant)s for update"
_WITHOUT: Final[LiteralString] = f"""
    select {COLUMNS} from audit_entry where tenant = %(tenant)s and position is null order by entry limit %(limit)s
"""
_PLACE: Final[LiteralString] = """
    update audit_entry set position = t.position, salt = t.salt
    from unnest(%(entries)s::uuid[], %(positions)s::bigint[], %(salts)s::bytea[]) as t(entry, position, salt)
    where audit_entry.tenant = %(tenant)s and audit_entry.entry = t.entry and audit_entry.position is null
"""
_KEEP: Final[LiteralString] = """
    update audit_head set position = %(position)s, frontier = %(frontier)s where tenant = %(tenant)s
"""


class AuditPlaces:
    """Gives places, over a pool of the projector's; safe to share between threads and processes."""

    def __init__(
        self, pool: ConnectionPool[Connection], *, salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_BYTES)
    ) -> None:
        self._pool, self._salt = pool, salt

    def give(self, tenant: TenantId) -> int:
        """Give every entry that is there its place; returns how many had none. Raises LogUnavailable."""
        given = 0
        if of_tenant.rows(self._pool, _IS_ANY_WITHOUT, {"tenant": tenant}) == [(True,)]:
            while placed := self._step(tenant):
                given += placed
        return given

    def _step(self, tenant: TenantId) -> int:
        with of_tenant.transaction(self._pool, tenant) as connection:

            def ask(statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
                cursor = connection.cursor(binary=True).execute(statement, {"tenant": tenant, **asked})
                return cursor.fetchall() if cursor.description else []

            ask(_BEGIN_HEAD)
            ((position, frontier),) = ask(_HEAD)
            rows = ask(_WITHOUT, limit=PLACES_PER_STEP)
            if not rows:
                return 0
            placed = [
                PlacedEntry(place, *row)._replace(salt=self._salt()) for place, row in enumerate(rows, position + 1)
            ]
            hashes = [leaf_hash(audit_leaf_of(tenant, each)) for each in placed]
            ask(
                _PLACE,
                entries=[each.entry for each in placed],
                positions=[each.position for each in placed],
                salts=[each.salt for each in placed],
            )
            ask(_KEEP, position=position + len(placed), frontier=appended(position, frontier, hashes))
            return len(placed)
