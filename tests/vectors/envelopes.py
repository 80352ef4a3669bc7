"""Vectors of the envelope: events that are acceptable, with what they say and their hash, and others by their code."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.catalogue import FACTS, ON_DEVICES
from sync.envelope import hash_of
from tests.devices import CREATED, ELSEWHERE, HASH, NOON, PERSON_2, replica_named
from tests.vectors.spelling import Case, shortened, spelled

ABOUT: Final = (
    "Envelopes. Bytes stand as `raw` (UTF-8), as `base64`, or as `parts`: texts and [text, times] joined."
    " Either they say `event` and have `hash`, or they are refused with `code`."
    " `link` is what chains them to their replica all the same: null where not even that can be read;"
    " absent where the case is not about it."
)

ADA, BEN = map(replica_named, ("ada", "ben"))
ENTITY: Final = "01900000-0000-7000-8000-00000000e001"
EVENT: Final = "01900000-0000-7000-9000-000000000001"
AT: Final = f"{NOON:012x}0000"

LEAST: Final[Mapping[str, Mapping[str, Any]]] = {
    "WorkOrderReopened": {"reopen_reason": "leaks again"},
    "WorkOrderCancelled": {"cancel_reason": "double booking"},
    "VisitReassigned": {"assignee_id": PERSON_2},
    "VisitFinished": {"outcome": "resolved"},
    "TimerStopped": {"stopped_at": "2026-01-01T09:00:00.000Z"},
    "AssetConditionReported": {"condition": "watch"},
    "AssetMoved": {"site_id": ELSEWHERE},
    "Edited": {"tags": {"add": ["x"]}},
}
"""The least that the facts say which are no creation, where they must say something."""


def cases() -> list[Case]:
    """All of them."""
    return [*_every_fact(), *_accepted(), *_older(), *_refused(), *_respelled(), *_links()]


def envelope(entity_type: str = "site", event_type: str = "Created", **members: Any) -> dict[str, Any]:
    """The members of Ada's first event, some of them said otherwise, those that are `...` left out."""
    document: dict[str, Any] = {
        "id": EVENT,
        "replica": ADA,
        "seq": 1,
        "prev": None,
        "v": _version(entity_type, event_type),
        "clock": {},
        "at": AT,
        "seen": 0,
        "entity": {"id": ENTITY, "type": entity_type},
        "type": event_type,
        "data": CREATED.get(entity_type, {}),
    }
    return {name: value for name, value in {**document, **members}.items() if value is not ...}


def _version(entity_type: str, event_type: str) -> int:
    fact = FACTS.get(entity_type, {}).get(event_type)
    return fact.version if fact else 1


