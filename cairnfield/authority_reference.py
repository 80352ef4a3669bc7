"""The reference of who may do what, from the table that commands, pushes and reads ask."""

from collections.abc import Iterator
from typing import Final, get_args

from commands.authority import (
    PERSONAL,
    TELLS,
    masked_from,
    may_correct,
    may_replay,
    may_see_events,
    may_see_history,
    sees_everything,
)
from domain.catalogue import FACTS, ON_DEVICES
from domain.people import Role

ROLES: Final[tuple[Role, ...]] = get_args(Role)


def authority() -> str:
    """The page as Markdown."""
    return "\n".join([_BEGINNING, *_seeing(), _TELLING, *_told(), _MASKED, *_masked()]) + "\n"


def _seeing() -> Iterator[str]:
    yield "| role | sees | events and cases | looks up who wrote what | replays everything | corrects evidence |"
    yield "|---|---|---|---|---|---|"
    for role in ROLES:
        where = "everything of the tenant" if sees_everything(role) else "what visits let them into, and the catalog"
        names = ", without the fields below" if any(masked_from(role, each) for each in ON_DEVICES) else ""
        can = (may_see_events(role), _histories(role), may_replay(role), may_correct(role))
        told = (each if isinstance(each, str) else _yes(each) for each in can)
        yield f"| {role} | {where}{names} | {' | '.join(told)} |"


def _histories(role: Role) -> str:
    """Of what somebody in this role may look up who wrote it."""
    types = [each for each in ON_DEVICES if may_see_history(role, each)]
    return "–" if not types else "of everything" if types == [*ON_DEVICES] else ", ".join(types)


def _told() -> Iterator[str]:
    for entity in ON_DEVICES:
        yield f"\n### {entity}\n"
        yield "| fact | " + " | ".join(ROLES) + " |"
        yield "|---|" + "---|" * len(ROLES)
        for name in FACTS[entity]:
            yield f"| `{name}` | " + " | ".join(_telling(role, entity, name) for role in ROLES) + " |"


def _telling(role: Role, entity: str, name: str) -> str:
    telling = TELLS[role].get((entity, name))
    if telling is None:
        return "–"
    every = FACTS[entity][name].fields
    left_out = [field for field in every if field not in telling.fields]
    said = "yes"
    if left_out and len(telling.fields) <= len(left_out):
        said = ", ".join(f"`{field}`" for field in every if field in telling.fields)
    elif left_out:
        said = "all but " + ", ".join(f"`{field}`" for field in left_out)
    own = ", ".join(f"`{field}`" for field in sorted(telling.themselves))
    return f"{said}; {own} only themselves" if own else said


def _masked() -> Iterator[str]:
    yield "| entity | fields |"
    yield "|---|---|"
    for entity, fields in PERSONAL.items():
        yield f"| {entity} | {', '.join(f'`{field}`' for field in sorted(fields))} |"


def _yes(holds: bool) -> str:
    return "yes" if holds else "–"


_BEGINNING: Final = """# Who may do what

<!-- Written by `cairn generate`. -->

One table says who may tell which fact, and in which words.
It is asked for every order over HTTP, for every event that a device hands in, and for every read.
An order that it does not allow is refused and nothing is written.
An event that it does not allow is work that somebody did, so it is never dropped: it is set aside, and a dispatcher,
a supervisor or an admin decides what becomes of it.

What a role may do is looked up when the event arrives.
Where somebody who is limited was let out of a job after they had written, their work counts as late and is taken in,
see [scopes](../explanation/scopes.md).

## Who sees what

A technician asks for something of somebody else's and is told what they would be told if it did not exist.
"""

_TELLING: Final = """
## Who tells what

`–` is nobody in that role; field names are all that the role may say in that fact; `only themselves` is a field that
names nobody else.
A technician tells only of what they are let into.
Over HTTP they tell of a job until it is approved.
What a device hands in later is taken in: whoever was out of reach could not know.
Facts of a `case` are told by the server alone."""

_MASKED: Final = """
## What is masked from analysts

These fields are `null` for them, and named in `masked`.
They see no events and no cases, in which the same stands word by word.
"""
