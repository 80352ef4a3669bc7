"""`cairn import legacy OLD.db`: the database of the old application becomes events of a tenant."""

import fcntl
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.legacy_report import Report, notes_of, originals_of, tell_report, write_whole
from cairnfield.legacy_story import Epoch, Story, Ways, read_story
from sync.limits import PAGE_EVENTS_MAX

if TYPE_CHECKING:
    from rich.console import Console

    from commands.blob_store import BlobStore
    from commands.legacy.history import Draft
    from commands.legacy.reading import Key
    from infra.legacy_sqlite import OldDatabase
    from infra.postgres.accounts import PostgresAccounts
    from infra.settings import Settings
    from sync.log import EventLog, TenantId

BATCH_EVENTS: Final = 500
TENANT_NAME: Final = "Imported"
SOURCE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _imports() -> None:
    """Bring in what another application kept."""  # keeps `legacy` a name: a lone command would lose its own


Progress = Callable[[int, int], None]
"""Told how many of how many events have been looked at."""


@app.command()
def legacy(  # noqa: PLR0917  # typer reads them by name
    old: Annotated[Path, typer.Argument(help="The SQLite file of the old application. It is only read.")],
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")] = None,
    source: Annotated[str, typer.Option(help="A name for this old database; the same name continues it.")] = "legacy",
    report: Annotated[Path | None, typer.Option(help="Write the whole report here, as JSON.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything; store nothing.")] = False,
    timezone: Annotated[str | None, typer.Option(help="The zone of its clocks, in place of its setting `tz`.")] = None,
    epoch: Annotated[Epoch, typer.Option(help="What its seconds since 1970 count: UTC, or a wall clock.")] = "auto",
    phone_country: Annotated[str, typer.Option(help="The country code of telephone numbers without one.")] = "1",
) -> None:
    """Bring the SQLite database of the old application in: as events, with their own times, nothing lost in silence.

    It may be stopped at any time and run again: what is there already is not added twice.
    """
    from rich.console import Console

    from cairnfield.database import settings_with
    from infra.legacy_sqlite import NotASqliteFile, open_legacy

    ways = _ways(source, timezone, epoch, phone_country)
    settings = settings_with(data=data)
    console = Console(highlight=False, soft_wrap=True)
    try:
        with open_legacy(old) as opened:
            story = read_story(opened, ways)
            with _target(settings, tenant, source, dry_run=dry_run) as target, _bar(console) as progress:
                found = bring_in(opened, story, ways, target, progress)
    except NotASqliteFile as why:
        raise CannotGoOn(f"{why}.") from why
    if not dry_run:
        aside = settings.data / "imports" / f"{source}-set-aside.ndjson"
        write_whole(aside, originals_of(story))
        console.print(f"Every row of which something was set aside is in {aside}, as it was.")
    if report is not None:
        write_whole(report, found.text())
    tell_report(console, found, dry_run=dry_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where it goes."""

    log: "EventLog"
    tenant: "TenantId"
    blobs: "BlobStore"
    now_ms: Callable[[], int]
    add_importer: Callable[[str], None]
    """Makes the person known in whose name the events are written; the argument is their id."""


def bring_in(old: "OldDatabase", story: Story, ways: Ways, target: Target, progress: Progress) -> Report:
    """Store what the log does not hold yet: first the bytes of photos, then the events, batch by batch."""
    from commands.legacy.authoring import hand_in, wanted
    from commands.legacy.identity import importer_id, replica_id
    from sync.log import ReplicaTaken
    from sync.state_codec import state_hash

    log, tenant, drafts = target.log, target.tenant, story.history.drafts
    replica, actor = replica_id(ways.source), importer_id(ways.source)
    if log.replica(tenant, replica) is None:
        target.add_importer(actor)
        with suppress(ReplicaTaken):  # another import of the same source was quicker, and it is the same replica
            log.mint(tenant, replica=replica, person=actor, name=f"Import of {ways.source}", now_ms=target.now_ms())
    _keep_photos(old, drafts, target.blobs)
    added, changed = 0, dict["tuple[str, Key]", None]()
    for start in range(0, len(drafts), BATCH_EVENTS):
        batch, now_ms = drafts[start : start + BATCH_EVENTS], target.now_ms()
        handed_in = log.append(
            tenant,
            wanted(batch, replica),
            lambda known, batch=batch, now_ms=now_ms: hand_in(  # type: ignore[misc]  # bound to this round
                batch, known, replica=replica, actor=actor, now_ms=now_ms
            ),
            now_ms=now_ms,
        )
        added += handed_in.added
        changed |= dict.fromkeys(_changed(log, tenant, handed_in.there))
        progress(start + len(batch), len(drafts))
    row = log.replica(tenant, replica)
    return Report(
        tables=story.tables,
        asides=story.asides,
        events=row.last_seq if row else 0,
        added=added,
        changed=tuple(changed),
        state_hash=state_hash(log.states(tenant)),
        epoch=story.settings.reading.epoch,
        version=story.settings.version,
        notes=tuple(notes_of(story)),
    )


def _changed(log: "EventLog", tenant: "TenantId", there: "Mapping[int, Draft]") -> "Iterator[tuple[str, Key]]":
    """The rows that say something else than when they were imported."""
    from commands.legacy.authoring import differs

    waiting = sorted(there)
    while waiting:
        page = log.page(tenant, after=waiting[0] - 1, limit=min(PAGE_EVENTS_MAX, waiting[-1] - waiting[0] + 1))
        for row in page:
            draft = there.get(row.position)
            if draft is not None and differs(draft, row.body):
                yield draft.table, draft.key
        last = page[-1].position
        waiting = [position for position in waiting if position > last]


def _keep_photos(old: "OldDatabase", drafts: "Sequence[Draft]", blobs: "BlobStore") -> None:
    """Before any event names them: an event without its bytes would be a promise nobody keeps."""
    from infra.legacy_sqlite import UnreadableTable

    named = {draft.data["sha256"] for draft in drafts if draft.entity_type == "attachment"}
    with suppress(UnreadableTable):  # said in the report already, when the rows were read
        for _, row in old.rows("photos"):
            content = row.get("data")
            if isinstance(content, bytes) and sha256(content).hexdigest() in named:
                blobs.put(content)


@contextmanager
def _target(settings: "Settings", tenant: str | None, source: str, *, dry_run: bool) -> "Generator[Target]":
    from cairnfield.wiring import now_ms, open_accounts, open_blobs, open_log

    if dry_run:
        from infra.blobs import MemoryBlobStore
        from infra.memory import MemoryEventLog

        log = MemoryEventLog()
        log.add_tenant("dry-run")
        yield Target(
            log=log, tenant="dry-run", blobs=MemoryBlobStore(), now_ms=now_ms, add_importer=lambda importer: None
        )
        return

    from cairnfield.database import database
    from infra.postgres.pool import open_pool

    with database(settings) as opened, open_pool(opened.dsn, size=1) as pool:
        accounts = open_accounts(pool)
        settings.data.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(settings.data / "import.lock"):
            chosen = _tenant(accounts, tenant, now_ms())
        yield Target(
            log=open_log(pool),
            tenant=chosen,
            blobs=open_blobs(settings),
            now_ms=now_ms,
            add_importer=lambda importer: accounts.add_person(
                chosen, person=importer, name=f"Import of {source}", role="integration"
            ),
        )


def _tenant(accounts: "PostgresAccounts", named: str | None, now_ms: int) -> "TenantId":
    """The tenant of that id or name, the only one where none is named, a new one in an empty database."""
    there = accounts.tenants()
    if not there:
        return accounts.add_tenant(named or TENANT_NAME, now_ms=now_ms)
    matching = [tenant for tenant, name in there if named is None or named in (tenant, name)]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(f"{name} ({tenant})" for tenant, name in there)
    if not matching:
        raise CannotGoOn(f"There is no tenant {named!r} here. There is: {names}.")
    raise CannotGoOn(f"There are several tenants: choose one with --tenant NAME or --tenant ID. There are: {names}.")


@contextmanager
def _one_at_a_time(path: Path) -> Generator[None]:
    """So that two imports into an empty database make one tenant between them."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ways(source: str, timezone: str | None, epoch: Epoch, phone_country: str) -> Ways:
    from cairnfield.wiring import now_ms

    if not SOURCE.match(source):
        raise CannotGoOn(f"--source {source!r}: a name is up to 32 of a-z, 0-9, - and _, and begins with a letter.")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", phone_country):
        raise CannotGoOn(f"--phone-country {phone_country!r}: a country code is one to three digits, such as 1 or 49.")
    return Ways(now_ms=now_ms(), source=source, timezone=timezone, epoch=epoch, phone_country=phone_country)


@contextmanager
def _bar(console: "Console") -> Generator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.progress import Progress as Bar

    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Importing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
