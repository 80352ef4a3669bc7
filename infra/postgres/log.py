"""The log in Postgres: lock the tenant's head, read what the decision wants to see, store what it decides, commit.

One round trip for the lock and the reads, which are later statements of the same transaction and so see all that was
committed before the lock was had; one for the writes and the commit. Position order is commit order, because the lock
is held to the commit; a rollback burns no position.
"""

import base64
import random
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, LiteralString, TypeVar

import orjson
import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from infra.coalescing import Coalescer
from infra.cold_file import is_cold
from infra.failpoints import hit
from infra.postgres import answered, binary_columns, cold, of_tenant, quarantine, statements
from infra.postgres.past import PostgresPast
from infra.postgres.pool import Connection
from infra.postgres.pull import PostgresMoment, moment
from infra.postgres.trouble import TRY_AGAIN, told_as_ours
from infra.turns import Turns
from sync.grants import leading_on
from sync.leaf import leaf_hashes
from sync.limits import ANSWER_KEPT_MS
from sync.log import (
    CasesWanted,
    Changes,
    Conflicting,
    Decision,
    Done,
    Head,
    Known,
    LogUnavailable,
    Moved,
    ReplicaTaken,
    Ring,
    TenantId,
    TenantUnknown,
    Wanted,
    nobody_listens,
)
from sync.merkle import appended
from sync.retelling import UNSETTLED
from sync.rows import AnsweredRow, CaseRow, EntityRow, EventRow, HeldRow, ReplicaRow, ScopeLinkRow, ScopeRow, Settled
from sync.together import grants_moved

Answer = TypeVar("Answer")

TRIES_MAX: Final = 5
PAUSE_BETWEEN_TRIES_S_MAX: Final = 0.05
FETCHES_MAX: Final = 8
"""How often an append lets the lock go again to read bodies that lie in files; once, unless they move meanwhile."""
STATES_PER_FETCH: Final = 2_000
ROWS_WORTH_COLUMNS: Final = 32