def spelling(document: Any) -> bytes:
    """Canonical where the document is of the profile, and as near as Python's own writer comes elsewhere."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def accepted(name: str, why: str, document: dict[str, Any], *repeated: str) -> Case:
    """A case of an event that says what `document` says."""
    raw = spelling(document)
    return {"name": name, "why": why, **shortened(raw, *repeated), "event": _said(document), "hash": hash_of(raw)}


def refused(name: str, why: str, code: str, document: Any, *repeated: str) -> Case:
    """A case of an event that is refused."""
    return {"name": name, "why": why, **shortened(spelling(document), *repeated), "code": code}


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """What a reader must find; `data` goes without saying where it is long."""
    entity = document["entity"]
    names = ("id", "replica", "seq", "prev", "type", "v", "clock", "at", "seen")
    said = {**{name: document[name] for name in names}, "entity": entity["id"], "entity_type": entity["type"]}
    tx = {"tx": document["tx"]} if "tx" in document else {}
    return {**said, **tx, "data": document["data"]}


def _every_fact() -> list[Case]:
    return [
        accepted(
            f"{entity_type}: {name}",
            "Every fact that is declared is acceptable with the least that it must say.",
            envelope(entity_type, name, data=CREATED[entity_type] if fact.creates else LEAST.get(name, {})),
        )
        for entity_type in ON_DEVICES
        for name, fact in FACTS[entity_type].items()
    ]


def _accepted() -> list[Case]:
    tx = {"id": "01900000-0000-7000-9000-0000000000ff", "i": 1, "n": 500}
    return [
        accepted("an event in a chain", "It names the hash of the one before it.", envelope(seq=2, prev=HASH)),
        accepted("a transaction", "The first of as many as one push may hold.", envelope(tx=tx)),
        accepted("a reason", "Said in words, for the auditor.", envelope(reason="the customer called")),
        accepted(
            "a place",
            "With all that may be said of it.",
            envelope(geo={"lat": -900_000_000, "lon": 1_800_000_000, "accuracy_m": 100_000, "source": "gps"}),
        ),
        accepted("a reason of 8,000 characters", "The longest.", envelope(reason="x" * 8_000), "x"),
        accepted(
            "a clock that names her own earlier event",
            "She had seen what she wrote.",
            envelope(seq=2, prev=HASH, clock={ADA: 1}),
        ),
        accepted("a clock", "Ada had merged Ben's third.", envelope(clock={BEN: 3})),
        accepted("a clock of 64 entries", "The most.", envelope(clock=_clock(64))),
        accepted(
            "the greatest numbers",
            "2^53 - 1 is exact.",
            envelope(seq=2**53 - 1, seen=2**53 - 1, clock={BEN: 2**53 - 1}),
        ),
        accepted(
            "the first stamp", "It is of the form; whether it is believable is for the server.", envelope(at="0" * 16)
        ),
        accepted("the last stamp", "Likewise: the server clamps it.", envelope(at="f" * 16)),
        accepted(
            "an event that has seen what may not exist",
            "Nobody can tell by looking: the server holds it until what it names has arrived.",
            envelope(clock={BEN: 1_000_000}),
        ),
        accepted(
            "an id of another version for the entity",
            "Entities may come from elsewhere; only event ids must be of version 7.",
            envelope(entity={"id": "00000000-0000-4000-8000-000000000000", "type": "site"}),
        ),
    ]


def _older() -> list[Case]:
    """Events of older versions: what they say is told in today's words, and their bytes and hash stay as authored."""
    old = _template(v=1, kind="bool", smallest="1", largest="2")
    new = {"id": "tight", "kind": "yes_no", "text": "Is it tight?", "required": True, "at_least": "1", "at_most": "2"}
    read = accepted(
        "a template of version 1", "Its words are read as today's; its bytes stay as they were written.", old
    )
    read["event"] = {**read["event"], "data": {**old["data"], "items": [new]}}
    return [
        read,
        accepted(
            "a template of version 1 in the words of version 2",
            "Its author was ahead of what it claims to be: the steps find nothing to do, and today's check is content.",
            _template(v=1, kind="yes_no", at_least="1"),
        ),
        refused(
            "a template of version 1 that says it in both words",
            "There is no telling which was meant: the old word stays, and today's check refuses it.",
            "bad_data",
            _template(v=1, kind="bool", smallest="1", at_least="2"),
        ),
        refused(
            "a template of version 2 in the words of version 1",
            "Only what says it is old is read as old.",
            "bad_data",
            _template(v=2, kind="bool"),
        ),
        refused(
            "a template of version 1 with a word of no version",
            "What the steps cannot place stays, and is refused.",
            "bad_data",
            _template(v=1, kind="essay"),
        ),
        refused("a template of version 3", "Too new.", "unknown_version", _template(v=3, kind="yes_no")),
    ]


def _template(*, v: int, **item: Any) -> dict[str, Any]:
    question = {"id": "tight", "text": "Is it tight?", "required": True, **item}
    return envelope("checklist_template", v=v, data={**CREATED["checklist_template"], "items": [question]})


def _clock(entries: int) -> dict[str, int]:
    letters = str.maketrans("0189", "abcd")
    return {f"r{number:012d}".translate(letters): 1 for number in range(entries)}


