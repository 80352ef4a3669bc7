"""The tables and views as they were when the log ended at a position.

An entity that nobody has written to since shows what it showed then, so its rows are read where they lie; the others
are folded again, up to that position, and their rows travel with the question. So what a moment costs is what has
changed since, however long the log, or, near its beginning, the little that there was. Views are put together over both
under the names of the tables, in the one statement that asks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final, LiteralString, NamedTuple, assert_never

import orjson
from psycopg import sql

from domain.values import INTEGER_MAX
from infra.postgres import cold
from infra.postgres.past import HISTORIES, MILESTONES
from infra.postgres.pool import Connection
from infra.postgres.read_model.reading import SHOWN
from infra.postgres.read_model.tables import TENANT
from infra.postgres.read_model.view import View
from infra.postgres.read_model.views import IN_FULL, VIEWS
from projections.folding import NOTHING, by_entity, fold
from projections.projection import Column, Mark, OfEntities, OfEvents, OfReplicas, Projection, Row, Subject
from projections.query import CHANGED_EVENTS_MAX, FOLDED_EVENTS_MAX, NoReadModel, PastTooFar, Query
from projections.read_model import BY_NAME, GROUP
from sync.hybrid_clock import ms_of
from sync.log import TenantId
from sync.milestones import MILESTONE_EVERY, Milestone, way_of_folding
from sync.rows import EventRow
from sync.state_codec import decode

BEGINNING_EVENTS_MAX: Final = FOLDED_EVENTS_MAX
"""So near to the beginning, where less had happened by then than since, everything is folded."""

# What has changed since, and how many events each had by then: one less than the version of the first that came.
_CHANGED: Final[LiteralString] = """
    select entity::text, min(version) - 1 from event
    where tenant = %(tenant)s and position > %(then)s and position <= %(reached)s and entity_type = any(%(types)s)
    group by entity
"""
# Along the index of scopes: what other scopes have become since costs nothing.
_CHANGED_IN: Final[LiteralString] = """
    select entity::text, min(version) - 1, count(*), entity_type = any(%(types)s) from (
        select entity, entity_type, version from event
        where tenant = %(tenant)s and scope = any(%(scopes)s) and position > %(then)s and position <= %(reached)s
        limit %(limit)s) as later
    group by entity, entity_type
"""
_PARKED: Final[LiteralString] = """
    select entity::text from projection_parked where tenant = %(tenant)s and version = %(version)s
"""
# The event that made an entity, and that at which its milestone stands.
_MARKS: Final[LiteralString] = """
    select event.entity::text, position, event.version, effective, (extract(epoch from recorded_at) * 1000)::bigint,
           actor
    from unnest(%(entities)s::uuid[], %(versions)s::bigint[]) as asked(entity, version)
    join event on event.entity = asked.entity and event.version in (1, asked.version)
    where tenant = %(tenant)s
"""
_FROM_THE_BEGINNING: Final[LiteralString] = """
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
           effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event where tenant = %(tenant)s and position <= %(then)s and entity_type = any(%(types)s) order by position
"""

_OF_ENTITIES: Final = sql.SQL("""
    {name} as not materialized (
        select {columns} from {table} where tenant = %(tenant)s and {unchanged}
        union all
        select {columns} from json_populate_recordset(null::{table}, {then}::json))
""")
_OF_EVENTS: Final = sql.SQL("""
    {name} as not materialized (
        select {columns} from {table} where tenant = %(tenant)s and position <= %(then)s)
""")
# Of each replica the newest event by then, which is the one with the greatest seq: what was held comes in late.
_OF_REPLICAS: Final = sql.SQL("""
    {name} as not materialized (
        select newest.* from {table} as heard cross join lateral (
            select told.tenant, told.replica, told.actor_id, told.seq as last_seq, told.position as last_position,
                   told.authored_at, told.recorded_at, told.delay_ms, told.seen_position
            from event join {events} as told on told.tenant = event.tenant and told.position = event.position
            where event.tenant = heard.tenant and event.replica = heard.replica and event.position <= %(then)s
            order by event.seq desc limit 1) as newest
        where heard.tenant = %(tenant)s)
