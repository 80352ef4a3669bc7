"""The envelope: what every event says of itself, and which events are not acceptable."""

import json
from typing import Any

import orjson
import pytest

from domain.catalogue import FACTS
from domain.values import INTEGER_MAX
from sync.envelope import Unacceptable, Unreadable, hash_of, link_of, parse
from sync.limits import CLOCK_ENTRIES_MAX, EVENT_BYTES_MAX, SET_ELEMENTS_PER_EVENT_MAX
from tests.devices import CREATED, ELSEWHERE, HASH, Device, new_id, replica_named


def told(entity_type: str = "site", event_type: str = "Created", **data: Any) -> bytes:
    return Device("ada").tell(entity_type, new_id(), event_type, {**CREATED[entity_type], **data})


def said_otherwise(raw: bytes, **members: Any) -> bytes:
    document = {name: value for name, value in {**orjson.loads(raw), **members}.items() if value is not ...}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def refusal(raw: bytes) -> Unacceptable:
    with pytest.raises(Unacceptable) as refused:
        parse(raw)
    return refused.value


@pytest.mark.parametrize("entity_type", sorted(CREATED))
def test_what_a_device_writes_is_acceptable(entity_type: str) -> None:
    device, entity = Device("ada"), new_id()
    raw = device.create(entity_type, entity)
    event = parse(raw)
    assert (event.raw, event.entity, event.seq, event.prev) == (raw, entity, 1, None)
    assert parse(device.tell(entity_type, entity, "Archived")).prev == hash_of(raw)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"id": "01900000-0000-4000-8000-000000000001"}, "bad_envelope"),
        ({"id": "01900000-0000-7000-8000-00000000000G"}, "bad_envelope"),
        ({"id": 7}, "bad_envelope"),
        ({"id": ...}, "bad_envelope"),
        ({"entity": {"id": "x", "type": "site"}}, "bad_envelope"),
        ({"entity": "site"}, "bad_envelope"),
        ({"entity": {"id": ELSEWHERE, "type": "site", "scope": "x"}}, "bad_envelope"),
        ({"tenant_id": ELSEWHERE}, "bad_envelope"),
        ({"prev": "g" * 64}, "bad_envelope"),
        ({"type": "created"}, "bad_envelope"),
        ({"v": 0}, "bad_envelope"),
        ({"v": True}, "bad_envelope"),
        ({"data": []}, "bad_envelope"),
        ({"data": None}, "bad_envelope"),
        ({"reason": ""}, "bad_envelope"),
        ({"geo": {"lat": 900_000_001, "lon": 0}}, "bad_envelope"),
        ({"tx": {"id": ELSEWHERE, "i": 0, "n": 1}}, "bad_envelope"),
        ({"tx": {"id": ELSEWHERE, "i": 1, "n": 501}}, "bad_envelope"),
        ({"at": "2026-01-01T00:00:00Z"}, "bad_clock"),
        ({"at": "0" * 15}, "bad_clock"),
        ({"at": "F" * 16}, "bad_clock"),
        ({"seen": -1}, "bad_clock"),
        ({"seen": "1"}, "bad_clock"),
        ({"clock": None}, "bad_clock"),
        ({"clock": []}, "bad_clock"),
        ({"clock": ...}, "bad_clock"),
        ({"clock": {"rshort": 1}}, "bad_clock"),
        ({"clock": {replica_named("ben"): 0}}, "bad_clock"),
        ({"clock": {replica_named("ben"): -1}}, "bad_clock"),
        ({"clock": {replica_named("ben"): "1"}}, "bad_clock"),
        ({"clock": {replica_named("ben"): True}}, "bad_clock"),
        ({"clock": {replica_named("ben"): None}}, "bad_clock"),
        ({"clock": {replica_named("ben"): [1]}}, "bad_clock"),
        ({"clock": {f"r{n:012d}".translate(str.maketrans("0189", "abcd")): 1 for n in range(65)}}, "bad_clock"),
        ({"clock": {replica_named("ben"): 1.5}}, "bad_number"),
        ({"clock": {replica_named("ben"): INTEGER_MAX + 1}}, "bad_number"),
        ({"clock": {replica_named("ben"): 2**62}}, "bad_number"),
        ({"clock": {replica_named("ben"): 2**70}}, "bad_number"),
        ({"clock": {"__proto__": 1}}, "bad_key"),
        ({"clock": {"1": 1}}, "bad_key"),
        ({"seq": 2**53}, "bad_number"),
        ({"at": "", "clock": 0, "seen": -1, "seq": 0}, "bad_clock"),
        ({"at": "", "id": ""}, "bad_envelope"),
        ({"type": "VisitExploded"}, "unknown_event"),
        ({"entity": {"id": ELSEWHERE, "type": "spaceship"}}, "unknown_event"),
        ({"v": 2}, "unknown_version"),
        ({"v": 2, "data": {"new": 1.5}}, "bad_number"),
        ({"v": 2, "data": {"New": 1}}, "bad_key"),
        ({"type": "VisitExploded", "data": {"blast": 1.5}}, "bad_number"),
        ({"data": {}}, "bad_data"),
        ({"data": {"customer_id": ELSEWHERE, "name": "x" * 201}}, "bad_data"),
        ({"data": {"customer_id": ELSEWHERE, "name": 5}}, "bad_data"),
        ({"data": {"customer_id": ELSEWHERE, "name": "x", "nonsense": 1}}, "bad_data"),
        ({"data": {"customer_id": ELSEWHERE, "name": "x", "geofence_m": 1.5}}, "bad_number"),
        ({"data": {"customer_id": ELSEWHERE, "name": "x", "geofence_m": 2**70}}, "bad_number"),
        ({"data": {"customer_id": ELSEWHERE, "name": "x", "Name": 1}}, "bad_key"),
    ],
)
def test_a7_b15_what_an_event_says_wrong_is_refused_by_name(members: dict[str, Any], code: str) -> None:
    why = refusal(said_otherwise(told(), **members))
    assert why.code == code, why.detail
    assert len(why.detail) < 1_000
    assert str(why) == f"{code}: {why.detail}"


