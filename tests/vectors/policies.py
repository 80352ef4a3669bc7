"""Vectors of the merge policies: what becomes of writes to one field, one after the other and side by side."""

from typing import Final

from tests.devices import ELSEWHERE, MORNING, PERSON_1, PERSON_2
from tests.vectors.spelling import Case
from tests.vectors.story import asks, edits, merge_case, tells

ABOUT: Final = (
    "Merge policies. `told` are all events of one entity with the stamp as of which each counts; in every causal order,"
    " once or repeated, stored in between or not, they show `values`, wait for people about `conflicts`, and encode as"
    " `state`, whose state hash (as the only entity) is `hash`."
)

EVENING: Final = "2026-01-01T18:00:00.000Z"
FIRST, LAST = "\uff01", "\U0001f600"
"""U+FF01 and U+1F600: the second sorts last by code point and first by UTF-16 unit."""


def cases() -> list[Case]:
    """All of them."""
    return [*_latest(), *_ask(), *_add_wins(), *_maps(), *_sums(), *_once(), *_fixed()]


def _latest() -> list[Case]:
    return [
        merge_case(
            "Latest, one after the other",
            "Ben had seen what Ada wrote, so his replaces it, although his clock is an hour slow.",
            "site",
            edits("ada", {"directions": "left"}, minute=60),
            edits("ben", {"directions": "right"}, knowing="ada", minute=0),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, side by side",
            "The newest is shown and nobody is asked; the other stays in the state until somebody writes over both.",
            "site",
            edits("ada", {"directions": "left"}, minute=2),
            edits("ben", {"directions": "right"}, minute=1),
            values={"directions": "left"},
        ),
        merge_case(
            "Latest, the clock of one is in the year 9999",
            "What counts is the effective stamp, which the server never lets lie after the arrival: Ada's lie wins"
            " nothing against an edit that was made after hers had arrived.",
            "site",
            edits("ada", {"directions": "left"}, minute=4_000_000_000, effective=5),
            edits("ben", {"directions": "right"}, minute=6),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, a tie is broken by the replica",
            "Two stamps are equal: the greater replica id is shown, for any rule will do that is the same everywhere.",
            "site",
            edits("ada", {"directions": "left"}, minute=1),
            edits("ben", {"directions": "right"}, minute=1),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, the replica breaks no tie where the stamps differ",
            "The stamp comes first, and the counter is part of it: Ada's second edit of the same millisecond is newer.",
            "site",
            edits("ada", {"opening_hours": "9-17"}, minute=1),
            edits("ada", {"directions": "left"}, minute=1),
            edits("ben", {"directions": "right"}, minute=1),
            values={"directions": "left", "opening_hours": "9-17"},
        ),
        merge_case(
            "Latest, a tie is broken by the replica before the number",
            "Ada's second event and Ben's first count as of the same stamp: the greater replica id is shown, though the"
            " other's number is greater.",
            "site",
            edits("ada", {"opening_hours": "9-17"}),
            edits("ada", {"directions": "left"}, effective=5),
            edits("ben", {"directions": "right"}, effective=5),
            values={"directions": "right", "opening_hours": "9-17"},
        ),
        merge_case(
            "Latest, an author whose clock does not name its own events",
            "A replica knows what it wrote without saying so: Ada's second replaces her first.",
            "site",
            edits("ada", {"directions": "left"}, minute=5),
            edits("ada", {"directions": "right"}, modest=True, minute=1),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, an author whose clock does not name its own events, beside another",
            "The same among siblings.",
            "site",
            edits("ben", {"directions": "straight on"}, minute=9),
            edits("ada", {"directions": "left"}, minute=5),
            edits("ada", {"directions": "right"}, modest=True, minute=1),
            values={"directions": "straight on"},
        ),
        merge_case(
            "Latest, in the knowledge of an event that was passed over",
            "Ben's first was quarantined, and Eve had it on her phone. What she says is merged, and the state"
            " names nobody of whom nothing is in.",
            "site",
            edits("ben", {"directions": "left"}, lost=True),
            edits("eve", {"directions": "right"}, knowing="ben"),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, three side by side",
            "All three are kept, the newest is shown.",
            "site",
            edits("ada", {"directions": "left"}, minute=1),
            edits("ben", {"directions": "right"}, minute=3),
            edits("eve", {"directions": "straight on"}, minute=2),
            values={"directions": "right"},
        ),
        merge_case(
            "Latest, the newest of three was seen and replaced",
            "Eve had seen Ben's, the newest, and wrote over it; between hers and Ada's the newer is shown.",
            "site",
            edits("ada", {"directions": "left"}, minute=2),
            edits("ben", {"directions": "right"}, minute=3),
            edits("eve", {"directions": "straight on"}, knowing="ben", minute=1),
            values={"directions": "left"},
        ),
        merge_case(
            "Latest, equal values side by side",
            "Both writes are kept, for each can be replaced without the other.",
            "site",
            edits("ada", {"geofence_m": 50}),
            edits("ben", {"geofence_m": 50}),
            values={"geofence_m": 50},
        ),
        merge_case(
            "Latest, cleared side by side with written",
            "Null is a value: the newest is shown, though it says that there is nothing.",
            "site",
            edits("ada", {"directions": "left"}, minute=1),
            edits("ben", {"directions": None}, minute=2),
            values={"directions": None},
        ),
        merge_case(
            "Latest, two fields side by side",
            "Different fields never collide.",
            "site",
            edits("ada", {"directions": "left"}),
            edits("ben", {"opening_hours": "9-17"}),
            values={"directions": "left", "opening_hours": "9-17"},
        ),
        merge_case(
            "Latest, a truth and a falsehood",
            "False is a value and not an absence.",
            "work_order",
            edits("ada", {"requires_signature": True}, minute=1),
            edits("ben", {"requires_signature": False}, minute=2),
            values={"requires_signature": False},
        ),
    ]


