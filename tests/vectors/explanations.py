"""Vectors of explanations: every rule, every fate of a write, and who is asked."""

from collections.abc import Mapping
from typing import Any, Final

from sync.envelope import parse
from sync.explain import explain
from tests.devices import CREATED, MORNING, PERSON_1, PERSON_2
from tests.vectors.spelling import Case
from tests.vectors.story import OFFICE, Tells, dot, edits, tells, written

ABOUT: Final = (
    "Explanations: `told` (events and their effective stamps, in one causal order of many) and `field` give `explains`;"
    " what is told again counts once."
    " docs/reference/explanations.md says what every member means."
)


def cases() -> list[Case]:
    """All of them."""
    return [*_registers(), *_moves_and_archive(), *_sets(), *_maps_and_sums(), *_clocks()]


def _case(  # the author of a script says what is shown, by what rule, and what became of each write
    name: str,
    why: str,
    entity_type: str,
    field: str,
    *told: Tells,
    shown: Any,
    rule: str,
    became: str = "",
    parts: Mapping[str, str] | None = None,
    created: Mapping[str, Any] | None = None,
) -> Case:
    creation = tells(OFFICE, "Created", {**CREATED[entity_type], **(created or {})})
    events = written(entity_type, [creation, *told])
    document = explain([(parse(each.raw), each.effective) for each in events], field)
    assert (document["shown"], document["rule"]) == (shown, rule), name
    if parts is None:
        assert _fates(document["writes"]) == became, name
    else:
        assert {part["of"]: f"{part['rule']}: {_fates(part['writes'])}" for part in document["parts"]} == parts, name
    return {
        "name": name,
        "why": why,
        "told": [{"raw": each.raw.decode(), "effective": each.effective} for each in events],
        "field": field,
        "explains": document,
    }


def _fates(writes: list[dict[str, Any]]) -> str:
    """`office 1 replaced by ada 1, ada 1 shown`, as the scripts say it."""
    return ", ".join(" ".join([_named(write), write["became"], *_by(write["replaced_by"])]) for write in writes)


def _named(write: Mapping[str, Any]) -> str:
    return next(
        f"{who} {write['seq']}" for who in ("ada", "ben", "eve", OFFICE) if dot(f"{who} 1")[0] == write["replica"]
    )


def _by(dots: list[list[Any]]) -> list[str]:
    names = [_named({"replica": replica, "seq": seq}) for replica, seq in dots]
    return ["by", " and ".join(names)] if names else []


def _registers() -> list[Case]:
    sides = [edits("ada", {"title": "North"}, minute=2), edits("ben", {"title": "South"}, minute=1)]
    return [
        _case("nobody wrote it", "There is nothing to consider.", "work_order", "due_at", shown=None, rule="unwritten"),
        _case(
            "nobody wrote a set",
            "A set that nobody wrote is not an empty set.",
            "work_order",
            "tags",
            shown=None,
            rule="unwritten",
        ),
        _case(
            "one write",
            "Nobody disagrees with the only one.",
            "work_order",
            "title",
            shown="Pump leaks",
            rule="nobody_disagrees",
            became="office 1 shown",
        ),
        _case(
            "one after the other",
            "Each lost to the one who knew of it, and not to those who came later still.",
            "work_order",
            "title",
            edits("ada", {"title": "North"}),
            edits("ben", {"title": "South"}, knowing="ada"),
            shown="South",
            rule="nobody_disagrees",
            became="office 1 replaced by ada 1, ada 1 replaced by ben 1, ben 1 shown",
        ),
        _case(
            "two who did not know of each other",
            "Both replaced the creation; the newer is shown and a person is asked.",
            "work_order",
            "title",
            *sides,
            shown="North",
            rule="newest",
            became="office 1 replaced by ada 1 and ben 1, ben 1 kept, ada 1 shown",
        ),
        _case(
            "an answer that had seen both",
            "It replaces both, and nobody is asked any more.",
            "work_order",
            "title",
            *sides,
            edits("eve", {"title": "East"}, knowing="ada, ben"),
            shown="East",
            rule="nobody_disagrees",
            became="office 1 replaced by ada 1 and ben 1, ben 1 replaced by eve 1, ada 1 replaced by eve 1,"
            " eve 1 shown",
        ),
        _case(
            "two who wrote the same",
            "They do not disagree, though neither knew of the other.",
            "work_order",
            "requested_window",
            *(
                edits(who, {"requested_window": {"end": MORNING, "start": MORNING}}, minute=minute)
                for who, minute in (("ada", 1), ("ben", 2))
            ),
            shown={"end": MORNING, "start": MORNING},
            rule="nobody_disagrees",
            became="ada 1 kept, ben 1 shown",
        ),
        _case(
            "a field beside one that a person is asked about",
            "The card is not of this field.",
            "work_order",
            "kind",
            *sides,
            shown="repair",
            rule="nobody_disagrees",
            became="office 1 shown",
        ),
        _case(
            "who had seen several of one replica",
            "The last of them is named; those before it were seen with it.",
            "work_order",
            "title",
            edits("ada", {"title": "North"}),
            edits("ada", {"title": "Far north"}),
            edits("ben", {"title": "South"}, knowing="ada"),
            shown="South",
            rule="nobody_disagrees",
            became="office 1 replaced by ada 1, ada 1 replaced by ada 2, ada 2 replaced by ben 1, ben 1 shown",
        ),
        _case(
            "an immutable field that two creations tell",
            "Nothing that is told at creation is ever replaced: the earliest stands.",
            "note",
            "body",
            tells("ben", "Created", {**CREATED["note"], "body": "Bring a lamp"}, create_unknown=True),
            shown="Bring the long ladder",
            rule="earliest",
            became="office 1 shown, ben 1 kept",
        ),
        _case(
            "the earliest stands",
            "The other is kept as a witness.",
            "work_order",
            "completed_at",
            edits("ada", {"completed_at": MORNING}, minute=2),
            edits("ben", {"completed_at": "2026-01-01T09:00:00.000Z"}, minute=1),
            shown="2026-01-01T09:00:00.000Z",
            rule="earliest",
            became="ben 1 shown, ada 1 kept",
        ),
    ]


