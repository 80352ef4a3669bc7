"""Makes the frontier of every Merkle log from its events, for databases that had events before they had a tree."""

from typing import Any, Final, LiteralString

import psycopg

from infra.postgres import of_tenant
from infra.postgres.leaves import hashed
from infra.postgres.unfit import DatabaseUnfit
from sync.log import TenantId
from sync.merkle import appended

LEAVES_PER_READ: Final = 100_000
"""In one statement, which has a time limit."""
LEAVES_PER_STEP: Final = 4_096

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
_POSITION: Final[LiteralString] = "select position from log_head where tenant = %(tenant)s"
_KEEP: Final[LiteralString] = "update log_head set frontier = %(frontier)s where tenant = %(tenant)s"


class LogIncomplete(DatabaseUnfit):
    """The log lacks an event that its head has counted; the message names it."""


def rebuild(owner: psycopg.Connection) -> None:
    """Write every frontier anew, in the transaction that is open; nobody may append meanwhile. Raises LogIncomplete."""
    for (tenant,) in owner.execute(_TENANTS).fetchall():
        of_tenant.set_tenant(owner, tenant)
        rebuild_of(owner, tenant)


def rebuild_of(owner: psycopg.Connection[Any], tenant: TenantId) -> None:
    """Write one frontier anew, in a transaction that names its tenant. Raises LogIncomplete."""
    for (position,) in owner.execute(_POSITION, {"tenant": tenant}).fetchall():
        owner.execute(_KEEP, {"tenant": tenant, "frontier": frontier_of(owner, tenant, upto=position)})


def frontier_of(connection: psycopg.Connection[Any], tenant: TenantId, *, upto: int) -> list[bytes]:
    """The frontier over a tenant's first events, made from their rows. Raises LogIncomplete."""
    size, frontier = 0, list[bytes]()
    while size < upto:
        end = min(upto, size + LEAVES_PER_READ)
        for run in hashed(connection, tenant, after=size, upto=end, at_once=LEAVES_PER_STEP):
            frontier = appended(size, frontier, run.hashes)
            size += len(run.hashes)
        if size < end:
            raise LogIncomplete(
                f"The log of tenant {tenant} lacks the event at position {size + 1} of {upto}. Restore a backup that "
                "has it, and then run this version on that."
            )
    return frontier