def _ask() -> list[Case]:
    return [
        merge_case(
            "Ask, one after the other",
            "Ben had seen what Ada wrote: his stands whatever the clocks say, and nobody is asked.",
            "site",
            edits("ada", {"name": "North"}, minute=60),
            edits("ben", {"name": "South"}, knowing="ada", minute=0),
            values={"name": "South"},
        ),
        merge_case(
            "Ask, side by side",
            "Both are kept, the newest is shown meanwhile, and a person is asked.",
            "site",
            edits("ada", {"name": "North"}, minute=2),
            edits("ben", {"name": "South"}, minute=1),
            values={"name": "North"},
            conflicts=[asks("name", "values_differ", ("ada 1", "North"), ("ben 1", "South"), shown="North")],
        ),
        merge_case(
            "Ask, equal values side by side",
            "Two people who wrote the same do not disagree.",
            "site",
            edits("ada", {"name": "North"}),
            edits("ben", {"name": "North"}),
            values={"name": "North"},
        ),
        merge_case(
            "Ask, equal objects side by side",
            "Values are compared by what they say, not by being the same thing.",
            "site",
            edits("ada", {"position": {"lat": 1, "lon": 2}}),
            edits("ben", {"position": {"lat": 1, "lon": 2}}),
            values={"position": {"lat": 1, "lon": 2}},
        ),
        merge_case(
            "Ask, objects that differ in a member that one does not have",
            "A member that is missing is a difference.",
            "site",
            edits("ada", {"position": {"lat": 1, "lon": 2}}, minute=1),
            edits("ben", {"position": {"accuracy_m": 5, "lat": 1, "lon": 2}}, minute=2),
            values={"position": {"accuracy_m": 5, "lat": 1, "lon": 2}},
            conflicts=[
                asks(
                    "position",
                    "values_differ",
                    ("ada 1", {"lat": 1, "lon": 2}),
                    ("ben 1", {"accuracy_m": 5, "lat": 1, "lon": 2}),
                    shown={"accuracy_m": 5, "lat": 1, "lon": 2},
                )
            ],
        ),
        merge_case(
            "Ask, lists that differ in their order",
            "A list is equal only in its order.",
            "checklist_answer",
            edits("ada", {"value": ["a", "b"]}, minute=1),
            edits("ben", {"value": ["b", "a"]}, minute=2),
            values={"value": ["b", "a"]},
            conflicts=[asks("value", "values_differ", ("ada 1", ["a", "b"]), ("ben 1", ["b", "a"]), shown=["b", "a"])],
        ),
        merge_case(
            "Ask, yes against the text true",
            "Values of different kinds differ.",
            "checklist_answer",
            edits("ada", {"value": True}, minute=2),
            edits("ben", {"value": "true"}, minute=1),
            values={"value": True},
            conflicts=[asks("value", "values_differ", ("ada 1", True), ("ben 1", "true"), shown=True)],
        ),
        merge_case(
            "Ask, three side by side, two of them agree",
            "One who differs is enough; all three are on the card.",
            "site",
            edits("ada", {"name": "North"}, minute=1),
            edits("ben", {"name": "South"}, minute=2),
            edits("eve", {"name": "North"}, minute=3),
            values={"name": "North"},
            conflicts=[
                asks(
                    "name",
                    "values_differ",
                    ("ada 1", "North"),
                    ("ben 1", "South"),
                    ("eve 1", "North"),
                    shown="North",
                )
            ],
        ),
        merge_case(
            "Ask, a tie is broken by the replica",
            "Equal stamps: the greater replica id is shown, and a person is asked all the same.",
            "site",
            edits("ada", {"name": "North"}, minute=1),
            edits("ben", {"name": "South"}, minute=1),
            values={"name": "South"},
            conflicts=[asks("name", "values_differ", ("ada 1", "North"), ("ben 1", "South"), shown="South")],
        ),
        merge_case(
            "Ask, one's own earlier write goes without being named",
            "Ada's second edit replaces her first, though nothing in her clock but her own name says so.",
            "site",
            edits("ada", {"name": "North"}),
            edits("ada", {"name": "Northwest"}),
            edits("ben", {"name": "South"}, minute=1),
            values={"name": "Northwest"},
            conflicts=[asks("name", "values_differ", ("ada 2", "Northwest"), ("ben 1", "South"), shown="Northwest")],
        ),
        merge_case(
            "Ask, cleared side by side with written",
            "To clear a field is to write null, and differs from writing.",
            "site",
            edits("ada", {"access_code": None}, minute=2),
            edits("ben", {"access_code": "1234"}, minute=1),
            values={"access_code": None},
            conflicts=[asks("access_code", "values_differ", ("ada 1", None), ("ben 1", "1234"), shown=None)],
        ),
        merge_case(
            "Ask, an edit of another field replaces nothing",
            "Eve had seen both sides, but what she wrote was the directions: the question stays.",
            "site",
            edits("ada", {"name": "North"}, minute=1),
            edits("ben", {"name": "South"}, minute=2),
            edits("eve", {"directions": "left"}, knowing="ada, ben"),
            values={"name": "South", "directions": "left"},
            conflicts=[asks("name", "values_differ", ("ada 1", "North"), ("ben 1", "South"), shown="South")],
        ),
        merge_case(
            "Ask, with a creation that its author had not seen",
            "Two replicas bring the same thing into being, as a re-imported list may: both names are kept.",
            "site",
            edits("ada", {"name": "North"}, create_unknown=True, minute=1),
            values={"name": "North"},
            conflicts=[
                asks("name", "values_differ", ("ada 1", "North"), ("office 1", "Mill, east gate"), shown="North")
            ],
        ),
        merge_case(
            "Ask, fields that the schema writes as null",
            "Nobody wrote the fields that are absent: they are absent and not null.",
            "site",
            edits("ada", {"access_code": None}),
            values={"access_code": None, "address": ...},
        ),
    ]


