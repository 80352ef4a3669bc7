"""The read model for the `eventsourcing` library: its ProjectionRunner moves the same tables along as our own runner.

The library hands over one event after the other; the view brings the tables to exactly that position, by the same steps
as ever, in a transaction that holds the rows and the tracking. So the two may even take turns.
"""

import time
from dataclasses import replace
from typing import Any, Final

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import OperationalError, Tracking
from eventsourcing.projection import Projection
from psycopg_pool import ConnectionPool

from infra.eventsourcing.identity import now_ms
from infra.eventsourcing.office import Office
from infra.eventsourcing.postgres import PostgresTrackingRecorder
from infra.eventsourcing.trouble import told_as_theirs
from infra.postgres.pool import Connection, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.read_model.tables import schema_of
from infra.postgres.roles import PROJECTOR
from infra.projector import Projector
from projections.read_model import GROUP, PROJECTIONS

WAIT_S_MAX: Final = 30.0
PAUSE_S: Final = 0.02
VERSION: Final = 1
"""The version of the read model that the library moves along."""


class ReadModelView(PostgresTrackingRecorder):
    """The tables of one version, as a view of the library; `close` gives its connection back."""

    def __init__(self, office: Office, *, name: str) -> None:
        super().__init__(office, name=name)
        self._pool: ConnectionPool[Connection] = open_pool(self._shelf.conninfo, size=1, role=PROJECTOR)
        store = PostgresStore(self._pool, VERSION, PROJECTIONS)
        self._projector = Projector(store=store, group=GROUP, now_ms=now_ms)

    def take_in(self, tracking: Tracking) -> None:
        """Bring the tables to the position of `tracking`, unless somebody else has brought them there already.

        Raises OperationalError where somebody else is at them for more than WAIT_S_MAX.
        """
        tenant, wanted = self.office.tenant, tracking.notification_id
        give_up_s = time.monotonic() + WAIT_S_MAX
        with told_as_theirs():
            while (position := self._position()) < wanted:
                if replace(self._projector, page_events=wanted - position).step(tenant) is None:
                    if time.monotonic() > give_up_s:
                        raise OperationalError(
                            "somebody else is moving these tables along, and does not come to an end"
                        )
                    time.sleep(PAUSE_S)

    def _position(self) -> int:
        return self._projector.store.standing(self.office.tenant, now_ms=now_ms()).position

    def close(self) -> None:
        """Give the connection back."""
        self._pool.close()


class ReadModelProjection(Projection[ReadModelView]):
    """Moves the read model along as the library reads an application's events."""

    name = schema_of(VERSION)

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take in an event, and all before it that are not in the tables yet."""
        del domain_event  # it is read again, with the stamps that the library does not hand over
        self.view.take_in(tracking)
