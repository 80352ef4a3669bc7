"""`cairn backup take` and `cairn backup drill`: a backup that can be restored, because it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cairnfield.durable import Held
    from cairnfield.tenants import Named
    from infra.checkpoint_signer import CheckpointSigner
    from sync.checkpoint import Origin
    from sync.log import TenantId
    from sync.log_check import Signed

app = typer.Typer(no_args_is_help=True)


@app.command()
def take(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Take a base backup of the whole database server, beside whatever it does."""
    from cairnfield.database import database, settings_with
    from infra.postgres import base_backup

    settings = settings_with(data=data)
    with database(settings) as opened:
        base_backup.take(settings.database_owner_url or opened.dsn, folder.absolute())
    typer.echo(f"{folder}: taken. Let `cairn backup drill` show that it can be restored.")


@app.command()
def drill(
    folder: Annotated[Path, typer.Argument(help="The base backup.")],
    *,
    mark: Annotated[
        bool, typer.Option("--mark", help="Let devices forget what the backup holds, if all of it is well.")
    ] = False,
    copy_archive: Annotated[
        Path | None, typer.Option(help="The folder with the copies of the files that `cairn archive` made.")
    ] = None,
    room: Annotated[
        Path | None, typer.Option(help="Where a copy of the backup lies meanwhile; the system's folder if not said.")
    ] = None,
    binaries: Annotated[
        Path | None, typer.Option(help="Where the programs of your PostgreSQL are, if it is not version 18.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Restore a base backup beside the server, and compare every event, every entry of the audit and every root.

    The backup is not changed. Exit status 1 where anything is not as it must be; then nothing is marked.
    """
    from psycopg.conninfo import conninfo_to_dict

    from cairnfield.checkpoints import open_signer
    from cairnfield.database import database, settings_with
    from cairnfield.durable import compared, marked
    from cairnfield.wiring import now_ms, open_accounts
    from infra.postgres import base_backup
    from infra.postgres.pool import open_pool

    settings, folder = settings_with(data=data), folder.absolute()
    base_backup.check(folder)
    with database(settings) as opened, open_pool(opened.dsn, size=1) as pool:
        tenants = tenants_named(tenant, open_accounts(pool).tenants())
        name = str(conninfo_to_dict(opened.dsn)["dbname"])
        with base_backup.restored(folder, room=room, binaries=binaries) as cluster:
            running = cluster.running()
            assert running is not None, "it was just started"
            copy = cluster.dsn(running, name)
            with open_pool(copy, size=1) as copied:
                held = compared(copied, pool, tenants, copy_archive)
            for sentence in _proven(copy, tenants, held, open_signer(settings, now_ms)):
                typer.echo(sentence)
        for sentence in marked(opened.dsn, tenants, held) if mark else ():
            typer.echo(sentence)


def _proven(
    copy: str, tenants: "Sequence[Named]", held: "Mapping[TenantId, Held]", signer: "CheckpointSigner"
) -> "Iterator[str]":
    """What was restored comes to the roots that were signed, there and here; raises CannotGoOn where it does not."""
    from cairnfield.wiring import open_log
    from infra.ed25519 import verify as is_good
    from infra.postgres.audit_verifier import AuditVerifier
    from infra.postgres.log_verifier import CONNECTIONS, LogVerifier
    from infra.postgres.pool import open_pool
    from infra.postgres.roles import AUDITOR
    from sync.checkpoint import Origin
    from sync.log import TenantUnknown

    with open_pool(copy, size=CONNECTIONS, role=AUDITOR) as pool, open_pool(copy, size=1) as reading:
        logs, audits = LogVerifier(pool, signer.publics(), is_good), AuditVerifier(pool, signer.publics(), is_good)
        for each, name in tenants:
            try:
                origin = Origin(each, open_log(reading).head(each).epoch)
            except TenantUnknown:
                yield f"{name}: younger than this backup, which holds nothing of it."
                continue
            log = logs.verify(each, against=_signed(signer, origin, held[each].log))
            origin = origin._replace(stream="audit")
            audit = audits.verify(each, against=_signed(signer, origin, held[each].audit)).tree
            for finding in (log.finding, audit.finding):
                if finding is not None:
                    raise CannotGoOn(f"{name}: what was restored is TOUCHED. {finding.text} Nothing was marked.")
            yield (
                f"{name}: {log.events} events and {audit.events} entries of the audit were restored as they are here, "
                f"and come to the roots of {log.checkpoints + audit.checkpoints} checkpoints."
            )


def _signed(signer: "CheckpointSigner", origin: "Origin", upto: int) -> "list[Signed]":
    """What the signer remembers of the log that was restored, as far as the backup goes."""
    from sync.log_check import Signed

    kept = signer.trust(origin.tenant, origin.stream)
    return [
        Signed(each.size, each.root, "what the signer remembers")
        for each in (kept.settled, kept.newest)
        if each is not None and each.origin == origin and each.size <= upto
    ]