_BODY_BY_ID: Final = 10
"""Which column of SETTLED_BY_ID is the body."""
_OPEN: Final = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class PostgresEventLog:
    """`sync.log.EventLog` over the schema of `infra.postgres.schema`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection], ring: Ring = nobody_listens) -> None:
        self._pool, self._ring = pool, ring
        self._together, self._turns = Coalescer(self._append_trying), Turns()

    def append(
        self,
        tenant: TenantId,
        wanted: Wanted,
        decide: Decision[Answer],
        *,
        now_ms: int,
        moved: Moved[Answer] | None = None,
    ) -> Answer:
        if moved is None:  # its decision may want something of the log that only holds if nobody shares its commit
            return self._append_trying(tenant, wanted, decide, now_ms)
        if len(wanted.ids) < ROWS_WORTH_COLUMNS:
            return self._together.append(tenant, wanted, decide, now_ms=now_ms)
        ahead = self._append_ahead(tenant, wanted, decide, moved, now_ms)
        return ahead[0] if ahead is not None else self._append_trying(tenant, wanted, decide, now_ms)

    def append_soon(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int, done: Done
    ) -> None:
        self._together.submit(tenant, wanted, decide, now_ms=now_ms, done=done)

    def _append_trying(self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], now_ms: int) -> Answer:
        at_hand = cold.AtHand()
        for remaining in reversed(range(TRIES_MAX)):
            try:
                return self._append_fetching(tenant, wanted, decide, now_ms, at_hand)
            except TRY_AGAIN as again:
                if remaining == 0:
                    raise LogUnavailable(str(again)) from again
                time.sleep(random.uniform(0, PAUSE_BETWEEN_TRIES_S_MAX))  # noqa: S311  # spreads, hides nothing
        raise AssertionError("the last try returns or raises")

    def _append_fetching(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], now_ms: int, at_hand: cold.AtHand
    ) -> Answer:
        """Whoever needs a body that lies in a file gives back lock and connection, reads it, and comes again: nobody
        waits for a disk of ours that is not the database's."""
        for _ in range(FETCHES_MAX):
            try:
                return self._append(tenant, wanted, decide, now_ms, at_hand)
            except cold.NotAtHand as needed:
                at_hand.read(cold.over(self._pool, tenant), needed.marks)
        raise LogUnavailable("the bodies that this names move from file to file")

    def _append(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], now_ms: int, at_hand: cold.AtHand
    ) -> Answer:
        with self._at_the_lock(tenant) as connection:
            with connection.pipeline():
                connection.execute(of_tenant.BEGIN)
                of_tenant.set_tenant(connection, tenant, looks_up=True)
                reads = _reads(connection, tenant, wanted, statements.LOCK_HEAD)
            (*_, frontier), known = _known(reads, tenant, wanted, at_hand)
            hit("push.locked")
            changes, answer = decide(known)
            _check_positions(changes, known)
            tree = appended(known.position, frontier, leaf_hashes(changes.events))
            _store(connection, tenant, changes, known, now_ms, frontier=tree)
        if changes.events:
            self._ring(tenant, known.position + len(changes.events))
        return answer

    def _append_ahead(
        self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], moved: Moved[Answer], now_ms: int
    ) -> tuple[Answer] | None:
        """Decide before the lock and confirm under it, so that others wait for the writing alone; None: not this time.

        What was read ahead still holds if nothing is held, the replicas have not moved and none of the ids was set
        aside. What else could have come between (an event of the same id, the next version of an entity) the event
        table's keys refuse.
        """
        with self._connection() as connection, connection.pipeline():
            of_tenant.set_tenant(connection, tenant, looks_up=True)
            ahead = _reads(connection, tenant, wanted, statements.READ_HEAD)
        _, known = _known(ahead, tenant, wanted, cold.over(self._pool, tenant))  # a file is read while nothing is held
        if known.held:
            return None
        changes, answer = decide(known)
        if len(changes.events) < ROWS_WORTH_COLUMNS or changes.held or changes.quarantined:
            return None
        _check_positions(changes, known)
        leaves = leaf_hashes(changes.events)  # they say nothing of positions, which may still move
        stored: tuple[Answer] | None = None
        position = known.position
        with suppress(Conflicting, *TRY_AGAIN), self._at_the_lock(tenant) as connection:
            told = {"tenant": tenant, "replicas": [row.replica for row in changes.replicas]}
            with connection.pipeline():
                connection.execute(of_tenant.BEGIN)
                of_tenant.set_tenant(connection, tenant, looks_up=True)
                head = connection.cursor(binary=True).execute(statements.LOCK_HEAD, told)
                replicas = connection.cursor(binary=True).execute(statements.REPLICAS, told)
                held = connection.cursor(binary=True).execute(statements.ANYTHING_HELD, told)
                ids = {"tenant": tenant, "ids": _array(wanted.ids), "unsettled": [*UNSETTLED]}
                aside = connection.cursor(binary=True).execute(statements.SET_ASIDE, ids)
            position, epoch, _, frontier = head.fetchall()[0]
            hit("push.locked")
            has_moved = any(known.replicas[row[0]] != ReplicaRow(*row) for row in replicas.fetchall())
            if has_moved or held.fetchall() or aside.fetchall() or epoch != known.epoch:
                return None
            by = position - known.position
            tree = appended(position, frontier, leaves)
            _store(connection, tenant, grants_moved(changes, by), known, now_ms, frontier=tree, moved_by=by)
            stored = (moved(answer, by),)
        if stored is not None:
            self._ring(tenant, position + len(changes.events))
        return stored

    @contextmanager
    def _at_the_lock(self, tenant: TenantId) -> Generator[Connection]:
        with self._turns.of(tenant), self._connection() as connection, _rolled_back_if_open(connection):
            yield connection

    @contextmanager
    def _connection(self) -> Generator[Connection]:
        with told_as_ours(), self._pool.connection() as connection:
            yield connection

    def head(self, tenant: TenantId) -> Head:
        return _head(self._rows(statements.READ_HEAD, tenant=tenant), tenant)

    def begin_epoch(self, tenant: TenantId, epoch: str, *, skipping: Mapping[str, int] | None = None) -> Head:
        with of_tenant.transaction(self._pool, tenant) as connection:
            found = connection.execute(statements.BEGIN_EPOCH, {"tenant": tenant, "epoch": epoch}).fetchall()
            # The head is locked now, so nobody is about to write on after the numbers that are left out.
            asked = {"tenant": tenant, "replicas": [*(skipping or {})], "numbers": [*(skipping or {}).values()]}
            connection.execute(statements.SKIP_NUMBERS, asked)
        return _head(found, tenant)

    def mark_durable(self, tenant: TenantId, position: int) -> Head:
        return _head(self._rows(statements.MARK_DURABLE, tenant=tenant, position=position), tenant)

    def page(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[EventRow]:
        return cold.event_rows(self._pool, statements.PAGE, {"tenant": tenant, "after": after, "limit": limit})

    def moment(self, tenant: TenantId) -> AbstractContextManager[PostgresMoment]:
        return moment(self._pool, tenant)

    def past(self, tenant: TenantId) -> PostgresPast:
        return PostgresPast(self._pool, tenant)

    def entity(self, tenant: TenantId, entity: str) -> EntityRow | None:
        asked = {"tenant": tenant, "entity": entity}
        found = of_tenant.rows(self._pool, statements.ENTITY, asked, looks_up=True)
        return EntityRow(*found[0]) if found else None

    def entities(
        self, tenant: TenantId, entity_type: str, *, after: str, limit: int, scopes: Sequence[str] | None = None
    ) -> Sequence[EntityRow]:
        asked: dict[str, Any] = {"tenant": tenant, "type": entity_type, "after": after, "limit": limit}
        if scopes is None:
            return [EntityRow(*row) for row in self._rows(statements.ENTITIES_OF_TYPE, **asked)]
        asked["scopes"] = list(scopes)
        return [EntityRow(*row) for row in self._rows(statements.ENTITIES_OF_TYPE_IN_SCOPES, **asked)]

    def states(self, tenant: TenantId) -> Iterator[tuple[str, bytes]]:
        with (
            of_tenant.transaction(self._pool, tenant) as connection,
            connection.cursor("states", binary=True) as cursor,  # on the server: we hold one fetch at a time
        ):
            cursor.itersize = STATES_PER_FETCH
            yield from cursor.execute(statements.STATES, {"tenant": tenant})

    def scopes(self, tenant: TenantId, person: str, *, at: int) -> Sequence[ScopeRow]:
        return [ScopeRow(*row) for row in self._rows(statements.SCOPES, tenant=tenant, person=person, at=at)]

    def case(self, tenant: TenantId, replica: str, seq: int) -> CaseRow | None:
        found = self._rows(quarantine.CASE, tenant=tenant, replica=replica, seq=seq)
        return quarantine.case_of_row(found[0]) if found else None

    def cases(
        self, tenant: TenantId, wanted: CasesWanted, *, after: tuple[int, str, int], limit: int
    ) -> Sequence[CaseRow]:
        asked = {"tenant": tenant, **wanted._asdict(), "limit": limit}
        asked |= {"after_ms": after[0], "after_replica": after[1], "after_seq": after[2]}
        return [quarantine.case_of_row(row) for row in self._rows(quarantine.CASES, **asked)]

    def mint(self, tenant: TenantId, *, replica: str, person: str, name: str, now_ms: int) -> None:
        try:
            self._rows(statements.MINT, tenant=tenant, replica=replica, person=person, name=name, now_ms=now_ms)
        except Conflicting as taken:
            raise ReplicaTaken(replica) from taken

    def replica(self, tenant: TenantId, replica: str) -> ReplicaRow | None:
        found = self._rows(statements.REPLICAS, tenant=tenant, replicas=[replica])
        return ReplicaRow(*found[0]) if found else None

    def unread(self, tenant: TenantId, *, after: tuple[str, int], limit: int) -> Sequence[HeldRow]:
        asked = {"tenant": tenant, "after_replica": after[0], "after_seq": after[1], "limit": limit}
        return [_held(row) for row in self._rows(statements.UNREAD, **asked)]

    def tracked(self, tenant: TenantId, follower: str) -> int | None:
        found = self._rows(statements.TRACKED, tenant=tenant, follower=follower)
        return found[0][0] if found else None

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, asked)


