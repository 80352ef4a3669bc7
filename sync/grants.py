"""What an event changes about who may see what: whom a visit lets in and out, and what a new job leads to.

Pure and total: told an entity before and after an event, it returns the rows. So grants are as much a function of the
log as the states are, and a migration that folds the log again arrives at the same ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.catalogue import ENTITIES
from domain.grants import EVERYBODYS, GIVEN_TO_CREATOR, LEADS_TO, LETS_IN
from sync.log import Changes, EndedRow, GrantRow, ScopeLinkRow
from sync.merge import State
from sync.plan import Kind, plan_of

Granted = Mapping[tuple[str, str], int | None]
"""By (person, scope): None while they are let in, else the position from which on they were not any more."""

_NOBODY: Final = frozenset[str]()


def let_in(state: State) -> frozenset[str]:
    """Everybody whom an entity lets into its scope; of names that contradict each other, all."""
    fields = LETS_IN.get(state.type, ())
    return _NOBODY.union(*(_named(state, name) for name in fields)) if fields else _NOBODY


def _named(state: State, name: str) -> Iterator[str]:
    cell = state.cells.get(name, ())
    if plan_of(state.type).kinds[name] is Kind.SET:
        yield from cell
    else:
        yield from (write.value for write in cell if write.value is not None)


def let_in_and_out(
    before: frozenset[str], after: frozenset[str], scope: str, via: str, position: int
) -> tuple[list[GrantRow], list[EndedRow]]:
    """The grants that begin and end where an entity names other people than before."""
    return (
        [GrantRow(person, scope, via, position) for person in sorted(after - before)],
        [EndedRow(person, scope, via, position) for person in sorted(before - after)],
    )


def links_of(entity_type: str, scope: str, data: Mapping[str, Any], position: int) -> list[ScopeLinkRow]:
    """What the scope of an entity that is created with this data leads to."""
    fields = LEADS_TO.get(entity_type)
    if fields is None:
        return []
    return [ScopeLinkRow(scope, f"{kind}:{data[name]}", position) for name, kind in fields.items()]


def is_given_to_creator(entity_type: str) -> bool:
    """Whether who creates such an entity is let into its scope."""
    return ENTITIES[entity_type].home == GIVEN_TO_CREATOR


def is_in_scope(granted: Granted, person: str, scope: str, seen: int) -> bool:
    """Whether somebody who is limited to their scopes may write there: they are let in, or were when they wrote it.

    `seen` is the position of the log that the author had pulled: whoever had not seen that they were let out could not
    know, and their work is late, not out of place.
    """
    if scope == EVERYBODYS:
        return True
    if (person, scope) not in granted:
        return False
    ended = granted[person, scope]
    return ended is None or seen < ended


def grants_after(granted: Granted, changes: Changes) -> dict[tuple[str, str], int | None]:
    """What people are granted once these changes are stored, as far as it can be told without another look.

    Somebody who is let out is not found out here: other entities may let them in still, and nobody can have seen yet
    that none does, so what they wrote is late at worst.
    """
    leads_to: dict[str, list[str]] = {}
    for link in changes.links:
        leads_to.setdefault(link.scope, []).append(link.leads_to)
    fresh = {
        (row.person, scope): None for row in changes.granted for scope in (row.scope, *leads_to.get(row.scope, ()))
    }
    return {**granted, **fresh}
