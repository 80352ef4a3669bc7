"""`cairn evidence`: events, or the audit, with the proofs that they are signed for, in one file that checks itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infra.checkpoint_signer import CheckpointSigner
    from infra.postgres.pool import Connection
    from sync.checkpoint import Stream
    from sync.log import TenantId


def evidence(  # noqa: PLR0917  # typer reads them by name
    out: Annotated[Path, typer.Argument(help="The zip that is written.")],
    scope: Annotated[
        str | None, typer.Option(help="Everything that lives in a scope, such as work_order:<id> or site:<id>.")
    ] = None,
    event: Annotated[list[str] | None, typer.Option(help="The id of an event; may be said often.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Who had access instead: the entries of the audit.")] = False,
    person: Annotated[
        str | None, typer.Option(help="With --audit: only what is about somebody, and what they did.")
    ] = None,
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
    from infra.postgres.roles import AUDITOR

    if sum((scope is not None, bool(event), audit)) != 1:
        raise CannotGoOn("Say one of --scope, such as work_order:<id>, --event with the id of each event, and --audit.")
    if person is not None and not audit:
        raise CannotGoOn("--person goes with --audit.")
    settings = settings_with(data=data)
    sizes = [_size(path, "audit" if audit else "events") for path in checkpoint or ()]
    with database(settings) as opened:
        with open_pool(opened.dsn, size=1) as pool:
            named = tenants_named(tenant, open_accounts(pool).tenants())
        if len(named) > 1:
            raise CannotGoOn("A bundle is of one tenant: say which one with --tenant.")
        with open_pool(opened.dsn, size=1, role=AUDITOR) as pool:
            signer = open_signer(settings, now_ms)
            if audit:
                made = _of_audit(named[0][0], pool, signer, _person(person), sizes)
            else:
                made = _of_log(named[0][0], pool, signer, scope, event, sizes)
    out.write_bytes(made)
    typer.echo(f"{out}: {len(made):,} bytes. Its reader runs: python3 verify.py")


def _size(path: Path, stream: "Stream") -> int:
    from sync.checkpoint import NoteUnreadable, read_note

    try:
        return read_note(path.read_bytes(), stream).checkpoint.size
    except OSError as failure:
        raise CannotGoOn(f"{path} cannot be read: {failure.strerror}.") from failure
    except NoteUnreadable as why:
        raise CannotGoOn(f"{path} is no checkpoint: {why}.") from why


def _person(person: str | None) -> str | None:
    import uuid

    try:
        return None if person is None else str(uuid.UUID(person))
    except ValueError as why:
        raise CannotGoOn(f"{person!r} is no id of a person.") from why


def _of_audit(
    tenant: "TenantId",
    pool: "ConnectionPool[Connection]",
    signer: "CheckpointSigner",
    person: str | None,
    sizes: list[int],
) -> bytes:
    from infra.evidence_zip import packed
    from infra.postgres.proof_shelf import PostgresAuditShelf
    from sync.audit_evidence import audit_evidence_of
    from sync.evidence_frame import EvidenceMissing

    try:
        return packed(audit_evidence_of(tenant, PostgresAuditShelf(pool), signer.publics(), person=person, older=sizes))
    except EvidenceMissing as why:
        raise CannotGoOn(str(why)) from why


def _of_log(  # noqa: PLR0917  # one caller, just above
    tenant: "TenantId",
    pool: "ConnectionPool[Connection]",
    signer: "CheckpointSigner",
    scope: str | None,
    ids: list[str] | None,
    sizes: list[int],
) -> bytes:
    from infra.evidence_zip import packed
    from infra.postgres.proof_shelf import PostgresProofShelf
    from sync.evidence import evidence_of
    from sync.evidence_frame import EvidenceMissing

    shelf = PostgresProofShelf(pool)
    try:
        return packed(evidence_of(tenant, shelf, signer.publics(), scope=scope, ids=ids or (), older=sizes))
    except EvidenceMissing as why:
        raise CannotGoOn(str(why)) from why