def _add_wins() -> list[Case]:
    return [
        merge_case(
            "AddWins, side by side",
            "Everybody's additions are in, in the order of their code points.",
            "site",
            edits("ada", {"hazards": {"add": ["gas"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}),
            values={"hazards": ["dog", "gas"]},
        ),
        merge_case(
            "AddWins, the same added twice and removed by one who saw one of them",
            "A removal takes away the additions its author had seen: Ada's goes, Ben's stays, so the dog is there.",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}),
            edits("eve", {"hazards": {"remove": ["dog"]}}, knowing="ada"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, removed by one who had seen it",
            "It goes, and the field that is empty again is absent, as if nobody had written it.",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"remove": ["dog"]}}, knowing="ada"),
            values={"hazards": ...},
        ),
        merge_case(
            "AddWins, removed and added again side by side",
            "Ben, who had it before him, says once more that it is there: the addition wins over the removal.",
            "site",
            edits("office", {"hazards": {"add": ["dog"]}}),
            edits("ada", {"hazards": {"remove": ["dog"]}}, knowing="office"),
            edits("ben", {"hazards": {"add": ["dog"]}}, knowing="office"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, removed side by side with nothing about it",
            "Ben's edit of the tags does not bring the dog back: a union of what both hold would.",
            "site",
            edits("office", {"hazards": {"add": ["dog", "gas"]}}),
            edits("ada", {"hazards": {"remove": ["dog"]}}, knowing="office"),
            edits("ben", {"hazards": {"add": ["height"]}}, knowing="office"),
            values={"hazards": ["gas", "height"]},
        ),
        merge_case(
            "AddWins, removed twice side by side",
            "Gone is gone.",
            "site",
            edits("office", {"hazards": {"add": ["dog", "gas"]}}),
            edits("ada", {"hazards": {"remove": ["dog"]}}, knowing="office"),
            edits("ben", {"hazards": {"remove": ["dog"]}}, knowing="office"),
            values={"hazards": ["gas"]},
        ),
        merge_case(
            "AddWins, removed by one who had never seen it",
            "A removal without an addition takes away nothing, now or later.",
            "site",
            edits("ada", {"hazards": {"remove": ["dog"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, removed where nothing ever was",
            "The field stays absent; a state must not remember that somebody removed nothing.",
            "site",
            edits("ada", {"hazards": {"remove": ["dog"]}}),
            values={"hazards": ...},
        ),
        merge_case(
            "AddWins, added, removed, added again",
            "The last addition had seen the removal and is in (nextcloud-deck lost it: issue 197).",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"remove": ["dog"]}}, knowing="ada"),
            edits("ada", {"hazards": {"add": ["dog"]}}, knowing="ben"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, an addition replaces those it had seen",
            "Ben's addition saw Ada's, so only his is kept: a set that is said again and again does not grow.",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}, knowing="ada"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, removed by one who saw the first addition but not the one that had seen it",
            "Eve's removal takes Ada's addition, which Ben's had replaced: Ben's stays.",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}, knowing="ada"),
            edits("eve", {"hazards": {"remove": ["dog"]}}, knowing="ada"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, an element that is removed while another is added",
            "One event, two elements; of the one that goes, the addition that was not seen stays.",
            "site",
            edits("ada", {"hazards": {"add": ["dog"]}}),
            edits("ben", {"hazards": {"add": ["dog"]}}),
            edits("eve", {"hazards": {"add": ["gas"], "remove": ["dog"]}}, knowing="ada"),
            values={"hazards": ["dog", "gas"]},
        ),
        merge_case(
            "AddWins, added and removed in one event",
            "Whoever says both at once wants it to be there: the removal speaks of what was there before.",
            "site",
            edits("office", {"hazards": {"add": ["dog"]}}),
            edits("ada", {"hazards": {"add": ["dog"], "remove": ["dog"]}}, knowing="office"),
            values={"hazards": ["dog"]},
        ),
        merge_case(
            "AddWins, the same element twice in one event",
            "Said twice is said once.",
            "site",
            edits("ada", {"tags": {"add": ["new", "new"]}}),
            values={"tags": ["new"]},
        ),
        merge_case(
            "AddWins, an edit that adds and removes nothing",
            "An empty edit of a set is legal, and does nothing but count as an event.",
            "site",
            edits("ada", {"tags": {}}),
            values={"tags": ...},
        ),
        merge_case(
            "AddWins, elements that UTF-16 sorts otherwise",
            "By code point U+FF01 comes before U+1F600; by UTF-16 unit it would come after. A comma is 0x2C, an empty"
            " prefix sorts first.",
            "site",
            edits("ada", {"tags": {"add": [LAST, "ab", "\u00e9"]}}),
            edits("ben", {"tags": {"add": [FIRST, "a", "Z"]}}),
            values={"tags": ["Z", "a", "ab", "\u00e9", FIRST, LAST]},
        ),
        merge_case(
            "AddWins, elements that are names in JavaScript",
            "A set kept as a plain object would find `constructor` in it before anybody added it.",
            "site",
            edits("ada", {"tags": {"add": ["constructor", "__proto__", "7"]}}),
            edits("ben", {"tags": {"remove": ["toString", "__proto__"]}}),
            values={"tags": ["7", "__proto__", "constructor"]},
        ),
    ]