def _head(found: list[tuple[Any, ...]], tenant: TenantId) -> Head:
    if not found:
        raise TenantUnknown(tenant)
    return Head(*found[0])


@contextmanager
def _rolled_back_if_open(connection: Connection) -> Generator[None]:
    try:
        yield
    finally:
        if connection.info.transaction_status in _OPEN:
            connection.execute(statements.ROLLBACK)


def _store(
    connection: Connection,
    tenant: TenantId,
    changes: Changes,
    known: Known,
    now_ms: int,
    *,
    frontier: list[bytes],
    moved_by: int = 0,
) -> None:
    """Write everything, the events that many positions later than they say, and commit; `frontier` is what the tree
    has with them."""
    by_column, by_json = _divided(changes, known)
    assert by_column.events or not moved_by, "only large batches are decided ahead"
    with connection.pipeline():
        _write_columns(connection, tenant, by_column, moved_by)
        _write(connection, tenant, by_json, now_ms)
        if changes.events:
            told = {"tenant": tenant, "events": len(changes.events), "frontier": frontier}
            connection.execute(statements.MOVE_HEAD, told)
        hit("push.before_commit")
        connection.execute(statements.COMMIT)
    hit("push.committed")


def _reads(
    connection: Connection, tenant: TenantId, wanted: Wanted, head: LiteralString
) -> dict[str, psycopg.Cursor[Any]]:
    """Send the head's statement and, behind it, the reads; the cursors are filled when the pipeline ends."""

    def ask(statement: LiteralString, **values: Any) -> psycopg.Cursor[Any]:
        return connection.cursor(binary=True).execute(statement, {"tenant": tenant, **values})

    reads = {"head": ask(head)}
    for_replicas = [orjson.dumps([[replica]]).decode() for replica, _, _ in wanted.spans]
    entities = {"entities": _array(wanted.entities), "for_replicas": for_replicas}
    if wanted.replicas:
        reads["replicas"] = ask(statements.KNOWN_REPLICAS, replicas=list(wanted.replicas), **entities)
    if wanted.ids:
        reads["by_id"] = ask(statements.SETTLED_BY_ID, ids=_array(wanted.ids), unsettled=[*UNSETTLED])
    if wanted.spans:
        reads["by_dot"] = ask(statements.SETTLED_BY_DOT, spans=orjson.dumps(wanted.spans).decode())
    if wanted.spans or wanted.entities:
        reads["held"] = ask(statements.HELD, **entities)
        reads["entities"] = ask(statements.ENTITIES, **entities)
    if wanted.grants:
        asked = _grants_asked(wanted)
        reads |= {"grants": ask(statements.GRANTS, **asked), "leads_to": ask(statements.LEADS_TO, **asked)}
    if wanted.answers:
        reads["answered"] = ask(answered.ANSWERED, asked=orjson.dumps(wanted.answers).decode())
    return reads


