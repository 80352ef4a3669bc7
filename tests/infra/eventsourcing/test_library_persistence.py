"""The library's suites of recorders and factories, unmodified, in every kind of office."""

from typing import Any, ClassVar

import pytest
from eventsourcing.persistence import AggregateRecorder, InfrastructureFactory, ProcessRecorder, TrackingRecorder
from eventsourcing.tests import persistence as theirs
from eventsourcing.utils import Environment

from infra.eventsourcing.factory import LogFactory
from infra.eventsourcing.memory import MemoryFactory, MemoryTrackingRecorder
from infra.eventsourcing.postgres import PostgresFactory, PostgresTrackingRecorder
from infra.eventsourcing.recorders import LogProcessRecorder, LogRecorder
from tests.infra.eventsourcing.offices import MEMORY, in_every_office

pytestmark = pytest.mark.timeout(120)


class InOffice:
    """What every suite here needs: a factory in the office of its test."""

    env: ClassVar[dict[str, str]]

    def factory_named(self, name: str) -> LogFactory[Any]:
        factory = InfrastructureFactory[Any].construct(Environment(name, self.env))
        assert isinstance(factory, LogFactory)
        self.addCleanup(factory.close)  # type: ignore[attr-defined]  # of unittest.TestCase, which every suite is
        return factory


@in_every_office
class Snapshots(InOffice, theirs.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_named("Bank").aggregate_recorder(purpose="snapshots")


@in_every_office
class Events(InOffice, theirs.ApplicationRecorderTestCase[LogRecorder]):
    def create_recorder(self) -> LogRecorder:
        return self.factory_named("Bank").application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


@in_every_office
class EventsOfAProcess(InOffice, theirs.ApplicationRecorderTestCase[LogProcessRecorder]):
    def create_recorder(self) -> LogProcessRecorder:
        return self.factory_named("Bank").process_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


@in_every_office
class NonInterleaving(InOffice, theirs.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> LogRecorder:
        return self.factory_named("Bank").application_recorder()


@in_every_office
class Followers(InOffice, theirs.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        recorder: TrackingRecorder = self.factory_named("Statements").tracking_recorder()
        return recorder


@in_every_office
class Processes(InOffice, theirs.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory_named("Statements").process_recorder()


class PostgresView(PostgresTrackingRecorder):
    """A view by its own class."""


class MemoryView(MemoryTrackingRecorder):
    """A view by its own class."""


@in_every_office
class Factories(theirs.InfrastructureFactoryTestCase[LogFactory[Any]]):
    kind_of_office: ClassVar[str]

    def setUp(self) -> None:
        self.env = Environment("Bank", self.env)
        super().setUp()

    def expected_factory_class(self) -> type[LogFactory[Any]]:
        return MemoryFactory if self.kind_of_office == MEMORY else PostgresFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return LogRecorder

    def expected_application_recorder_class(self) -> type[LogRecorder]:
        return LogRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return MemoryTrackingRecorder if self.kind_of_office == MEMORY else PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return MemoryView if self.kind_of_office == MEMORY else PostgresView

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder
