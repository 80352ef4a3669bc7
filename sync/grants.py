"""What an event changes about who may see what: whom a visit lets in and out, and what a new job leads to.

Pure and total: told an entity before and after an event, it returns the rows. So grants are as much a function of the
log as the states are, and whoever folds the log again arrives at the same ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.catalogue import ENTITIES
from domain.grants import EVERYBODYS, GIVEN_TO_CREATOR, LEADS_TO, LETS_IN
from sync.envelope import Event
from sync.limits import DAY_MS, LATE_DAYS_MAX
from sync.merge import State
from sync.plan import Kind, plan_of
from sync.rows import EndedRow, GrantRow, ScopeLinkRow

Granted = Mapping[tuple[str, str], int | None]
"""By (person, scope): None while they are let in, else the position from which on they were not any more."""


class AccessChange(NamedTuple):
    """What one event changes about who may see what."""

    granted: Sequence[GrantRow] = ()
    ended: Sequence[EndedRow] = ()
    links: Sequence[ScopeLinkRow] = ()


_CREATORS: Final = frozenset(name for name, declared in ENTITIES.items() if declared.home == GIVEN_TO_CREATOR)
_TELLING_AT_CREATION: Final = _CREATORS.union(LETS_IN, LEADS_TO)


def may_change_access(event: Event) -> bool:
    """Whether an event can change who may see what at all: False for nearly all of them."""
    if event.fact.creates:
        return event.entity_type in _TELLING_AT_CREATION
    fields = LETS_IN.get(event.entity_type)
    return fields is not None and not event.data.keys().isdisjoint(fields)


def access_changed(
    event: Event, before: State, after: State, *, scope: str, position: int, creator: str | None
) -> AccessChange:
    """What an event that brought an entity of that home scope from one state to the other changes.

    `creator` is who tells it, where they are limited to what they are granted.
    """
    was_in, is_in = let_in(before), let_in(after)
    granted = [GrantRow(person, scope, event.entity, position) for person in sorted(is_in - was_in)]
    if creator is not None and event.fact.creates and is_given_to_creator(event.entity_type):
        granted.append(GrantRow(creator, scope, event.entity, position))
    return AccessChange(
        granted=granted,
        ended=[EndedRow(person, scope, event.entity, position) for person in sorted(was_in - is_in)],
        links=links_of(event.entity_type, scope, event.data, position) if event.fact.creates else (),
    )


def is_given_to_creator(entity_type: str) -> bool:
    """Whether who creates such an entity is let into its scope, which begins with it."""
    return entity_type in _CREATORS


def let_in(state: State) -> frozenset[str]:
    """Everybody whom an entity lets into its scope; of names that contradict each other, all."""
    return frozenset(name for field in LETS_IN.get(state.type, ()) for name in _named(state, field))


def _named(state: State, field: str) -> Iterator[str]:
    cell = state.cells.get(field, ())
    if plan_of(state.type).kinds[field] is Kind.SET:
        yield from cell
    else:
        yield from (write.value for write in cell if write.value is not None)


def links_of(entity_type: str, scope: str, data: Mapping[str, Any], position: int) -> list[ScopeLinkRow]:
    """What the scope of an entity that is created with this data leads to."""
    fields = LEADS_TO.get(entity_type, {})
    return [ScopeLinkRow(scope, f"{kind}:{data[field]}", position) for field, kind in fields.items()]


def is_in_scope(
    granted: Granted, person: str, scope: str, seen: int, *, ended_at_ms: Mapping[int, int], now_ms: int
) -> bool:
    """Whether somebody who is limited to their scopes may write there: they are let in, or were when they wrote it.

    `seen` is the position of the log that the author had pulled: whoever had not seen that they were let out could not
    know, and their work is late, not out of place. That is their own word, so it counts for LATE_DAYS_MAX after they
    were let out (`ended_at_ms` says when, by position), and after that a person looks at it.
    """
    if scope == EVERYBODYS:
        return True
    if (person, scope) not in granted:
        return False
    ended = granted[person, scope]
    return ended is None or (seen < ended and now_ms - ended_at_ms.get(ended, now_ms) <= LATE_DAYS_MAX * DAY_MS)


def granted_after(
    granted: Granted, rows: Sequence[GrantRow], leads_to: Mapping[str, frozenset[str]]
) -> dict[tuple[str, str], int | None]:
    """What people are granted once these rows are stored, as far as it can be told without another look at the log.

    `leads_to` says what the granted scopes lead to, by scope.
    Who is let out is not found out here: other entities may let them in still, and nobody can have seen yet that none
    does, so what they wrote is late at worst.
    """
    after = dict(granted)
    for row in rows:
        after[row.person, row.scope] = None
        after |= {(row.person, scope): None for scope in leads_to.get(row.scope, ())}
    return after


def leading_on(leads_to: Mapping[str, frozenset[str]], links: Sequence[ScopeLinkRow]) -> Mapping[str, frozenset[str]]:
    """What scopes lead to once these links are stored too."""
    after = dict(leads_to)
    for link in links:
        after[link.scope] = after.get(link.scope, frozenset()) | {link.leads_to}
    return after
