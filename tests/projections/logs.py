"""Logs for tests of projections: authored events as the log stores them."""

from collections import Counter
from collections.abc import Iterable

from sync.envelope import parse
from sync.rows import EventRow
from tests.devices import NOON, PERSON_1


def log_of(raws: Iterable[bytes], *, after: int = 0) -> list[EventRow]:
    """The rows of these events in a log of their own: accepted in this order, a second apart."""
    versions = Counter[str]()
    rows: list[EventRow] = []
    for position, raw in enumerate(raws, start=after + 1):
        event = parse(raw)
        versions[event.entity] += 1
        rows.append(
            EventRow(
                position,
                event.id,
                event.replica,
                event.seq,
                event.entity_type,
                event.entity,
                versions[event.entity],
                event.type,
                event.v,
                f"{event.entity_type}:{event.entity}",
                event.at,
                PERSON_1,
                NOON + 3_600_000 + position * 1_000,
                raw,
            )
        )
    return rows
