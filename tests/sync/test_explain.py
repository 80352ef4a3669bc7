"""Explanations: for any field, what was considered, what stood and why, what lost and to whom, who is asked."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import ENTITIES
from sync import canonical, merge, shown
from sync.envelope import Event, parse
from sync.explain import explain
from sync.merge import State
from sync.plan import Kind, plan_of
from tests.devices import CREATED, ELSEWHERE, MINUTE, MORNING, NOON, PERSON_1, PERSON_2, Device, new_id
from tests.sync.histories import Told, causal_order, histories, merged, said

Document = dict[str, Any]
Dot = tuple[str, int]

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "explanations.md"


def explained(events: Sequence[Event], field: str) -> Document:
    return explain([(event, event.at) for event in events], field)


def every_field(told: Sequence[Told]) -> Iterator[tuple[str, Document]]:
    events = [each.event for each in told]
    for field in ENTITIES[events[0].entity_type].fields:
        yield field, explained(events, field)


def dot(write: Mapping[str, Any]) -> Dot:
    return write["replica"], write["seq"]


def registers(document: Document) -> list[list[Document]]:
    """The writes of the field, or those of each of its parts."""
    return [part["writes"] for part in document.get("parts", [document])]


def places(told: Sequence[Told]) -> dict[Dot, int]:
    return {(each.event.replica, each.event.seq): place for place, each in enumerate(told)}


@given(histories(), st.data())
def test_law_an_explanation_does_not_depend_on_the_order_of_arrival_nor_on_repeats(
    told: list[Told], data: st.DataObject
) -> None:
    again = causal_order(data.draw, told)
    for field, document in every_field(told):
        assert explained([*again, *again[:2]], field) == document


@given(histories())
def test_law_what_is_shown_and_asked_is_what_the_merge_shows_and_asks(told: list[Told]) -> None:
    state = merged([each.event for each in told])
    values, conflicts = shown.values(state), shown.conflicts(state)
    for field, document in every_field(told):
        assert document["shown"] == values.get(field, document["shown"])
        assert field in values or document["shown"] in (None, [])
        assert document["asks"] == [
            {"dots": [list(each) for each in asked.dots], "reason": asked.reason, "values": list(asked.values)}
            for asked in conflicts
            if asked.field == field
        ]
        assert canonical.loads(canonical.dumps(document)) == document


def kept(state: State, field: str) -> dict[str | None, set[Dot]]:
    """The dots that the state keeps for a field, by element or key; those that keep nothing are not named."""
    cell = state.cells.get(field, ())
    parts = cell.items() if plan_of(state.type).kinds[field] in (Kind.SET, Kind.MAP) and cell else [(None, cell)]
    return {part: {write[:2] for write in writes} for part, writes in parts if writes}


@given(histories())
def test_law_what_is_told_to_be_shown_or_kept_is_what_the_state_keeps(told: list[Told]) -> None:
    state = merged([each.event for each in told])
    for field, document in every_field(told):
        if document["rule"] == "added_up":
            assert {write["became"] for write in document["writes"]} == {"counted"}
            amounts = [merge.millionths(write["value"]) for write in document["writes"]]
            assert document["shown"] == merge.decimal(sum(amounts))
            continue
        standing = {
            part.get("of"): {dot(write) for write in part["writes"] if write["became"] in ("shown", "kept")}
            for part in document.get("parts", [document])
        }
        assert {part: dots for part, dots in standing.items() if dots} == kept(state, field)


@given(histories())
def test_law_every_write_of_a_field_is_considered(told: list[Told]) -> None:
    for field, document in every_field(told):
        if "writes" in document:
            wanted = [each.event for each in told if field in said(each.event)]
            wanted.sort(key=lambda event: (event.at, event.replica, event.seq))
            assert [(write["event"], write["type"], write["value"]) for write in document["writes"]] == [
                (event.id, event.type, said(event)[field]) for event in wanted
            ]


@given(histories())
def test_law_who_saw_what_is_what_the_oracle_knows_and_goes_through(told: list[Told]) -> None:
    place = places(told)
    for _, document in every_field(told):
        for writes in registers(document):
            saw = {
                dot(one): {dot(other) for other in writes if dict(one["saw"]).get(other["replica"], 0) >= other["seq"]}
                for one in writes
            }
            for one, seen in saw.items():
                assert {place[each] for each in seen} == told[place[one]].knew & {place[each] for each in saw}
                assert all(saw[each] <= seen for each in seen)
            assert all(one["saw"] == sorted(one["saw"]) for one in writes)


@given(histories())
def test_law_a_write_lost_to_the_first_who_knew_of_it(told: list[Told]) -> None:
    place = places(told)
    for _, document in every_field(told):
        for writes in registers(document):
            for write in writes:
                knowing = {dot(each) for each in writes if place[dot(write)] in told[place[dot(each)]].knew}
                first = {one for one in knowing if not any(place[each] in told[place[one]].knew for each in knowing)}
                if write["became"] in ("counted", "spent"):
                    assert write["replaced_by"] == []
                else:
                    assert write["replaced_by"] == [list(each) for each in sorted(first)]
                    assert (write["became"] == "replaced") is bool(first)


@given(histories())
def test_law_one_write_is_shown_and_it_says_what_is_shown(told: list[Told]) -> None:
    for field, document in every_field(told):
        plan = plan_of(told[0].event.entity_type)
        if plan.kinds[field] is Kind.REGISTER and document["writes"]:
            standing = [write["value"] for write in document["writes"] if write["became"] == "shown"]
            if field == plan.status and plan.lifecycle:
                standing = [plan.lifecycle.moves[move].leads_to for move in standing]
            assert standing == [document["shown"]] or (document["rule"], standing) == ("in_sight_while_contested", [])


class Job:
    """One entity, a device in the office that made it, and two phones that know that and no more."""

    def __init__(self, entity_type: str, **data: Any) -> None:
        self.type, self.entity = entity_type, new_id()
        self.office, self.ada, self.ben = (Device(name, now_ms=NOON) for name in ("office", "ada", "ben"))
        self.events = [parse(self.office.create(entity_type, self.entity, data))]
        for phone in (self.ada, self.ben):
            phone.see(self.events[0].raw)

    def tell(self, device: Device, event_type: str, minutes: int, **data: Any) -> Event:
        raw = device.tell(self.type, self.entity, event_type, data, now_ms=NOON + minutes * MINUTE)
        self.events.append(parse(raw))
        return self.events[-1]

    def why(self, field: str) -> Document:
        return explained(self.events, field)

    def became(self, field: str) -> tuple[str, list[str]]:
        document = self.why(field)
        return document["rule"], [write["became"] for write in document["writes"]]


@pytest.mark.parametrize(("field", "policy"), [("due_at", "Ask"), ("tags", "AddWins"), ("custom", "EachKey")])
def test_a_field_that_nobody_wrote_has_nothing_to_explain(field: str, policy: str) -> None:
    assert Job("work_order").why(field) == {
        "asks": [],
        "field": field,
        "policy": policy,
        "rule": "unwritten",
        "shown": None,
        "writes": [],
    }


def test_what_was_written_in_the_knowledge_of_another_stands_whatever_the_clocks_say() -> None:
    job = Job("work_order")
    job.ada.see(job.tell(job.office, "Edited", 9, title="Pump leaks").raw)
    job.tell(job.ada, "Edited", 1, title="Pump of the upper floor leaks")
    assert job.became("title") == ("nobody_disagrees", ["replaced", "shown", "replaced"])
    created, latest, middle = job.why("title")["writes"]
    assert created["replaced_by"] == [[job.office.replica, 2]]
    assert middle["replaced_by"] == [[job.ada.replica, 1]]
    assert latest["saw"] == [[job.office.replica, 2]]


def test_of_two_who_did_not_know_of_each_other_the_newer_is_shown_and_a_person_is_asked() -> None:
    job = Job("work_order")
    job.tell(job.ada, "Edited", 2, title="Pump stuck")
    job.tell(job.ben, "Edited", 1, title="Filter clogged")
    document = job.why("title")
    assert job.became("title") == ("newest", ["replaced", "kept", "shown"])
    assert document["shown"] == "Pump stuck"
    assert document["writes"][0]["replaced_by"] == [[job.ada.replica, 1], [job.ben.replica, 1]]
    assert document["asks"] == [
        {
            "dots": [[job.ada.replica, 1], [job.ben.replica, 1]],
            "reason": "values_differ",
            "values": ["Pump stuck", "Filter clogged"],
        }
    ]


def test_two_who_wrote_the_same_do_not_disagree() -> None:
    job = Job("work_order")
    for phone in (job.ada, job.ben):
        job.tell(phone, "Edited", 1, title="Pump stuck")
    assert job.became("title") == ("nobody_disagrees", ["replaced", "kept", "shown"])
    assert job.why("title")["asks"] == []


@pytest.mark.parametrize(
    ("field", "values", "rule", "became"),
    [
        ("priority", ("high", "low"), "newest", ["kept", "shown"]),
        ("completed_at", (MORNING, "2026-01-01T09:00:00.000Z"), "earliest", ["shown", "kept"]),
    ],
)
def test_the_policy_names_the_rule(field: str, values: tuple[str, str], rule: str, became: list[str]) -> None:
    job = Job("work_order")
    for phone, minutes, value in zip((job.ada, job.ben), (1, 2), values, strict=True):
        job.tell(phone, "Edited", minutes, **{field: value})
    assert job.became(field) == (rule, became)


def test_among_moves_the_highest_is_shown_and_it_is_told_which_moves_there_were() -> None:
    job = Job("work_order")
    job.tell(job.office, "WorkOrderCancelled", 9, cancel_reason="called")
    job.tell(job.ada, "WorkOrderCompleted", 1)
    document = job.why("status")
    assert (document["rule"], document["shown"]) == ("highest_move", "completed")
    assert [(write["value"], write["became"]) for write in document["writes"]] == [
        ("draft", "replaced"),
        ("complete", "shown"),
        ("cancel", "kept"),
    ]
    assert [asked["reason"] for asked in document["asks"]] == ["moves_clash"]


def test_what_was_archived_stays_in_sight_while_somebody_who_did_not_know_of_it_wrote() -> None:
    job = Job("work_order")
    job.tell(job.office, "Archived", 1)
    assert job.became("archived") == ("nobody_disagrees", ["shown"])
    job.tell(job.ada, "Edited", 2, title="Still here")
    assert job.became("archived") == ("in_sight_while_contested", ["kept"])
    assert job.why("archived")["shown"] is False
    assert job.why("archived")["asks"][0]["dots"] == [[job.office.replica, 2], [job.ada.replica, 1]]
    job.tell(job.ben, "Restored", 3)
    assert job.became("archived") == ("in_sight_while_contested", ["kept", "shown"])


def test_what_two_archived_or_brought_back_is_not_contested() -> None:
    for event_type, value in (("Archived", True), ("Restored", False)):
        job = Job("site")
        for phone, minutes in ((job.ada, 2), (job.ben, 1)):
            job.tell(phone, event_type, minutes)
        assert job.became("archived") == ("nobody_disagrees", ["kept", "shown"])
        assert job.why("archived")["shown"] is value


def test_each_element_of_a_set_has_its_own_story() -> None:
    job = Job("visit", crew={"add": [PERSON_1, PERSON_2]})
    job.tell(job.ada, "Edited", 1, crew={"remove": [PERSON_1, PERSON_2]})
    job.tell(job.ben, "Edited", 2, crew={"add": [PERSON_2]})
    job.tell(job.ben, "Edited", 3, crew={"add": [ELSEWHERE]})
    document = job.why("crew")
    assert (document["rule"], document["shown"]) == ("each_element", [PERSON_2, ELSEWHERE])
    assert [(part["of"], part["rule"], part["shown"]) for part in document["parts"]] == [
        (PERSON_1, "removed", False),
        (PERSON_2, "add_wins", True),
        (ELSEWHERE, "added", True),
    ]
    added, removed, again = document["parts"][1]["writes"]
    assert (added["value"], added["became"], len(added["replaced_by"])) == ("added", "replaced", 2)
    assert (removed["value"], removed["became"], removed["replaced_by"]) == ("removed", "spent", [])
    assert (again["value"], again["became"], again["saw"]) == ("added", "shown", [[job.office.replica, 1]])


def test_what_an_edit_adds_and_removes_at_once_it_adds() -> None:
    job = Job("visit", crew={"add": [PERSON_1], "remove": [PERSON_1]})
    (part,) = job.why("crew")["parts"]
    assert [(write["value"], write["became"]) for write in part["writes"]] == [("added", "shown")]


def test_a_set_of_which_nothing_is_left_says_so() -> None:
    job = Job("visit", crew={"add": [PERSON_1]})
    job.tell(job.office, "Edited", 1, crew={"remove": [PERSON_1]})
    document = job.why("crew")
    assert (document["shown"], document["parts"][0]["shown"]) == ([], False)
    assert Job("visit", crew={}).why("crew")["parts"] == []
    (part,) = Job("visit", crew={"remove": [PERSON_1]}).why("crew")["parts"]
    assert (part["of"], part["rule"], part["shown"]) == (PERSON_1, "removed", False)


def test_each_key_of_a_map_has_its_own_story() -> None:
    job = Job("visit", custom=[["bay", "1"], ["key", "x"]])
    job.tell(job.ada, "Edited", 1, custom=[["bay", "2"]])
    job.tell(job.ben, "Edited", 2, custom=[["bay", "3"], ["key", None]])
    document = job.why("custom")
    assert (document["policy"], document["rule"], document["shown"]) == ("EachKey", "each_key", [["bay", "3"]])
    assert [(part["of"], part["rule"], part["shown"]) for part in document["parts"]] == [
        ("bay", "newest", "3"),
        ("key", "nobody_disagrees", None),
    ]


def test_every_amount_counts() -> None:
    job = Job("part_use")
    job.tell(job.ada, "Edited", 1, quantity="-0.5")
    assert job.became("quantity") == ("added_up", ["counted", "counted"])
    assert job.why("quantity")["shown"] == "1.5"


def test_the_servers_stamp_decides_where_it_is_told() -> None:
    job = Job("work_order")
    fast = job.tell(job.ada, "Edited", 60_000, priority="high")
    slow = job.tell(job.ben, "Edited", 1, priority="low")
    told = [(job.events[0], job.events[0].at), (fast, job.events[0].at), (slow, slow.at)]
    document = explain(told, "priority")
    assert document["shown"] == "low"
    assert [write["at"] == write["effective"] for write in document["writes"]] == [False, True]


def test_a_stamp_that_goes_back_changes_nothing_in_the_order_of_a_replica() -> None:
    """What was held is stamped when it is accepted, which may be earlier than what its author told before."""
    job = Job("work_order")
    job.tell(job.ada, "Edited", 1, title="Pump stuck")
    job.tell(job.ada, "Edited", 2, title="Pump leaks")
    latest = job.tell(job.ada, "Edited", 3, title="Pump drips")
    document = explain(
        [(event, latest.at[:-4] + f"{4 - place:04x}") for place, event in enumerate(job.events)], "title"
    )
    assert [write["value"] for write in document["writes"]] == [
        "Pump drips",
        "Pump leaks",
        "Pump stuck",
        CREATED["work_order"]["title"],
    ]
    assert [write["replaced_by"] for write in document["writes"][:3]] == [
        [],
        [[job.ada.replica, 3]],
        [[job.ada.replica, 2]],
    ]


def test_who_says_less_of_what_they_know_than_before_knows_it_still() -> None:
    """No honest device does that, and the merge has replaced the title already."""
    job = Job("work_order")
    job.ada.see(job.tell(job.ben, "Edited", 1, title="Pump stuck").raw)
    job.tell(job.ada, "Edited", 2, title="Pump leaks")
    forgetful = {**orjson.loads(job.ada.tell("work_order", job.entity, "Edited", {"title": "Pump drips"})), "clock": {}}
    job.events.append(parse(canonical.dumps(forgetful)))
    assert job.became("title") == ("nobody_disagrees", ["replaced", "replaced", "replaced", "shown"])
    assert job.why("title")["writes"][1]["replaced_by"] == [[job.ada.replica, 1]]
    assert [job.ben.replica, 1] in job.why("title")["writes"][3]["saw"]


def test_only_what_is_declared_is_explained() -> None:
    with pytest.raises(KeyError):
        Job("work_order").why("colour")


def test_the_reference_shows_what_the_example_prints() -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec("".join(block for kind, block in blocks if kind == "python"), {})
    assert [printed.getvalue()] == [block for kind, block in blocks if kind == "text"]


def test_the_reference_names_every_word_of_an_explanation() -> None:
    cases = json.loads((Path(__file__).parents[1] / "vectors" / "explanations.json").read_text("utf-8"))["cases"]
    documents = [case["explains"] for case in cases]
    parts = [part for document in documents for part in document.get("parts", ())]
    writes = [write for each in (*documents, *parts) for write in each.get("writes", ())]
    said = {each["rule"] for each in (*documents, *parts)} | {write["became"] for write in writes}
    members = {name for each in (*documents, *parts, *writes) for name in each}
    assert {word for word in said | members if f"`{word}`" not in PAGE.read_text("utf-8")} == set()
    assert {write["became"] for write in writes} == {"shown", "kept", "replaced", "counted", "spent"}
