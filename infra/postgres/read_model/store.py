"""One version of the read model in PostgreSQL: `projections.store.Store` over its tables and the table `tracking`.

A claim is a lock on the tenant's row of `tracking`, held to the commit: whoever has it writes the tables and moves the
row on in one transaction, and the row is moved only from where it stood. So a runner that was stopped in the middle and
woken when others have gone on can no longer do anything: its session is over, and with it all that it wrote.
"""

from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import orjson
import psycopg
from psycopg_pool import ConnectionPool

from infra.failpoints import hit
from infra.postgres import cold, of_tenant
from infra.postgres.pool import Connection
from infra.postgres.read_model.kept import KEPT_TABLE, kept, recalled, recalling
from infra.postgres.read_model.rows import Writing
from infra.postgres.read_model.tables import schema_of
from infra.postgres.trouble import told_as_ours
from projections.folding import Changes, Poisoned, folded_again
from projections.projection import Projection, Row, Subject
from projections.store import Parked, RowsRefused, Standing
from sync.log import Conflicting, TenantId, TenantUnknown
from sync.office import OFFICE
from sync.rows import EventRow

PAGE_BYTES_MAX: Final = 16 << 20
"""A page ends with the fetch that comes to so many bytes."""
EVENTS_PER_FETCH: Final = 500
"""At most 32 MB, at 64 KiB an event."""
REMEMBERED_MAX: Final = 50_000
"""How many entities of a tenant are kept in memory between pages."""
FOLDED_AGAIN_MAX: Final = 16
"""Up to so many events, an entity that is not in memory is folded again from the log. Longer stories are kept (`kept`):
to write down what was merged whenever that changes costs more than to fold a few events where it is needed. Tables that
were made with another number hold what does not go with this one, so with it changes `projections.read_model.LOGIC`."""
FOLDED_AT_ONCE: Final = EVENTS_PER_FETCH // FOLDED_AGAIN_MAX

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
# In no hurry to be on the disk: what is lost in a crash is lost together with how far it had come, and made again from
# the log.
_CLAIM: Final[LiteralString] = """
    select position, set_config('synchronous_commit', 'off', true) from tracking
    where tenant = %(tenant)s and application = %(follower)s for update skip locked
"""
_CLAIM_WAITING: Final[LiteralString] = """
    select position, set_config('synchronous_commit', 'off', true) from tracking
    where tenant = %(tenant)s and application = %(follower)s for update
"""
# Looked for first: an insert would wait for whoever is moving the row on right now.
_BEGIN: Final[LiteralString] = """
    insert into tracking (tenant, application, position) select %(tenant)s, %(follower)s, 0
    where not exists (select from tracking where tenant = %(tenant)s and application = %(follower)s)
    on conflict (tenant, application) do nothing
"""
_MOVE: Final[LiteralString] = """
    update tracking set position = %(to)s
    where tenant = %(tenant)s and application = %(follower)s and position = %(from)s and position < %(to)s
"""
_EVENT: Final[LiteralString] = """
    position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
    effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
"""
PAGE: Final[LiteralString] = f"""
    select {_EVENT} from event where tenant = %(tenant)s and position > %(after)s order by position limit %(limit)s
"""
HISTORY: Final[LiteralString] = f"""
    select {_EVENT} from event
    where tenant = %(tenant)s and entity = %(entity)s and version > %(after)s and position <= %(until)s
    order by version limit %(limit)s
"""
AGAIN: Final[LiteralString] = f"""
    select {_EVENT} from unnest(%(entities)s::uuid[]) as asked(wanted)
    cross join lateral (
        select * from event where event.tenant = %(tenant)s and event.entity = asked.wanted and version <= %(most)s
        order by version) as told
    where position <= %(until)s
"""
_PARKED: Final[LiteralString] = """
    select entity::text, position, why, (extract(epoch from parked_at) * 1000)::bigint from projection_parked
    where tenant = %(tenant)s and version = %(version)s order by position
"""
_PARK: Final[LiteralString] = """
    insert into projection_parked (tenant, version, position, parked_at, entity, why)
    select %(tenant)s, %(version)s, t.position, timestamptz 'epoch' + %(now_ms)s * interval '1 ms', t.entity, t.why
    from json_to_recordset(%(rows)s::json) as t(entity uuid, position bigint, why text)
    on conflict (tenant, version, entity) do update set position = excluded.position, why = excluded.why
"""
_UNPARK: Final[LiteralString] = """
    delete from projection_parked where tenant = %(tenant)s and version = %(version)s and entity = %(entity)s
"""
# Where the tables stand is worked out apart: row-level security lets no sum be looked for in an index (`+` may raise an
# error, which could tell of a row), and the whole log would be gone through.
STANDING: Final[LiteralString] = """
    with reached as materialized (
        select coalesce(tracking.position, 0) as position, coalesce(tracking.position, 0) + 1 as next,
               log_head.position as head
        from log_head left join tracking on tracking.tenant = %(tenant)s and tracking.application = %(follower)s
        where log_head.tenant = %(tenant)s
    )
    select reached.position, reached.head,
           coalesce((select greatest(0, %(now_ms)s - (extract(epoch from recorded_at) * 1000)::bigint) from event
                     where event.tenant = %(tenant)s and event.position = reached.next), 0),
           (select count(*) from projection_parked as parked
            where parked.tenant = %(tenant)s and parked.version = %(version)s)
    from reached
"""

_REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)

Remembered = OrderedDict[str, Subject]


def follower_of(version: int) -> str:
    """Who follows the log, as the table `tracking` and the `eventsourcing` library call it."""
    return f"{schema_of(version)}:{OFFICE}"


class PostgresStore:
    """The tables of one version; safe to share between threads. Its pool works as PROJECTOR.

    `is_bare`: they are not closed yet (`tables.close_tables`), as far as is known.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        version: int,
        projections: Sequence[Projection],
        *,
        is_bare: bool = False,
    ) -> None:
        self.is_bare = is_bare
        self._pool, self.version, self.schema = pool, version, schema_of(version)
        self.writing = {each.name: Writing(self.schema, each) for each in projections}
        self.keeping = Writing(self.schema, KEPT_TABLE)
        self._remembered: dict[TenantId, tuple[int, Remembered]] = {}
        self._begun: set[TenantId] = set()

    def tenants(self) -> Sequence[TenantId]:
        with told_as_ours(), self._pool.connection() as connection:
            return [tenant for (tenant,) in connection.execute(_TENANTS).fetchall()]

    @contextmanager
    def claim(self, tenant: TenantId, *, wait: bool = False) -> Generator["PostgresClaim | None"]:
        asked = {"tenant": tenant, "follower": follower_of(self.version)}
        if tenant not in self._begun:  # on its own: a row that is not committed yet would be waited for
            of_tenant.rows(self._pool, _BEGIN, asked)
            self._begun.add(tenant)
        with of_tenant.transaction(self._pool, tenant) as connection:
            found = connection.execute(_CLAIM_WAITING if wait else _CLAIM, asked).fetchone()
            if found is None:
                yield None
                return
            # Out while it is used: whatever goes wrong, it is not there any more.
            position, remembered = self._remembered.pop(tenant, (-1, Remembered()))
            claim = PostgresClaim(
                self, connection, tenant, found[0], remembered if position == found[0] else Remembered()
            )
            yield claim
            hit("projector.before_commit")
        hit("projector.committed")
        self._remembered[tenant] = (claim.position, claim.remembered)

    def standing(self, tenant: TenantId, *, now_ms: int) -> Standing:
        asked = {"tenant": tenant, "follower": follower_of(self.version), "version": self.version, "now_ms": now_ms}
        found = of_tenant.rows(self._pool, STANDING, asked)
        if not found:
            raise TenantUnknown(tenant)
        return Standing(*found[0])

    def all_parked(self, tenant: TenantId) -> Sequence[Parked]:
        found = of_tenant.rows(self._pool, _PARKED, {"tenant": tenant, "version": self.version})
        return [Parked(*row) for row in found]

    def rows(self, tenant: TenantId, table: str) -> Iterator[Row]:
        with of_tenant.transaction(self._pool, tenant) as connection:
            yield from self.writing[table].all(connection, tenant)


class PostgresClaim:
    """`projections.store.Claim` in the transaction that holds the lock."""

    def __init__(
        self, store: PostgresStore, connection: Connection, tenant: TenantId, position: int, remembered: Remembered
    ) -> None:
        self._store, self._connection, self._tenant = store, connection, tenant
        self.position, self.remembered = position, remembered

    def page(self, limit: int) -> Sequence[EventRow]:
        found, after, size = list[EventRow](), self.position, 0
        while len(found) < limit and size < PAGE_BYTES_MAX:
            asked = min(limit - len(found), EVENTS_PER_FETCH)
            rows = self._events(PAGE, after=after, limit=asked)
            found += rows
            if len(rows) < asked:
                break
            after, size = rows[-1].position, size + sum(len(row.body) for row in rows)
        return found

    def history(self, entity: str, *, after: int, limit: int) -> Sequence[EventRow]:
        asked = {"entity": entity, "after": after, "until": self.position, "limit": limit}
        return self._events(HISTORY, **asked)

    def _events(self, statement: Any, **asked: Any) -> Sequence[EventRow]:
        return cold.whole(cold.on(self._connection, self._tenant).rows(self._ask(statement, **asked)))

    def known(self, entities: Sequence[str]) -> Mapping[str, Subject]:
        found = {each: self.remembered[each] for each in entities if each in self.remembered}
        if missing := [each for each in entities if each not in found]:
            rows = self._ask(recalling(self._store.schema), entities=missing)
            found |= {row[0]: recalled(row) for row in rows}
        if missing := [each for each in missing if each not in found]:
            found |= self._folded_again(missing)
        return found

    def _folded_again(self, entities: Sequence[str]) -> Mapping[str, Subject]:
        """From the log, up to where the tables hold it: of what stands still, that is before the event it stands at."""
        stands_at = {row[0]: row[1] for row in self._ask(_PARKED, version=self._store.version)}
        rows = dict[str, list[EventRow]]()
        for begin in range(0, len(entities), FOLDED_AT_ONCE):
            asked = entities[begin : begin + FOLDED_AT_ONCE]
            for row in self._events(AGAIN, entities=asked, most=FOLDED_AGAIN_MAX, until=self.position):
                if row.position < stands_at.get(row.entity, row.position + 1):
                    rows.setdefault(row.entity, []).append(row)
        return {entity: folded_again(told) for entity, told in rows.items()}

    def parked(self) -> Set[str]:
        return {row[0] for row in self._ask(_PARKED, version=self._store.version)}

    def write(self, changes: Changes, subjects: Sequence[Subject] = ()) -> None:
        try:
            with self._connection.transaction():  # a savepoint
                self._write(changes, subjects)
        except psycopg.errors.FeatureNotSupported:
            if not self._store.is_bare:
                raise
            self._store.is_bare = False  # somebody has closed them since
            self.write(changes, subjects)
        except _REFUSED as why:
            for each in subjects:
                self.remembered.pop(each.id, None)
            raise RowsRefused(str(why)) from why

    def _write(self, changes: Changes, subjects: Sequence[Subject]) -> None:
        writing, told = self._store.writing, (self._connection, self._tenant)
        for table, keys in changes.gone.items():
            writing[table].take_away(*told, keys)
        add = Writing.copy if self._store.is_bare else Writing.add
        for table, rows in changes.added.items():
            add(writing[table], *told, rows)
        for table, rows in changes.written.items():
            writing[table].write(*told, rows)
        if long := [each for each in subjects if each.changed.version > FOLDED_AGAIN_MAX]:
            self._store.keeping.write(*told, kept(long))
        for each in subjects:
            self.remembered[each.id] = each
            self.remembered.move_to_end(each.id)
        while len(self.remembered) > REMEMBERED_MAX:
            self.remembered.popitem(last=False)

    def park(self, poisoned: Sequence[Poisoned], *, now_ms: int) -> None:
        rows = orjson.dumps([each._asdict() for each in poisoned]).decode()
        self._ask(_PARK, version=self._store.version, rows=rows, now_ms=now_ms)
        for each in poisoned:  # another process may let it go on, and what is remembered here would be of before
            self.remembered.pop(each.entity, None)

    def unpark(self, entity: str) -> None:
        self._ask(_UNPARK, version=self._store.version, entity=entity)

    def move(self, position: int) -> None:
        asked = {"from": self.position, "to": position, "follower": follower_of(self._store.version)}
        moved = self._connection.execute(_MOVE, {"tenant": self._tenant, **asked})
        if moved.rowcount != 1:
            raise Conflicting(f"somebody else has moved these tables on from {self.position}")
        self.position = position

    def _ask(self, statement: Any, **asked: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor(binary=True).execute(statement, {"tenant": self._tenant, **asked})
        return cursor.fetchall() if cursor.description else []
