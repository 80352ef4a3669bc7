"""PERSISTENCE_MODULE=infra.eventsourcing.memory: the library over a log in memory, for trials and tests."""

import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

from eventsourcing.persistence import Tracking
from eventsourcing.utils import Environment, EnvType

from infra.eventsourcing.doorbell import Doorbell
from infra.eventsourcing.factory import CAIRN_TENANT, LogFactory, tenant_of
from infra.eventsourcing.memory_shelf import MemoryShelf
from infra.eventsourcing.office import Office
from infra.eventsourcing.recorders import LogTrackingRecorder, follower
from infra.eventsourcing.trouble import told_as_theirs
from infra.memory import MemoryEventLog


class MemoryTrackingRecorder(LogTrackingRecorder):
    """Where a projection comes to, for views in memory: subclass it and write in `tracked`."""

    @contextmanager
    def tracked(self, tracking: Tracking) -> Generator[None]:
        """Moves on when the block has ended well, one block at a time.

        Raises IntegrityError, before the block begins, if the follower has come as far already.
        """
        shelf, key = self.office.shelf, follower(self.name, tracking.application_name)
        assert isinstance(shelf, MemoryShelf)
        with told_as_theirs(), shelf.moved(self.office.tenant, key, tracking.notification_id):
            yield


class _House:
    """One tenant's log and what lies beside it, for as long as somebody works there."""

    def __init__(self, tenant: str) -> None:
        self.log, self.doorbell = MemoryEventLog(), Doorbell()
        self.log.add_tenant(tenant)
        self.shelf = MemoryShelf(self.log)


_lock: Final = threading.Lock()
_houses: Final[WeakValueDictionary[str, _House]] = WeakValueDictionary()


class MemoryFactory(LogFactory[MemoryTrackingRecorder]):
    """Reads CAIRN_TENANT (a UUID): factories of one process that name the same tenant share its log.

    Without it the log is the factory's own. A log is gone with the last who uses it.
    """

    tracking_recorder_class = MemoryTrackingRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        tenant = tenant_of(self.env.get(CAIRN_TENANT) or str(uuid.uuid4()))
        with _lock:
            house = _houses.get(tenant) or _House(tenant)
            _houses[tenant] = house
        self._office = Office(tenant=tenant, log=house.log, shelf=house.shelf, doorbell=house.doorbell, lease=house)

    @property
    def office(self) -> Office:
        """Where the recorders work."""
        return self._office
