"""`cairn epoch new`: the server came back from a backup, and its devices are to hear of it."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.tenants import Named, tenants_named

if TYPE_CHECKING:
    from infra.memory_accounts import MemoryAccounts
    from infra.postgres.accounts import PostgresAccounts
    from sync.log import EventLog, Head, TenantId

WHAT_FOLLOWS = """
Every device hears of it when it says hello or hands something in. It then offers again whatever it still keeps of its
own, and pulls from the beginning: what was accepted after the backup comes back, and nothing is wiped before."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _epochs() -> None:
    """Tell devices that the server came back older than they knew it."""  # keeps `new` a name


@app.command()
def new(
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """After a restore from a backup: let every device offer again what the backup does not hold.

    Before that, what was erased from the audit since that backup is erased again.
    """
    from rich.console import Console

    from cairnfield.audit import erased_again, open_erasing
    from cairnfield.checkpoints import open_signer
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import now_ms, open_accounts, open_log

    console, settings = Console(highlight=False, soft_wrap=True), settings_with(data=data)
    with database(settings) as opened, open_erasing(opened.dsn, settings) as over:
        signer, named = open_signer(settings, now_ms), tenants_named(tenant, open_accounts(over.pool).tenants())
        for sentence in erased_again(over, settings, named):
            console.print(sentence, markup=False)
        log, accounts = open_log(over.pool), open_accounts(over.pool)
        begun = begin_epochs(log, accounts, named, signer.announce, now_ms=now_ms())
    for name, head in begun:
        console.print(f"{name}: the log ends at {head.position}, its epoch is {head.epoch}", markup=False)
    console.print(WHAT_FOLLOWS, markup=False)


def begin_epochs(
    log: "EventLog",
    accounts: "MemoryAccounts | PostgresAccounts",
    tenants: Sequence[Named],
    announce: "Callable[[TenantId, str], None]",
    *,
    now_ms: int,
) -> "list[tuple[str, Head]]":
    """A new epoch for each of these tenants, announced first to whoever signs; returns their names and heads.

    What the server itself said since the backup is lost, and nobody hands it in again. So its replicas leave out the
    numbers that they may have used: whoever built on a lost event does not wait for it, and does not seem to have known
    what is said under its number now.
    """
    from sync.office import NUMBERS_SKIPPED

    begun: list[tuple[str, Head]] = []
    for tenant, name in tenants:
        skipping = dict.fromkeys(_speaking(log, accounts, tenant, now_ms), NUMBERS_SKIPPED)
        epoch = str(uuid.uuid4())
        announce(tenant, epoch)
        begun.append((name, log.begin_epoch(tenant, epoch, skipping=skipping)))
    return begun


def _speaking(
    log: "EventLog", accounts: "MemoryAccounts | PostgresAccounts", tenant: "TenantId", now_ms: int
) -> list[str]:
    """The replicas on which the server writes: each is there now, also where it first spoke after the backup."""
    from commands.carrying_out import CONSOLE, console_of
    from sync.log import ReplicaTaken
    from sync.office import OFFICE, office_of

    office = office_of(tenant)
    accounts.add_person(tenant, person=office.person, name=OFFICE, role="integration")
    named = [(office, OFFICE), *((console_of(tenant, each.person), CONSOLE) for each in accounts.people(tenant))]
    for each, name in named:
        with suppress(ReplicaTaken):
            log.mint(tenant, replica=each.replica, person=each.person, name=name, now_ms=now_ms)
    return [each.replica for each, _ in named]
