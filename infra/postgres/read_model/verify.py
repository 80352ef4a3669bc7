"""Whether the tables hold what the log says: every entity is folded again, and every row compared.

All is read as of one moment, in chunks of entities, so that no more is held in memory than one chunk, whatever the log
holds. What is folded here is folded event by event from the beginning, never from what the runner remembers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import sql
from psycopg_pool import ConnectionPool

from domain.catalogue import ENTITIES
from infra.postgres import cold, of_tenant
from infra.postgres.pool import Connection
from infra.postgres.read_model.histories import EVENTS
from infra.postgres.read_model.rows import spelled
from infra.postgres.read_model.store import follower_of
from infra.postgres.read_model.tables import schema_of
from infra.postgres.trouble import told_as_ours
from projections.folding import by_entity, fold, of_replicas
from projections.projection import Key, Projection, Row
from projections.read_model import GROUP, PROJECTIONS
from sync.log import TenantId
from sync.rows import EventRow

EVENTS_PER_CHUNK: Final = 5_000

_REACHED: Final[LiteralString] = """
    select coalesce((select position from tracking where tenant = %(tenant)s and application = %(follower)s), 0)
"""
_PARKED: Final[LiteralString] = """
    select entity::text, position from projection_parked where tenant = %(tenant)s and version = %(version)s
"""
_FOUND: Final = sql.SQL("select {values} from {table} where tenant = %(tenant)s and {first} = any(%(keys)s)")
_COUNT: Final = sql.SQL("select count(*) from {table} where tenant = %(tenant)s")


class Difference(NamedTuple):
    """The first row that is not as the log says."""

    table: str
    key: Key
    column: str
    """Empty where a whole row is missing, or is one too many."""
    expected: Any
    found: Any


class Verified(NamedTuple):
    """What was compared."""

    position: int
    """Up to where the tables hold the log."""
    events: int
    rows: int
    difference: Difference | None


Progress = Callable[[int, int], None]
"""Told now and then how many events were folded, and how many there are."""


def verify(
    pool: ConnectionPool[Connection], tenant: TenantId, version: int, progress: Progress = lambda _, __: None
) -> Verified:
    """Compare a tenant's tables with its log, up to the first difference; raises LogUnavailable."""
    with told_as_ours(), pool.connection() as connection:
        connection.execute(of_tenant.ONE_MOMENT)
        try:
            of_tenant.set_tenant(connection, tenant)
            return _Verifying(connection, tenant, version, progress).verified()
        finally:
            connection.rollback()


class _Verifying:
    def __init__(self, connection: Connection, tenant: TenantId, version: int, progress: Progress) -> None:
        self._connection, self._tenant, self._progress = connection, tenant, progress
        self._schema = schema_of(version)
        asked = {"follower": follower_of(version), "version": version}
        self._reached: int = self._ask(_REACHED, **asked)[0][0]
        self._parked: dict[str, int] = dict(self._ask(_PARKED, **asked))
        self._compared = {each.name: 0 for each in PROJECTIONS}
        self._events = 0

    def verified(self) -> Verified:
        difference = next(self._differences(), None)
        return Verified(self._reached, self._events, sum(self._compared.values()), difference)

    def _differences(self) -> Iterator[Difference]:
        newest: dict[str, EventRow] = {}
        for chunk in self._chunks():
            taken_in = [row for row in chunk if row.position < self._parked.get(row.entity, row.position + 1)]
            folded = fold(by_entity(taken_in, frozenset()), GROUP)
            assert not folded.poisoned, f"it was taken in before: {folded.poisoned}"
            yield from self._differ(folded.changes.added)  # nothing was known, so every row is a new one
            for row in chunk:
                if row.replica not in newest or newest[row.replica].seq < row.seq:
                    newest[row.replica] = row
            self._events += len(chunk)
            self._progress(self._events, self._reached)
        yield from self._differ(of_replicas(GROUP, [*newest.values()]).written)
        for each in PROJECTIONS:
            counted = self._ask(_COUNT.format(table=sql.Identifier(self._schema, each.name)))[0][0]
            if counted != self._compared[each.name]:
                yield Difference(each.name, (), "", f"{self._compared[each.name]} rows", f"{counted} rows")

    def _chunks(self) -> Iterator[Sequence[EventRow]]:
        """Whole entities, some thousand events at a time."""
        chunk: list[EventRow] = []
        thaw = cold.on(self._connection, self._tenant)
        with self._connection.cursor("verifying", binary=True) as cursor:  # on the server: we hold one fetch at a time
            cursor.itersize = EVENTS_PER_CHUNK
            asked = {"tenant": self._tenant, "reached": self._reached, "types": sorted(ENTITIES)}
            for each in thaw.stream(cursor.execute(EVENTS, asked)):
                row = EventRow(*each)
                if len(chunk) >= EVENTS_PER_CHUNK and row.entity != chunk[-1].entity:
                    yield chunk
                    chunk = []
                chunk.append(row)
        if chunk:
            yield chunk

    def _differ(self, expected: Mapping[str, list[Row]]) -> Iterator[Difference]:
        for each in PROJECTIONS:
            if expected.get(each.name):
                yield from self._compare(each, expected[each.name])

    def _compare(self, table: Projection, rows: Sequence[Row]) -> Iterator[Difference]:
        wanted = {table.key_of(row): row for row in rows}
        found = {table.key_of(row): row for row in self._found(table, [*{key[0] for key in wanted}])}
        self._compared[table.name] += len(wanted)
        for key in sorted(wanted.keys() | found.keys()):
            one, other = wanted.get(key), found.get(key)
            if one is None or other is None:
                yield Difference(table.name, key, "", "a row" if one else "no row", "a row" if other else "no row")
            elif one != other:
                column, *both = next(each for each in zip(table.columns, one, other, strict=True) if each[1] != each[2])
                yield Difference(table.name, key, column.name, *both)

    def _found(self, table: Projection, keys: list[Any]) -> list[Row]:
        statement = _FOUND.format(
            values=spelled(table.columns),
            table=sql.Identifier(self._schema, table.name),
            first=sql.Identifier(table.key[0]),
        )
        return self._ask(statement, keys=keys)

    def _ask(self, statement: Any, **asked: Any) -> list[tuple[Any, ...]]:
        return self._connection.cursor(binary=True).execute(statement, {"tenant": self._tenant, **asked}).fetchall()