def _refused() -> list[Case]:
    clock: Sequence[tuple[str, str, Any, str]] = [
        ("nothing of Ben's", "A clock names what was seen; the zeroth event is nothing.", {BEN: 0}, "bad_clock"),
        ("a negative number", "Nobody has seen less than nothing.", {BEN: -1}, "bad_clock"),
        ("a number as text", "Nothing is converted.", {BEN: "1"}, "bad_clock"),
        ("true", "True is not 1, whatever Python says.", {BEN: True}, "bad_clock"),
        ("null", "Null is not nothing.", {BEN: None}, "bad_clock"),
        ("a list", "One number for each replica.", {BEN: [1]}, "bad_clock"),
        ("an object", "One number for each replica.", {BEN: {"seq": 1}}, "bad_clock"),
        ("a fraction", "No floats anywhere: the profile is the more telling reason.", {BEN: 1.5}, "bad_number"),
        ("a whole float", "1.0 is a float.", {BEN: 1.0}, "bad_number"),
        ("2^53", "JavaScript would round it.", {BEN: 2**53}, "bad_number"),
        ("2^63", "Beyond a machine word.", {BEN: 2**63}, "bad_number"),
        ("2^70", "Beyond any word.", {BEN: 2**70}, "bad_number"),
        ("-2^53", "Negative and too large: too large is said first.", {BEN: -(2**53)}, "bad_number"),
        ("a replica id that is too short", "An r and 12 characters.", {"rshort": 1}, "bad_clock"),
        ("a replica id that is too long", "An r and 12 characters.", {BEN + "a": 1}, "bad_clock"),
        ("a replica id with a 1", "Base32 has the digits 2 to 7.", {"r11aaaaaaaaaa": 1}, "bad_clock"),
        ("a replica id that begins otherwise", "They begin with an r.", {"s" + BEN[1:]: 1}, "bad_clock"),
        ("a replica id in capitals", "That is no key of the profile at all.", {BEN.upper(): 1}, "bad_key"),
        ("a UUID for a replica", "A foreign form, and no key of the profile.", {ELSEWHERE: 1}, "bad_key"),
        ("__proto__", "No key of the profile.", {"__proto__": 1}, "bad_key"),
        ("constructor", "A key of the profile, but no replica.", {"constructor": 1}, "bad_clock"),
        ("a number for a key", "No key of the profile.", {"1": 1}, "bad_key"),
        ("65 entries", "One beyond the most.", _clock(65), "bad_clock"),
        ("null for a clock", "An object, empty if nothing was seen.", None, "bad_clock"),
        ("a list for a clock", "An object.", [], "bad_clock"),
        ("a list of pairs for a clock", "A foreign form.", [[BEN, 1]], "bad_clock"),
        ("a text for a clock", "A foreign form.", f"{BEN}=1", "bad_clock"),
        ("a number for a clock", "A foreign form.", 1, "bad_clock"),
        ("the event itself", "No event can have seen itself.", {ADA: 1}, "bad_clock"),
        ("a later event of its own", "Nor what its author wrote after it.", {ADA: 2}, "bad_clock"),
        ("no clock", "Who says nothing about what they saw cannot be merged.", ..., "bad_clock"),
    ]
    return [
        *(refused(f"clock: {name}", why, code, envelope(clock=value)) for name, why, value, code in clock),
        *(
            refused(f"{member}: {name}", why, code, envelope(**{member: value}))
            for member, rows in _MEMBERS.items()
            for name, why, value, code in rows
        ),
        refused(
            "several members of the clock",
            "All of what is wrong is about time.",
            "bad_clock",
            envelope(at="", clock=0, seen=-1, seq=0),
        ),
        refused(
            "a member of the clock and another", "More than the clock is wrong.", "bad_envelope", envelope(at="", id="")
        ),
        refused(
            "a member of the clock and a fraction",
            "The profile is said first.",
            "bad_number",
            envelope(at="", seen=1.5),
        ),
        refused(
            "an unknown member",
            "A member that we do not know may mean anything.",
            "bad_envelope",
            envelope(tenant_id=ELSEWHERE),
        ),
        refused(
            "an unknown member of another name's form",
            "No key of the profile.",
            "bad_key",
            envelope(tenantId=ELSEWHERE),
        ),
        refused(
            "an unknown version of unknown data",
            "Too new: somebody must look at it after the update.",
            "unknown_version",
            envelope(v=2, data={"new": 1}),
        ),
        refused(
            "an unknown version with a fraction",
            "What is outside the profile stays so in every version.",
            "bad_number",
            envelope(v=2, data={"new": 1.5}),
        ),
        refused("an unknown version with a bad key", "Likewise.", "bad_key", envelope(v=2, data={"New": 1})),
        refused(
            "an unknown event with a fraction",
            "Likewise.",
            "bad_number",
            envelope(event_type="VisitExploded", data={"blast": 1.5}),
        ),
        refused(
            "a fact of another entity",
            "A visit arrives; a site does not.",
            "unknown_event",
            envelope(event_type="VisitArrived", data={}),
        ),
        refused(
            "an edit that says nothing",
            "An edit says at least one field.",
            "bad_data",
            envelope(event_type="Edited", data={}),
        ),
        refused(
            "an archiving that says something",
            "Its type says all of it.",
            "bad_data",
            envelope(event_type="Archived", data={"archived": True}),
        ),
        refused(
            "a creation without what it must say", "A site has a customer and a name.", "bad_data", envelope(data={})
        ),
        refused(
            "a fact without what it must say",
            "A job is reopened for a reason.",
            "bad_data",
            envelope("work_order", "WorkOrderReopened", data={}),
        ),
        refused(
            "an unknown field",
            "What nobody declared nobody can show.",
            "bad_data",
            envelope(data={**CREATED["site"], "nonsense": 1}),
        ),
        refused(
            "a field named constructor",
            "A key of the profile that nobody declared.",
            "bad_data",
            envelope(data={**CREATED["site"], "constructor": "x"}),
        ),
        refused(
            "a field whose name is no key",
            "The profile is said first.",
            "bad_key",
            envelope(data={**CREATED["site"], "Name": 1}),
        ),
        refused(
            "a field with a fraction",
            "The profile is said first.",
            "bad_number",
            envelope(data={**CREATED["site"], "geofence_m": 1.5}),
        ),
        refused(
            "a field with NUL",
            "The profile is said first.",
            "bad_text",
            envelope(data={**CREATED["site"], "name": "a\0b"}),
        ),
        *(
            refused(
                f"{entity_type}.{field} said as {json.dumps(value)} in a {event_type}",
                why,
                "bad_data",
                envelope(
                    entity_type,
                    event_type,
                    data={**(CREATED[entity_type] if event_type == "Created" else {}), field: value},
                ),
            )
            for entity_type, field, value, why in _NOT_YOURS
            for event_type in ("Created", "Edited")
        ),
        refused(
            "an edit of a reference",
            "It is fixed at creation.",
            "bad_data",
            envelope(event_type="Edited", data={"customer_id": ELSEWHERE}),
        ),
        refused(
            "an edit of an entry",
            "A reading is corrected by another.",
            "bad_data",
            envelope("meter_reading", "Edited", data={"value": "1"}),
        ),
        refused(
            "seventeen levels",
            "Deeper than the profile goes.",
            "too_deep",
            envelope(data={**CREATED["site"], "name": _lists(16)}),
        ),
        refused(
            "sixteen levels",
            "Inside the profile, but no name is a list.",
            "bad_data",
            envelope(data={**CREATED["site"], "name": _lists(14)}),
        ),
    ]


