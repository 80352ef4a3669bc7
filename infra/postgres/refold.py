"""Folds the log again: the state of every entity as this version spells it, and who may see what, as the events say.

The log is the truth, and both follow from it. So a new spelling of states, or a new rule of who is let in, reaches
databases that are there already without anybody having kept the old code. One walk along the index of an entity's
versions; no more is held in memory than one entity and one page of what is to be written.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final, LiteralString, NamedTuple

import orjson
import psycopg

from commands.authority import sees_everything
from domain.catalogue import ENTITIES, ON_DEVICES
from infra.postgres import cold, milestones, of_tenant, statements
from infra.postgres.unfit import DatabaseUnfit
from sync import merge, state_codec
from sync.envelope import Event, Unacceptable, parse
from sync.frames import OFFICE_SCOPE
from sync.grants import AccessChange, access_changed, may_change_access

EVENTS_PER_FETCH: Final = 200
BYTES_PER_WRITE_MAX: Final = 1 << 20
ROWS_PER_WRITE_MAX: Final = 1_000

_OURS: Final = sorted(set(ENTITIES) - set(ON_DEVICES))
"""What lives in the office beside the rows of the `eventsourcing` library."""

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
_PEOPLE: Final[LiteralString] = "select person::text, role from person where tenant = %(tenant)s"
_EVENTS: Final[LiteralString] = """
    select entity::text, position, scope, effective, actor, body from event
    where tenant = %(tenant)s and (scope <> %(office)s or entity_type = any(%(ours)s)) order by entity, version
"""
_REWRITE: Final[LiteralString] = """
    update entity set state = %(state)s where tenant = %(tenant)s and entity = %(entity)s
"""


class LogUnreadable(DatabaseUnfit):
    """The log holds an event that this version cannot read; the message names it."""


class _Stored(NamedTuple):
    """An event as the log holds it."""

    entity: str
    position: int
    scope: str
    effective: str
    actor: str
    body: bytes


class _Page:
    """What is to be written for one tenant, sent when it has grown large."""

    def __init__(self, owner: psycopg.Connection, tenant: str) -> None:
        self._owner, self._tenant = owner, tenant
        self._begin()

    def _begin(self) -> None:
        self._states: list[dict[str, Any]] = []
        self._access: list[AccessChange] = []
        self._rows = self._bytes = 0

    def add(self, entity: str, state: bytes, access: list[AccessChange]) -> None:
        self._states.append({"tenant": self._tenant, "entity": entity, "state": state})
        self._access += access
        self._rows += 1 + sum(len(each.granted) + len(each.ended) + len(each.links) for each in access)
        self._bytes += len(state)
        if self._rows >= ROWS_PER_WRITE_MAX or self._bytes >= BYTES_PER_WRITE_MAX:
            self.write()

    def write(self) -> None:
        ended = sorted((row for each in self._access for row in each.ended), key=lambda row: row.position)
        self._write(statements.INSERT_GRANTED, [row._asdict() for each in self._access for row in each.granted])
        with self._owner.cursor(binary=True) as cursor:
            cursor.executemany(_REWRITE, self._states)
            cursor.executemany(statements.END_GRANTED, [{"tenant": self._tenant, **row._asdict()} for row in ended])
        self._write(statements.INSERT_LINKS, [row._asdict() for each in self._access for row in each.links])
        self._begin()

    def _write(self, statement: LiteralString, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._owner.execute(statement, {"tenant": self._tenant, "rows": orjson.dumps(rows).decode()})


def refold(owner: psycopg.Connection) -> None:
    """Write every state anew, and all grants and links into their empty tables, in the transaction that is open.

    Milestones are taken away, and made anew beside the server.

    What no device authored, the rows of the `eventsourcing` library, stays as it is. Nobody may append meanwhile.
    Raises LogUnreadable.
    """
    for (tenant,) in owner.execute(_TENANTS).fetchall():
        of_tenant.set_tenant(owner, tenant)
        milestones.forget(owner, tenant)
        people = owner.execute(_PEOPLE, {"tenant": tenant}).fetchall()
        limited = frozenset(person for person, role in people if not sees_everything(role))
        page = _Page(owner, tenant)
        for entity, stored in groupby(_events(owner, tenant), key=lambda each: each.entity):
            page.add(entity, *_folded(stored, limited))
        page.write()


def _events(owner: psycopg.Connection, tenant: str) -> Iterator[_Stored]:
    thaw = cold.on(owner, tenant)
    with owner.cursor("refold", binary=True) as cursor:  # on the server, which reads no further than we ask
        cursor.itersize = EVENTS_PER_FETCH
        found = cursor.execute(_EVENTS, {"tenant": tenant, "office": OFFICE_SCOPE, "ours": _OURS})
        yield from (_Stored(*row) for row in thaw.stream(found))


def _folded(stored: Iterable[_Stored], limited: frozenset[str]) -> tuple[bytes, list[AccessChange]]:
    """The state of one entity, and what its events changed about who may see it."""
    state: merge.State | None = None
    access: list[AccessChange] = []
    for each in stored:
        event = _read(each)
        before = state or merge.empty(event.entity_type)
        state = merge.apply(before, event, each.effective)
        if may_change_access(event):
            creator = each.actor if each.actor in limited else None
            access.append(
                access_changed(event, before, state, scope=each.scope, position=each.position, creator=creator)
            )
    assert state is not None, "a group has a first row"
    return state_codec.encode(state), access


def _read(stored: _Stored) -> Event:
    try:
        return parse(stored.body)
    except Unacceptable as why:
        raise LogUnreadable(f"event {stored.position} of entity {stored.entity}: {why}") from why
