"""The golden corpus: what was once written is read for ever, and every fact there is was once written down."""

from pathlib import Path

import orjson
import pytest

from domain.catalogue import ENTITIES, FACTS
from domain.merge_policy import Server
from sync import state_codec
from sync.envelope import parse
from tests.corpus.authoring import expected, folded, folders, lines, untold


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_b13_what_was_once_written_folds_to_what_it_says(folder: Path) -> None:
    found = expected(lines(folder))
    wanted = orjson.loads((folder / "folded.json").read_bytes())
    for entity, told in wanted["entities"].items():
        assert found["entities"][entity] == told
    assert found == wanted


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_the_states_of_the_corpus_are_stored_and_read_again(folder: Path) -> None:
    for state in folded(lines(folder)).values():
        raw = state_codec.encode(state)
        assert state_codec.encode(state_codec.decode(raw)) == raw


def test_every_fact_of_today_was_written_down_in_its_version() -> None:
    """Where this fails: `python -m tests.corpus.authoring`, and commit what it adds."""
    assert untold() == []


def test_every_field_was_once_told_by_every_fact_that_tells_it() -> None:
    told = {
        (event.entity_type, event.type, name)
        for folder in folders()
        for event in map(parse, lines(folder))
        for name in event.data
    }
    assert told == {
        (entity, fact.name, name) for entity, facts in FACTS.items() for fact in facts.values() for name in fact.fields
    }


def test_every_field_of_every_entity_is_in_a_state_of_the_corpus() -> None:
    seen = {
        (state.type, name) for folder in folders() for state in folded(lines(folder)).values() for name in state.cells
    }
    fields = {(entity, name): field for entity in ENTITIES for name, field in ENTITIES[entity].fields.items()}
    assert {each for each, field in fields.items() if not isinstance(field.policy, Server)} == seen


def test_the_corpus_holds_what_a_person_is_asked() -> None:
    entities = [told for folder in folders() for told in expected(lines(folder))["entities"].values()]
    assert {reason for told in entities for _, reason, _ in told["asks"]} >= {"values_differ", "contested"}