def _lists(depth: int) -> list[Any]:
    return [] if depth == 1 else [_lists(depth - 1)]


_MEMBERS: Final[Mapping[str, Sequence[tuple[str, str, Any, str]]]] = {
    "id": [
        (
            "a UUID of version 4",
            "Ids sort by when they were made.",
            "01900000-0000-4000-8000-000000000001",
            "bad_envelope",
        ),
        ("a UUID of another variant", "The variant is 10.", "01900000-0000-7000-c000-000000000001", "bad_envelope"),
        ("a UUID in capitals", "One id, one spelling.", "01900000-0000-7000-9000-00000000000A", "bad_envelope"),
        ("a UUID in braces", "One id, one spelling.", "{01900000-0000-7000-9000-00000000000a}", "bad_envelope"),
        (
            "a UUID and a line break",
            "The whole text is the id.",
            "01900000-0000-7000-9000-000000000001\n",
            "bad_envelope",
        ),
        ("a number", "Nothing is converted.", 7, "bad_envelope"),
        ("null", "Every event has one.", None, "bad_envelope"),
        ("missing", "Every event has one.", ..., "bad_envelope"),
    ],
    "replica": [
        ("too short", "An r and 12 characters.", "rada", "bad_envelope"),
        ("with an 8", "Base32 has the digits 2 to 7.", "rada888888888", "bad_envelope"),
        ("missing", "Who wrote it?", ..., "bad_envelope"),
    ],
    "seq": [
        ("zero", "The first is 1.", 0, "bad_clock"),
        ("negative", "The first is 1.", -1, "bad_clock"),
        ("a text", "Nothing is converted.", "1", "bad_clock"),
        ("true", "True is not 1.", True, "bad_clock"),
        ("null", "Every event has one.", None, "bad_clock"),
        ("missing", "Every event has one.", ..., "bad_clock"),
        ("a fraction", "The profile is said first.", 1.5, "bad_number"),
        ("2^53", "JavaScript would round it.", 2**53, "bad_number"),
    ],
    "prev": [
        ("not hexadecimal", "A SHA-256.", "g" * 64, "bad_envelope"),
        ("in capitals", "One hash, one spelling.", "AB" * 32, "bad_envelope"),
        ("too short", "A SHA-256.", "ab" * 31, "bad_envelope"),
        ("empty", "Null, where there is none.", "", "bad_envelope"),
        ("missing", "Null, where there is none.", ..., "bad_envelope"),
    ],
    "entity": [
        ("a text", "An id and a type.", "site", "bad_envelope"),
        ("without an id", "Which one?", {"type": "site"}, "bad_envelope"),
        ("without a type", "What is it?", {"id": ENTITY}, "bad_envelope"),
        ("with more", "A closed object.", {"id": ENTITY, "type": "site", "scope": "x"}, "bad_envelope"),
        ("with an id that is none", "A UUID.", {"id": "x", "type": "site"}, "bad_envelope"),
        ("of an unknown type", "Nobody declared a spaceship.", {"id": ENTITY, "type": "spaceship"}, "unknown_event"),
        (
            "of the type constructor",
            "Nobody declared that either, not even JavaScript.",
            {"id": ENTITY, "type": "constructor"},
            "unknown_event",
        ),
        ("of the type __proto__", "Nor that.", {"id": ENTITY, "type": "__proto__"}, "unknown_event"),
        ("of an empty type", "A name has a letter.", {"id": ENTITY, "type": ""}, "bad_envelope"),
        ("of a type of 65 letters", "The longest name has 64.", {"id": ENTITY, "type": "x" * 65}, "bad_envelope"),
        (
            "of a type of 64 letters",
            "Long enough to be a name, and unknown.",
            {"id": ENTITY, "type": "x" * 64},
            "unknown_event",
        ),
        ("missing", "About what?", ..., "bad_envelope"),
    ],
    "type": [
        ("unknown", "Nobody declared it.", "VisitExploded", "unknown_event"),
        ("in lower case", "Facts are named in capitals.", "created", "bad_envelope"),
        ("with an underscore", "Letters and digits.", "Site_Created", "bad_envelope"),
        ("of 65 letters", "The longest name has 64.", "A" * 65, "bad_envelope"),
        ("empty", "A name has a letter.", "", "bad_envelope"),
        ("a number", "Nothing is converted.", 1, "bad_envelope"),
        ("missing", "What happened?", ..., "bad_envelope"),
    ],
    "v": [
        ("zero", "Versions begin at 1.", 0, "bad_envelope"),
        ("1,001", "One beyond the most.", 1_001, "bad_envelope"),
        ("1,000", "Inside, and unknown.", 1_000, "unknown_version"),
        ("true", "True is not 1.", True, "bad_envelope"),
        ("a text", "Nothing is converted.", "1", "bad_envelope"),
        ("missing", "Every event has one.", ..., "bad_envelope"),
    ],
    "at": [
        ("an ISO moment", "A foreign form.", "2026-01-01T00:00:00Z", "bad_clock"),
        ("15 characters", "Sixteen, so that stamps sort as texts.", "0" * 15, "bad_clock"),
        ("17 characters", "Sixteen.", "0" * 17, "bad_clock"),
        ("in capitals", "Capitals sort otherwise.", "F" * 16, "bad_clock"),
        ("a number", "A foreign form.", 1_767_268_800_000, "bad_clock"),
        ("null", "Every event has one.", None, "bad_clock"),
        ("missing", "Every event has one.", ..., "bad_clock"),
    ],
    "seen": [
        ("negative", "Positions begin at 0.", -1, "bad_clock"),
        ("a text", "Nothing is converted.", "1", "bad_clock"),
        ("false", "False is not 0.", False, "bad_clock"),
        ("2^53", "JavaScript would round it.", 2**53, "bad_number"),
        ("missing", "Every event has one.", ..., "bad_clock"),
    ],
    "data": [
        ("a list", "An object.", [], "bad_envelope"),
        ("null", "An object, empty if there is nothing to say.", None, "bad_envelope"),
        ("a text", "An object.", "{}", "bad_envelope"),
        ("missing", "An object.", ..., "bad_envelope"),
    ],
    "tx": [
        ("null", "Left out, where there is none.", None, "bad_envelope"),
        ("the zeroth", "The first is 1.", {"id": ELSEWHERE, "i": 0, "n": 1}, "bad_envelope"),
        ("of 501", "More than a push may hold.", {"id": ELSEWHERE, "i": 1, "n": 501}, "bad_envelope"),
        (
            "with an id of version 4",
            "Like an event's.",
            {"id": "01900000-0000-4000-8000-000000000001", "i": 1, "n": 1},
            "bad_envelope",
        ),
        ("without a number", "How many are they?", {"id": ELSEWHERE, "i": 1}, "bad_envelope"),
        ("with more", "A closed object.", {"id": ELSEWHERE, "i": 1, "n": 1, "x": 1}, "bad_envelope"),
    ],
    "reason": [
        ("empty", "A reason says something.", "", "bad_envelope"),
        ("null", "Left out, where there is none.", None, "bad_envelope"),
        ("a number", "A text.", 1, "bad_envelope"),
    ],
    "geo": [
        ("beyond the pole", "90 degrees are 900,000,000.", {"lat": 900_000_001, "lon": 0}, "bad_envelope"),
        ("beyond the date line", "180 degrees are 1,800,000,000.", {"lat": 0, "lon": -1_800_000_001}, "bad_envelope"),
        ("without a longitude", "Two numbers make a place.", {"lat": 0}, "bad_envelope"),
        ("with more", "A closed object.", {"lat": 0, "lon": 0, "alt": 0}, "bad_envelope"),
        ("in degrees", "No floats.", {"lat": 54.3, "lon": 10.1}, "bad_number"),
        ("null", "Left out, where there is none.", None, "bad_envelope"),
    ],
}
"""By the member: what is wrong, why it is, the value, the code."""