def _maps() -> list[Case]:
    return [
        merge_case(
            "a map, two keys side by side",
            "Each key merges on its own.",
            "site",
            edits("ada", {"custom": [["bay", "1"]]}),
            edits("ben", {"custom": [["door", "2"]]}),
            values={"custom": [["bay", "1"], ["door", "2"]]},
        ),
        merge_case(
            "a map, one key side by side",
            "The newest is shown and nobody is asked.",
            "site",
            edits("ada", {"custom": [["bay", "1"], ["door", "9"]]}, minute=2),
            edits("ben", {"custom": [["bay", "2"]]}, minute=1),
            values={"custom": [["bay", "1"], ["door", "9"]]},
        ),
        merge_case(
            "a map, one key, one after the other",
            "Ben had seen Ada's, though his clock is slow; the key that he does not name stays.",
            "site",
            edits("ada", {"custom": [["bay", "1"], ["door", "9"]]}, minute=60),
            edits("ben", {"custom": [["bay", "2"]]}, knowing="ada", minute=0),
            values={"custom": [["bay", "2"], ["door", "9"]]},
        ),
        merge_case(
            "a map, a key removed side by side with written",
            "To remove a key is to write null: the newest is shown, and here it says that there is none.",
            "site",
            edits("ada", {"custom": [["bay", "1"]]}, minute=1),
            edits("ben", {"custom": [["bay", None]]}, minute=2),
            values={"custom": []},
        ),
        merge_case(
            "a map, a key removed before it was written again elsewhere",
            "The newest is Ada's, so the key is there.",
            "site",
            edits("office", {"custom": [["bay", "0"]]}),
            edits("ada", {"custom": [["bay", "1"]]}, knowing="office", minute=9),
            edits("ben", {"custom": [["bay", None]]}, knowing="office", minute=8),
            values={"custom": [["bay", "1"]]},
        ),
        merge_case(
            "a map, a key removed by one who had seen it",
            "The null is kept in the state: it must win against a write that was made before it.",
            "site",
            edits("ada", {"custom": [["bay", "1"]]}),
            edits("ben", {"custom": [["bay", None]]}, knowing="ada"),
            values={"custom": []},
        ),
        merge_case(
            "a map, a tie is broken by the replica",
            "As for any Latest.",
            "site",
            edits("ada", {"custom": [["bay", "1"]]}, minute=1),
            edits("ben", {"custom": [["bay", "2"]]}, minute=1),
            values={"custom": [["bay", "2"]]},
        ),
        merge_case(
            "a map, keys that UTF-16 sorts otherwise, and names of JavaScript",
            "By code point: `10` before `9`, which numbers would not be; `constructor` and `__proto__` are keys.",
            "site",
            edits("ada", {"custom": [["10", "a"], ["9", "b"], ["__proto__", "c"], [FIRST, "d"], [LAST, "e"]]}),
            edits("ben", {"custom": [["constructor", "f"]]}),
            values={
                "custom": [
                    *(["10", "a"], ["9", "b"], ["__proto__", "c"]),
                    *(["constructor", "f"], [FIRST, "d"], [LAST, "e"]),
                ]
            },
        ),
        merge_case(
            "a map, an edit without a pair",
            "Legal, and does nothing but count as an event.",
            "site",
            edits("ada", {"custom": []}),
            values={"custom": ...},
        ),
    ]


