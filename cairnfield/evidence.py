"""`cairn evidence`: events with the proofs that they are in the signed log, in one file that checks itself anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from infra.checkpoint_signer import CheckpointSigner
    from sync.log import TenantId
    from sync.proof_shelf import ProofShelf


def evidence(  # noqa: PLR0917  # typer reads them by name
    out: Annotated[Path, typer.Argument(help="The zip that is written.")],
    scope: Annotated[
        str | None, typer.Option(help="Everything that lives in a scope, such as work_order:<id> or site:<id>.")
    ] = None,
    event: Annotated[list[str] | None, typer.Option(help="The id of an event; may be said often.")] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that its reader has kept: the log is shown to continue it.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Write a bundle of evidence: readable, and checked by the program in it with nothing but Python.

    It is over the newest checkpoint: what came after is not in it yet.
    """
    from cairnfield.checkpoints import open_signer
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import now_ms, open_accounts
    from infra.postgres.pool import open_pool
    from infra.postgres.proof_shelf import PostgresProofShelf
    from infra.postgres.roles import AUDITOR

    if (scope is None) == (not event):
        raise CannotGoOn("Say either --scope, such as work_order:<id>, or --event with the id of each event.")
    settings = settings_with(data=data)
    sizes = [_size(path) for path in checkpoint or ()]
    with database(settings) as opened:
        with open_pool(opened.dsn, size=1) as pool:
            named = tenants_named(tenant, open_accounts(pool).tenants())
        if len(named) > 1:
            raise CannotGoOn("A bundle is of one tenant: say which one with --tenant.")
        with open_pool(opened.dsn, size=1, role=AUDITOR) as pool:
            made = _made(named[0][0], PostgresProofShelf(pool), open_signer(settings, now_ms), scope, event, sizes)
    out.write_bytes(made)
    typer.echo(f"{out}: {len(made):,} bytes. Its reader runs: python3 verify.py")


def _size(path: Path) -> int:
    from sync.checkpoint import NoteUnreadable, read_note

    try:
        return read_note(path.read_bytes()).checkpoint.size
    except OSError as failure:
        raise CannotGoOn(f"{path} cannot be read: {failure.strerror}.") from failure
    except NoteUnreadable as why:
        raise CannotGoOn(f"{path} is no checkpoint: {why}.") from why


def _made(  # noqa: PLR0917  # one caller, just above
    tenant: "TenantId",
    shelf: "ProofShelf",
    signer: "CheckpointSigner",
    scope: str | None,
    ids: list[str] | None,
    sizes: list[int],
) -> bytes:
    from infra.evidence_zip import packed
    from sync.evidence import EvidenceMissing, evidence_of

    try:
        return packed(evidence_of(tenant, shelf, signer.publics(), scope=scope, ids=ids or (), older=sizes))
    except EvidenceMissing as why:
        raise CannotGoOn(str(why)) from why
