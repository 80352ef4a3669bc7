"""What only the log in memory must watch for: threads that read it while others write it."""

import sys
import threading
from collections.abc import Iterator

import pytest

from sync.log import Changes
from tests.infra.event_logs import entity, events, in_memory


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Threads that take turns at every chance they get."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("many_switches")
def test_a_log_in_memory_is_read_while_it_is_written() -> None:
    office, troubles, done = in_memory().new(), list[Exception](), threading.Event()

    def read() -> None:
        while not done.is_set() and not troubles:
            try:
                list(office.log.states(office.tenant))
                office.log.entities(office.tenant, "site", after="", limit=10)
            except Exception as trouble:  # whatever it is, the test must name it
                troubles.append(trouble)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(80):
        rows = events(20, after=number * 20)
        office.store(Changes(events=rows, entities=[entity(row.entity) for row in rows]))
    done.set()
    for reader in readers:
        reader.join()
    assert troubles == []
