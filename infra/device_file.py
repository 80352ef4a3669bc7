"""A device in a file: everything that `sync.device.Device` holds, in SQLite, one transaction per step.

Whoever was killed in the middle of a step opens the device as it was before it. Events are kept as the bytes that were
hashed. The file belongs to one process at a time; a copy of it that also writes is a clone, which the server notices.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from infra.pinned_log import Pinned, decoded, encoded
from sync import state_codec
from sync.author import Author
from sync.device import Device, Kept, Pending, Quarantined, on_top
from sync.envelope import Unacceptable, parse
from sync.merge import State
from sync.queue_check import damage

VERSION: Final = 4
_SCHEMA: Final = """
    create table standing (
        one integer primary key check (one = 1), tenant text not null, person text not null,
        replica text not null, seq integer not null, prev text, at text not null, seen integer not null,
        cursor integer not null, resume text not null, epoch text not null, view text not null, forked_at integer);
    create table accepted (entity text primary key, home text not null, is_stale integer not null, state blob not null)
        without rowid;
    create table outbox (
        id text primary key, number integer not null, verdict text not null, position integer not null,
        event blob not null);
    create table quarantined (
        id text primary key, case_ text not null, code text not null, text text not null, retryable integer not null,
        event blob not null);
    create table kept (id text primary key, position integer not null, event blob not null);
    create table elsewhere (seq integer primary key, replica text not null, told_as integer not null);
"""
_SINCE_VERSION_2: Final = """
    create table entered (scope text primary key, position integer not null);
"""
_SINCE_VERSION_3: Final = """
    create table pinned (one integer primary key check (one = 1), log blob not null);
"""
_SINCE_VERSION_4: Final = """
    alter table kept add column since_ms integer not null default 0;
    pragma user_version = 4;
