"""`cairn archive`: moves what was written about jobs that are long closed into files beside the database, and back."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import Named, tenants_named

if TYPE_CHECKING:
    from rich.console import Console

    from infra.postgres.cold_mover import ColdFile, ColdMover, Ripe
    from infra.postgres.cold_pruner import Leftover
    from infra.postgres.log_copy import LogCopy
    from infra.settings import Settings
    from sync.log import EventLog, TenantId
    from sync.proof_shelf import SignedRow

JOBS_PER_LOOK = 1_000


def archive(  # noqa: PLR0917  # typer reads them by name
    closed_before: Annotated[
        str | None, typer.Option(help="Move jobs that were closed, and not written about since this day.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="The folder for the files, a folder in it for each tenant. DATA/archive if not said, beside the"
            " embedded database."
        ),
    ] = None,
    restore: Annotated[str | None, typer.Option(help="Bring back a file, by its id, or `all`.")] = None,
    now_in: Annotated[
        Path | None, typer.Option(help="The files were taken to this folder: have them read from there.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Find files that nothing names any more; with --yes, remove them.")
    ] = False,
    copy: Annotated[
        list[str] | None,
        typer.Option(help="With --prune: URL of a database that a backup was restored into; may be said often."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --prune: remove what nothing needs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved, and move nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Move the events of closed jobs into Parquet files; said without more, list the files.

    They stay in the history, in proofs and in every replay: whatever reads the log reads the files too. It runs beside
    a server, as the owner of the tables. Whoever stops it in the middle finds every event once, here or there.
    """
    from rich.console import Console

    from cairnfield.database import database, settings_with
    from cairnfield.wiring import open_accounts, open_log
    from infra.postgres.cold_mover import ColdMover
    from infra.postgres.pool import connect, open_pool
    from infra.postgres.proof_shelf import PostgresProofShelf
    from infra.postgres.roles import MIGRATOR, PROJECTOR

    _check_said(closed_before, restore, now_in, prune or None, of_prune=bool(copy or yes))
    settings, before_ms = settings_with(data=data), _day(closed_before)
    archives = _archives(settings, to) if prune or (before_ms is not None and not dry_run) else Path()
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    with (
        database(settings) as opened,
        open_pool(opened.dsn, size=2) as pool,
        open_pool(opened.dsn, size=1, role=PROJECTOR) as projecting,
        connect(settings.database_owner_url or opened.dsn, role=MIGRATOR, application_name="cairn-archive") as owner,
        _copies(copy or ()) as copies,
    ):
        mover, log = ColdMover(owner, PostgresProofShelf(projecting)), open_log(pool)
        told: list[dict[str, Any]] = []
        for named in tenants_named(tenant, open_accounts(pool).tenants()):
            with _alone(mover, named):
                if before_ms is not None:
                    covering = _signed(settings, projecting, log, named[0])
                    ripe = _ripe(mover, log, named[0], before_ms, covering)
                    moved: Sequence[ColdFile] = []
                    if ripe and not dry_run:
                        _make(archives / named[0], settings)
                        moved = _moved(mover, named, ripe, covering, archives / named[0], console)
                    told.append(_of_move(named, ripe, moved, is_dry_run=dry_run))
                elif restore is not None:
                    told.append(_of_files(named, _restored(mover, named, restore, console), "restored"))
                elif prune:
                    told.append(_pruned(mover, log, named, archives / named[0], copies, yes=yes))
                elif now_in is not None:
                    told.append(_of_files(named, _taken(mover, named[0], now_in.absolute() / named[0]), "found"))
                else:
                    told.append(_of_files(named, mover.files(named[0]), "files"))
    if restore not in (None, "all") and not any(each["files"] for each in told):
        raise CannotGoOn(f"There is no cold file {restore!r} to bring back. `cairn archive` lists them.")
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        for each in told:
            console.print(_sentence(each), markup=False)


def _check_said(*one_of: object, of_prune: bool) -> None:
    if sum(each is not None for each in one_of) > 1:
        raise CannotGoOn("Say one of --closed-before, --restore, --now-in and --prune.")
    if of_prune and one_of[-1] is None:
        raise CannotGoOn("--copy and --yes go with --prune.")


