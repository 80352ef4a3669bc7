"""That somebody looked at the past by a command is noted in the audit, as it is over HTTP."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infra.postgres.pool import Connection
    from sync.log import TenantId


def note_reading(
    pool: "ConnectionPool[Connection]", tenant: "TenantId", kind: str, detail: str, *, person: str | None = None
) -> None:
    """Whoever has the database can read it all; that they did it by a command of ours is noted all the same."""
    from random import SystemRandom

    from cairnfield.ids import uuid7
    from cairnfield.wiring import now_ms
    from commands.people import AuditEntry
    from infra.postgres.audit import PostgresAudit

    at_ms = now_ms()
    entry = AuditEntry(uuid7(at_ms, SystemRandom()), at_ms, kind, person, None, None, None, None, detail)
    PostgresAudit(pool).note(tenant, entry)