def _moves_and_archive() -> list[Case]:
    return [
        _case(
            "a later move of lower rank",
            "The work stands, whenever it was cancelled; values are moves, shown is where the move leads.",
            "work_order",
            "status",
            tells("ada", "WorkOrderCompleted", {}, minute=1),
            tells("ben", "WorkOrderCancelled", {"cancel_reason": "called"}, minute=9),
            shown="completed",
            rule="highest_move",
            became="office 1 replaced by ada 1 and ben 1, ada 1 shown, ben 1 kept",
        ),
        _case(
            "archived, and nobody wrote meanwhile",
            "It is out of sight.",
            "site",
            "archived",
            tells("ada", "Archived"),
            shown=True,
            rule="nobody_disagrees",
            became="ada 1 shown",
        ),
        _case(
            "archived while somebody wrote another field",
            "No write says that it is in sight; that it is contested does.",
            "site",
            "archived",
            tells("ada", "Archived"),
            edits("ben", {"name": "South"}),
            shown=False,
            rule="in_sight_while_contested",
            became="ada 1 kept",
        ),
        _case(
            "archived and restored by two",
            "It stays in sight, whichever was later.",
            "site",
            "archived",
            tells("ben", "Restored"),
            tells("ada", "Archived"),
            shown=False,
            rule="in_sight_while_contested",
            became="ben 1 shown, ada 1 kept",
        ),
        _case(
            "restored by two",
            "They agree that it is in sight, and nobody contests that.",
            "site",
            "archived",
            tells("ada", "Restored", minute=2),
            tells("ben", "Restored", minute=1),
            shown=False,
            rule="nobody_disagrees",
            became="ben 1 kept, ada 1 shown",
        ),
        _case(
            "archived by two",
            "They agree; the newer is named.",
            "site",
            "archived",
            tells("ada", "Archived", minute=2),
            tells("ben", "Archived", minute=1),
            shown=True,
            rule="nobody_disagrees",
            became="ben 1 kept, ada 1 shown",
        ),
        _case(
            "reassigned under way",
            "The card names a write of another field too: the move that it met.",
            "visit",
            "assignee_id",
            tells("ada", "VisitTravelStarted", {}),
            tells("ben", "VisitReassigned", {"assignee_id": PERSON_2}),
            created={"assignee_id": PERSON_1},
            shown=PERSON_2,
            rule="nobody_disagrees",
            became="office 1 replaced by ben 1, ben 1 shown",
        ),
    ]


