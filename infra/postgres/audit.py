"""The audit of sign-ins and keys in Postgres: entries are added, and read newest first."""

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.people import AuditEntry
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId

_NOTE: Final[LiteralString] = """
    insert into audit_entry (tenant, entry, at, kind, person, actor, device, session, address, detail)
    values (%(tenant)s, %(entry)s, timestamptz 'epoch' + %(at_ms)s * interval '1 ms', %(kind)s, %(person)s, %(actor)s,
            %(device)s, %(session)s, %(address)s, %(detail)s)
"""
_NOTE_ONCE: Final[LiteralString] = f"{_NOTE} on conflict (tenant, entry) do nothing"
_ENTRIES: Final[LiteralString] = """
    select entry::text, (extract(epoch from at) * 1000)::bigint, kind, person::text, actor::text, device::text,
           session::text, address, detail
    from audit_entry
    where tenant = %(tenant)s and (%(before)s::uuid is null or entry < %(before)s)
      and (%(kind)s::text is null or kind = %(kind)s) and (%(person)s::uuid is null or person = %(person)s)
    order by entry desc limit %(limit)s
"""


class PostgresAudit:
    """`api.identity.Audit`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def note(self, tenant: TenantId, entry: AuditEntry) -> None:
        """Keep an entry; nobody changes or removes it."""
        of_tenant.rows(self._pool, _NOTE, {"tenant": tenant, **entry._asdict()})

    def note_once(self, tenant: TenantId, entry: AuditEntry) -> None:
        """Keep an entry unless one of the same id is there: several processes see the same happen."""
        of_tenant.rows(self._pool, _NOTE_ONCE, {"tenant": tenant, **entry._asdict()})

    def entries(
        self, tenant: TenantId, *, before: str | None, kind: str | None, person: str | None, limit: int
    ) -> Sequence[AuditEntry]:
        """At most `limit` entries that are older than `before`, newest first."""
        asked = {"tenant": tenant, "before": before, "kind": kind, "person": person, "limit": limit}
        return [AuditEntry(*row) for row in of_tenant.rows(self._pool, _ENTRIES, asked)]
