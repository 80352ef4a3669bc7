"""The reference page of what concurrent writes become: every field, and every pair of moves, as the merge has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Final, assert_never, get_args

from domain.catalogue import DECLARATIONS, ENTITIES, FACTS
from domain.entity import EntityType, Field
from domain.facts import Fact, status_of
from domain.lifecycle import CLASHES, LIFECYCLES, Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum
from sync.envelope import Event
from sync.hybrid_clock import stamp
from sync.merge import State, apply, empty
from sync.shown import conflicts, values

_NOTE: Final = "<!-- Written by `cairn generate` from the declarations in `domain/`: edit those, then run it. -->"

_FOR_A_DISPATCHER: Final = """\
Somebody wrote a field, and somebody else wrote the same field without knowing of it: the two writes are *concurrent*.
This page says, field by field and move by move, what is shown then and whether you are asked.
Whoever had read the other's write replaces it, whatever this page says.
[How it merges](../explanation/merge.md) tells why.

Nothing is thrown away: what is not shown stays in the history of its field.
To answer a question, write what is right: your edit knows all sides, so it replaces them and the question is gone.
*Newest* and *earliest* go by the effective time: what the author's clock said, or the moment of arrival if that was
earlier."""

_REASONS: Final = """\
| reason | what happened |
|---|---|
| `values_differ` | Concurrent writes to one field say different things. |
| `moves_clash` | Concurrent moves of one status, of a pair that has this reason in the tables below. |
| `contested` | Something was written, by somebody who did not know of it, about a thing that was closed or archived. |
| `reassigned_under_way` | A visit was given to somebody else while the one who was sent was already on the way. |"""

_IN_ORDER: Final = sorted(ENTITIES.values(), key=lambda entity: DECLARATIONS.index(entity.declaration))
_ONE, _OTHER, _OFFICE = "raaaaaaaaaaaa", "rbbbbbbbbbbbb", "rofficeaaaaaa"


def merge_policies() -> str:
    """Every field with its policy, every pair of concurrent moves, and what else a person is asked about."""
    return "\n".join(["# Merge policies", "", _NOTE, "", *_start(), *_whole_entity(), *_fields(), *_all_moves(), ""])


def _start() -> Iterator[str]:
    yield from _FOR_A_DISPATCHER.splitlines()
    yield from ("", "## The policies", "", "| policy | concurrent writes |", "|---|---|")
    for policy in get_args(MergePolicy):
        yield f"| `{policy.__name__}` | {inspect.getdoc(policy)} |".replace("\n", " ")
    yield from ("", "## Why you are asked", "", *_REASONS.splitlines())


def _whole_entity() -> Iterator[str]:
    """The two rules that look beyond one field."""
    yield from ("", "## What concerns more than one field", "")
    yield "**Contested.** Some writes say that nothing more is to come. Any event about the same thing whose author did"
    yield "not know of them is brought before a person, whatever it writes:"
    yield from ("", "- `archived`, of everything: it is shown as not archived until somebody has looked.")
    for name, lifecycle in LIFECYCLES.items():
        final = [f"`{each}`" for each, move in lifecycle.moves.items() if move.contested_by_any]
        if final:
            yield f"- {', '.join(final)}, of a `{name}`: the status stays as the table below has it."
    yield from ("", "**Clashes.** Two different fields that must be looked at together:", "")
    for name, clash in CLASHES.items():
        moves = ", ".join(f"`{each}`" for each in LIFECYCLES[name].moves if each in clash.moves)
        yield f"- the `{clash.field}` of a `{name}`, written while its `{clash.status}` makes one of the moves {moves}:"
        yield "  both writes stand, and the question is `reassigned_under_way`."


def _fields() -> Iterator[str]:
    yield from ("", "## Every field")
    for entity in _IN_ORDER:
        yield from (
            "",
            f"### {entity.name}",
            "",
            "| field | policy | concurrent writes | who is asked |",
            "|---|---|---|---|",
        )
        for field in entity.fields.values():
            became, asked = _archived() if field.name == "archived" else _became(field)
            yield f"| `{field.name}` | `{type(field.policy).__name__}` | {became} | {asked} |"


def _archived() -> tuple[str, str]:
    return "archived, if all say so and nothing else was written meanwhile", "a person, if not"


def _became(field: Field) -> tuple[str, str]:
    match field.policy:
        case Latest(each_key=True):
            return "of each key the newest is shown", "nobody"
        case Latest():
            return "the newest is shown", "nobody"
        case Ask():
            return "the newest is shown meanwhile", "a person, if they differ"
        case AddWins():
            return "what was added stays, unless its removal had seen it", "nobody"
        case Sum():
            return "all are added up", "nobody"
        case Advance(lifecycle=lifecycle):
            return f"[see its moves](#moves-of-a-{lifecycle})", "a person, where the moves say so"
        case Once():
            return "the earliest stands", "a person, if they differ"
        case Log() | Ref():
            return "none: written at creation alone", "–"
        case Server():
            return "none: no device writes it", "–"
    assert_never(field.policy)


def _all_moves() -> Iterator[str]:
    yield from ("", "## Every pair of concurrent moves", "")
    yield "Two people moved the same status, and neither knew of the other; it makes no difference who is named first."
    yield "The move of a creation is not here: nobody can write about a thing without knowing of it."
    for entity in _IN_ORDER:
        status = status_of(entity)
        if status:
            yield from _moves(entity, status[0], LIFECYCLES[status[1]])


def _moves(entity: EntityType, status: str, lifecycle: Lifecycle) -> Iterator[str]:
    yield from (
        "",
        f"### Moves of a {entity.name}",
        "",
        "| move | ∥ move | shown | why a person is asked |",
        "|---|---|---|---|",
    )
    later = [name for name, move in lifecycle.moves.items() if move.legal_from]
    for one, other in combinations_with_replacement(later, 2):
        state = _met(entity.name, one, other)
        reasons = dict.fromkeys(f"`{conflict.reason}`" for conflict in conflicts(state))
        yield f"| `{one}` | `{other}` | `{values(state)[status]}` | {', '.join(reasons) or '–'} |"


def _met(entity: str, one: str, other: str) -> State:
    """What the merge makes of two moves whose authors knew of the creation alone."""
    created = FACTS[entity]["Created"]
    by_move = {fact.move: fact for fact in FACTS[entity].values()}
    state = apply(empty(entity), _event(created, _OFFICE, {}), stamp(0))
    for replica, move in ((_ONE, one), (_OTHER, other)):
        state = apply(state, _event(by_move[move], replica, {_OFFICE: 1}), stamp(1))
    return state


def _event(fact: Fact, replica: str, clock: dict[str, int]) -> Event:
    """As much of an event as merging its move asks for."""
    return Event(
        id="",
        replica=replica,
        seq=1,
        prev=None,
        entity="",
        entity_type=fact.entity,
        type=fact.name,
        v=fact.version,
        clock=clock,
        at=stamp(1),
        seen=0,
        data={},
        tx=None,
        raw=b"",
        fact=fact,
    )
