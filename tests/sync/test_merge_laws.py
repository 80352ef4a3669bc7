"""Laws of the merge: it is a function of the set of events, and agrees with an oracle that knows no clocks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cairnfield.prove import history as prove
from cairnfield.prove import oracle
from cairnfield.prove.fold import document
from sync import merge, shown, state_codec
from tests.devices import fold
from tests.sync.histories import Told, causal_order, histories, merged


@given(histories(), st.data())
def test_law_the_order_of_arrival_does_not_matter(told: list[Told], data: st.DataObject) -> None:
    one = merged([each.event for each in told])
    other = merged(causal_order(data.draw, told))
    assert state_codec.encode(one) == state_codec.encode(other)
    assert shown.values(one) == shown.values(other)
    assert shown.conflicts(one) == shown.conflicts(other)


@given(histories(), st.data())
def test_law_repeats_do_not_matter(told: list[Told], data: st.DataObject) -> None:
    events = [each.event for each in told]
    state = merged(events)
    for again in data.draw(st.lists(st.sampled_from(events))):
        assert merge.apply(state, again, again.at) == state


@given(histories())
def test_law_a_state_that_was_stored_in_between_goes_on_as_if_it_had_not_been(told: list[Told]) -> None:
    kept = stored = merge.empty(told[0].event.entity_type)
    for each in told:
        kept = merge.apply(kept, each.event, each.event.at)
        stored = merge.apply(state_codec.decode(state_codec.encode(stored)), each.event, each.event.at)
        assert state_codec.encode(stored) == state_codec.encode(kept)
        assert shown.values(stored) == shown.values(kept)
        assert shown.conflicts(stored) == shown.conflicts(kept)


@given(histories())
def test_law_the_merge_agrees_with_an_oracle_that_knows_no_clocks(told: list[Told]) -> None:
    """The oracle keeps every event and the set of all that its author had merged: what is shown, and who is asked."""
    knowing = [
        prove.Told(place, each.event, each.event.at, sum(1 << known for known in each.knew))
        for place, each in enumerate(told)
    ]
    seen, expected = document(merged([each.event for each in told])), oracle.answer(knowing)
    assert seen["values"] == expected["values"]
    assert sorted(map(_spelled, seen["conflicts"])) == sorted(map(_spelled, expected["conflicts"]))


def _spelled(ask: dict[str, Any]) -> str:
    return str(sorted(ask.items()))


@given(histories())
def test_law_equal_sets_of_entities_have_one_hash(told: list[Told]) -> None:
    states = [(f"id-{number}", state_codec.encode(fold([each.event.raw]))) for number, each in enumerate(told[:1])]
    states += [("id-9", b"{}")]
    assert state_codec.state_hash(states) == state_codec.state_hash(reversed(states))
    assert state_codec.state_hash(states) != state_codec.state_hash(states[1:])