_NOT_YOURS: Final[Sequence[tuple[str, str, Any, str]]] = [
    ("site", "archived", True, "It is archived by `Archived`."),
    ("site", "tenant_id", ELSEWHERE, "Whose it is follows from the session."),
    ("site", "id", ELSEWHERE, "It is in the envelope."),
    ("site", "version", 7, "The server numbers."),
    ("work_order", "status", "approve", "A status is moved by the facts that move it."),
    ("work_order", "status", "approved", "Nor by the name of the status."),
    ("work_order", "number", "W-1", "The server numbers."),
    ("visit", "status", "done", "A status is moved by the facts that move it."),
    ("visit", "eta", "2026-01-01T08:00:00.000Z", "The server works it out."),
    ("attachment", "upload", "stored", "The server knows what it has stored."),
    ("device", "status", "active", "A device does not un-revoke itself."),
    ("device", "last_seen", "2026-01-01T08:00:00.000Z", "The server saw it."),
]
"""Fields that no device writes."""


def _respelled() -> list[Case]:
    good = spelling(envelope()).decode()
    custom = [[f"k{number:02}", "x" * 1_000] for number in range(63)]
    document = envelope(data={**CREATED["site"], "custom": custom, "directions": ""})
    room = 65_536 - len(spelling(document))
    largest = {**document, "data": {**document["data"], "directions": "y" * room}}
    larger = {**document, "data": {**document["data"], "directions": "y" * (room + 1)}}
    rows: Sequence[tuple[str, str, str, str | bytes]] = [
        ("a space", "One event, one spelling.", "not_canonical", good.replace(",", ", ", 1)),
        ("a line break behind", "One event, one spelling.", "not_canonical", good + "\n"),
        ("unsorted members", "One event, one spelling.", "not_canonical", '{"v":1,' + good[1:].replace(',"v":1', "")),
        ("a member twice", "The last would be read.", "not_canonical", good.replace('"seq":1', '"seq":1,"seq":1')),
        ("a BOM in front", "It would change the hash.", "not_json", "\ufeff" + good),
        ("half a surrogate pair", "UTF-8 cannot hold it.", "not_json", good.replace("Mill", "\\ud800")),
        ("a torn letter", "Not UTF-8.", "not_json", good.encode().replace(b"Mill", b"M\xffll")),
        ("NaN", "Not JSON.", "not_json", good.replace('"Mill, east gate"', "NaN")),
        ("an object that ends early", "Not JSON.", "not_json", good[:-1]),
        ("null", "JSON, but no event.", "bad_envelope", "null"),
        ("a list", "JSON, but no event.", "bad_envelope", "[]"),
        ("a number", "JSON, but no event.", "bad_envelope", "7"),
        ("an empty object", "JSON, but no event.", "bad_envelope", "{}"),
        ("a fraction alone", "The profile is said first.", "bad_number", "1.5"),
        ("nothing", "Not JSON.", "not_json", ""),
    ]
    return [
        *({"name": name, "why": why, **spelled(raw), "code": code} for name, why, code, raw in rows),
        accepted("64 KiB", "The largest event.", largest, *("x",) * 63, "y"),
        refused(
            "64 KiB and a byte",
            "One beyond: the size is asked before anything else.",
            "event_too_large",
            larger,
            *("x",) * 63,
            "y",
        ),
        {
            "name": "64 KiB of nonsense and a byte",
            "why": "Its size is said before that it is no JSON.",
            **spelled([("x", 65_537)]),
            "code": "event_too_large",
        },
    ]