def _sums() -> list[Case]:
    return [
        merge_case(
            "Sum, side by side and one after the other",
            "Every delta counts once, whoever knew of whom: 2 + 1.5 - 3 + 0.25.",
            "part_use",
            edits("ada", {"quantity": "1.5"}),
            edits("ben", {"quantity": "-3"}),
            edits("eve", {"quantity": "0.25"}, knowing="ada"),
            values={"quantity": "0.75"},
        ),
        merge_case(
            "Sum, equal deltas side by side",
            "Two who took one each took two.",
            "part_use",
            edits("ada", {"quantity": "1"}),
            edits("ben", {"quantity": "1"}),
            values={"quantity": "4"},
        ),
        merge_case(
            "Sum, back to nothing",
            "Zero is shown as 0: a sum that came back to nothing is not a sum that nobody wrote.",
            "part_use",
            edits("ada", {"quantity": "-2"}),
            values={"quantity": "0"},
        ),
        merge_case(
            "Sum, tenths",
            "0.1 + 0.2 is 0.3: decimals are added as whole millionths, never as floats.",
            "part_use",
            edits("ada", {"quantity": "0.2"}),
            created={"quantity": "0.1"},
            values={"quantity": "0.3"},
        ),
        merge_case(
            "Sum, below nothing",
            "More went back than was taken; the sign stands before a zero too.",
            "part_use",
            edits("ada", {"quantity": "-2.000001"}),
            values={"quantity": "-0.000001"},
        ),
        merge_case(
            "Sum, a millionth added to a negative fraction",
            "-0.5 + 0.25: the sign belongs to the fraction as well.",
            "part_use",
            edits("ada", {"quantity": "0.25"}),
            created={"quantity": "-0.5"},
            values={"quantity": "-0.25"},
        ),
        merge_case(
            "Sum, beyond 2^53 millionths",
            "Ten times 999,999,999.999999: 9,999,999,999,999,990 millionths are more than a float holds exactly.",
            "part_use",
            *(edits("ada", {"quantity": "999999999.999999"}) for _ in range(9)),
            created={"quantity": "999999999.999999"},
            values={"quantity": "9999999999.99999"},
        ),
        merge_case(
            "Sum, beyond 2^53 millionths, odd to the last digit",
            "9,999,999,999,999,990 + 1 is odd and above 2^53: only whole numbers without a bound keep the last digit.",
            "part_use",
            *(edits("ada", {"quantity": "999999999.999999"}) for _ in range(9)),
            edits("ben", {"quantity": "0.000001"}),
            created={"quantity": "999999999.999999"},
            values={"quantity": "9999999999.999991"},
        ),
        merge_case(
            "Sum, beyond -2^53 millionths",
            "And below nothing.",
            "part_use",
            *(edits("ada", {"quantity": "-999999999.999999"}) for _ in range(9)),
            edits("ben", {"quantity": "-0.000001"}),
            created={"quantity": "-999999999.999999"},
            values={"quantity": "-9999999999.999991"},
        ),
    ]


