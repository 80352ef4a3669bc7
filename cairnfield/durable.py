"""`cairn durable mark`: a backup was verified, and devices need not keep what it holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named
from sync.limits import PAGE_EVENTS_MAX

if TYPE_CHECKING:
    from sync.log import EventLog, TenantId

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _durable() -> None:
    """Tell devices what they need not keep any longer."""  # keeps `mark` a name


@app.command()
def mark(
    copy: Annotated[
        str | None, typer.Option(help="URL of a database that the backup was restored into, to be compared.")
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
        log, tenants = open_log(pool), tenants_named(tenant, open_accounts(pool).tenants())
        if copy is not None:
            with open_pool(copy, size=1) as copied:
                marks = {each: held_by(open_log(copied), log, each) for each, _ in tenants}
        elif len(tenants) == 1:
            marks = {tenants[0][0]: position or 0}
        else:
            raise CannotGoOn("Each tenant has positions of its own: say which one with --tenant.")
        for each, name in tenants:
            head = log.mark_durable(each, marks[each])
            console.print(f"{name}: durable up to {head.durable} of {head.position}", markup=False)


def held_by(copy: "EventLog", log: "EventLog", tenant: "TenantId") -> int:
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


def _not_a_copy(tenant: "TenantId", position: int) -> str:
    return (
        f"That database is no copy of this log: for tenant {tenant} it holds something else at position {position}. "
        "Nothing was marked. See that it is the right backup, of this server and whole."
    )
