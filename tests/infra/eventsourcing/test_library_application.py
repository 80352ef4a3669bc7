"""The library's suites of applications, unmodified, in every kind of office."""

from typing import ClassVar

import pytest
from eventsourcing.tests import application as theirs
from eventsourcing.utils import get_topic

from infra.eventsourcing.memory import MemoryFactory
from infra.eventsourcing.postgres import PostgresFactory
from tests.infra.eventsourcing.offices import MEMORY, in_every_office

pytestmark = pytest.mark.timeout(120)


@in_every_office
class Example(theirs.ExampleApplicationTestCase):
    kind_of_office: ClassVar[str]

    def setUp(self) -> None:
        self.expected_factory_topic = get_topic(MemoryFactory if self.kind_of_office == MEMORY else PostgresFactory)


# One test looks for this very warning, and finds it only where warnings are no errors.
@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
@in_every_office
class Applications(theirs.ApplicationTestCase):
    pass
