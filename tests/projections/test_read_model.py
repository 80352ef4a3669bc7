"""The read model as a whole: what its version depends on, and that what is written down says so."""

import hashlib
import json
from typing import Any, Final

import pytest

from domain.catalogue import ENTITIES
from domain.merge_policy import Latest
from projections import read_model
from projections.folding import by_entity, fold, of_replicas
from projections.read_model import GROUP, LOGIC, PROJECTIONS, fingerprint
from tests.corpus.authoring import folders, lines
from tests.projections.logs import log_of

ROWS_OF_LOGIC: Final = (5, "4986568acec1ccce")
"""The number in `projections.read_model.LOGIC`, and what the rows of the corpus come to with it."""


def rows_of_the_corpus() -> str:
    """A digest of every row that follows from every event that was ever kept for tests."""
    written: dict[str, list[Any]] = {}
    for folder in folders():
        log = log_of(lines(folder))
        folded = fold(by_entity(log, frozenset()), GROUP)
        assert folded.poisoned == []
        for changes in (folded.changes, of_replicas(GROUP, log)):
            for name, rows in (*changes.added.items(), *changes.written.items()):
                written.setdefault(name, []).extend(rows)
    assert written.keys() == {each.name for each in PROJECTIONS}
    told = json.dumps({name: sorted(rows, key=repr) for name, rows in written.items()}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def test_where_the_same_log_makes_other_rows_the_tables_are_built_anew() -> None:
    """Fails where rows have changed and LOGIC has not: raise it, and write the new digest beside it."""
    assert (LOGIC, rows_of_the_corpus()) == ROWS_OF_LOGIC


def test_another_policy_makes_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before, title = fingerprint(), ENTITIES["work_order"].fields["title"]
    assert fingerprint() == before
    monkeypatch.setattr(read_model, "LOGIC", LOGIC + 1)
    assert fingerprint() != before
    monkeypatch.setattr(read_model, "LOGIC", LOGIC)
    fields = dict(ENTITIES["work_order"].fields)
    monkeypatch.setitem(
        ENTITIES,
        "work_order",
        type(ENTITIES["work_order"])(
            name="work_order",
            declaration=ENTITIES["work_order"].declaration,
            home="own",
            fields={**fields, "title": type(title)(name="title", type=title.type, policy=Latest(), required=True)},
        ),
    )
    assert fingerprint() != before
