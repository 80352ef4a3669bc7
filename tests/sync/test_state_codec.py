"""The stored form of a state: how it is spelled, that it is read as it was written, and that it stays small."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import orjson
import pytest

from domain.catalogue import FACTS
from sync import canonical, shown, state_codec
from sync.envelope import parse
from sync.merge import State, apply, empty
from tests.devices import CREATED, MINUTE, MORNING, NOON, PERSON_1, Device, fold, new_id


def stored(state: State) -> Any:
    return orjson.loads(state_codec.encode(state))


def test_a_state_says_what_is_left_of_each_event_by_replica() -> None:
    site, ada, ben = new_id(), Device("ada"), Device("ben", now_ms=NOON + MINUTE)
    raws = [ada.create("site", site, {"name": "Mill", "tags": {"add": ["wet", "far"]}})]
    ben.see(*raws)
    raws += [ben.tell("site", site, "Edited", {"directions": "left", "custom": [["bay", "1"], ["key", None]]})]
    raws += [ada.tell("site", site, "Edited", {"directions": "right"}), ada.tell("site", site, "Edited", {"name": "M"})]
    assert stored(fold(raws))["replicas"] == [
        [
            *("radaaaaaaaaaa", 3),
            [1, NOON + 1, {"customer_id": CREATED["site"]["customer_id"], "tags": ["far", "wet"]}],
            [1, 1, {"directions": "right"}],
            [1, 1, {"name": "M"}],
        ],
        ["rbenaaaaaaaaa", 1, [1, MINUTE - 2, {"custom": [["bay", "1"], ["key", None]], "directions": "left"}]],
    ]


def test_of_an_event_that_was_replaced_altogether_only_its_place_in_the_clock_is_left() -> None:
    site, ada = new_id(), Device("ada")
    edits = [ada.tell("site", site, "Edited", {"directions": each}) for each in ("left", "right", "up")]
    assert stored(fold(edits))["replicas"] == [["radaaaaaaaaaa", 3, [3, NOON + 3, {"directions": "up"}]]]


def test_a_counter_is_said_where_it_counts() -> None:
    event = parse(Device("ada").tell("site", new_id(), "Edited", {"directions": "left"}))
    at_once = apply(empty("site"), event, "00000000000a0010")
    assert stored(at_once)["replicas"][0][2] == [1, 10, {"directions": "left"}, 16]
    assert state_codec.decode(state_codec.encode(at_once)) == at_once


def test_who_contests_a_write_is_said_beside_it_and_sums_stand_by_themselves() -> None:
    part, ada, ben = new_id(), Device("ada"), Device("ben")
    created = ada.create("part_use", part)
    ben.see(created)
    told = [ada.tell("part_use", part, "Archived"), ben.tell("part_use", part, "Edited", {"quantity": "-0.5"})]
    document = stored(fold([created, *told]))
    assert document["sums"] == {"quantity": "1.5"}
    assert document["replicas"][0][3] == [1, 1, {"archived": True}, 0, {"archived": [[1, 1]]}]


EDITS: Mapping[str, Mapping[str, Any]] = {
    "customer": {"name": "Mill", "language": "en", "note": "x", "legal_id": "1", "comms_opt_out": {"add": ["sms"]}},
    "contact": {"name": "Mia", "phone": "+4912345", "email": "a@b.c", "role": "boss"},
    "site": {"name": "Gate", "directions": "left", "hazards": {"add": ["dog"]}},
    "part": {"name": "Nut", "unit": "m", "currency": "EUR"},
    "part_use": {"quantity": "1"},
    "checklist_answer": {"value": True, "skipped_reason": "no"},
    "visit": {"assignee_id": PERSON_1, "sequence": "a", "planned_start": MORNING, "planned_end": MORNING},
    "work_order": {"priority": "high", "title": "Leak", "sla_id": "gold", "billable": True, "custom": [["bay", "1"]]},
}
"""Short values: the worst case, because what is kept beside a value does not grow with it."""


@pytest.mark.parametrize("entity_type", sorted(CREATED))
def test_what_two_replicas_wrote_field_by_field_stays_within_twice_its_plain_values(entity_type: str) -> None:
    entity, ada, ben = new_id(), Device("ada"), Device("ben", now_ms=NOON)
    raws = [ada.create(entity_type, entity)]
    for (field, value), speaker in zip(EDITS.get(entity_type, {}).items(), cycle([ben, ada]), strict=False):
        assert field in FACTS[entity_type]["Edited"].fields
        speaker.see(*raws)
        raws.append(speaker.tell(entity_type, entity, "Edited", {field: value}, now_ms=NOON + len(raws) * 60 * MINUTE))
    state = fold(raws)
    plain = canonical.dumps({"id": entity, "type": entity_type, **shown.values(state)})
    assert len(state_codec.encode(state)) <= 2 * len(plain)