def _once() -> list[Case]:
    return [
        merge_case(
            "Once, side by side",
            "The earliest stands, the other is kept as a witness, and since they differ a person is asked.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": EVENING}, minute=1),
            tells("ben", "TimerStopped", {"stopped_at": MORNING}, minute=2),
            values={"stopped_at": EVENING},
            conflicts=[asks("stopped_at", "values_differ", ("ada 1", EVENING), ("ben 1", MORNING), shown=EVENING)],
        ),
        merge_case(
            "Once, the earliest is told by who counts, not by what it says",
            "Ben's effective stamp is the earlier one, so his later moment stands.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": MORNING}, minute=2),
            tells("ben", "TimerStopped", {"stopped_at": EVENING}, minute=1),
            values={"stopped_at": EVENING},
            conflicts=[asks("stopped_at", "values_differ", ("ada 1", MORNING), ("ben 1", EVENING), shown=EVENING)],
        ),
        merge_case(
            "Once, equal values side by side",
            "Two witnesses who agree.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": MORNING}),
            tells("ben", "TimerStopped", {"stopped_at": MORNING}),
            values={"stopped_at": MORNING},
        ),
        merge_case(
            "Once, one after the other",
            "Whoever had seen the first and writes again corrects it: knowledge comes before every policy.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": MORNING}, minute=9),
            tells("ben", "TimerStopped", {"stopped_at": EVENING}, knowing="ada", minute=8),
            values={"stopped_at": EVENING},
        ),
        merge_case(
            "Once, a tie is broken by the replica",
            "Equal stamps: the smaller replica id stands, for the order is the same and the earliest is its beginning.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": MORNING}, minute=1),
            tells("ben", "TimerStopped", {"stopped_at": EVENING}, minute=1),
            values={"stopped_at": MORNING},
            conflicts=[asks("stopped_at", "values_differ", ("ada 1", MORNING), ("ben 1", EVENING), shown=MORNING)],
        ),
        merge_case(
            "Once, three side by side",
            "The earliest of three.",
            "asset",
            edits("ada", {"qr_code": "A"}, minute=3),
            edits("ben", {"qr_code": "B"}, minute=1),
            edits("eve", {"qr_code": "C"}, minute=2),
            values={"qr_code": "B"},
            conflicts=[asks("qr_code", "values_differ", ("ada 1", "A"), ("ben 1", "B"), ("eve 1", "C"), shown="B")],
        ),
    ]


