"""A look into the past that begins at a milestone shows what the fold of all events shows, at every position."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import ENTITIES
from domain.merge_policy import Latest
from infra.memory_past import MemoryPast
from sync import as_of, milestones
from sync.as_of import applied, entity_as_of, stand_at, stands_at
from sync.chronicle import Step, TooFarBehind, chronicle, steps_behind
from sync.merge import State
from sync.milestones import MERGING, Milestone, next_milestone, way_of_folding
from sync.plan import Kind, plan_of
from sync.rows import EventRow
from sync.state_codec import encode
from tests.corpus.authoring import folders, lines
from tests.projections.logs import log_of as log_of_corpus
from tests.sync.histories import Told, histories
from tests.sync.test_chronicle import rows_of

MILESTONES_OF_MERGING: Final = (1, "9d6ca021719509dc")
"""The number in `sync.milestones.MERGING`, and what the milestones of the corpus come to with it."""


@contextmanager
def looked_for_at_once() -> Iterator[None]:
    """Also of what was written less often than up to the first milestone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(as_of, "MILESTONE_EVERY", 1)
        yield


@st.composite
def logs(draw: st.DrawFn) -> list[EventRow]:
    """The log of some histories that were handed in in turn."""
    waiting = [rows_of(told) for told in draw(st.lists(histories(), min_size=1, max_size=3))]
    found: list[EventRow] = []
    while waiting:
        place = draw(st.integers(0, len(waiting) - 1))
        found.append(waiting[place].pop(0)._replace(position=len(found) + 1))
        waiting = [rows for rows in waiting if rows]
    return found


def all_milestones(rows: list[EventRow], every: int = 1) -> list[Milestone]:
    """Each made from the one before, as they are in a database."""
    found: list[Milestone] = []
    for entity in {row.entity for row in rows}:
        own, before = [row for row in rows if row.entity == entity], None
        for last in range(every, len(own) + 1, every):
            before = next_milestone(before, own[last - every : last])
            found.append(before)
    return found


@st.composite
def kept(draw: st.DrawFn) -> tuple[list[EventRow], list[Milestone]]:
    """A log, and some of the milestones that there may be of it: others were not made yet, or taken away."""
    rows = draw(logs())
    made = all_milestones(rows, draw(st.integers(1, 3)))
    return rows, draw(st.lists(st.sampled_from(made), unique=True)) if made else []


def naive(rows: list[EventRow], entity: str, position: int) -> tuple[int, bytes] | None:
    """Its version and state by hand."""
    state: State | None = None
    version = 0
    for row in rows[:position]:
        if row.entity == entity:
            state, version = applied(state, row), row.version
    return (version, encode(state)) if state else None


@given(kept())
def test_an_entity_is_the_fold_of_all_its_events_at_every_position(log: tuple[list[EventRow], list[Milestone]]) -> None:
    rows, made = log
    past = MemoryPast(events=rows, entities=[], kept=made)
    with looked_for_at_once():
        for position in range(len(rows) + 1):
            for entity in {row.entity for row in rows}:
                row = entity_as_of(past, entity, position)
                assert (row and (row.version, row.state)) == naive(rows, entity, position)


@given(kept())
def test_an_entity_is_the_fold_of_its_first_events_at_every_version(
    log: tuple[list[EventRow], list[Milestone]],
) -> None:
    rows, made = log
    past = MemoryPast(events=rows, entities=[], kept=made)
    with looked_for_at_once():
        for row in rows:
            stand = stand_at(past, row.entity, version=row.version)
            assert stand is not None
            assert (stand.version, stand.position, stand.scope) == (row.version, row.position, row.scope)
            assert stand == stand_at(past, row.entity, row.position)
            assert (stand.version, encode(stand.state)) == naive(rows, row.entity, row.position)


@given(kept(), st.integers(1, 12))
def test_a_list_is_as_it_was_however_few_events_may_be_folded(
    log: tuple[list[EventRow], list[Milestone]], events_max: int
) -> None:
    rows, made = log
    past, entities = MemoryPast(events=rows, entities=[], kept=made), sorted({row.entity for row in rows})
    with looked_for_at_once():
        for position in range(len(rows) + 1):
            found: list[Any] = []
            asked = entities
            while asked:
                page = stands_at(past, asked, position, events_max=events_max)
                assert page.covered > 0
                found += page.of
                asked = asked[page.covered :]
            expected = [(each, told) for each in entities if (told := naive(rows, each, position))]
            assert [(each.entity, (each.version, encode(each.state))) for each in found] == expected