@contextmanager
def _copies(urls: Sequence[str]) -> "Generator[list[LogCopy]]":
    from contextlib import ExitStack

    from infra.postgres.log_copy import LogCopy
    from infra.postgres.pool import open_pool

    with ExitStack() as opened:
        yield [LogCopy(opened.enter_context(open_pool(url, size=1)), None) for url in urls]


def _pruned(
    mover: "ColdMover", log: "EventLog", named: Named, folder: Path, copies: "Sequence[LogCopy]", *, yes: bool
) -> dict[str, Any]:
    from cairnfield.wiring import now_ms
    from infra.postgres.cold_pruner import CopyUnfit, leftovers, remove

    durable = log.head(named[0]).durable
    try:
        found = leftovers(mover, named[0], folder, copies, durable=durable, now_ms=now_ms())
    except CopyUnfit as why:
        raise CannotGoOn(str(why)) from why
    return _of_leftovers(named, found, remove(mover, named[0], found) if yes else None)


def _archives(settings: "Settings", to: Path | None) -> Path:
    if to is None and settings.database_url is not None:
        raise CannotGoOn(
            "Say with --to in which folder the files are to lie: one that every machine which reads this database "
            "finds under that path."
        )
    return (to or settings.data / "archive").absolute()


def _make(folder: Path, settings: "Settings") -> None:
    """A folder into which the server can look: it runs as whoever the data folder belongs to."""
    from infra.postgres.cold_mover import made

    made(folder)
    is_closed, owner = not folder.stat().st_mode & 0o055, folder.stat().st_uid
    if is_closed and settings.data.exists() and settings.data.stat().st_uid != owner:
        raise CannotGoOn(
            f"{folder} belongs to another user than {settings.data}, so the server could not read what is moved there. "
            f"Nothing was moved. Remove {folder}, and run this as the user that the server runs as."
        )


def _day(text: str | None) -> int | None:
    from datetime import UTC, date, datetime, time

    if text is None:
        return None
    try:
        return int(datetime.combine(date.fromisoformat(text), time(), UTC).timestamp() * 1_000)
    except ValueError:
        raise CannotGoOn(f"{text!r} is no day. Write it as 2025-12-31.") from None


@contextmanager
def _alone(mover: "ColdMover", named: Named) -> Generator[None]:
    from infra.postgres.cold_mover import MoverBusy

    try:
        with mover.alone(named[0]):
            yield
    except MoverBusy:
        raise CannotGoOn(f"Another `cairn archive` is at work for {named[1]}. Wait until it has ended.") from None


def _signed(settings: "Settings", projecting: Any, log: "EventLog", tenant: "TenantId") -> "SignedRow | None":
    """A checkpoint over the log as it is now; None of a log that is empty. Only what is signed is moved."""
    from cairnfield.checkpoints import open_keeper
    from cairnfield.wiring import now_ms
    from infra.postgres.proof_shelf import PostgresProofShelf

    open_keeper(projecting, settings, now_ms).keep_up(tenant, at_once=True)
    return PostgresProofShelf(projecting).newest(tenant, log.head(tenant).epoch)


def _ripe(
    mover: "ColdMover", log: "EventLog", tenant: "TenantId", before_ms: int, covering: "SignedRow | None"
) -> "list[Ripe]":
    """The jobs that are over, by when they were written about last."""
    from cairnfield.wiring import now_ms
    from sync import shown
    from sync.state_codec import decode

    found: list[Ripe] = []
    durable = log.head(tenant).durable
    after = "00000000-0000-0000-0000-000000000000"
    while covering is not None and (page := log.entities(tenant, "work_order", after=after, limit=JOBS_PER_LOOK)):
        after = page[-1].entity
        over = [row.scope for row in page if shown.values(decode(row.state)).get("status") in ("closed", "cancelled")]
        found += mover.ripe(tenant, over, before_ms=before_ms, upto=covering.size, durable=durable, now_ms=now_ms())
    return sorted(found, key=lambda each: each.newest)


