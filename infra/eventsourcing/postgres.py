"""PERSISTENCE_MODULE=infra.eventsourcing.postgres: the library over the log of one tenant in Postgres."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from eventsourcing.persistence import InfrastructureFactoryError, OperationalError, Tracking
from eventsourcing.utils import Environment, EnvType
from psycopg_pool import PoolTimeout

from infra.eventsourcing.factory import CAIRN_TENANT, LogFactory, tenant_of
from infra.eventsourcing.office import Office
from infra.eventsourcing.postgres_shelf import PostgresShelf
from infra.eventsourcing.recorders import LogTrackingRecorder, follower
from infra.eventsourcing.shared import Lease
from infra.eventsourcing.trouble import told_as_theirs
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection

DATABASE_URL: Final = "DATABASE_URL"
CAIRN_POOL_SIZE: Final = "CAIRN_POOL_SIZE"
POOL_SIZE: Final = 4
POOL_SIZE_MAX: Final = 100


class PostgresTrackingRecorder(LogTrackingRecorder):
    """Where a projection comes to, for views in the same database: subclass it and write in `tracked`."""

    @property
    def _shelf(self) -> PostgresShelf:
        assert isinstance(self.office.shelf, PostgresShelf)
        return self.office.shelf

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A transaction to read the view with, in which the tenant is set."""
        with told_as_theirs(), self._shelf.reading(self.office.tenant) as connection:
            yield connection

    @contextmanager
    def tracked(self, tracking: Tracking) -> Generator[Connection]:
        """A transaction that moves on and holds what the block writes: both are stored, or neither is.

        Raises IntegrityError, before the block begins, if the follower has come as far already.
        """
        key = follower(self.name, tracking.application_name)
        with told_as_theirs(), self._shelf.moved(self.office.tenant, key, tracking.notification_id) as connection:
            yield connection


class PostgresFactory(LogFactory[PostgresTrackingRecorder]):
    """Reads CAIRN_TENANT (a UUID), DATABASE_URL (libpq's URI or key=value form; migrated) and CAIRN_POOL_SIZE.

    The connections are shared by all factories of a process with the same DATABASE_URL; the first one's
    CAIRN_POOL_SIZE counts. Raises InfrastructureFactoryError for a setting that is missing or cannot be used, and
    OperationalError when the database does not answer.
    """

    tracking_recorder_class = PostgresTrackingRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        tenant, dsn = self.env.get(CAIRN_TENANT), self.env.get(DATABASE_URL)
        if not tenant or not dsn:
            raise InfrastructureFactoryError(f"{DATABASE_URL} says where the log is and {CAIRN_TENANT} whose: set both")
        checked = tenant_of(tenant)
        try:
            self._lease = Lease(dsn, size=_size(self.env.get(CAIRN_POOL_SIZE, str(POOL_SIZE))))
        except PoolTimeout as trouble:
            raise OperationalError(str(trouble)) from trouble
        self._office = Office(
            tenant=checked,
            log=PostgresEventLog(self._lease.pool),
            shelf=PostgresShelf(self._lease.pool),
            doorbell=self._lease.doorbell,
            lease=self._lease,
        )

    @property
    def office(self) -> Office:
        """Where the recorders work."""
        return self._office

    def close(self) -> None:
        """Give the connections back; the last factory to do so closes them."""
        self._lease.give_back()


def _size(setting: str) -> int:
    if not (setting.isascii() and setting.isdigit() and 1 <= int(setting) <= POOL_SIZE_MAX):
        raise InfrastructureFactoryError(f"{CAIRN_POOL_SIZE} is {setting!r}; set a number from 1 to {POOL_SIZE_MAX}")
    return int(setting)