@pytest.mark.parametrize(
    ("seen", "members", "code"),
    [
        (-1, {}, None),
        (0, {}, "bad_clock"),
        (1, {}, "bad_clock"),
        (0, {"type": "VisitExploded"}, "bad_clock"),
        (0, {"data": {}}, "bad_clock"),
        (0, {"data": {"geofence_m": 1.5}}, "bad_number"),
    ],
)
def test_a7_an_event_has_seen_neither_itself_nor_what_comes_after(
    seen: int, members: dict[str, Any], code: str | None
) -> None:
    event = parse(told())
    raw = said_otherwise(told(), seq=5, clock={event.replica: 5 + seen}, **members)
    if code is None:
        assert parse(raw).clock == {event.replica: 4}
    else:
        assert refusal(raw).code == code


def test_a8_a_clock_holds_as_many_entries_as_the_limit_says() -> None:
    clock = {f"r{n:012d}".translate(str.maketrans("0189", "abcd")): 1 for n in range(CLOCK_ENTRIES_MAX)}
    assert len(parse(said_otherwise(told(), clock=clock)).clock) == CLOCK_ENTRIES_MAX


@pytest.mark.parametrize(
    ("entity_type", "field", "value"),
    [
        ("site", "tenant_id", ELSEWHERE),
        ("site", "archived", True),
        ("work_order", "status", "approve"),
        ("work_order", "status", "approved"),
        ("work_order", "number", "W-1"),
        ("visit", "status", "done"),
        ("visit", "eta", "2026-01-01T08:00:00.000Z"),
        ("attachment", "upload", "stored"),
        ("device", "status", "active"),
        ("device", "last_seen", "2026-01-01T08:00:00.000Z"),
        ("site", "id", ELSEWHERE),
        ("site", "version", 7),
    ],
)
def test_b15_what_only_the_server_writes_is_refused(entity_type: str, field: str, value: Any) -> None:
    assert refusal(told(entity_type, **{field: value})).code == "bad_data"
    assert refusal(said_otherwise(told(entity_type), type="Edited", data={field: value})).code == "bad_data"


@pytest.mark.parametrize(
    ("entity_type", "data"),
    [
        ("site", {"tags": {"add": ["x"] * (SET_ELEMENTS_PER_EVENT_MAX + 1)}}),
        ("site", {"tags": ["x"]}),
        ("site", {"tags": {"set": ["x"]}}),
        ("site", {"hazards": {"add": ["lions"]}}),
        ("site", {"custom": [["a", "1"], ["a", "2"]]}),
        ("site", {"custom": [["b", "1"], ["a", "2"]]}),
        ("site", {"custom": [["a"]]}),
        ("site", {"custom": [["", "1"]]}),
        ("site", {"custom": [["a" * 65, "1"]]}),
        ("site", {"custom": [[None, "1"]]}),
        ("site", {"custom": {"a": "1"}}),
        ("site", {"position": {"lat": 0}}),
        ("site", {"position": {"lat": 0, "lon": 0, "alt": 0}}),
        ("site", {"timezone": "Europe/../etc"}),
        ("asset", {"installed_on": "2026-02-30"}),
        ("asset", {"installed_on": "0000-01-01"}),
        ("meter_reading", {"read_at": "2026-01-01T24:00:00.000Z"}),
        ("meter_reading", {"read_at": "2026-01-01T23:59:60.000Z"}),
        ("meter_reading", {"read_at": "2026-01-01T08:00:00Z"}),
        ("meter_reading", {"value": "1.10"}),
        ("meter_reading", {"value": "-0"}),
        ("meter_reading", {"value": "01"}),
        ("meter_reading", {"value": "1e5"}),
        ("meter_reading", {"value": "1234567890"}),
        ("meter_reading", {"value": "0.1234567"}),
        ("meter_reading", {"value": "NaN"}),
        ("meter_reading", {"value": "1\n"}),
        ("part_use", {"quantity": 2}),
        ("contact", {"phone": "0151 123"}),
        ("contact", {"email": "mia"}),
        ("contact", {"email": "a@b.c\n"}),
        ("note", {"home": "work_order:x"}),
        ("note", {"home": "tenant:" + ELSEWHERE}),
        ("note", {"body": ""}),
        ("attachment", {"sha256": HASH.upper()}),
        ("attachment", {"size": -1}),
        ("checklist_template", {"items": []}),
    ],
)
def test_values_outside_their_declaration_are_refused(entity_type: str, data: dict[str, Any]) -> None:
    assert refusal(told(entity_type, **data)).code == "bad_data"