def _sets() -> list[Case]:
    return [
        _case(
            "each element by itself",
            "A removal takes only what it had seen, and nothing is kept of it.",
            "visit",
            "crew",
            edits("ada", {"crew": {"remove": [PERSON_1, PERSON_2]}}),
            edits("ben", {"crew": {"add": [PERSON_2]}}),
            created={"crew": {"add": [PERSON_1, PERSON_2]}},
            shown=[PERSON_2],
            rule="each_element",
            parts={
                PERSON_1: "removed: office 1 replaced by ada 1, ada 1 spent",
                PERSON_2: "add_wins: office 1 replaced by ada 1 and ben 1, ada 1 spent, ben 1 shown",
            },
        ),
        _case(
            "added by two",
            "Both additions stand; whoever removes it must have seen both.",
            "site",
            "tags",
            edits("ada", {"tags": {"add": ["gas", "gas"]}}),
            edits("ben", {"tags": {"add": ["gas"], "remove": ["gas"]}}),
            shown=["gas"],
            rule="each_element",
            parts={"gas": "added: ada 1 shown, ben 1 shown"},
        ),
        _case(
            "removed though nobody had added it",
            "It is not in the set, and that somebody said so is told.",
            "site",
            "tags",
            edits("ada", {"tags": {"remove": ["gas"]}}),
            shown=[],
            rule="each_element",
            parts={"gas": "removed: ada 1 spent"},
        ),
        _case(
            "in the order of code points",
            "Not of UTF-16 units, in which an emoji comes before the end of the plane.",
            "site",
            "tags",
            edits("ada", {"tags": {"add": ["\U0001f600", "\uff5e", "constructor"]}}),
            shown=["constructor", "\uff5e", "\U0001f600"],
            rule="each_element",
            parts=dict.fromkeys(("constructor", "\uff5e", "\U0001f600"), "added: ada 1 shown"),
        ),
        _case(
            "an edit that names no element",
            "It is a write of the field that says nothing.",
            "site",
            "tags",
            edits("ada", {"tags": {}}),
            shown=[],
            rule="each_element",
            parts={},
        ),
    ]


def _maps_and_sums() -> list[Case]:
    return [
        _case(
            "each key by itself",
            "Null says that the key is gone; a key may have any name.",
            "site",
            "custom",
            edits("ada", {"custom": [["bay", "2"], ["constructor", None]]}, minute=1),
            edits("ben", {"custom": [["bay", "3"]]}, minute=2),
            created={"custom": [["constructor", "x"]]},
            shown=[["bay", "3"]],
            rule="each_key",
            parts={
                "bay": "newest: ada 1 kept, ben 1 shown",
                "constructor": "nobody_disagrees: office 1 replaced by ada 1, ada 1 shown",
            },
        ),
        _case(
            "every amount counts",
            "Also one that had seen the others: a delta replaces nothing.",
            "part_use",
            "quantity",
            edits("ada", {"quantity": "-0.5"}),
            edits("ben", {"quantity": "1"}, knowing="ada"),
            shown="2.5",
            rule="added_up",
            became="office 1 counted, ada 1 counted, ben 1 counted",
        ),
    ]


def _clocks() -> list[Case]:
    return [
        _case(
            "a clock in the future",
            "The server's stamp decides, and both are told.",
            "work_order",
            "priority",
            edits("ada", {"priority": "high"}, minute=600_000, effective=1),
            edits("ben", {"priority": "low"}, minute=2),
            shown="low",
            rule="newest",
            became="ada 1 kept, ben 1 shown",
        ),
        _case(
            "an earlier clock that knew more",
            "What was known counts, not what a clock said.",
            "work_order",
            "priority",
            edits("ada", {"priority": "high"}, minute=9),
            edits("ben", {"priority": "low"}, knowing="ada", minute=1),
            shown="low",
            rule="nobody_disagrees",
            became="ben 1 shown, ada 1 replaced by ben 1",
        ),
        _case(
            "a clock that says less than before",
            "No honest device writes one; what its author had seen is seen, as the merge has replaced it already.",
            "work_order",
            "priority",
            edits("ada", {"priority": "high"}),
            edits("ben", {"priority": "low"}, knowing="ada"),
            edits("ben", {"priority": "normal"}, forgets=True),
            shown="normal",
            rule="nobody_disagrees",
            became="ada 1 replaced by ben 1, ben 1 replaced by ben 2, ben 2 shown",
        ),
    ]
