"""A page of the log becomes changes of tables, whatever pages it is read in and whatever lies in its way."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import ENTITIES
from projections.entities import ENTITY_TABLES
from projections.folding import Group, by_entity, fold, of_replicas
from projections.projection import Column, Key, OfEntities, OfReplicas, Projection, Row, Subject, Told, instant
from sync import envelope, recorded, shown
from sync.rows import EventRow
from tests.devices import CREATED, NOON, Device, new_id
from tests.projections.logs import log_of
from tests.sync.histories import Told as Said
from tests.sync.histories import histories, merged


def tags_of(subject: Subject) -> list[Row]:
    return [(subject.id, tag, subject.changed.version) for tag in subject.values.get("tags", ())]


def last_words(told: Told) -> Row:
    return (told.row.replica, told.row.seq)


TAGS: Final = OfEntities(
    name="tags",
    comment="A row for each tag that something has.",
    columns=tuple(Column(name, "text", name) for name in ("entity", "tag", "version")),
    key=("entity", "tag"),
    types=frozenset(ENTITIES),
    rows=tags_of,
)
HEARD: Final = OfReplicas(
    name="heard",
    comment="How far each replica was heard.",
    columns=(Column("replica", "text", "Who."), Column("seq", "bigint", "Up to where.")),
    key=("replica",),
    row=last_words,
    newest_by="seq",
)
PROJECTIONS: Final[tuple[Projection, ...]] = (*ENTITY_TABLES, TAGS, HEARD)
GROUP: Final = Group.of(PROJECTIONS)
KEY_OF: Final = {each.name: each.key_of for each in PROJECTIONS}
Tables = dict[str, dict[Key, Row]]


def tables(*pages: Sequence[EventRow]) -> Tables:
    """What is in the tables after these pages."""
    found: Tables = {name: {} for name in KEY_OF}
    known: dict[str, Subject] = {}
    for page in pages:
        folded = fold(by_entity(page, frozenset()), GROUP, known=known)
        assert folded.poisoned == []
        known |= folded.subjects
        for changes in (folded.changes, of_replicas(GROUP, page)):
            for name, gone in changes.gone.items():
                for key in gone:
                    del found[name][key]
            for name, rows in changes.added.items():
                assert found[name].keys().isdisjoint({KEY_OF[name](row) for row in rows}), "what is added is new"
                found[name].update({KEY_OF[name](row): row for row in rows})
            for name, rows in changes.written.items():
                there = found[name]
                for row in rows:
                    if name != "heard" or HEARD.replaces(row, there.get(KEY_OF[name](row))):
                        there[KEY_OF[name](row)] = row
    return found


@given(told=histories(), cuts=st.lists(st.integers(1, 9), max_size=4))
def test_the_pages_make_no_difference(told: list[Said], cuts: list[int]) -> None:
    log = log_of(each.event.raw for each in told)
    ends = [0, *sorted({min(cut, len(log)) for cut in cuts}), len(log)]
    pages = [log[start:end] for start, end in pairwise(ends)]
    assert tables(*pages) == tables(log)


@given(told=histories())
def test_the_current_state_is_what_the_merge_shows(told: list[Said]) -> None:
    events = [each.event for each in told]
    log = log_of(event.raw for event in events)
    state, name = merged(events), events[0].entity_type
    (row,) = tables(log)[name].values()
    columns = next(each for each in ENTITY_TABLES if each.name == name).columns
    found = dict(zip([column.name for column in columns], row, strict=True))
    assert {field: found[field] for field in shown.values(state)} == shown.values(state)
    assert {field: found[field] for field in ENTITIES[name].fields if field not in state.cells}.items() <= {
        **dict.fromkeys(ENTITIES[name].fields),
        "archived": False,
        "tags": [],
        "custom": [],
        "crew": [],
        "assets": [],
        "required_skills": [],
        "checklist_templates": [],
        "requires_signature": False,
        "priority": "none",
    }.items()
    assert (found["id"], found["log_version"], found["log_position"]) == (events[0].entity, len(log), len(log))
    assert found["created_at"] == instant(envelope_ms(log[0]))
    assert found["changed_at"] == instant(envelope_ms(log[-1]))
    assert found["recorded_at"] == instant(log[-1].recorded_at_ms)
    assert found["conflicts"] == len(shown.conflicts(state))


def envelope_ms(row: EventRow) -> int:
    return int(row.effective[:12], 16)


def test_a_row_that_nothing_shows_any_more_goes() -> None:
    ada, visit = Device("ada"), new_id()
    added = [ada.create("visit", visit), ada.tell("visit", visit, "Edited", {"tags": {"add": ["urgent", "dog"]}})]
    removed = ada.tell("visit", visit, "Edited", {"tags": {"remove": ["dog"]}})
    log = log_of([*added, removed])
    assert set(tables(log[:2])["tags"]) == {(visit, "urgent"), (visit, "dog")}
    assert tables(log[:2], log[2:])["tags"] == {(visit, "urgent"): (visit, "urgent", 3)}


def test_of_a_replica_the_newest_event_is_shown() -> None:
    ada, ben = Device("ada"), Device("ben")
    log = log_of([ada.create("site", new_id()), ben.create("site", new_id()), ada.create("part", new_id())])
    assert tables(log)["heard"] == {(ada.replica,): (ada.replica, 2), (ben.replica,): (ben.replica, 1)}


@pytest.mark.parametrize("broken", [b"{", b'{"data":{}}', b"\xff"])
def test_b14_a_poison_event_stops_its_entity_and_nothing_else(broken: bytes) -> None:
    ada, visit, site = Device("ada"), new_id(), new_id()
    log = log_of(
        [
            ada.create("visit", visit),
            ada.create("site", site),
            ada.tell("visit", visit, "Edited", {"sequence": "a"}),
            ada.tell("visit", visit, "Edited", {"sequence": "b"}),
            ada.tell("site", site, "Edited", {"directions": "left"}),
        ]
    )
    log[2] = log[2]._replace(body=broken)
    folded = fold(by_entity(log, frozenset()), GROUP)
    assert [(each.entity, each.position) for each in folded.poisoned] == [(visit, 3)]
    assert folded.subjects[visit].changed.position == 1
    assert folded.subjects[site].changed.position == 5
    known = fold(by_entity(log[:2], frozenset()), GROUP).subjects
    later = fold(by_entity(log[3:], {visit}), GROUP, known=known)
    assert (later.poisoned, set(later.subjects)) == ([], {site})


def test_what_cannot_be_shown_is_poison_at_the_event_that_made_it_so() -> None:
    def rows(subject: Subject) -> list[Row]:
        if subject.values.get("sequence") == "b":
            raise ValueError("no b here")
        return []

    picky = OfEntities(name="picky", comment="", columns=(), key=(), types=frozenset({"visit"}), rows=rows)
    ada, visit = Device("ada"), new_id()
    created = ada.create("visit", visit)
    log = log_of([created, *(ada.tell("visit", visit, "Edited", {"sequence": letter}) for letter in "ab")])
    folded = fold(by_entity(log, frozenset()), Group.of((*ENTITY_TABLES, picky)))
    assert [(each.position, each.why) for each in folded.poisoned] == [(3, "ValueError: no b here")]
    assert folded.subjects[visit].values["sequence"] == "a"


@pytest.mark.parametrize("reached", [0, 1])
def test_what_does_not_follow_on_what_is_known_of_an_entity_is_not_taken_in(reached: int) -> None:
    ada, visit = Device("ada"), new_id()
    log = log_of(
        [ada.create("visit", visit), *(ada.tell("visit", visit, "Edited", {"sequence": letter}) for letter in "ab")]
    )
    known = fold(by_entity(log[:reached], frozenset()), GROUP).subjects
    folded = fold(by_entity(log[reached + 1 :], frozenset()), GROUP, known=known)
    assert [each.position for each in folded.poisoned] == [reached + 2]
    assert f"{reached + 1} is the next" in folded.poisoned[0].why
    assert folded.subjects == {}


def test_what_no_declaration_knows_is_passed_over() -> None:
    (row,) = log_of([Device("ada").create("site", new_id())])
    assert by_entity([row._replace(entity_type="aggregate", body=b"anything")], frozenset()) == {}


@pytest.mark.parametrize("name", ENTITIES)
def test_an_event_of_the_log_reads_as_when_it_was_accepted(name: str) -> None:
    raw = Device("ada").create(name, new_id(), CREATED[name])
    assert recorded.read(raw) == envelope.parse(raw)


def test_an_event_of_an_older_version_reads_in_the_words_of_today() -> None:
    ada = Device("ada")
    raw = ada.create("checklist_template", new_id()).replace(b'"v":2', b'"v":1')
    raw = raw.replace(b'"kind":"yes_no"', b'"kind":"bool"')
    assert recorded.read(raw).data["items"][0]["kind"] == "yes_no"


def test_what_a_newer_program_wrote_is_not_guessed() -> None:
    raw = Device("ada").create("site", new_id())
    newer_version, newer_fact = raw.replace(b'"v":1', b'"v":9'), raw.replace(b'"Created"', b'"Sold"')
    for newer, why in ((newer_version, "known up to version 1, and this is 9"), (newer_fact, "Sold of site is not an")):
        with pytest.raises(recorded.NewerThanUs, match=why):
            recorded.read(newer)


@pytest.mark.parametrize(
    ("ms", "spelled"),
    [(0, "1970-01-01T00:00:00.000Z"), (NOON + 7, "2026-01-01T12:00:00.007Z"), (2**48 - 1, "9999-12-31T23:59:59.999Z")],
)
def test_a_moment_is_spelled_as_everywhere(ms: int, spelled: str) -> None:
    assert instant(ms) == spelled
