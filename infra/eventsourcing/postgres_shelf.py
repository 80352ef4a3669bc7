"""The shelf in Postgres: reads of table `event`, and the tables `snapshot` and `tracking`."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg_pool import ConnectionPool

from infra.eventsourcing import statements
from infra.eventsourcing.office import AGGREGATE, Found, Kept
from infra.postgres import cold, of_tenant
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection
from infra.postgres.statements import MOVE_TRACKED
from sync.log import TenantId
from sync.rows import TrackedRow


class PostgresShelf:
    """`Shelf` over the schema of `infra.postgres.schema`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool
        self._log = PostgresEventLog(pool)
        self._accounts = PostgresAccounts(pool)

    @property
    def conninfo(self) -> str:
        """Where the database is, for whoever needs a connection that works as somebody else."""
        told = self._pool.conninfo
        assert isinstance(told, str), "our pools are told it once"
        return told

    def reading(self, tenant: TenantId) -> AbstractContextManager[Connection]:
        """A transaction to read this tenant's rows in, its troubles told as the log tells them."""
        return of_tenant.transaction(self._pool, tenant)

    def history(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Found]:
        statement = statements.HISTORY_DESCENDING if descending else statements.HISTORY
        asked = {"tenant": tenant, "entity": entity, "after": after, "until": until, "limit": limit}
        return self._found(statement, asked)

    def notifications(
        self, tenant: TenantId, *, replica: str, first: int, last: int, topics: Sequence[str], limit: int
    ) -> Sequence[Found]:
        asked = {"tenant": tenant, "first": first, "last": last, "limit": limit, "replica": replica}
        asked |= {"aggregate": AGGREGATE, "topics": list(topics) or None}
        return self._found(statements.NOTIFICATIONS, asked)

    def _found(self, statement: LiteralString, asked: dict[str, Any]) -> Sequence[Found]:
        rows = cold.over(self._pool, asked["tenant"]).rows(self._rows(statement, asked), at=Found._fields.index("body"))
        return [Found(*row) for row in rows]

    def _rows(self, statement: LiteralString, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, asked)

    def employ(self, tenant: TenantId, *, person: str, name: str) -> None:
        self._accounts.add_person(tenant, person=person, name=name, role="integration")

    def keep(self, tenant: TenantId, snapshots: Sequence[Kept]) -> None:
        told = {
            "tenant": tenant,
            "entities": [each.entity for each in snapshots],
            "versions": [each.version for each in snapshots],
            "types": [each.type for each in snapshots],
            "states": [each.state for each in snapshots],
        }
        of_tenant.rows(self._pool, statements.KEEP, told)

    def kept(
        self, tenant: TenantId, entity: UUID, *, after: int, until: int, descending: bool, limit: int | None
    ) -> Sequence[Kept]:
        statement = statements.KEPT_DESCENDING if descending else statements.KEPT
        asked = {"tenant": tenant, "entity": entity, "after": after, "until": until, "limit": limit}
        return [Kept(*row) for row in self._rows(statement, asked)]

    def move(self, tenant: TenantId, follower: str, position: int) -> None:
        with self.moved(tenant, follower, position):
            pass

    @contextmanager
    def moved(self, tenant: TenantId, follower: str, position: int) -> Generator[Connection]:
        """A transaction that has moved the follower and takes what the block writes along; raises Conflicting."""
        rows = orjson.dumps([TrackedRow(follower, position)._asdict()]).decode()
        with of_tenant.transaction(self._pool, tenant) as connection:
            connection.execute(MOVE_TRACKED, {"tenant": tenant, "rows": rows})
            yield connection

    def followed(self, tenant: TenantId, follower: str) -> int | None:
        return self._log.tracked(tenant, follower)