def _moved(  # noqa: PLR0917  # one caller, just above
    mover: "ColdMover",
    named: Named,
    ripe: "Sequence[Ripe]",
    covering: "SignedRow | None",
    folder: Path,
    console: "Console",
) -> "list[ColdFile]":
    from random import SystemRandom

    from cairnfield.ids import uuid7
    from cairnfield.wiring import now_ms
    from infra.postgres.cold_mover import batches

    moved: list[ColdFile] = []
    with _bar(console, named[1], sum(each.events for each in ripe)) as advance:
        for batch in batches(ripe):
            assert covering is not None, "nothing of an empty log is ripe"
            at_ms = now_ms()
            scopes, file = [each.scope for each in batch], uuid7(at_ms, SystemRandom())
            moved.append(mover.move(named[0], scopes, covering, folder=folder, file=file, now_ms=at_ms))
            advance(moved[-1].events)
    return moved


def _restored(mover: "ColdMover", named: Named, which: str, console: "Console") -> "list[ColdFile]":
    from cairnfield.wiring import now_ms

    files = [each for each in mover.files(named[0]) if which in ("all", each.file) and each.restored_at_ms is None]
    with _bar(console, named[1], sum(each.events for each in files)) as advance:
        for each in files:
            mover.restore(named[0], each, now_ms=now_ms())
            advance(each.events)
    return files


def _taken(mover: "ColdMover", tenant: "TenantId", folder: Path) -> "Sequence[ColdFile]":
    """All that the log reads; what was brought back and is still kept for older copies of it may lie there too."""
    files = [
        each
        for each in mover.files(tenant)
        if each.restored_at_ms is None or (folder / f"{each.file}.parquet").exists()
    ]
    for each in files:
        mover.lies_in(tenant, each, folder)
    return files


def _of_move(named: Named, ripe: "Sequence[Ripe]", moved: "Sequence[ColdFile]", *, is_dry_run: bool) -> dict[str, Any]:
    told = _of_files(named, moved, "would_move" if is_dry_run else "moved")
    return {**told, "jobs": len(ripe), "events": sum(each.events for each in ripe)}


def _of_files(named: Named, files: "Sequence[ColdFile]", what: str) -> dict[str, Any]:
    return {
        "tenant": named[0],
        "name": named[1],
        "what": what,
        "events": sum(each.events for each in files if each.restored_at_ms is None),
        "files": [{**each._asdict(), "sha256": each.sha256.hex()} for each in files],
    }


def _of_leftovers(named: Named, found: "Sequence[Leftover]", removed: "Sequence[Leftover] | None") -> dict[str, Any]:
    return {
        "tenant": named[0],
        "name": named[1],
        "what": "would_remove" if removed is None else "removed",
        "events": 0,
        "files": [{**each._asdict(), "paths": [str(path) for path in each.paths]} for each in found],
    }


def _sentence(told: dict[str, Any]) -> str:
    name, events, files = told["name"], f"{told['events']:,} events", told["files"]
    size = sum(each["size"] for each in files)
    match told["what"]:
        case "would_move":
            return f"{name}: {events} of {told['jobs']:,} jobs would be moved."
        case "moved":
            return f"{name}: {events} of {told['jobs']:,} jobs moved, into {len(files)} files of {size:,} bytes."
        case "restored":
            return f"{name}: {events} are back in the database. {len(files)} files stay, for backups that name them."
        case "would_remove" | "removed":
            unneeded = [each for each in files if each["kept_for"] is None]
            freed = f"{len(unneeded)} files of {sum(each['size'] for each in unneeded):,} bytes"
            done = (
                f"{freed} removed." if told["what"] == "removed" else f"{freed} would be removed; --yes removes them."
            )
            kept = [f"  {each['file']} stays: {each['kept_for']}." for each in files if each["kept_for"] is not None]
            return "\n".join([f"{name}: {done}", *kept])
        case "found":
            return f"{name}: {len(files)} files found, and read from there from now on."
        case _:
            read = sum(each["restored_at_ms"] is None for each in files)
            return "\n".join([f"{name}: {events} lie in {read} files.", *map(_line, files)])


def _line(file: dict[str, Any]) -> str:
    from datetime import UTC, datetime

    line = f"  {file['file']}  {file['events']:>7,}  {file['path']}"
    if file["restored_at_ms"] is None:
        return line
    return f"{line}  brought back {datetime.fromtimestamp(file['restored_at_ms'] / 1_000, UTC):%Y-%m-%d %H:%M} UTC"


@contextmanager
def _bar(console: "Console", title: str, total: int) -> Generator[Callable[[int], None]]:
    """A bar with an estimate on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda events: bar.update(task, advance=events)
