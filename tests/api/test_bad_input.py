"""Whatever is handed in has its verdict or its problem: no 500, nothing half-stored, and nobody behind it waits."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from sync.hybrid_clock import latest_at, stamp
from sync.limits import CLOCK_ENTRIES_MAX, EVENT_BYTES_MAX, EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from tests.api.office import Office, customers, problem
from tests.devices import CREATED, NOON, Device, new_id, replica_named

Spoil = Callable[[Device], bytes]


def spelled(old: bytes, new: bytes) -> Spoil:
    """The creation of a customer in which some bytes are others."""

    def spoil(device: Device) -> bytes:
        raw = device.create("customer", new_id(), {"name": "Mill", "note": "x"})
        assert raw.count(old) == 1, raw
        return device.respelled(raw.replace(old, new))

    return spoil


def saying(**members: Any) -> Spoil:
    """The creation of a customer with some members said otherwise."""
    return lambda device: device.hand_made(**members)


def data(**fields: Any) -> Spoil:
    return saying(data={"name": "Mill", **fields})


def without(member: str) -> Spoil:
    def spoil(device: Device) -> bytes:
        document = orjson.loads(device.create("customer", new_id()))
        del document[member]
        return device.respelled(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))

    return spoil


def entity(kind: str) -> Spoil:
    return saying(entity={"id": new_id(), "type": kind})


def seen_itself(device: Device) -> bytes:
    return saying(clock={device.replica: device.author.seq + 1})(device)


def crowded(device: Device) -> bytes:
    names = {replica_named("b" + chr(97 + i // 26) + chr(97 + i % 26)): 1 for i in range(CLOCK_ENTRIES_MAX + 1)}
    return device.tell("customer", new_id(), "Created", CREATED["customer"], clock=names)


def of_one_that_is_not_there(device: Device) -> bytes:
    return device.tell("customer", new_id(), "Edited", {"name": "Mill"})


SWAPPED = spelled(b'"name":"Mill","note":"x"', b'"note":"x","name":"Mill"')
NOTE = b'"note":"x"'

SET_ASIDE: dict[str, tuple[str, Spoil]] = {
    "b4 a key twice": ("not_canonical", spelled(NOTE, NOTE + b"," + NOTE)),
    "b4 a key twice at the top": ("not_canonical", spelled(b'"v":1', b'"v":1,"v":1')),
    "not canonical: white space": ("not_canonical", spelled(NOTE, b'"note": "x"')),
    "not canonical: an escape that is not needed": ("not_canonical", spelled(NOTE, b'"note":"\\u0078"')),
    "not canonical: keys out of order": (
        "not_canonical",
        spelled(b'"name":"Mill","note":"x"', b'"note":"x","name":"Mill"'),
    ),
    "b5 NUL": ("bad_text", spelled(NOTE, b'"note":"\\u0000"')),
    "b5 NUL as a byte": ("not_json", spelled(NOTE, b'"note":"\x00"')),
    "b6 half a surrogate pair": ("not_json", spelled(NOTE, b'"note":"\\ud800"')),
    "b6 the other half": ("not_json", spelled(NOTE, b'"note":"\\udc00x"')),
    "b6 a surrogate in UTF-8": ("not_json", spelled(NOTE, b'"note":"\xed\xa0\x80"')),
    "b6 torn UTF-8": ("not_json", spelled(NOTE, b'"note":"\xc3"')),
    "b7 2^70": ("bad_number", spelled(NOTE, b'"note":%d' % 2**70)),
    "b7 2^53": ("bad_number", spelled(NOTE, b'"note":%d' % 2**53)),
    "b8 NaN": ("not_json", spelled(NOTE, b'"note":NaN')),
    "b8 Infinity": ("not_json", spelled(NOTE, b'"note":-Infinity')),
    "b8 1e400": ("not_json", spelled(NOTE, b'"note":1e400')),
    "b8 a fraction": ("bad_number", spelled(NOTE, b'"note":1.5')),
    "b10 __proto__ in data": ("bad_key", data(__proto__={"role": "admin"})),
    "b10 __proto__ at the top": ("bad_key", saying(__proto__={"role": "admin"})),
    "b10 constructor": ("bad_data", data(constructor="x")),
    "b11 a key like an integer": ("bad_key", data(**{"2": "x"})),
    "b11 a key in capitals": ("bad_key", data(Name="x")),
    "b3 too deep": ("too_deep", spelled(NOTE, b'"note":' + b"[" * 20 + b"]" * 20)),
    "b3 far too deep": ("too_deep", spelled(NOTE, b'"note":' + b"[" * 500 + b"]" * 500)),
    "b1 an event too large": ("event_too_large", spelled(NOTE, b'"note":"' + b"x" * EVENT_BYTES_MAX + b'"')),
    "no such entity": ("unknown_entity", of_one_that_is_not_there),
    "text where a number belongs": ("bad_envelope", saying(v="1")),
    "data that is a list": ("bad_envelope", saying(data=[])),
    "data that is null": ("bad_envelope", saying(data=None)),
    "an id that is none": ("bad_envelope", saying(id="x")),
    "an id of version 4": ("bad_envelope", saying(id="9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")),
    "an id in capitals": ("bad_envelope", saying(id="01900000-0000-7000-9000-0000000000AB")),
    "an entity id that is none": ("bad_envelope", saying(entity={"id": "1; drop table event", "type": "customer"})),
    "a member that nobody declared": ("bad_envelope", saying(tenant_id=new_id())),
    "b15 an actor of its own choice": ("bad_envelope", saying(actor=new_id())),
    "b15 a position of its own choice": ("bad_envelope", saying(position=1)),
    "b15 a scope of its own choice": ("bad_envelope", saying(scope="catalog")),
    "a7 a clock that saw itself": ("bad_clock", seen_itself),
    "a8 a clock with too many entries": ("bad_clock", crowded),
    "a7 a clock that names no replica": ("bad_clock", saying(clock={"me": 1})),
    "a7 a clock that is a list": ("bad_clock", saying(clock=[])),
    "a7 no clock": ("bad_clock", without("clock")),
    "a7 a clock that is null": ("bad_clock", saying(clock=None)),
    "a10 a stamp that is none": ("bad_clock", saying(at="yesterday")),
    "a10 a stamp in capitals": ("bad_clock", saying(at="0" * 15 + "F")),
    "a10 a stamp that is a number": ("bad_clock", saying(at=NOON)),
    "a10 no stamp": ("bad_clock", without("at")),
    "an edit that was never pulled": ("bad_clock", saying(seen=-1)),
    "no id": ("bad_envelope", without("id")),
    "no data": ("bad_envelope", without("data")),
    "no entity": ("bad_envelope", without("entity")),
    "no type": ("bad_envelope", without("type")),
    "a text that is too long": ("bad_data", data(name="x" * 201)),
    "a text that is empty": ("bad_data", data(name="")),
    "a required field that is missing": ("bad_data", saying(data={})),
    "a language nobody speaks": ("bad_data", data(language="klingon")),
    "a set said as a list": ("bad_data", data(tags=["x"])),
    "a set with too much": ("bad_data", data(tags={"add": [f"t{i}" for i in range(201)]})),
    "pairs out of order": ("bad_data", data(custom=[["b", "1"], ["a", "1"]])),
    "pairs that say a key twice": ("bad_data", data(custom=[["a", "1"], ["a", "2"]])),
}


FROM_THE_FUTURE: dict[str, tuple[str, Callable[[Device], bytes]]] = {
    "an unknown entity": ("unknown_event", entity("unicorn")),
    "an unknown event": ("unknown_event", saying(type="CustomerVanished")),
    "an event of another entity": ("unknown_event", saying(type="VisitArrived")),
    "b12 a version from the future": ("unknown_version", saying(v=2)),
}
"""What a newer client may mean: it waits for a server that knows it, and is told why."""


@pytest.mark.parametrize("name", FROM_THE_FUTURE)
def test_b12_what_this_server_does_not_know_yet_waits_by_name_and_blocks_nobody(office: Office, name: str) -> None:
    code, spoil = FROM_THE_FUTURE[name]
    device = office.device("ada")
    good, newer, after = device.create("customer", new_id()), spoil(device), device.create("customer", new_id())
    answers = office.verdicts(good, newer, after)
    assert [each["verdict"] for each in answers] == ["accepted", "held", "accepted"]
    assert (answers[1]["missing"], answers[1]["code"]) == ([], code)
    assert answers[1]["text"]
    assert office.verdicts(good, newer, after)[1] == answers[1], "the verdict is durable"
    office.still_works(device)


@pytest.mark.parametrize("name", SET_ASIDE)
def test_a_poisoned_event_is_set_aside_by_name_and_blocks_nobody(office: Office, name: str) -> None:
    code, spoil = SET_ASIDE[name]
    device = office.device("ada")
    good, bad, after = device.create("customer", new_id()), spoil(device), device.create("customer", new_id())
    answers = office.verdicts(good, bad, after)
    assert [each["verdict"] for each in answers] == ["accepted", "quarantined", "accepted"]
    assert answers[1]["code"] == code, answers[1]["text"]
    assert answers[1]["case"] == f"{device.replica}-2"
    assert answers[1]["text"]
    assert office.log.head(office.tenant).position == 3, "two, and the case that was opened"
    assert office.verdicts(good, bad, after)[1] == answers[1], "the verdict is durable"
    office.still_works(device)


def test_what_is_json_to_no_reader_gets_no_verdict(office: Office) -> None:
    device = office.device("ada")
    before = office.standing(device)
    problem(office.push(spelled(b'"seen":0', b'"seen":00')(Device("ada"))), 422, "unreadable-body")
    assert office.standing(device) == before
    office.still_works(device)


@pytest.mark.parametrize(
    "clock", [{replica_named("nobody"): 7}, {replica_named("ben"): 2**53 - 1}], ids=["foreign", "far"]
)
def test_a9_a_clock_that_names_what_does_not_exist_is_held_and_blocks_nobody(
    office: Office, clock: dict[str, int]
) -> None:
    device, _ = office.device("ada"), office.device("ben", "supervisor")
    raw = device.tell("customer", new_id(), "Created", CREATED["customer"], clock=clock)
    (verdict,) = office.verdicts(raw)
    assert verdict["verdict"] == "held"
    assert verdict["missing"] == [list(each) for each in clock.items()]
    office.still_works(device)


@pytest.mark.parametrize(
    ("at", "effective"),
    [
        (stamp(253_402_300_799_999), None),
        ("f" * 16, None),
        (stamp(NOON), stamp(NOON)),
        (stamp(0), stamp(0)),
    ],
    ids=["a10 year 9999", "a10 the end of time", "now", "a11 1970"],
)
def test_a10_a_clock_that_is_wrong_wins_nothing_and_loses_nothing(
    office: Office, at: str, effective: str | None
) -> None:
    device = office.device("ada")
    (verdict,) = office.verdicts(device.spoilt(device.create("customer", new_id()), at=at))
    assert verdict["verdict"] == "accepted"
    assert verdict["effective"] == (effective or latest_at(office.clock.ms))
    office.still_works(device)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("work_order", "number", "WO-1"),
        ("work_order", "status", "closed"),
        ("work_order", "archived", True),
        ("work_order", "tenant_id", new_id()),
        ("work_order", "id", new_id()),
        ("work_order", "version", 9),
        ("work_order", "approved_by", new_id()),
        ("visit", "eta", "2026-01-01T08:00:00.000Z"),
        ("visit", "status", "done"),
        ("customer", "role", "admin"),
        ("customer", "home", "catalog"),
        ("attachment", "upload", "stored"),
        ("device", "outbox_depth", 1),
    ],
)
@pytest.mark.parametrize("event_type", ["Created", "Edited"])
def test_b15_what_only_the_server_writes_cannot_be_said(
    office: Office, kind: str, field: str, value: object, event_type: str
) -> None:
    device, entity_id = office.device("ada", "supervisor"), new_id()  # whoever may tell the most
    created = device.create(kind, entity_id)
    least = CREATED[kind] if event_type == "Created" else {}
    event = device.tell(kind, new_id() if least else entity_id, event_type, {**least, field: value})
    verdicts = office.verdicts(created, event, role="supervisor")
    assert [each["verdict"] for each in verdicts] == ["accepted", "quarantined"]
    assert verdicts[1]["code"] == "bad_data"
    assert field in verdicts[1]["text"]
    assert office.get(f"/v1/entities/{kind}/{entity_id}").json()["version"] == 1
    office.still_works(device, role="supervisor")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\n", b" ", b"\n\n", b"null", b"[]", b"{}", b"1", b'"x"', b"{", b"\x00", b"\xff\xfe", b"[" * 100_000),
        *(b'{"a":' * 100_000, b"a=1&b=2", b"\xef\xbb\xbf{}", b"\r\n", b"NaN", b"<xml/>"),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_in_which_nobody_speaks_is_refused_whole(office: Office, body: bytes) -> None:
    device = office.device("ada")
    before = office.standing(device)
    problem(office.send(body), 422, "unreadable-body")
    assert office.standing(device) == before
    office.still_works(device)


@pytest.mark.parametrize("bad", [b"", b"{}", b"not json", b"\xff"])
def test_a_line_in_which_nobody_speaks_is_named_and_nothing_of_the_body_is_stored(office: Office, bad: bytes) -> None:
    device = office.device("ada")
    before = office.standing(device)
    one, other = customers(device, 2)
    assert problem(office.push(one, bad, other), 422, "unreadable-body")["line"] == 2
    assert office.standing(device) == before
    assert [each["verdict"] for each in office.verdicts(one, other)] == ["accepted", "accepted"]


def test_a3_a_gap_is_named_and_nothing_of_it_is_stored(office: Office) -> None:
    device = office.device("ada")
    first, second, third, fourth = customers(device, 4)
    for raws, expected in (((second,), 1), ((first, third), 2), ((first, second, fourth), 3), ((second, first), 1)):
        before = office.standing(device)
        answer = office.push(*raws).json()
        assert (answer["batch"], answer["expected"], answer["verdicts"]) == ("gap", expected, [])
        assert office.standing(device) == before
    assert len(office.verdicts(first, second, third, fourth)) == 4
    office.still_works(device)


def test_a4_a_seq_with_other_content_is_a_fork_and_nothing_of_it_is_stored(office: Office) -> None:
    device, twin = office.device("ada"), Device("ada")
    first = device.create("customer", new_id())
    office.verdicts(first)
    before = office.standing(device)
    answer = office.push(*customers(twin, 2)).json()
    assert (answer["batch"], answer["seq"], answer["verdicts"]) == ("forked", 1, [])
    assert office.standing(device) == before
    office.still_works(device)


def test_b1_too_many_events_are_refused_and_as_many_as_allowed_are_taken(office: Office) -> None:
    device = office.device("ada")
    raws = customers(device, EVENTS_PER_PUSH_MAX + 1)
    before = office.standing(device)
    assert problem(office.push(*raws), 413, "too-many-events")["events_max"] == EVENTS_PER_PUSH_MAX
    assert office.standing(device) == before
    assert {each["verdict"] for each in office.verdicts(*raws[:-1])} == {"accepted"}


def pieces(total: int, taken: list[int]) -> Iterator[bytes]:
    """A body that is made while it is taken, and says how much of it was."""
    piece = b"x" * 65_536
    for _ in range(total // len(piece)):
        taken.append(len(piece))
        yield piece


def test_b1_a_body_without_a_length_is_counted_while_it_is_read(office: Office) -> None:
    taken: list[int] = []
    headers = {**office.bearer("dispatcher"), "Content-Type": "application/x-ndjson"}
    response = office.client.post("/v1/sync/push", content=pieces(64 * PUSH_BYTES_MAX, taken), headers=headers)
    told = problem(response, 413, "body-too-large")
    assert (told["bytes_max"], told["events_max"]) == (PUSH_BYTES_MAX, EVENTS_PER_PUSH_MAX)
    assert sum(taken) <= 2 * PUSH_BYTES_MAX, "it was read on after the bound was passed"
    office.still_works(office.device("ada"))


@pytest.mark.parametrize("length", [str(PUSH_BYTES_MAX + 1), "9" * 30, "9" * 5_000, "00" + "9" * 7])
def test_b1_a_body_that_says_it_is_too_large_is_not_read(office: Office, length: str) -> None:
    taken: list[int] = []
    headers = {**office.bearer("dispatcher"), "Content-Type": "application/x-ndjson", "Content-Length": length}
    response = office.client.post("/v1/sync/push", content=pieces(PUSH_BYTES_MAX, taken), headers=headers)
    problem(response, 413, "body-too-large")
    assert taken == []


@pytest.mark.parametrize("length", ["0", "1", "-5", "x", "1e3", "²", "000"])
def test_b1_a_length_that_lies_helps_nobody(office: Office, length: str) -> None:
    taken: list[int] = []
    headers = {
        b"Authorization": f"Bearer {office.tokens['dispatcher']}".encode(),
        b"Content-Type": b"application/x-ndjson",
        b"Content-Length": length.encode("latin-1"),
    }
    body = pieces(64 * PUSH_BYTES_MAX, taken)
    problem(office.client.post("/v1/sync/push", content=body, headers=headers), 413, "body-too-large")
    assert sum(taken) <= 2 * PUSH_BYTES_MAX


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def test_a_packed_body_is_taken(office: Office) -> None:
    device = office.device("ada")
    response = office.send(packed(b"\n".join(customers(device, 3))), headers={"Content-Encoding": "gzip"})
    assert [each["verdict"] for each in response.json()["verdicts"]] == ["accepted"] * 3


GOOD = packed(bytes(range(256)) * 40)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (packed(b"x" * (PUSH_BYTES_MAX + 1)), 413, "body-too-large"),
        (packed(b"\x00" * 100_000_000), 413, "body-too-large"),
        (packed(b"x" * 900_000), 413, "packed-too-tightly"),
        (GOOD[:-9], 400, "not-gzip"),
        (GOOD[:5], 400, "not-gzip"),
        (GOOD + b"x", 400, "not-gzip"),
        (GOOD + GOOD, 400, "not-gzip"),
        (GOOD[:40] + b"\xff" * 8 + GOOD[48:], 400, "not-gzip"),
        (GOOD[:-8] + b"\x00" * 8, 400, "not-gzip"),
        (b"plain", 400, "not-gzip"),
        (zlib.compress(b"x" * 100), 400, "not-gzip"),
        (packed(GOOD), 422, "unreadable-body"),
        (packed(b""), 422, "unreadable-body"),
        (b"", 422, "unreadable-body"),
    ],
    ids=lambda each: "" if isinstance(each, bytes) else str(each),
)
def test_b2_a_body_that_is_packed_badly_or_too_well_is_refused(
    office: Office, body: bytes, status: int, kind: str
) -> None:
    device = office.device("ada")
    before = office.standing(device)
    problem(office.send(body, headers={"Content-Encoding": "gzip"}), status, kind)
    assert office.standing(device) == before
    office.still_works(device)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x"])
def test_b2_another_packing_is_not_read(office: Office, encoding: str) -> None:
    response = office.send(b"x", headers={"Content-Encoding": encoding})
    problem(response, 415, "unsupported-encoding")
    assert response.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("depth", [17, 100, 1_000, 1_020, 1_024, 1_025, 5_000, 30_000])
def test_b3_depth_costs_no_stack(office: Office, depth: int) -> None:
    device = office.device("ada")
    before = office.standing(device)
    response = office.push(spelled(NOTE, b'"note":' + b"[" * depth + b"]" * depth)(device))
    if response.status_code == 200:
        (verdict,) = response.json()["verdicts"]
        assert verdict["verdict"] == "quarantined"
        assert verdict["code"] in ("too_deep", "not_json")
        office.still_works(device)
    else:
        problem(response, 422, "unreadable-body")
        assert office.standing(device) == before


def test_the_greatest_number_that_every_reader_keeps_is_kept(office: Office) -> None:
    device = office.device("ada")
    (verdict,) = office.verdicts(device.hand_made(seen=2**53 - 1))
    assert verdict["verdict"] == "accepted"
    assert json.loads(office.get("/v1/sync/pull", history=True).text.split("\n")[0])["event"]["seen"] == 2**53 - 1
