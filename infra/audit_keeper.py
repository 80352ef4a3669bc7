"""Keeps the tree of an audit: its entries get their places first, and then what there is is signed for."""

from typing import Protocol

from infra.tree_keeper import TreeKeeper
from sync.log import TenantId


class Places(Protocol):
    """Implemented by `infra.postgres.audit_places.AuditPlaces`."""

    def give(self, tenant: TenantId) -> int: ...


class AuditKeeper:
    """Does for audits what TreeKeeper does for logs, whose entries had their places when they were appended."""

    def __init__(self, places: Places, trees: TreeKeeper) -> None:
        self._places, self._trees = places, trees

    def keep_up(self, tenant: TenantId, *, at_once: bool = False) -> int | None:
        """As `TreeKeeper.keep_up`."""
        self._places.give(tenant)
        return self._trees.keep_up(tenant, at_once=at_once)