@pytest.mark.parametrize("clock", ["24:00:00", "23:60:00", "23:59:60"])
def test_a_day_ends_before_midnight_in_the_pattern_itself_which_every_language_reads(clock: str) -> None:
    assert "match pattern" in refusal(told("meter_reading", read_at=f"2026-01-01T{clock}.000Z")).detail


def test_an_edit_says_something() -> None:
    assert refusal(Device("ada").tell("site", new_id(), "Edited", {})).code == "bad_data"


def test_b1_an_event_has_a_size() -> None:
    custom = [[f"k{number:02}", "x" * 1_000] for number in range(63)]
    missing = EVENT_BYTES_MAX - len(told(custom=custom, directions=""))
    largest = told(custom=custom, directions="x" * missing)
    assert len(parse(largest).raw) == EVENT_BYTES_MAX
    assert refusal(told(custom=custom, directions="x" * (missing + 1))).code == "event_too_large"


@pytest.mark.parametrize("key", ["a", "a" * 64, "Zählerstand 7"])
def test_a_free_key_is_any_short_text(key: str) -> None:
    assert parse(told(custom=[[key, None]])).data["custom"] == [[key, None]]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"replica":"rabcdefg23456","seq":"1","prev":null}',
        b'{"replica":"rabcdefg23456","seq":0,"prev":null}',
        b'{"replica":"rabcdefg23456","seq":1.0,"prev":null}',
        b'{"replica":"rabcdefg23456","seq":%d,"prev":null}' % 2**70,
        b'{"replica":"x","seq":1,"prev":null}',
        b'{"replica":null,"seq":1,"prev":null}',
        b'{"replica":"rabcdefg23456","seq":1,"prev":""}',
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b'{"replica":"rabcdefg23456","seq":1,"prev":null',
    ],
)
def test_bytes_without_a_link_get_no_verdict(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        link_of(raw)


@pytest.mark.parametrize(
    "name",
    [
        '"a\\ud800b"',
        "9" * 5_000,
        '"a\\u0000b"',
        '"a\\udc00\\ud800"',
        "NaN",
        "-Infinity",
        "1e400",
        str(2**70),
        '"\x00"',
        '"\x01"',
    ],
)
def test_b5_to_b8_a_poisoned_event_still_has_its_link_so_that_it_blocks_nobody(name: str) -> None:
    raw = told().replace(b'"Mill, east gate"', name.encode())
    refusal(raw)
    link = link_of(raw)
    assert (link.seq, link.prev, link.id) == (1, None, link.id)
    assert link.id is not None


def test_b6_an_event_that_is_not_utf_8_still_has_its_link() -> None:
    raw = told().replace(b"Mill", b"M\xffll")
    assert refusal(raw).code == "not_json"
    assert link_of(raw).seq == 1


def test_a_deep_event_still_has_its_link() -> None:
    raw = told().replace(b'"Mill, east gate"', b"[" * 500 + b"]" * 500)
    assert refusal(raw).code == "too_deep"
    assert link_of(raw).seq == 1


def test_every_fact_has_a_schema_that_refuses_what_nobody_declared() -> None:
    for entity_type, facts in FACTS.items():
        for name in facts:
            raw = said_otherwise(told(), entity={"id": ELSEWHERE, "type": entity_type}, type=name, data={"nonsense": 1})
            assert refusal(raw).code == "bad_data", (entity_type, name)


@pytest.mark.parametrize(("wrong", "more"), [(3, False), (4, True)])
def test_a_refusal_names_three_places_and_counts_the_rest(wrong: int, more: bool) -> None:
    data: dict[str, Any] = {"access_code": [], "directions": [], "geofence_m": [], "timezone": []}
    why = refusal(told(**{name: data[name] for name in list(data)[:wrong]}))
    assert why.detail.startswith("/access_code: ")
    assert why.detail.count("; ") == (3 if more else 2)
    assert why.detail.endswith("; and 1 more") == more