def _links() -> list[Case]:
    good = spelling(envelope()).decode()
    link = {"replica": ADA, "seq": 1, "prev": None, "id": EVENT, "entity": ENTITY}
    anonymous = {**link, "id": None, "entity": None}
    chain = f'{{"prev":null,"replica":"{ADA}","seq":1}}'
    rows: Sequence[tuple[str, str, str, str | bytes, Any]] = [
        (
            "half a surrogate pair",
            "A poisoned event blocks nobody: its link is read by a reader who forgives.",
            "not_json",
            good.replace("Mill", "\\ud800"),
            link,
        ),
        ("NaN", "Likewise.", "not_json", good.replace('"Mill, east gate"', "NaN"), link),
        ("a number that overflows", "Likewise.", "not_json", good.replace('"Mill, east gate"', "1e400"), link),
        ("a raw NUL", "Likewise.", "not_json", good.replace("Mill", "\0"), link),
        ("a torn letter", "Likewise.", "not_json", good.encode().replace(b"Mill", b"M\xffll"), link),
        ("a fraction in the data", "Likewise.", "bad_number", good.replace('"Mill, east gate"', "1.5"), link),
        (
            "five hundred levels",
            "Likewise.",
            "too_deep",
            good.replace('"Mill, east gate"', "[" * 500 + "]" * 500),
            link,
        ),
        (
            "an id that is none",
            "The link goes without it.",
            "bad_envelope",
            good.replace(EVENT, "x"),
            {**link, "id": None},
        ),
        (
            "an entity that is none",
            "The link goes without it.",
            "bad_envelope",
            good.replace(ENTITY, "x"),
            {**link, "entity": None},
        ),
        ("nothing but the chain", "It is enough.", "bad_envelope", chain, anonymous),
        (
            "no sequence number",
            "Without its place in the chain no verdict can be given.",
            "bad_envelope",
            chain.replace(',"seq":1', ""),
            None,
        ),
        (
            "a sequence number of 0",
            "There is no such place.",
            "bad_envelope",
            chain.replace('"seq":1', '"seq":0'),
            None,
        ),
        (
            "a sequence number as text",
            "Nothing is converted.",
            "bad_envelope",
            chain.replace('"seq":1', '"seq":"1"'),
            None,
        ),
        ("a sequence number of 1.0", "A float is no place.", "bad_number", chain.replace('"seq":1', '"seq":1.0'), None),
        ("a replica that is none", "Whose chain?", "bad_envelope", chain.replace(ADA, "x"), None),
        ("an empty prev", "Null, or a hash.", "bad_envelope", chain.replace('"prev":null', '"prev":""'), None),
        ("no object", "There is no link in a list.", "bad_envelope", "[]", None),
        ("no bytes", "Nor in nothing.", "not_json", "", None),
        ("half an object", "Nor in half of one.", "not_json", good[:-1], None),
    ]
    return [
        {"name": f"link: {name}", "why": why, **spelled(raw), "code": code, "link": link}
        for name, why, code, raw, link in rows
    ]
