"""A street of a town, for tests of what views work out: jobs at sites, with visits and parts that are really theirs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.devices import ELSEWHERE, NOON, PERSON_1, PERSON_2, Device, new_id
from tests.infra.event_logs import Office
from tests.infra.pushing import pushed, verdicts
from tests.infra.towns import SAID, Town

KINDS: Final = ("customer", "site", "part", "work_order", "work_order", "visit", "visit", "visit", "part_use")
"""What is written anew; what is more often here is written more often."""
TIMES: Final = frozenset(
    {
        "opened_at",
        "due_at",
        "completed_at",
        "closed_at",
        "planned_start",
        "travel_started_at",
        "arrived_at",
        "finished_at",
    }
)
WEEK_S: Final = 7 * 86_400


class Street(Town):
    """Everything belongs to something that is there, at times that differ, and some of it is handed in twice."""

    def __init__(self, office: Office, seed: int) -> None:
        self.of_kind: dict[str, list[str]] = {}
        super().__init__(office, seed)

    def hand_in_again(self, count: int) -> None:
        """So many of the events that were handed in, once more: the server knows every one of them."""
        before = self.office.position
        for raw in self.dice.sample(self.written, min(count, len(self.written))):
            assert verdicts(pushed(self.office, [raw], role="supervisor")) != ["accepted"]
        assert self.office.position == before

    def _something(self, each: Device) -> bytes:
        each.now_ms = NOON + self.dice.randint(0, 600_000)
        known = [entity for entity in self.entities if entity[1] in each.clocks]
        if not known or self.dice.random() < 0.35:
            return self._new(each, self.dice.choice(KINDS))
        entity_type, entity = self.dice.choice(known)
        event_type, data = self.dice.choice(SAID.get(entity_type, (("Edited", {"tags": {"add": ["x"]}}),)))
        return each.tell(entity_type, entity, event_type, {**data, **self._times(data)})

    def _new(self, each: Device, entity_type: str) -> bytes:
        entity = new_id()
        self.entities.append((entity_type, entity))
        self.of_kind.setdefault(entity_type, []).append(entity)
        return each.create(entity_type, entity, self._of(entity_type))

    def _of(self, entity_type: str) -> dict[str, Any]:
        """What a new thing belongs to."""
        match entity_type:
            case "work_order":
                told = {"customer_id": self._some("customer"), "site_id": self._some("site")}
                return told | self._maybe("opened_at", "due_at")
            case "visit":
                people = {"assignee_id": self.dice.choice([PERSON_1, PERSON_2])}
                return {"work_order_id": self._some("work_order")} | people | self._maybe("planned_start", "arrived_at")
            case "part":
                return {
                    "unit_cost": self.dice.choice(["1.5", "20", "0.003"]),
                    "currency": self.dice.choice(["EUR", "USD"]),
                }
            case "part_use":
                return {"work_order_id": self._some("work_order"), "part_id": self._some("part")}
            case _:
                return {}

    def _some(self, entity_type: str) -> str:
        return self.dice.choice(self.of_kind.get(entity_type, [ELSEWHERE]))

    def _maybe(self, *fields: str) -> dict[str, str]:
        return {field: self._time() for field in fields if self.dice.random() < 0.7}

    def _times(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {field: self._time() for field in data if field in TIMES}

    def _time(self) -> str:
        at = datetime.fromtimestamp(NOON // 1_000 + self.dice.randint(-2 * WEEK_S, 2 * WEEK_S), UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