def _array(ids: Sequence[str]) -> str:
    """UUIDs as Postgres spells an array of them: the driver's own way took 7% of a push."""
    return "{" + ",".join(ids) + "}"


def _grants_asked(wanted: Wanted) -> dict[str, str]:
    """Pairs of a person and what they are to be let into, by its name or by what lives there."""
    by_scope = [[each.person, scope] for each in wanted.grants for scope in each.scopes]
    by_entity = [[each.person, entity] for each in wanted.grants for entity in each.entities]
    return {"by_scope": orjson.dumps(by_scope).decode(), "by_entity": orjson.dumps(by_entity).decode()}


def _known(
    reads: dict[str, psycopg.Cursor[Any]], tenant: TenantId, wanted: Wanted, thaw: cold.Thaw | cold.AtHand
) -> tuple[tuple[Any, ...], Known]:
    """The head's row as it was read, and what a decision is shown."""
    head = reads["head"].fetchone()
    if head is None:
        raise TenantUnknown(tenant)
    rows = {name: cursor.fetchall() for name, cursor in reads.items() if name != "head"}
    by_dot = {(row[2], row[3]): _settled(row) for row in rows.get("by_dot", ())}
    return head, Known(
        position=head[0],
        epoch=head[1],
        durable=head[2],
        replicas={row[0]: ReplicaRow(*row) for row in rows.get("replicas", ())},
        by_id=_by_id(rows.get("by_id", ()), by_dot, wanted, thaw),
        by_dot=by_dot,
        entities={row[0]: EntityRow(*row) for row in rows.get("entities", ())},
        held=[_held(row) for row in rows.get("held", ())],
        grants={(row[0], row[1]): None if row[2] else row[3] for row in rows.get("grants", ())},
        ended_at_ms={row[3]: row[4] for row in rows.get("grants", ()) if row[4] is not None},
        leads_to=leading_on({}, [ScopeLinkRow(row[0], row[1], 0) for row in rows.get("leads_to", ())]),
        answered={(row[0], row[1]): AnsweredRow(*row) for row in rows.get("answered", ())},
    )


def _by_id(
    rows: Sequence[tuple[Any, ...]],
    by_dot: Mapping[tuple[str, int], Settled],
    wanted: Wanted,
    thaw: cold.Thaw | cold.AtHand,
) -> dict[str, Settled]:
    """What the ids are settled by, with what was said then.

    What is handed in again under its own number is known by its hash: where the body lies elsewhere, nobody looks
    there, so a retry is answered whether the file is there or not. The words count only where another tells them.
    """
    told = Counter(wanted.ids)
    again = {
        row[1]: by_dot[row[2], row[3]]
        for row in rows
        if is_cold(row[_BODY_BY_ID]) and (row[2], row[3]) in by_dot and told[row[1]] == 1
    }
    whole = thaw.rows([row for row in rows if row[1] not in again], at=_BODY_BY_ID)
    return {**again, **{row[1]: _settled(row) for row in whole}}


