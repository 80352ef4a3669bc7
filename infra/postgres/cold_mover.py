"""Moves the bodies of old events out of the database into cold files, and back.

The copy comes first: a file is written, read again from the disk, and every leaf in it held to the tiles, before one
transaction writes which file has them and puts marks in their stead. Whoever is killed in between leaves a file that
nobody names, and a log as it was. A trigger looks at each row: the mark must hold the hash of the body that it
replaces, and a body that comes back must have the hash that its mark holds, whoever asks.

No file is removed on the way, also not when its bodies are back: a backup, a standby or a clone of the database may
still have the marks that name it, and so may whoever is reading right now. `infra.postgres.cold_pruner` does it later.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

from infra.cold_file import (
    BEGINS,
    BodySpoiled,
    ColdFileMissing,
    Place,
    hash_of_file,
    mark,
    read_rows,
    settle,
    write_rows,
)
from infra.failpoints import hit
from infra.postgres import of_tenant
from infra.postgres.cold import IS_COLD
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from infra.tree_keeper import LogTouched
from infra.whole_file import sync_to_disk
from sync.envelope import hash_of
from sync.leaf import leaf_hashes
from sync.limits import DAY_MS, KEPT_DAYS_MAX
from sync.log import TenantId
from sync.merkle import HASH_BYTES
from sync.proof_shelf import ProofShelf, SignedRow
from sync.rows import EventRow
from sync.tiles import WIDTH, split, widths_of

EVENTS_PER_FILE: Final = 20_000
"""A file holds whole jobs, and ends with the one that brings it to so many."""
ROWS_PER_STATEMENT: Final = 2_000

_FILES: Final[LiteralString] = """
    select file::text, first_position, last_position, events, bytes,
           (extract(epoch from moved_at) * 1000)::bigint, sha256, path,
           (extract(epoch from restored_at) * 1000)::bigint
    from cold_file where tenant = %(tenant)s order by first_position, file
"""
# Whether anything was written of a job since, and how much of it is still in the database.
_RIPE: Final[LiteralString] = f"""
    select asked.scope, newest.position, warm.events
    from unnest(%(scopes)s::text[]) as asked(scope)
    cross join lateral (
        select position, recorded_at from event where tenant = %(tenant)s and event.scope = asked.scope
        order by position desc limit 1) as newest
    cross join lateral (
        select count(*) as events from event
        where tenant = %(tenant)s and event.scope = asked.scope and not {IS_COLD}) as warm
    where newest.recorded_at < timestamptz 'epoch' + %(before_ms)s * interval '1 ms'
          and (newest.position <= %(durable)s
               or newest.recorded_at < timestamptz 'epoch' + %(kept_ms)s * interval '1 ms')
          and newest.position <= %(upto)s and warm.events > 0
    order by newest.position
"""
_WARM: Final[LiteralString] = f"""
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
           effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event where tenant = %(tenant)s and scope = %(scope)s and position <= %(upto)s and not {IS_COLD}
    order by position
"""
_LOCK: Final[LiteralString] = "select pg_try_advisory_lock(hashtextextended('cold ' || %(tenant)s, 0))"
_UNLOCK: Final[LiteralString] = "select pg_advisory_unlock(hashtextextended('cold ' || %(tenant)s, 0))"
_MOVES_BODIES: Final[LiteralString] = "select set_config('app.moves_bodies', 'yes', true)"
_NAME: Final[LiteralString] = """
    insert into cold_file (tenant, file, first_position, last_position, events, bytes, moved_at, sha256, path)
    values (%(tenant)s, %(file)s, %(first)s, %(last)s, %(events)s, %(size)s,
            timestamptz 'epoch' + %(moved_at_ms)s * interval '1 ms', %(sha256)s, %(path)s)
"""
_PUT: Final[LiteralString] = """
    update event set body = t.body from unnest(%(positions)s::bigint[], %(bodies)s::bytea[]) as t(position, body)
    where event.tenant = %(tenant)s and event.position = t.position
"""
_RESTORED: Final[LiteralString] = """
    update cold_file set restored_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and file = %(file)s
"""
_IS_NAMED: Final[LiteralString] = f"""
    select exists (
        select from event
        where tenant = %(tenant)s and position between %(first)s and %(last)s
              and {IS_COLD} and substr(body, 1, %(length)s) = %(begins)s)
"""
_FORGET: Final[LiteralString] = """
    delete from cold_file where tenant = %(tenant)s and file = %(file)s and restored_at is not null
