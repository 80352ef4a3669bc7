"""The library's suites of projections, unmodified, in every kind of office.

Those of tagged decisions are left out: they need a DCBApplication, whose recorder finds events by tags and positions
across entities and has no entity, version or replica to put into our table. Our factory offers none.
"""

from typing import Any, ClassVar, LiteralString

import pytest
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.tests import projection as theirs
from eventsourcing.utils import Environment

from infra.eventsourcing.memory import MemoryTrackingRecorder
from infra.eventsourcing.postgres import PostgresTrackingRecorder
from tests.infra.eventsourcing.offices import MEMORY, in_every_office

pytestmark = pytest.mark.timeout(120)


class CountersInPostgres(PostgresTrackingRecorder, theirs.EventCountersView):
    CREATED: LiteralString = """
        insert into event_counter (tenant, view, created) values (%s, %s, 1)
        on conflict (tenant, view) do update set created = event_counter.created + 1
    """
    SUBSEQUENT: LiteralString = """
        insert into event_counter (tenant, view, subsequent) values (%s, %s, 1)
        on conflict (tenant, view) do update set subsequent = event_counter.subsequent + 1
    """

    def get_created_event_counter(self) -> int:
        return self._counted()[0]

    def get_subsequent_event_counter(self) -> int:
        return self._counted()[1]

    def _counted(self) -> tuple[int, int]:
        statement = "select created, subsequent from event_counter where tenant = %s and view = %s"
        with self.connection() as connection:
            row = connection.execute(statement, [self.office.tenant, self.name]).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        with self.tracked(tracking) as connection:
            connection.execute(self.CREATED, [self.office.tenant, self.name])

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        with self.tracked(tracking) as connection:
            connection.execute(self.SUBSEQUENT, [self.office.tenant, self.name])


class CountersInMemory(MemoryTrackingRecorder, theirs.EventCountersView):
    created = 0
    subsequent = 0

    def get_created_event_counter(self) -> int:
        return self.created

    def get_subsequent_event_counter(self) -> int:
        return self.subsequent

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        with self.tracked(tracking):
            self.created += 1

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        with self.tracked(tracking):
            self.subsequent += 1


@in_every_office
class Views(theirs.EventCountersViewTestCase):
    kind_of_office: ClassVar[str]
    env: ClassVar[dict[str, str]]

    def construct_event_counters_view(self) -> theirs.EventCountersView:
        factory = InfrastructureFactory[Any].construct(Environment("eventcounters", self.env))
        self.addCleanup(factory.close)
        view = factory.tracking_recorder(CountersInMemory if self.kind_of_office == MEMORY else CountersInPostgres)
        assert isinstance(view, theirs.EventCountersView)
        return view


@in_every_office
class Projections(theirs.AggregateEventCountersProjectionTestCase):
    kind_of_office: ClassVar[str]

    def setUp(self) -> None:
        self.view_class = CountersInMemory if self.kind_of_office == MEMORY else CountersInPostgres


@in_every_office
class EventSourcedProjections(theirs.EventSourcedProjectionTestCase):
    pass