"""
_Key = TypeVar("_Key", str, int)
_Value = TypeVar("_Value")


class DeviceFileUnfit(Exception):
    """The file cannot be used: by this program, by this person, or now. The text says which and what to do."""


class Owner(NamedTuple):
    """Whose device it is."""

    tenant: str
    person: str


class DeviceFile:
    """One device's file, open; use it as a context manager. Raises DeviceFileUnfit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Exclusive: two processes that write in one replica's name would be one that contradicts itself.
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.DatabaseError as fault:
            self._db.close()
            if getattr(fault, "sqlite_errorname", "") in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise DeviceFileUnfit(
                    f"{path} is open in another process; a device is one process at a time."
                ) from fault
            raise DeviceFileUnfit(f"{path} is not a device's file: {fault}.") from fault
        except DeviceFileUnfit:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")  # in WAL, less than this may lose what was committed last
        (version,) = self._db.execute("pragma user_version").fetchone()
        if not 0 <= version <= VERSION:
            raise DeviceFileUnfit(f"{self._path} was written by a newer program (version {version}); update this one.")
        self._db.execute("begin immediate")
        steps = (_SCHEMA, _SINCE_VERSION_2, _SINCE_VERSION_3, _SINCE_VERSION_4)
        missing = "".join(steps[version:])
        for statement in missing.split(";"):
            self._db.execute(statement)
        self._db.execute("commit")

    def owner(self) -> Owner | None:
        """Whose device it is; None where the file is new."""
        row = self._db.execute("select tenant, person from standing").fetchone()
        return Owner(*row) if row else None

    def pinned(self) -> Pinned | None:
        """What is kept of the server's log; None where nothing was seen of it yet."""
        row = self._db.execute("select log from pinned").fetchone()
        return decoded(row[0]) if row else None

    def pin(self, pinned: Pinned | None) -> None:
        """Keep what was seen of the server's log, or nothing."""
        if pinned is None:
            self._db.execute("delete from pinned")
        else:
            self._db.execute("insert or replace into pinned values (1, ?)", (encoded(pinned),))

    def load(self) -> Device | None:
        """The device as it was after the last step; None where the file is new.

        Raises DeviceFileUnfit where what lies in the file cannot be what was saved; the file stays as it is.
        """
        try:
            rotten = [row[0] for row in self._rows("pragma quick_check(1)") if row[0] != "ok"]
            device = self._loaded() if not rotten else None
        except (sqlite3.DatabaseError, ValueError, KeyError, Unacceptable) as fault:
            raise self._damaged(f"{type(fault).__name__}: {fault}") from fault
        found = rotten[0] if rotten else device and damage(device)
        if found:
            raise self._damaged(found)
        return device

    def _damaged(self, what: str) -> DeviceFileUnfit:
        return DeviceFileUnfit(
            f"{self._path} is damaged: {what}. Nothing in it was changed, and nothing was handed in. Put it aside "
            "with the files beside it, and bring it back from a backup if there is one: what was handed in since is "
            "known to the server, and comes back. Without a backup begin with another file; what was not handed in "
            "lies in the table `outbox` of this one, an event in each row."
        )

    def _loaded(self) -> Device | None:
        row = self._db.execute(
            "select replica, seq, prev, at, seen, cursor, resume, epoch, view, forked_at from standing"
        ).fetchone()
        if row is None:
            return None
        replica, seq, prev, at, seen, *pulled, forked_at = row
        homes, states = dict[str, str](), self._rows("select entity, home, is_stale, state from accepted")
        accepted, stale = dict[str, State](), set[str]()
        for entity, home, is_stale, state in states:
            homes[entity], accepted[entity] = home, state_codec.decode(state)
            if is_stale:
                stale.add(entity)
        waiting = self._rows("select id, event, verdict, position from outbox order by number")
        aside = self._rows("select id, event, case_, code, text, retryable from quarantined")
        kept = self._rows("select id, event, position, since_ms from kept")
        elsewhere = self._rows("select seq, replica, told_as from elsewhere")
        entered = self._rows("select scope, position from entered")
        device = Device(
            author=Author(replica=replica, seq=seq, prev=prev, at=at, seen=seen),
            **dict(zip(("cursor", "resume", "epoch", "view"), pulled, strict=True)),
            accepted=accepted,
            homes=homes,
            entered=dict(entered),
            stale=frozenset(stale),
            outbox={name: Pending(parse(raw), *rest) for name, raw, *rest in waiting},
            quarantined={
                name: Quarantined(parse(raw), case, code, text, bool(again))
                for name, raw, case, code, text, again in aside
            },
            kept={name: Kept(parse(raw), *rest) for name, raw, *rest in kept},
            forked_at=forked_at,
            elsewhere={seq: (replica, told_as) for seq, replica, told_as in elsewhere},
        )
        touched = {pending.event.entity for pending in device.outbox.values()}
        return replace(device, edited=on_top(device, device.accepted, device.outbox, touched))

    def _rows(self, statement: str) -> list[Any]:
        """All of them: where one cannot be read, no statement is left open, which would keep the file locked."""
        return self._db.execute(statement).fetchall()

    def begin(self, device: Device, owner: Owner) -> None:
        """Store a new device; the file must be new."""
        empty = Device(author=Author(replica=""))
        self._save(empty, device, owner)

    def save(self, before: Device, after: Device) -> None:
        """Store what one step changed, all of it or nothing; `before` is what was loaded or saved last."""
        self._save(before, after, None)

    def _save(self, before: Device, after: Device, owner: Owner | None) -> None:
        self._db.execute("begin immediate")
        try:
            self._write(before, after, owner)
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _write(self, before: Device, after: Device, owner: Owner | None) -> None:
        if owner is not None:
            self._db.execute(
                "insert into standing values (1, ?, ?, '', 0, null, '', 0, 0, '', '', '', null)", (*owner,)
            )
        author = after.author
        self._db.execute(
            "update standing set replica = ?, seq = ?, prev = ?, at = ?, seen = ?, cursor = ?, resume = ?, epoch = ?,"
            " view = ?, forked_at = ?",
            (
                *(author.replica, author.seq, author.prev, author.at, author.seen),
                *(after.cursor, after.resume, after.epoch, after.view, after.forked_at),
            ),
        )
        self._write_accepted(before, after)
        self._write_outbox(before, after)
        put, gone = _changed(before.quarantined, after.quarantined)
        self._db.executemany("delete from quarantined where id = ?", _each(gone))
        self._db.executemany(
            "insert or replace into quarantined values (?, ?, ?, ?, ?, ?)",
            ((name, *each[1:], each.event.raw) for name, each in put.items()),
        )
        kept, let_go = _changed(before.kept, after.kept)
        self._db.executemany("delete from kept where id = ?", _each(let_go))
        self._db.executemany(
            "insert or replace into kept values (?, ?, ?, ?)",
            ((name, each.position, each.event.raw, each.since_ms) for name, each in kept.items()),
        )
        if before.elsewhere is not after.elsewhere:
            self._db.execute("delete from elsewhere")
            self._db.executemany(
                "insert or replace into elsewhere values (?, ?, ?)",
                ((seq, *dot) for seq, dot in after.elsewhere.items()),
            )

        entered, left = _changed(before.entered, after.entered)
        self._db.executemany("delete from entered where scope = ?", _each(left))
        self._db.executemany("insert or replace into entered values (?, ?)", entered.items())

    def _write_accepted(self, before: Device, after: Device) -> None:
        states, gone = _changed(before.accepted, after.accepted)
        moved, _ = _changed(before.homes, after.homes)
        changed = {*states, *moved, *(before.stale ^ after.stale)} - gone
        self._db.executemany("delete from accepted where entity = ?", ((entity,) for entity in gone))
        rows = (
            (entity, after.homes[entity], entity in after.stale, state_codec.encode(after.accepted[entity]))
            for entity in changed & after.accepted.keys()
        )
        self._db.executemany("insert or replace into accepted values (?, ?, ?, ?)", rows)

    def _write_outbox(self, before: Device, after: Device) -> None:
        """In the order of writing: numbers follow it, and all are given anew only when it changed in the middle."""
        if before.outbox is after.outbox:
            return
        put, gone = _changed(before.outbox, after.outbox)
        self._db.executemany("delete from outbox where id = ?", _each(gone))
        stayed = [name for name in before.outbox if name in after.outbox]
        rows = self._db.execute("select id, number from outbox order by number").fetchall() if put else []
        numbers: dict[str, int] = dict(rows)
        following = max(numbers.values(), default=0) + 1
        if [*after.outbox][: len(stayed)] != stayed:
            self._db.execute("delete from outbox")
            put, numbers = dict(after.outbox), {}
        told: list[tuple[Any, ...]] = []
        for name, pending in put.items():
            if name not in numbers:
                numbers[name], following = following, following + 1
            told.append((name, numbers[name], pending.verdict, pending.position, pending.event.raw))
        self._db.executemany("insert or replace into outbox values (?, ?, ?, ?, ?)", told)


def _each(names: Iterable[str]) -> Iterator[tuple[str]]:
    return ((name,) for name in names)


def _changed(before: Mapping[_Key, _Value], after: Mapping[_Key, _Value]) -> tuple[dict[_Key, _Value], set[_Key]]:
    """What is new or another value, and what is gone."""
    if before is after:
        return {}, set()
    put = {key: value for key, value in after.items() if before.get(key) is not value}
    return put, before.keys() - after.keys()
