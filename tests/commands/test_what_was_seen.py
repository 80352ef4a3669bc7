"""What an author saw is worked out from what they knew, however long the entity's life before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import what_was_seen
from commands.what_was_seen import seen_by
from infra.memory_past import MemoryPast
from sync import as_of, merge, shown
from sync.milestones import Milestone
from tests.sync.histories import Told, histories
from tests.sync.test_chronicle import rows_of
from tests.sync.test_milestones import all_milestones


@given(histories(), st.data())
def test_an_author_saw_what_they_knew_and_what_they_had_told(told: list[Told], data: st.DataObject) -> None:
    """Whatever milestones there are: of those that hold what the author did not know none is begun at."""
    place = data.draw(st.integers(1, len(told))) - 1
    aside, rows = told[place], [row._replace(position=row.version) for row in rows_of(told[:place])]
    state = merge.empty(aside.event.entity_type)
    for other, each in enumerate(told[:place]):
        if other in aside.knew or each.event.replica == aside.event.replica:
            state = merge.apply(state, each.event, each.event.at)
    made = all_milestones(rows)
    kept: list[Milestone] = data.draw(st.lists(st.sampled_from(made), unique=True)) if made else []
    with pytest.MonkeyPatch.context() as patched:
        for module in (as_of, what_was_seen):
            patched.setattr(module, "MILESTONE_EVERY", 1)
        seen = seen_by(aside.event, MemoryPast(events=rows, entities=[], kept=kept), len(rows))
    assert seen == (shown.values(state) if state.version else None)


@given(histories())
def test_where_too_much_came_since_it_is_not_worked_out(told: list[Told]) -> None:
    rows = [row._replace(position=row.version) for row in rows_of(told)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(what_was_seen, "HISTORY_MAX", len(rows) - 1)
        assert seen_by(told[-1].event, MemoryPast(events=rows, entities=[]), len(rows)) is None
        patched.setattr(what_was_seen, "HISTORY_MAX", len(rows))
        assert (seen_by(told[-1].event, MemoryPast(events=rows, entities=[]), len(rows)) is None) == (len(rows) == 1)
