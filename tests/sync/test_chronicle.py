"""A history tells, event by event, what each changed and what its author did not know of; a graph, who knew of whom."""

from collections import Counter

from hypothesis import given

from sync import merge, shown
from sync.causal_graph import causal_graph
from sync.chronicle import chronicle, differences, open_fields
from sync.hybrid_clock import ms_of
from sync.merge import Dot
from sync.rows import EventRow
from tests.sync.histories import Told, histories


def rows_of(told: list[Told]) -> list[EventRow]:
    """The history as a log that took every event in as it was told."""
    return [
        EventRow(
            position=10 * version,
            id=each.event.id,
            replica=each.event.replica,
            seq=each.event.seq,
            entity_type=each.event.entity_type,
            entity=each.event.entity,
            version=version,
            type=each.event.type,
            schema_version=each.event.v,
            scope="work_order:1",
            effective=each.event.at,
            actor="ada",
            recorded_at_ms=ms_of(each.event.at),
            body=each.event.raw,
        )
        for version, each in enumerate(told, start=1)
    ]


def dots(told: list[Told]) -> list[Dot]:
    return [(each.event.replica, each.event.seq) for each in told]


@given(histories())
def test_what_the_events_changed_adds_up_to_what_is_shown(told: list[Told]) -> None:
    values: dict[str, object] = {}
    waiting: set[str] = set()
    state = merge.empty(told[0].event.entity_type)
    for step, each in zip(chronicle(rows_of(told)), told, strict=True):
        assert {change.field: change.was for change in step.changes} == {
            change.field: values.get(change.field) for change in step.changes
        }
        values |= {change.field: change.now for change in step.changes}
        waiting = (waiting | {*step.opened}) - {*step.settled}
        state = merge.apply(state, each.event, each.event.at)
        is_shown = shown.values(state)
        assert {field: value for field, value in values.items() if value is not None} == {
            field: value for field, value in is_shown.items() if value is not None
        }
        assert waiting == open_fields(state)


@given(histories())
def test_what_an_author_did_not_know_of_is_counted_by_replica(told: list[Told]) -> None:
    for place, step in enumerate(chronicle(rows_of(told))):
        unknown = [told[other].event.replica for other in range(place) if other not in told[place].knew]
        own = step.event.replica
        assert step.unseen == Counter(replica for replica in unknown if replica != own)


@given(histories())
def test_the_differences_of_two_moments_are_all_that_is_shown_otherwise(told: list[Told]) -> None:
    states = [merge.empty(told[0].event.entity_type)]
    for each in told:
        states.append(merge.apply(states[-1], each.event, each.event.at))
    for before in states:
        values = shown.values(before)
        for after in states:
            changed = {change.field: (change.was, change.now) for change in differences(before, after)}
            for field in {*values, *shown.values(after)}:
                was, now = values.get(field), shown.values(after).get(field)
                assert changed.get(field, (now, now)) == (was, now)


@given(histories())
def test_along_the_causes_one_comes_to_all_that_an_author_knew_and_to_nothing_else(told: list[Told]) -> None:
    graph = causal_graph(chronicle(rows_of(told)))
    named = dots(told)
    behind: dict[Dot, set[Dot]] = {}
    for node, each in zip(graph.nodes, told, strict=True):
        behind[node.dot] = {*node.causes}.union(*(behind[cause] for cause in node.causes))
        # Its own earlier events are known to every author.
        own = {dot for dot in named[: named.index(node.dot)] if dot[0] == node.dot[0]}
        knew = {named[place] for place in each.knew}
        known = knew | own
        for dot in [*known]:
            known |= behind[dot]
        assert behind[node.dot] == known
        assert not any(cause in behind[other] for cause in node.causes for other in node.causes)
    for node in graph.nodes:
        assert {*node.concurrent} == {
            other
            for other in named
            if other != node.dot and other not in behind[node.dot] and node.dot not in behind[other]
        }
    assert list(graph.lanes) == [*dict.fromkeys(replica for replica, _ in named)]
