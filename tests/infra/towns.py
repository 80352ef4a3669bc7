"""A small town for tests of the read model: devices that write of the same jobs without knowing all of each other."""

import random
from collections.abc import Sequence
from typing import Any, Final

from tests.devices import ELSEWHERE, MORNING, NOON, PERSON_1, PERSON_2, Device, new_id
from tests.infra.event_logs import Office
from tests.infra.pushing import device, pushed
from tests.sync.histories import SAYINGS

DEVICES: Final = ("ada", "ben", "eve")
OTHERS: Final[dict[str, Sequence[tuple[str, dict[str, Any]]]]] = {
    "site": [("Edited", {"directions": 'left "at" the \\ mill', "hazards": {"add": ["dog", "gas"]}}), ("Archived", {})],
    "asset": [("AssetConditionReported", {"condition": "watch"}), ("Edited", {"installed_on": "2024-02-29"})],
    "part": [
        ("Edited", {"unit_cost": "-0.000001", "currency": "EUR"}),
        ("Edited", {"barcode": {"add": ["a,b", "{}"]}}),
    ],
    "checklist_answer": [("Edited", {"value": ["ä", "b"]}), ("Edited", {"value": "12.5"}), ("Edited", {"value": None})],
}
SAID: Final = {**SAYINGS, **OTHERS}


class Town:
    """A tenant's devices and what they write of."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office, self.dice = office, random.Random(seed)  # a story, told again by its seed
        self.devices = [device(office, f"{name}{'bcdefghi'[seed % 8]}") for name in DEVICES]
        self.entities: list[tuple[str, str]] = []
        self.seen = dict.fromkeys(range(len(DEVICES)), 0)
        self.written = [self._new(self.devices[0], each) for each in sorted(SAYINGS)]
        pushed(office, self.written, role="supervisor")

    def live(self, rounds: int = 1) -> None:
        """So many times: everybody hears some of what was written, and writes and hands in something."""
        for _ in range(rounds):
            for number, each in enumerate(self.devices):
                self._hear(number, each)
                told = [self._something(each) for _ in range(self.dice.randint(1, 4))]
                pushed(self.office, told, role="supervisor", person=PERSON_1)
                self.written += told

    def _hear(self, number: int, each: Device) -> None:
        until = self.dice.randint(self.seen[number], len(self.written))
        each.see(*self.written[self.seen[number] : until])
        self.seen[number] = until

    def _something(self, each: Device) -> bytes:
        each.now_ms = NOON + self.dice.randint(0, 600_000)
        known = [entity for entity in self.entities if entity[1] in each.clocks]
        if not known or self.dice.random() < 0.2:
            return self._new(each, self.dice.choice(sorted(SAID)))
        entity_type, entity = self.dice.choice(known)
        event_type, data = self.dice.choice(SAID[entity_type])
        return each.tell(entity_type, entity, event_type, data)

    def _new(self, each: Device, entity_type: str) -> bytes:
        entity = new_id()
        self.entities.append((entity_type, entity))
        return each.create(entity_type, entity, _more(entity_type))


def _more(entity_type: str) -> dict[str, Any]:
    match entity_type:
        case "visit":
            return {"planned_start": MORNING, "assignee_id": PERSON_2, "crew": {"add": [PERSON_1]}}
        case "work_order":
            return {"assets": {"add": [ELSEWHERE]}, "requested_window": {"start": MORNING, "end": MORNING}}
        case _:
            return {}
