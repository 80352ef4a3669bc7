"""Checks a tenant's audit as its log is checked, and that nothing was emptied of which the audit does not tell."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from psycopg_pool import ConnectionPool

from infra.postgres.audit_erasure import Emptied, emptied
from infra.postgres.log_verifier import FROM_THE_BEGINNING, CameTo, LogVerifier, Verified
from infra.postgres.pool import Connection
from infra.postgres.tree_tables import AUDIT
from sync.checkpoint import Verify
from sync.log import TenantId
from sync.log_check import Finding, Signed


class AuditVerified(NamedTuple):
    """What a check of an audit has found."""

    tree: Verified
    emptied: Emptied


class AuditVerifier:
    """Checks the audits of a database over a pool of `infra.postgres.log_verifier.CONNECTIONS` that may read."""

    def __init__(self, pool: ConnectionPool[Connection], publics: Sequence[bytes], verify: Verify) -> None:
        self._pool, self._trees = pool, LogVerifier(pool, publics, verify, AUDIT)

    def verify(
        self,
        tenant: TenantId,
        *,
        against: Sequence[Signed] = (),
        begin: CameTo = FROM_THE_BEGINNING,
        came_to: Callable[[CameTo, int], None] = lambda _, __: None,
    ) -> AuditVerified:
        """As `LogVerifier.verify`."""
        tree, beside = (
            self._trees.verify(tenant, against=against, begin=begin, came_to=came_to),
            emptied(self._pool, tenant),
        )
        if tree.finding is None and beside.unannounced is not None:
            first = beside.unannounced
            text = f"The entry at position {first} was emptied, and no entry of the audit says that it was erased."
            tree = tree._replace(finding=Finding("erasure", first, first, text))
        return AuditVerified(tree, beside)
