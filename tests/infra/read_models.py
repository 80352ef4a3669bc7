"""Read models for tests: in memory and in PostgreSQL, over the event logs of `tests.infra.event_logs`."""

from collections.abc import Callable, Sequence
from typing import Any

from cairnfield.prove.naive_rows import naive
from infra.memory import MemoryEventLog
from infra.memory_read_model import MemoryStore
from infra.projector import Projector
from projections.read_model import GROUP, PROJECTIONS
from projections.store import Store
from tests.devices import NOON
from tests.infra.event_logs import Office

StoreOf = Callable[[Office], Store]
LATER = NOON + 7_200_000


def in_memory(office: Office) -> Store:
    assert isinstance(office.log, MemoryEventLog)
    return MemoryStore(office.log, [office.tenant], PROJECTIONS)


def projector(store: Store, *, page: int = 1_000, is_strict: bool = False) -> Projector:
    return Projector(store=store, group=GROUP, now_ms=lambda: LATER, is_strict=is_strict, page_events=page)


def catch_up(store: Store, office: Office, *, page: int = 1_000) -> None:
    runner = projector(store, page=page)
    while (step := runner.step(office.tenant)) and step.events:
        pass


def held(store: Store, office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    return {
        each.name: sorted(store.rows(office.tenant, each.name), key=lambda row: str(row[:5])) for each in PROJECTIONS
    }


def is_right(store: Store, office: Office, but: Sequence[str] = ()) -> None:
    """The tables are what somebody finds who goes through the whole log by hand, without what is told of these."""
    expected = naive([row for row in office.events() if row.entity not in but])
    found = held(store, office)
    for name, rows in expected.items():
        assert found[name] == rows, name
    assert found.keys() == expected.keys()
