"""Compares a copy of an audit that was restored somewhere with the audit, and marks how far the copy holds it."""

from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.postgres import of_tenant
from infra.postgres.log_verifier import EVENTS_PER_STATEMENT, LEAVES_PER_STEP
from infra.postgres.pool import Connection
from infra.postgres.proof_shelf import PostgresAuditShelf
from infra.postgres.tree_tables import AUDIT
from sync.log import TenantId, TenantUnknown

_IS_PROVEN: Final[LiteralString] = "select to_regclass('audit_head') is not null"
_MARK: Final[LiteralString] = """
    update audit_head set durable = greatest(durable, least(%(position)s, position)) where tenant = %(tenant)s
    returning durable
"""


class NoCopy(Exception):
    """The copy holds something else; the text says where."""


def held_by(copy: ConnectionPool[Connection], ours: ConnectionPool[Connection], tenant: TenantId) -> int:
    """Up to which position a copy holds a tenant's audit, entry by entry; raises NoCopy where the two differ."""
    if of_tenant.rows(copy, _IS_PROVEN, {"tenant": tenant}) == [(False,)]:
        return 0  # it is older than the tree
    try:
        end = PostgresAuditShelf(copy).anchor(tenant).position
    except TenantUnknown:
        return 0  # it is older than the tenant
    for begin in range(0, end, EVENTS_PER_STATEMENT):
        upto = min(end, begin + EVENTS_PER_STATEMENT)
        with of_tenant.transaction(copy, tenant) as one, of_tenant.transaction(ours, tenant) as other:
            asked = {"after": begin, "upto": upto, "at_once": LEAVES_PER_STEP}
            at = begin
            for theirs, mine in zip(
                AUDIT.hashed(one, tenant, **asked), AUDIT.hashed(other, tenant, **asked), strict=False
            ):
                if theirs.hashes != mine.hashes:
                    pairs = zip(theirs.hashes, mine.hashes, strict=False)
                    same = next((place for place, (left, right) in enumerate(pairs) if left != right), None)
                    raise _other(tenant, at + 1 + (min(len(theirs.hashes), len(mine.hashes)) if same is None else same))
                at += len(theirs.hashes)
            if at < upto:
                raise _other(tenant, at + 1)
    return end


def mark(projecting: ConnectionPool[Connection], tenant: TenantId, position: int) -> int:
    """Let it be known that a verified backup holds so much; returns how much one does by now."""
    found = of_tenant.rows(projecting, _MARK, {"tenant": tenant, "position": position})
    return int(found[0][0]) if found else 0


def _other(tenant: TenantId, position: int) -> NoCopy:
    return NoCopy(
        f"That database is no copy of this audit: for tenant {tenant} it holds another entry at position {position}, "
        "or none. Nothing was marked. See that it is the right backup, of this server and whole."
    )