@given(kept(), st.integers(1, 5))
def test_steps_are_those_of_the_chronicle_of_all_events(
    log: tuple[list[EventRow], list[Milestone]], limit: int
) -> None:
    rows, made = log
    past = MemoryPast(events=rows, entities=[], kept=made)
    with looked_for_at_once():
        for entity in {row.entity for row in rows}:
            for until in range(len(rows) + 1):
                whole = [*chronicle(row for row in rows[:until] if row.entity == entity)]
                for version in range(len(whole) + 2):
                    found = steps_behind(past, entity, version, until=until, limit=limit, folded_max=99)
                    assert _spelled([*found]) == _spelled(whole[version : version + limit])


def _spelled(steps: list[Step]) -> list[Any]:
    return [(each.row, each.changes, each.opened, each.settled, dict(each.unseen)) for each in steps]


@given(histories())
def test_without_a_milestone_near_enough_steps_are_refused_and_not_looked_for_for_ever(told: list[Told]) -> None:
    rows = [row._replace(position=row.version) for row in rows_of(told)]
    version, entity = len(rows), rows[0].entity
    for folded_max in range(version + 1):
        past = MemoryPast(events=rows, entities=[])
        if folded_max < version:
            with pytest.raises(TooFarBehind):
                steps_behind(past, entity, version, until=version, limit=1, folded_max=folded_max)
        assert [*steps_behind(past, entity, folded_max, until=version, limit=1, folded_max=folded_max)] or (
            folded_max == version
        )


def milestones_of_the_corpus() -> str:
    """A digest of a milestone at every event that was ever kept for tests."""
    digest = hashlib.sha256()
    for folder in folders():
        for each in sorted(
            all_milestones([row for row in log_of_corpus(lines(folder)) if row.entity_type in ENTITIES])
        ):
            digest.update(each.state + b"\n" + each.knew + b"\n")
    return digest.hexdigest()[:16]


def test_where_the_same_events_make_other_states_milestones_are_made_anew() -> None:
    """Fails where states are folded or spelled otherwise and MERGING is not: raise it, write the digest beside it."""
    assert (MERGING, milestones_of_the_corpus()) == MILESTONES_OF_MERGING


@pytest.mark.parametrize(
    ("entity_type", "other"),
    [
        ("work_order", {"policies": {**plan_of("work_order").policies, "title": Latest(each_key=True)}}),
        ("work_order", {"kinds": {**plan_of("work_order").kinds, "title": Kind.SUM}}),
        ("work_order", {"lifecycle": None}),
        ("visit", {"clash": None}),
        ("visit", {"implied": {**plan_of("visit").implied, "Edited": (("archived", True),)}}),
    ],
)
def test_another_declaration_is_another_way_of_folding(
    monkeypatch: pytest.MonkeyPatch, entity_type: str, other: dict[str, Any]
) -> None:
    before = way_of_folding()
    declared = plan_of(entity_type)._replace(**other)
    monkeypatch.setattr(milestones, "plan_of", lambda name: declared if name == entity_type else plan_of(name))
    assert way_of_folding.__wrapped__() != before


@pytest.mark.parametrize("name", ["MERGING", "MILESTONE_EVERY"])
def test_another_merge_is_another_way_of_folding(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = way_of_folding()
    monkeypatch.setattr(milestones, name, getattr(milestones, name) + 1)
    assert way_of_folding.__wrapped__() != before


@given(logs(), st.integers(1, 3))
def test_no_more_is_folded_than_since_the_milestone_before(rows: list[EventRow], every: int) -> None:
    made = all_milestones(rows, every)
    past, entities = MemoryPast(events=rows, entities=[], kept=made), sorted({row.entity for row in rows})
    with looked_for_at_once():
        for position in range(len(rows) + 1):
            assert stands_at(past, entities, position, events_max=99).folded <= len(entities) * (every - 1)