def _settled(row: tuple[Any, ...]) -> Settled:
    settled = Settled(*row)
    return settled._replace(missing=_dots(row[6]))


def _held(row: tuple[Any, ...]) -> HeldRow:
    replica, seq, event_id, entity, missing, actor, body = row
    return HeldRow(replica, seq, event_id, entity, _dots(missing), actor, body)


def _dots(missing: list[list[Any]] | None) -> tuple[tuple[str, int], ...]:
    return tuple((replica, seq) for replica, seq in missing or ())


def _check_positions(changes: Changes, known: Known) -> None:
    expected = range(known.position + 1, known.position + len(changes.events) + 1)
    assert [row.position for row in changes.events] == list(expected), "positions follow the head without a gap"


def _divided(changes: Changes, known: Known) -> tuple[Changes, Changes]:
    """What goes in by columns and what by JSON.

    Columns take less of Postgres' time and need some of ours to be put together, so they are for batches; and they only
    add, so entities that are there already go by JSON.
    """
    if len(changes.events) < ROWS_WORTH_COLUMNS:
        return Changes(), changes
    new = [row for row in changes.entities if row.entity not in known.entities]
    old = [row for row in changes.entities if row.entity in known.entities]
    return Changes(events=changes.events, entities=new), replace(changes, events=(), entities=old)


def _write_columns(connection: Connection, tenant: TenantId, changes: Changes, moved_by: int) -> None:
    if changes.events:
        told = binary_columns.events(tenant, changes.events, moved_by=moved_by)
        connection.execute(binary_columns.INSERT_EVENTS, told)
        hit("push.inserted")
    if changes.entities:
        connection.execute(binary_columns.INSERT_ENTITIES, binary_columns.entities(tenant, changes.entities))
        hit("push.inserted")


def _write(connection: Connection, tenant: TenantId, changes: Changes, now_ms: int) -> None:
    def do(statement: LiteralString, rows: Sequence[Any], **values: Any) -> None:
        if rows:
            told = {"tenant": tenant, "rows": orjson.dumps(rows).decode(), "now_ms": now_ms, **values}
            connection.execute(statement, told)
            hit("push.inserted")

    do(statements.INSERT_EVENTS, [_with_body(row) for row in changes.events])
    do(statements.UPSERT_ENTITIES, [{**row._asdict(), "state": row.state.decode()} for row in changes.entities])
    do(statements.MOVE_REPLICAS, [row._asdict() for row in changes.replicas])
    do(statements.INSERT_HELD, [_with_body(row) for row in changes.held])
    do(statements.RELEASE_HELD, [{"replica": replica, "seq": seq} for replica, seq in changes.released])
    do(statements.INSERT_QUARANTINED, [_with_body(row) for row in changes.quarantined])
    do(statements.MOVE_TRACKED, [row._asdict() for row in changes.tracked])
    do(statements.INSERT_GRANTED, [row._asdict() for row in changes.granted])
    for row in sorted(changes.ended, key=lambda row: row.position):
        connection.execute(statements.END_GRANTED, {"tenant": tenant, **row._asdict()})
    do(statements.INSERT_LINKS, [row._asdict() for row in changes.links])
    do(statements.INSERT_LATER, [row._asdict() for row in changes.later])
    do(quarantine.MOVE_CASES, [row._asdict() for row in changes.cases])
    for order in changes.answered:
        connection.execute(answered.FORGET, {"tenant": tenant, "before_ms": order.answered_at_ms - ANSWER_KEPT_MS})
        connection.execute(answered.KEEP, {"tenant": tenant, **order._asdict()})


def _with_body(row: Any) -> dict[str, Any]:
    """A row as JSON can carry it."""
    told = row._asdict()
    body: bytes = told["body"]
    try:
        if b"\x00" in body:
            raise ValueError  # valid in UTF-8, not in a text of Postgres
        told["body"] = body.decode()
    except ValueError:
        told["body"], told["body_base64"] = None, base64.b64encode(body).decode()
    return told  # type: ignore[no-any-return]  # a NamedTuple that has a body
