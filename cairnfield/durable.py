"""`cairn durable mark`: a backup was verified, and devices need not keep what it holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import Named, tenants_named
from sync.limits import PAGE_EVENTS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg_pool import ConnectionPool

    from infra.postgres.log_copy import LogCopy
    from infra.postgres.pool import Connection
    from sync.log import Head, TenantId
    from sync.rows import EventRow

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _durable() -> None:
    """Tell devices what they need not keep any longer."""  # keeps `mark` a name


@app.command()
def mark(
    copy: Annotated[
        str | None, typer.Option(help="URL of a database that the backup was restored into, to be compared.")
    ] = None,
    copy_archive: Annotated[
        Path | None, typer.Option(help="The folder with the copies of the files that `cairn archive` made.")
    ] = None,
    position: Annotated[
        int | None, typer.Option(min=1, help="Up to where the backup holds the log, if you compared it yourself.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """After a backup was restored somewhere and found whole: let devices forget what it holds."""
    from rich.console import Console

    from cairnfield.database import database, settings_with
    from cairnfield.wiring import open_accounts, open_log
    from infra.postgres.pool import open_pool

    if (copy is None) == (position is None):
        raise CannotGoOn("Say either --copy URL, where the backup was restored, or --position N, which you compared.")
    console = Console(highlight=False, soft_wrap=True)
    with database(settings_with(data=data)) as opened, open_pool(opened.dsn, size=1) as pool:
        tenants = tenants_named(tenant, open_accounts(pool).tenants())
        if copy is not None:
            with open_pool(copy, size=1) as copied:
                held = compared(copied, pool, tenants, copy_archive)
            for sentence in marked(opened.dsn, tenants, held):
                console.print(sentence, markup=False)
        elif len(tenants) == 1:
            head = open_log(pool).mark_durable(tenants[0][0], position or 0)
            console.print(_durable_up_to(tenants[0][1], head), markup=False)
        else:
            raise CannotGoOn("Each tenant has positions of its own: say which one with --tenant.")


class Held(NamedTuple):
    """Up to where a copy holds what a tenant has here."""

    log: int
    audit: int


def compared(
    copied: "ConnectionPool[Connection]",
    pool: "ConnectionPool[Connection]",
    tenants: "Sequence[Named]",
    copy_archive: Path | None,
) -> "Mapping[TenantId, Held]":
    """Compare a copy with the logs and audits here, event by event; raises CannotGoOn where they differ."""
    from cairnfield.wiring import open_log
    from infra.postgres.log_copy import LogCopy

    log, held = open_log(pool), LogCopy(copied, copy_archive.absolute() if copy_archive is not None else None)
    for each, _ in tenants:
        _hold_files(held, each, copy_archive, _live(pool, each))
    return {each: Held(held_by(held, log, each), _audit_held_by(copied, pool, each)) for each, _ in tenants}


def marked(dsn: str, tenants: "Sequence[Named]", held: "Mapping[TenantId, Held]") -> "Iterator[str]":
    """Mark as durable what a copy holds, and say so of each tenant."""
    from cairnfield.wiring import open_log
    from infra.postgres.audit_copy import mark as mark_audit
    from infra.postgres.pool import open_pool
    from infra.postgres.roles import PROJECTOR

    with open_pool(dsn, size=1) as pool, open_pool(dsn, size=1, role=PROJECTOR) as projecting:
        for each, name in tenants:
            yield _durable_up_to(name, open_log(pool).mark_durable(each, held[each].log))
            yield f"{name}: its audit up to {mark_audit(projecting, each, held[each].audit)}"


def _durable_up_to(name: str, head: "Head") -> str:
    return f"{name}: durable up to {head.durable} of {head.position}"


def _live(pool: "ConnectionPool[Connection]", tenant: "TenantId") -> "Mapping[str, str]":
    """Where the server reads its cold files."""
    from infra.postgres import cold, of_tenant

    return dict(of_tenant.rows(pool, cold.FILES, {"tenant": tenant}))


def _hold_files(copy: "LogCopy", tenant: "TenantId", folder: Path | None, live: "Mapping[str, str]") -> None:
    """Whether the copy's cold files are copies too, and whole; raises CannotGoOn."""
    from infra.cold_file import ColdFileMissing

    files = copy.files(tenant)
    if not files:
        return
    if folder is None:
        raise CannotGoOn(
            f"Some of what that database holds of tenant {tenant} lies in {len(files)} files of `cairn archive`, which "
            "are part of the backup. Say with --copy-archive FOLDER where their copies lie. Nothing was marked."
        )
    for file, path in files.items():
        if path.exists() and file in live and Path(live[file]).exists() and path.samefile(live[file]):
            raise CannotGoOn(
                f"{path} is the file that the server reads, and no copy of it. Say with --copy-archive the folder that "
                "the backup of the files was restored into. Nothing was marked."
            )
    try:
        copy.hold_files(tenant)
    except ColdFileMissing as why:
        raise CannotGoOn(
            f"The backup is not whole: {why} Copy the files once more after the database was dumped. "
            "Nothing was marked."
        ) from why


def _audit_held_by(copied: "ConnectionPool[Connection]", pool: "ConnectionPool[Connection]", tenant: "TenantId") -> int:
    """Up to where a copy holds the audit; raises CannotGoOn where the two differ."""
    from infra.postgres.audit_copy import NoCopy, held_by

    try:
        return held_by(copied, pool, tenant)
    except NoCopy as why:
        raise CannotGoOn(str(why)) from why


def held_by(copy: "HeldLog", log: "HeldLog", tenant: "TenantId") -> int:
    """Up to which position a copy holds a tenant's log, event by event; raises CannotGoOn where the two differ."""
    from sync.log import TenantUnknown

    try:
        end = copy.head(tenant).position
    except TenantUnknown:
        return 0  # it is older than the tenant
    at = 0
    while at < end:
        theirs = copy.page(tenant, after=at, limit=PAGE_EVENTS_MAX)
        ours = log.page(tenant, after=at, limit=PAGE_EVENTS_MAX)[: len(theirs)]
        if not theirs or theirs != ours:
            differs = next((one.position for one, other in zip(theirs, ours, strict=False) if one != other), None)
            raise CannotGoOn(_not_a_copy(tenant, differs or at + len(ours) + 1))
        at = theirs[-1].position
    return end


class HeldLog(Protocol):
    """What is asked of a log to compare it with another."""

    def head(self, tenant: "TenantId", /) -> "Head": ...

    def page(self, tenant: "TenantId", /, *, after: int, limit: int) -> "Sequence[EventRow]": ...


def _not_a_copy(tenant: "TenantId", position: int) -> str:
    return (
        f"That database is no copy of this log: for tenant {tenant} it holds something else at position {position}. "
        "Nothing was marked. See that it is the right backup, of this server and whole."
    )