"""
_LIES_IN: Final[LiteralString] = "update cold_file set path = %(path)s where tenant = %(tenant)s and file = %(file)s"


class ColdFile(NamedTuple):
    """A file in which bodies of old events lie."""

    file: str
    first: int
    last: int
    events: int
    size: int
    """In bytes."""
    moved_at_ms: int
    sha256: bytes
    path: str
    restored_at_ms: int | None = None
    """Since when the log has the bodies itself again; None: it has them here."""


class Ripe(NamedTuple):
    """A job of which nothing was written for long."""

    scope: str
    newest: int
    events: int
    """How many of its bodies are still in the database."""


class MoverBusy(Exception):
    """Somebody else moves bodies of this tenant right now."""


class ColdMover:
    """Works on a connection that acts as the owner of the tables; a tenant is one mover's at a time."""

    def __init__(self, owner: Connection, shelf: ProofShelf) -> None:
        self._owner, self._shelf = owner, shelf
        self._laid: set[Path] = set()
        """Tiles that were held to the tree by this mover."""

    @contextmanager
    def alone(self, tenant: TenantId) -> Generator[None]:
        """Keep other movers out of a tenant; raises MoverBusy."""
        asked = {"tenant": tenant}
        if self._owner.execute(_LOCK, asked).fetchone() != (True,):
            raise MoverBusy(tenant)
        try:
            yield
        finally:
            if not self._owner.closed:
                self._owner.execute(_UNLOCK, asked)

    def files(self, tenant: TenantId) -> Sequence[ColdFile]:
        """What has been moved, by position."""
        with self._transaction(tenant):
            return [ColdFile(*row) for row in self._ask(_FILES, tenant=tenant)]

    def ripe(
        self, tenant: TenantId, scopes: Sequence[str], *, before_ms: int, upto: int, durable: int, now_ms: int
    ) -> Sequence[Ripe]:
        """Those of these scopes of which nothing was written since, and nothing after position `upto`.

        What no verified backup holds yet stays as long as devices keep it too: `durable` is up to where one does. Were
        its file lost, nobody would take from them what the log knows already.
        """
        kept_ms = now_ms - KEPT_DAYS_MAX * DAY_MS
        asked = {"tenant": tenant, "scopes": list(scopes), "before_ms": before_ms, "upto": upto}
        asked |= {"durable": durable, "kept_ms": kept_ms}
        with self._transaction(tenant):
            return [Ripe(*row) for row in self._ask(_RIPE, **asked)]

    def move(
        self, tenant: TenantId, scopes: Sequence[str], covering: SignedRow, *, folder: Path, file: str, now_ms: int
    ) -> ColdFile:
        """Move what lies in these scopes into a new file; `covering` is a checkpoint over all of it.

        Raises LogTouched where an event is not what was signed, and ColdFileMissing where the disk does not keep what
        it is given: nothing is moved then.
        """
        rows = self._warm(tenant, scopes, covering.size)
        self._hold_to_tiles(tenant, rows)
        positions = [row.position for row in rows]
        told = {"tenant": tenant, "file": file, "checkpoint": str(covering.size)}
        made(folder)
        path = folder / f"{file}.parquet"
        write_rows(path, rows, told)
        hit("archive.written")
        self._look_again(tenant, path, rows)
        moved = ColdFile(
            *(file, min(positions), max(positions), len(rows), path.stat().st_size, now_ms),
            *(hash_of_file(path), str(path)),
        )
        self._lay_beside(tenant, folder, moved, covering, scopes)
        hit("archive.checked")
        marks = [mark(Place(file, place, bytes.fromhex(hash_of(row.body)))) for place, row in enumerate(rows)]
        with self._transaction(tenant):
            self._ask(_NAME, tenant=tenant, **moved._asdict())
            self._put(tenant, positions, marks)
            hit("archive.before_commit")
        hit("archive.committed")
        return moved

    def restore(self, tenant: TenantId, cold: ColdFile, *, now_ms: int) -> None:
        """Bring the bodies of a file back; the file stays. Raises ColdFileMissing unless it is what was written."""
        path = Path(cold.path)
        is_same = hash_of_file(path) == cold.sha256
        rows = list(read_rows(path)) if is_same else []
        if len(rows) != cold.events:
            raise BodySpoiled(
                f"{path} is not the file that was written: its SHA-256 differs. Nothing of it was brought back. "
                "Put a copy of it from a backup in its place, and call this again."
            )
        with self._transaction(tenant):
            self._put(tenant, [row.position for row in rows], [row.body for row in rows])
            self._ask(_RESTORED, tenant=tenant, file=cold.file, now_ms=now_ms)
            hit("archive.restored")

    def lies_in(self, tenant: TenantId, cold: ColdFile, folder: Path) -> None:
        """Somebody has taken a file elsewhere; raises ColdFileMissing unless it is there, and the same."""
        path = folder / f"{cold.file}.parquet"
        if hash_of_file(path) != cold.sha256:
            raise ColdFileMissing(f"{path} is not the file that was written: its SHA-256 differs. Copy it once more.")
        sync_to_disk(path)
        sync_to_disk(folder)
        with self._transaction(tenant):
            self._ask(_LIES_IN, tenant=tenant, file=cold.file, path=str(path))

    def is_named(self, tenant: TenantId, cold: ColdFile) -> bool:
        """Whether the log says of any event that it lies in a file."""
        begins = mark(Place(cold.file, 0, bytes(32)))[: len(BEGINS) + 16]
        asked = {"first": cold.first, "last": cold.last, "begins": begins, "length": len(begins)}
        with self._transaction(tenant):
            return self._ask(_IS_NAMED, tenant=tenant, **asked) == [(True,)]

    def forget(self, tenant: TenantId, cold: ColdFile) -> None:
        """Know nothing any more of a file whose bodies were brought back."""
        with self._transaction(tenant):
            self._ask(_FORGET, tenant=tenant, file=cold.file)

    def _warm(self, tenant: TenantId, scopes: Sequence[str], upto: int) -> list[EventRow]:
        """Job after job, so that what belongs together lies together in the file."""
        with self._transaction(tenant):
            found = [self._ask(_WARM, tenant=tenant, scope=scope, upto=upto) for scope in scopes]
        return [EventRow(*row) for rows in found for row in rows]

    def _hold_to_tiles(self, tenant: TenantId, rows: Sequence[EventRow]) -> None:
        tiles: dict[int, list[bytes]] = {}
        for row, hashed in zip(rows, leaf_hashes(rows), strict=True):
            number, offset = divmod(row.position - 1, WIDTH)
            if number not in tiles:
                tiles[number] = split(self._shelf.tile(tenant, 0, number))
            if tiles[number][offset : offset + 1] != [hashed]:
                raise LogTouched(
                    f"The event at position {row.position} is not what was signed; nothing more is moved. "
                    "`cairn verify` says what was touched."
                )

    def _look_again(self, tenant: TenantId, path: Path, rows: Sequence[EventRow]) -> None:
        again = list(read_rows(path))
        if again != list(rows):
            raise ColdFileMissing(
                f"{path} does not hold what was written into it; nothing was moved. Look at the disk."
            )
        self._hold_to_tiles(tenant, again)

    def _lay_beside(
        self, tenant: TenantId, folder: Path, moved: ColdFile, covering: SignedRow, scopes: Sequence[str]
    ) -> None:
        """What proves a file without the database: the checkpoint, the tiles up to it, and what the file is.

        A log that was restored is another one from there on, so the tiles of each epoch lie in a folder of their own.
        """
        tiles = folder / covering.epoch
        for level, (full, rest) in widths_of(covering.size).items():
            for number in range(full):
                self._lay_tile(tenant, tiles, level, number, WIDTH)
            if rest:
                self._lay_tile(tenant, tiles, level, full, rest)
        told: dict[str, Any] = {
            **{name: value for name, value in moved._asdict().items() if name != "restored_at_ms"},
            "tenant": tenant,
            "sha256": moved.sha256.hex(),
            "checkpoint": covering.size,
            "tiles": covering.epoch,
            "scopes": list(scopes),
        }
        path = Path(moved.path)
        _write(path.with_suffix(".checkpoint"), covering.note)
        _write(path.with_suffix(".json"), json.dumps(told, indent=2).encode())

    def _lay_tile(self, tenant: TenantId, folder: Path, level: int, number: int, width: int) -> None:
        path = folder / tile_path(level, number, width)
        if path in self._laid:
            return
        hashes = self._shelf.tile(tenant, level, number)[: width * HASH_BYTES]
        if not path.exists() or path.read_bytes() != hashes:  # what a disk has spoiled is laid anew
            made(path.parent)
            _write(path, hashes)
        self._laid.add(path)

    def _put(self, tenant: TenantId, positions: Sequence[int], bodies: Sequence[bytes]) -> None:
        self._owner.execute(_MOVES_BODIES)
        for begin in range(0, len(positions), ROWS_PER_STATEMENT):
            end = begin + ROWS_PER_STATEMENT
            asked = {"tenant": tenant, "positions": list(positions[begin:end]), "bodies": list(bodies[begin:end])}
            put = self._owner.execute(_PUT, asked)
            assert put.rowcount == len(asked["positions"]), "events never go away"

    @contextmanager
    def _transaction(self, tenant: TenantId) -> Generator[None]:
        with told_as_ours(), self._owner.transaction():
            of_tenant.set_tenant(self._owner, tenant)
            yield

    def _ask(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        cursor = self._owner.cursor(binary=True).execute(statement, asked)
        return cursor.fetchall() if cursor.description else []


def batches(ripe: Sequence[Ripe], events_per_file: int = EVENTS_PER_FILE) -> Iterator[list[Ripe]]:
    """Whole jobs, as many as go into one file."""
    batch, held = list[Ripe](), 0
    for each in ripe:
        batch.append(each)
        held += each.events
        if held >= events_per_file:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def tile_path(level: int, number: int, width: int) -> str:
    """Where C2SP `tlog-tiles` puts a tile: the number in thousands, and how wide it is where it is not full."""
    thousands = [f"{number % 1_000:03}"]
    while number := number // 1_000:
        thousands.insert(0, f"x{number % 1_000:03}")
    return f"tile/{level}/{'/'.join(thousands)}{'' if width == WIDTH else f'.p/{width}'}"


def made(folder: Path) -> None:
    """A folder that is there after a crash; what people wrote is nobody's business who has none with the server."""
    if folder.is_dir():
        return
    made(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_to_disk(folder.parent)


def _write(path: Path, content: bytes) -> None:
    writing = path.with_name(f"{path.name}.writing")
    writing.write_bytes(content)
    settle(writing, path)
