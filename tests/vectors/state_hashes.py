"""Vectors of the state hash: one hash for all that a replica holds."""

import hashlib
from collections.abc import Sequence
from typing import Final

from sync import merge, state_codec
from sync.envelope import parse
from tests.devices import CREATED
from tests.vectors.spelling import Case
from tests.vectors.story import Written, edits, tells, written

ABOUT: Final = (
    "State hashes: SHA-256 over a line `<entity id> <SHA-256 of its state, in hexadecimal>` with its line feed for each"
    " of `states` ([id, text]) in the order of their ids."
    " Where events are `told`, of several entities, they fold into these states."
)
ONE, TWO, TEN = (f"01900000-0000-7000-8000-0000000000{number}" for number in ("01", "02", "10"))


def cases() -> list[Case]:
    """All of them."""
    return [
        _texts("nothing", "A replica that holds nothing has the hash of no bytes.", []),
        _texts("one", "One line.", [(ONE, "{}")]),
        _texts("two, given in order", "Two lines.", [(ONE, "{}"), (TWO, '{"a":1}')]),
        _texts(
            "two, given in no order",
            "The same two: the order in which they are kept does not matter.",
            [(TWO, '{"a":1}'), (ONE, "{}")],
        ),
        _texts(
            "two, their states exchanged",
            "The same states under other ids are another hash.",
            [(ONE, '{"a":1}'), (TWO, "{}")],
        ),
        _texts("sorted as text", "Ids are sorted as texts: 02 before 10.", [(TEN, "{}"), (TWO, "{}")]),
        _texts("letters beyond ASCII", "A state is hashed as UTF-8.", [(ONE, '{"a":"\u00e9\U0001f600"}')]),
        _told(
            "a job, its visit and its site",
            "Three entities, written by two replicas in turns; each entity has its own clock and its own state.",
            [
                (
                    "work_order",
                    ONE,
                    written(
                        "work_order",
                        [
                            tells("office", "Created", CREATED["work_order"]),
                            tells("office", "WorkOrderOpened"),
                            edits("ben", {"title": "Pump drips"}),
                        ],
                        entity=ONE,
                        first_id=1,
                    ),
                ),
                (
                    "visit",
                    TWO,
                    written(
                        "visit",
                        [
                            tells("office", "VisitPlanned", {"work_order_id": ONE}),
                            tells("ben", "VisitTravelStarted"),
                            tells("ada", "VisitCancelled"),
                        ],
                        entity=TWO,
                        first_id=11,
                    ),
                ),
                (
                    "site",
                    TEN,
                    written(
                        "site",
                        [
                            tells("office", "Created", CREATED["site"]),
                            edits("ada", {"hazards": {"add": ["dog"]}, "custom": [["bay", "1"]]}),
                            edits("ben", {"custom": [["bay", "2"]]}),
                        ],
                        entity=TEN,
                        first_id=21,
                    ),
                ),
            ],
        ),
    ]


def _texts(name: str, why: str, states: Sequence[tuple[str, str]]) -> Case:
    return {"name": name, "why": why, "states": [list(each) for each in states], "hash": _hash(states)}


def _told(name: str, why: str, stories: Sequence[tuple[str, str, Sequence[Written]]]) -> Case:
    states: list[tuple[str, str]] = []
    for entity_type, entity, events in stories:
        state = merge.empty(entity_type)
        for each in events:
            state = merge.apply(state, parse(each.raw), each.effective)
        states.append((entity, state_codec.encode(state).decode()))
    events = [each for _, _, events in stories for each in events]
    told = [{"raw": each.raw.decode(), "effective": each.effective} for each in events]
    return {"name": name, "why": why, "told": told, "states": [list(each) for each in states], "hash": _hash(states)}


def _hash(states: Sequence[tuple[str, str]]) -> str:
    """Written once more, from the sentence above, and not with the code that is tested."""
    digests = [f"{entity} {hashlib.sha256(text.encode()).hexdigest()}\n" for entity, text in states]
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
