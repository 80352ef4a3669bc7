"""The page of merge policies tells every field and every pair of moves, as one who reads the declarations expects."""

import re
from itertools import combinations_with_replacement
from typing import Final

import pytest

from cairnfield.merge_reference import merge_policies
from domain.catalogue import ENTITIES
from domain.entity import EntityType
from domain.facts import status_of
from domain.lifecycle import CLASHES, LIFECYCLES, Lifecycle

PAGE: Final = merge_policies()
WITH_STATUS: Final = [each for each in ENTITIES.values() if status_of(each)]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = re.split(r"^#+ ", PAGE.split(f"\n### {heading}\n")[1], flags=re.MULTILINE)[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda each: each.name)
def test_every_field_is_told_with_its_policy(entity: EntityType) -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(entity.name)}
    assert told == {name: type(field.policy).__name__ for name, field in entity.fields.items()}


@pytest.mark.parametrize("entity", WITH_STATUS, ids=lambda each: each.name)
def test_every_pair_of_moves_is_told_once_with_what_the_ranks_and_the_asks_say(entity: EntityType) -> None:
    status = status_of(entity)
    assert status
    lifecycle = LIFECYCLES[status[1]]
    moves = [name for name, move in lifecycle.moves.items() if move.legal_from]
    assert rows(f"Moves of a {entity.name}") == [
        _row(one, other, lifecycle) for one, other in combinations_with_replacement(moves, 2)
    ]


def _row(one: str, other: str, lifecycle: Lifecycle) -> list[str]:
    higher = max(one, other, key=lambda name: lifecycle.moves[name].rank)
    contested = one != other and any(lifecycle.moves[name].contested_by_any for name in (one, other))
    why = [
        *(["`moves_clash`"] if frozenset({one, other}) in lifecycle.asks else []),
        *(["`contested`"] if contested else []),
    ]
    return [f"`{one}`", f"`{other}`", f"`{lifecycle.moves[higher].leads_to}`", ", ".join(why) or "–"]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("Moves of a visit", ["`cancel`", "`arrive`", "`on_site`", "`moves_clash`"]),
        ("Moves of a visit", ["`travel`", "`cancel`", "`cancelled`", "–"]),
        ("Moves of a work_order", ["`close`", "`reopen`", "`open`", "`moves_clash`, `contested`"]),
        ("Moves of a work_order", ["`open`", "`close`", "`closed`", "`contested`"]),
        ("work_order", ["`title`", "`Ask`", "the newest is shown meanwhile", "a person, if they differ"]),
        ("site", ["`directions`", "`Latest`", "the newest is shown", "nobody"]),
    ],
)
def test_a_dispatcher_finds_these(heading: str, row: list[str]) -> None:
    assert row in rows(heading)


def test_what_is_contested_and_what_clashes_is_told() -> None:
    told = PAGE.split("## What concerns more than one field")[1].split("\n## ")[0]
    assert "- `close`, of a `work_order`" in told
    assert "- `archived`, of everything" in told
    for name, clash in CLASHES.items():
        assert f"- the `{clash.field}` of a `{name}`, written while its `{clash.status}`" in told
        assert all(f"`{move}`" in told for move in clash.moves)