def _fixed() -> list[Case]:
    twice = {"customer_id": PERSON_1, "name": "Mill, east gate"}
    return [
        merge_case(
            "Ref, the same thing created twice side by side",
            "Only a fault does this, for ids are minted once: the earliest reference stands, and a person is asked.",
            "site",
            tells("ada", "Created", twice, create_unknown=True),
            values={"customer_id": ELSEWHERE},
            conflicts=[
                asks("customer_id", "values_differ", ("ada 1", PERSON_1), ("office 1", ELSEWHERE), shown=ELSEWHERE)
            ],
        ),
        merge_case(
            "Ref, created twice, the unknowing one earlier",
            "Ada's counts as of before the office's, so hers stands.",
            "site",
            tells("ada", "Created", twice, create_unknown=True, minute=-1),
            values={"customer_id": PERSON_1},
            conflicts=[
                asks("customer_id", "values_differ", ("ada 1", PERSON_1), ("office 1", ELSEWHERE), shown=PERSON_1)
            ],
        ),
        merge_case(
            "Log, written twice side by side",
            "A reading is never edited; told twice under one id, the earliest stands and a person is asked.",
            "meter_reading",
            tells(
                "ada",
                "MeterRead",
                {
                    "asset_id": ELSEWHERE,
                    "site_id": ELSEWHERE,
                    "meter": "hours",
                    "value": "13",
                    "read_at": MORNING,
                },
                create_unknown=True,
            ),
            values={"value": "12.5"},
            conflicts=[asks("value", "values_differ", ("ada 1", "13"), ("office 1", "12.5"), shown="12.5")],
        ),
        merge_case(
            "a creation that says everything",
            "All kinds of fields in one event: registers, a set, a map; what it does not say is absent.",
            "customer",
            created={
                "legal_id": "HRB 1",
                "contacts": {"add": [PERSON_2, PERSON_1]},
                "billing_address": {"city": "Kiel", "country": "DE"},
                "comms_opt_out": {"add": ["sms"]},
                "custom": [["tier", "gold"]],
                "note": "",
            },
            values={"contacts": [PERSON_1, PERSON_2], "comms_opt_out": ["sms"]},
        ),
        merge_case(
            "nothing but a set, by one who knows no creation",
            "A state whose writes are all in a set still says by whom and when.",
            "site",
            edits("ada", {"tags": {"add": ["new"]}}),
            values={"tags": ["new"]},
            without_creation=True,
        ),
        merge_case(
            "nothing but an empty set edit",
            "A state without any write: it has a clock and a version and nothing else.",
            "site",
            edits("ada", {"tags": {}}),
            values={},
            without_creation=True,
        ),
        merge_case(
            "nothing but a sum",
            "A sum keeps no writes.",
            "part_use",
            edits("ada", {"quantity": "2"}),
            values={"quantity": "2"},
            without_creation=True,
        ),
    ]