""")
_VIEW: Final = sql.SQL("{name} as not materialized (select {columns} {source})")

# What a name stands for is looked up as of now, and the rows of a catalogue are read as of the transaction's moment.
_IS_THE_SAME: Final[LiteralString] = "select exists (select from pg_class where oid = to_regclass(%(view)s))"

_NAMED: Final = re.compile(r'\b(?:from|join)\s+"?([a-z_]+)')
_VIEWS: Final[Mapping[str, View]] = {each.name: each for each in VIEWS}


class Then(NamedTuple):
    """The tables and views that a question needs, as they were: what stands in front of its SELECT."""

    definitions: sql.Composed
    told: Mapping[str, Any]


def as_of(connection: Connection, tenant: TenantId, query: Query, scopes: Sequence[str] | None) -> Then:
    """What shows the question's table as it was; the transaction must be one of ONE_MOMENT and name the tenant.

    Raises PastTooFar, and NoReadModel where the tables do not hold the log up to that position.
    """
    assert query.as_of is not None, "asked of a moment"
    found = connection.execute(SHOWN, {"tenant": tenant}).fetchone()
    if found is None or found[1] < query.as_of:
        raise NoReadModel
    names = list(dict.fromkeys(_needed(query.shape.name)))
    tables = [BY_NAME[name] for name in names if name in BY_NAME]
    past = _Past(connection, tenant, query.as_of, found, tables)
    changed, rows = past.read(_asked_for(query), _scopes_of(query, scopes))
    told: dict[str, Any] = {"then": query.as_of, "changed": changed}
    parts: list[sql.Composed] = []
    for each in tables:
        parts.append(_table(each, is_all_folded=changed is None))
        if isinstance(each, OfEntities):
            told[_folded(each)] = _spelled(tenant, each, rows.get(each.name, ()))
    parts += [_view(_VIEWS[name]) for name in names if name in _VIEWS]
    return Then(sql.SQL("with {} ").format(sql.SQL(", ").join(parts)), told)


def check_not_replaced(connection: Connection, name: str) -> None:
    """Raise NoReadModel where other tables have taken the place of those since the transaction began: of theirs it may
    have seen a part. To be asked behind the question, which keeps them in their place from then on."""
    view = sql.Identifier(IN_FULL, name).as_string(connection)
    if connection.execute(_IS_THE_SAME, {"view": view}).fetchone() != (True,):
        raise NoReadModel


def _needed(name: str) -> Iterator[str]:
    """The tables and views that a table or view is made of, and then itself."""
    if name in _VIEWS:
        for source in _NAMED.findall(_VIEWS[name].source):
            if source in BY_NAME or source in _VIEWS:
                yield from _needed(source)
    elif isinstance(BY_NAME[name], OfReplicas):
        yield "audit_trail"
    yield name


def _asked_for(query: Query) -> list[str] | None:
    """The ids of the entities that the question is limited to; None: it is not, or not of entities."""
    table = BY_NAME.get(query.shape.name)
    if not isinstance(table, OfEntities):
        return None
    return _equal(query, table.key[0])


def _scopes_of(query: Query, scopes: Sequence[str] | None) -> list[str] | None:
    """The scopes that the question is limited to; None: it is not, or is made of more than what lives in them."""
    if not isinstance(BY_NAME.get(query.shape.name), OfEntities):
        return None
    asked = _equal(query, "home_scope")
    if asked is None or scopes is None:
        return asked if scopes is None else list(scopes)
    return sorted({*asked} & {*scopes})


def _equal(query: Query, column: str) -> list[str] | None:
    for each in query.filters:
        if each.column.name == column and each.operator == "eq":
            return [value for value in each.values if value is not None]
    return None


class _Past:
    """What has to be folded again for some tables."""

    def __init__(
        self, connection: Connection, tenant: TenantId, then: int, stands: tuple[Any, ...], tables: Sequence[Projection]
    ) -> None:
        self._connection, self._tenant = connection, tenant
        self._then, (self._version, self._reached, _) = then, stands
        shown: set[str] = set()
        for each in tables:
            shown |= each.types if isinstance(each, OfEntities) else set()
        self._types = sorted(shown)

    def read(
        self, entities: Sequence[str] | None, scopes: Sequence[str] | None
    ) -> tuple[Sequence[str] | None, Mapping[str, Sequence[Row]]]:
        """The entities whose rows are not those that lie there, None for all of them, and their rows by then."""
        if not self._types:
            return [], {}
        later = self._reached - self._then
        if entities is None and scopes is None and self._then <= min(later, BEGINNING_EVENTS_MAX):
            return None, _come_to(self._ask(_FROM_THE_BEGINNING))
        versions = self._changed(scopes) if entities is None else dict.fromkeys(entities, INTEGER_MAX)
        ids = [each for each in _ids(versions) if versions[each] > 0]
        begun = self._begun([each for each in ids if versions[each] >= MILESTONE_EVERY])
        behind = [begun[each].changed.version if each in begun else 0 for each in ids]
        history = self._ask(HISTORIES, entities=ids, behind=behind, until=self._then, limit=FOLDED_EVENTS_MAX + 1)
        if len(history) > FOLDED_EVENTS_MAX:
            raise PastTooFar(
                f"since position {self._then} so much has changed that more than {FOLDED_EVENTS_MAX:,} events would "
                "have to be folded again"
            )
        return [*versions], _come_to(history, begun)

    def _begun(self, entities: Sequence[str]) -> Mapping[str, Subject]:
        """Those of these entities that have a milestone by then, as they were there; none that stands still, of which
        the tables know from which event on."""
        if not entities:
            return {}
        parked = {entity for (entity,) in self._rows(_PARKED, version=self._version)}
        asked = {
            "entities": [each for each in entities if each not in parked],
            "until": self._then,
            "version": INTEGER_MAX,
            "way": way_of_folding(),
        }
        found = {each.entity: each for each in (Milestone(*row) for row in self._rows(MILESTONES, **asked))}
        if not found:
            return {}
        told = self._rows(_MARKS, entities=[*found], versions=[each.version for each in found.values()])
        marks = {
            (entity, version): Mark(position, version, ms_of(effective), recorded_at_ms, actor)
            for entity, position, version, effective, recorded_at_ms, actor in told
        }
        return {
            entity: Subject(entity, each.scope, decode(each.state), marks[entity, 1], marks[entity, each.version])
            for entity, each in found.items()
        }

    def _changed(self, scopes: Sequence[str] | None) -> Mapping[str, int]:
        """How many events each entity that has changed since had by then."""
        if scopes is not None:
            rows = self._rows(_CHANGED_IN, scopes=list(scopes), limit=CHANGED_EVENTS_MAX + 1)
            if sum(events for _, _, events, _ in rows) > CHANGED_EVENTS_MAX:
                raise PastTooFar(
                    f"more than {CHANGED_EVENTS_MAX:,} events have happened in these scopes since position "
                    f"{self._then}, and one question goes through no more"
                )
            return {entity: version for entity, version, _, is_shown in rows if is_shown}
        if self._reached - self._then > CHANGED_EVENTS_MAX:
            raise PastTooFar(
                f"{self._reached - self._then:,} events have happened since position {self._then}, and one question "
                f"goes through {CHANGED_EVENTS_MAX:,} at most"
            )
        return dict(self._rows(_CHANGED))

    def _ask(self, statement: LiteralString, **asked: Any) -> Sequence[EventRow]:
        return cold.whole(cold.on(self._connection, self._tenant).rows(self._rows(statement, **asked)))

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        told = {"tenant": self._tenant, "then": self._then, "reached": self._reached, "types": self._types, **asked}
        return self._connection.cursor(binary=True).execute(statement, told).fetchall()


def _ids(entities: Iterable[str]) -> list[str]:
    """Those that are ids at all: others were never written to."""
    return [each for each in entities if _ID.fullmatch(each)]


_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NONE_PARKED: Final[Set[str]] = frozenset()


def _come_to(history: Sequence[EventRow], begun: Mapping[str, Subject] = NOTHING) -> Mapping[str, Sequence[Row]]:
    """What these events come to; what cannot be taken in stands still, as it does in the tables."""
    rows: dict[str, list[Row]] = {}
    for subject in {**begun, **fold(by_entity(history, _NONE_PARKED), GROUP, known=begun).subjects}.values():
        for each in GROUP.of_entities[subject.type]:
            rows.setdefault(each.name, []).extend(each.rows(subject))
    return rows


def _table(table: Projection, *, is_all_folded: bool) -> sql.Composed:
    named = {
        "name": sql.Identifier(table.name),
        "table": sql.Identifier(IN_FULL, table.name),
        "columns": _names((TENANT, *table.columns)),
    }
    match table:
        case OfEntities():
            id_ = sql.Identifier(table.key[0])
            unchanged = sql.SQL("false" if is_all_folded else "{} <> all(%(changed)s::text[])").format(id_)
            return _OF_ENTITIES.format(**named, unchanged=unchanged, then=sql.Placeholder(_folded(table)))
        case OfEvents():
            return _OF_EVENTS.format(**named)
        case OfReplicas():
            return _OF_REPLICAS.format(**named, events=sql.Identifier(IN_FULL, "audit_trail"))
    assert_never(table)


def _folded(table: OfEntities) -> str:
    return f"folded_{table.name}"


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(each.name) for each in columns])


def _spelled(tenant: TenantId, table: OfEntities, rows: Sequence[Row]) -> str:
    names = [each.name for each in (TENANT, *table.columns)]
    return orjson.dumps([dict(zip(names, (tenant, *row), strict=True)) for row in rows]).decode()


def _view(view: View) -> sql.Composed:
    columns = [sql.SQL("{} as tenant").format(sql.SQL(view.tenant))]
    columns += [
        sql.SQL("{} as {}").format(sql.SQL(each.expression), sql.Identifier(each.name)) for each in view.columns
    ]
    return _VIEW.format(
        name=sql.Identifier(view.name), columns=sql.SQL(", ").join(columns), source=sql.SQL(view.source)
    )
