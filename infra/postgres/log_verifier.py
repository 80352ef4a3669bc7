"""Reads a tenant's whole log, or its audit, from Postgres and checks it.

Every leaf is held to its tile, then to every checkpoint, and to the head.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import errors
from psycopg_pool import ConnectionPool

from infra.cold_file import ColdFileMissing
from infra.postgres import of_tenant
from infra.postgres.leaves import Run
from infra.postgres.pool import Connection
from infra.postgres.proof_shelf import PostgresTreeShelf
from infra.postgres.tree_tables import EVENTS, TreeTables
from sync.checkpoint import SAID, NoteUnreadable, Origin, Said, Verify, read_note
from sync.log import TenantId
from sync.log_check import Finding, LogCheck, Signed
from sync.proof_shelf import SignedRow
from sync.tiles import Tiles

CONNECTIONS: Final = 2
"""One streams the log, the other looks things up meanwhile."""
EVENTS_PER_STATEMENT: Final = 100_000
"""A statement has a time limit."""
LEAVES_PER_STEP: Final = 4_096
CHECKPOINTS_PER_PAGE: Final = 1_000
TILES_PER_READ: Final = 64
TILES_KEPT: Final = 512


class CameTo(NamedTuple):
    """How far a check has come: it can go on there another time."""

    size: int
    frontier: Sequence[bytes]


FROM_THE_BEGINNING: Final = CameTo(0, ())


class Verified(NamedTuple):
    """What a check has found."""

    events: int
    """How many were looked at, by this pass and those that it went on from."""
    upto: int
    """Where the log's head says that it ends."""
    checkpoints: int
    """How many were held to it."""
    finding: Finding | None


class LogVerifier:
    """Checks the logs of a database, or its audits, over a pool of CONNECTIONS that may read."""

    def __init__(
        self, pool: ConnectionPool[Connection], publics: Sequence[bytes], verify: Verify, tables: TreeTables = EVENTS
    ) -> None:
        self._pool, self._publics, self._verify, self._tables = pool, publics, verify, tables
        self._said = SAID[tables.stream]
        self._shelf = PostgresTreeShelf(pool, tables)

    def verify(
        self,
        tenant: TenantId,
        *,
        against: Sequence[Signed] = (),
        begin: CameTo = FROM_THE_BEGINNING,
        came_to: Callable[[CameTo, int], None] = lambda _, __: None,
    ) -> Verified:
        """Check a tenant's log from where `begin` says; `came_to` is told now and then how far it is, and of how many.

        `against` are checkpoints that somebody else has kept. Raises TenantUnknown and LogUnavailable.
        """
        anchor = self._shelf.anchor(tenant)
        signed, spoiled = [*against], list[Finding]()
        for row in self._checkpoints(tenant):
            kept = self._signed(tenant, row)
            if isinstance(kept, Finding):
                spoiled.append(kept)
            else:
                signed.append(kept)
        check = LogCheck(
            upto=anchor.position,
            tiles=self._tiles(tenant),
            signed=signed,
            size=begin.size,
            frontier=begin.frontier,
            stream=self._tables.stream,
        )
        if check.finding is None:
            self._read(tenant, check, anchor.position, came_to)
        if check.finding is None:
            check.end(anchor.frontier)
        if check.finding is None:
            self._look_outside(tenant, check, anchor.position)
        finding = check.finding or next(iter(spoiled), None)
        return Verified(check.size, anchor.position, len(signed), finding)

    def _look_outside(self, tenant: TenantId, check: LogCheck, upto: int) -> None:
        outside = self._rows(self._tables.outside, tenant=tenant, upto=upto)
        if outside and self._shelf.anchor(tenant).position == upto:  # else it has just grown
            check.miss(
                f"There is an {self._said.each} at position {outside[0][0]}, where the {self._said.whole}'s head knows "
                "of none."
            )

    def _checkpoints(self, tenant: TenantId) -> Iterator[SignedRow]:
        after = 0
        while page := self._shelf.signed(tenant, after=after, limit=CHECKPOINTS_PER_PAGE):
            yield from page
            after = page[-1].size

    def _signed(self, tenant: TenantId, row: SignedRow) -> Signed | Finding:
        try:
            note = read_note(row.note, self._tables.stream)
            told = note.checkpoint
            is_good = told == (Origin(tenant, row.epoch, self._tables.stream), row.size, row.root)
            is_good = is_good and bool(note.signed_by(self._publics, self._verify))
        except NoteUnreadable:
            is_good = False
        if is_good:
            return Signed(row.size, row.root, f"the signed checkpoint over {row.size}")
        text = f"The checkpoint over {row.size} {self._said.all} was touched, or signed by no key of this server."
        return Finding("checkpoint", row.size, row.size, text)

    def _read(self, tenant: TenantId, check: LogCheck, upto: int, came_to: Callable[[CameTo, int], None]) -> None:
        while check.size < upto:
            end = min(upto, check.size + EVENTS_PER_STATEMENT)
            goes_on = True
            try:
                with of_tenant.transaction(self._pool, tenant) as connection:
                    runs = self._tables.hashed(connection, tenant, after=check.size, upto=end, at_once=LEAVES_PER_STEP)
                    for run in runs:
                        goes_on = goes_on and _take(check, run, end, self._said)
            except errors.DataCorrupted as rot:
                check.cannot_read(end, f"The database cannot read its own disk: {rot.diag.message_primary}.")
                goes_on = False
            except ColdFileMissing as missing:
                check.cannot_read(end, str(missing))
                goes_on = False
            came_to(CameTo(check.size, check.frontier), upto)
            if not goes_on:
                return

    def _tiles(self, tenant: TenantId) -> Tiles:
        """Tiles of level 0 come many at a time, and none is kept for long."""
        ahead: dict[int, bytes] = {}

        @lru_cache(TILES_KEPT)
        def above(level: int, number: int) -> bytes:
            return self._shelf.tile(tenant, level, number)

        def tile(level: int, number: int) -> bytes:
            if level:
                return above(level, number)
            if number not in ahead:
                asked = {"tenant": tenant, "number": number, "end": number + TILES_PER_READ}
                ahead.clear()
                ahead.update(dict.fromkeys(range(number, number + TILES_PER_READ), b""))
                ahead.update((found, bytes(hashes)) for found, hashes in self._rows(self._tables.tiles, **asked))
            return ahead[number]

        return tile

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return of_tenant.rows(self._pool, statement, asked)


def _take(check: LogCheck, run: Run, end: int, said: Said) -> bool:
    """Hold to its place what was read; returns whether to go on."""
    if not check.take(run.hashes):
        return False
    following = check.size + 1
    if run.stranger is not None and run.stranger < following:
        check.miss(f"There are two {said.all} at position {run.stranger}.")
    elif run.stranger is not None or (len(run.hashes) < LEAVES_PER_STEP and following <= end):
        check.miss(f"The {said.each} at position {following} is missing.")
    return check.finding is None
