"""`cairn verify`: are the log and the audit what they were? All of both is hashed anew and held to what was signed."""

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

    from infra.checkpoint_signer import CheckpointSigner
    from infra.postgres.audit_verifier import AuditVerified, AuditVerifier
    from infra.postgres.log_verifier import CameTo, LogVerifier, Verified
    from sync.checkpoint import Checkpoint, Origin
    from sync.log_check import Signed

Progress = Callable[["CameTo", int], None]
Kept = Sequence[tuple[Path, "Checkpoint"]]


def verify(
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint of the log or of the audit that was kept elsewhere; may be said often."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Keep here how far it came, and go on from there when it is called again.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Hash the whole log and the whole audit anew and compare them with what was signed; names the first position of
    each that was touched.

    It only reads, beside a server that runs. Exit status 1 where anything was touched.
    """
    from rich.console import Console

    from cairnfield.checkpoints import open_signer
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import now_ms, open_accounts, open_log
    from infra.ed25519 import verify as is_good
    from infra.postgres.audit_verifier import AuditVerifier
    from infra.postgres.log_verifier import CONNECTIONS, LogVerifier
    from infra.postgres.pool import open_pool
    from infra.postgres.roles import AUDITOR
    from sync.checkpoint import Origin

    settings = settings_with(data=data)
    console, kept = Console(highlight=False, soft_wrap=True, stderr=as_json), [_read(path) for path in against or ()]
    with database(settings) as opened:
        with open_pool(opened.dsn, size=1) as pool:
            named, log = tenants_named(tenant, open_accounts(pool).tenants()), open_log(pool)
            epochs = {each: log.head(each).epoch for each, _ in named}
        signer = open_signer(settings, now_ms)
        with open_pool(opened.dsn, size=CONNECTIONS, role=AUDITOR) as pool:
            logs, audits = (
                LogVerifier(pool, signer.publics(), is_good),
                AuditVerifier(pool, signer.publics(), is_good),
            )
            mine = [(path, _checkpoint(path, raw, signer)) for path, raw in kept]
            documents: list[dict[str, Any]] = []
            for each in named:
                _check_named(each, mine)
                origin = Origin(each[0], epochs[each[0]])
                events = _verified(each, logs, _against(origin, mine, signer), resume, console)
                origin = origin._replace(stream="audit")
                entries = _audit_verified(each, audits, _against(origin, mine, signer), resume, console)
                documents.append(_document(each, events, entries))
    if as_json:
        typer.echo(json.dumps(documents, indent=2))
    else:
        for document in documents:
            for sentence in _sentences(document):
                console.print(sentence, markup=False)
    if not all(document["is_whole"] and document["audit"]["is_whole"] for document in documents):
        raise typer.Exit(1)


def _read(path: Path) -> "tuple[Path, bytes]":
    try:
        return path, path.read_bytes()
    except OSError as failure:
        raise CannotGoOn(f"{path} cannot be read: {failure.strerror}.") from failure


def _check_named(named: Named, kept: Kept) -> None:
    if kept and not any(each.origin.tenant == named[0] for _, each in kept):
        raise CannotGoOn(f"None of these checkpoints is of tenant {named[0]}. Say which one with --tenant.")


def _against(origin: "Origin", kept: Kept, signer: "CheckpointSigner") -> "list[Signed]":
    """What a log or an audit must fit besides what the database has kept: what is named, and what was signed last."""
    from sync.log_check import Signed

    told = [
        Signed(each.size, each.root, str(path))
        for path, each in kept
        if (each.origin.tenant, each.origin.stream) == (origin.tenant, origin.stream)
    ]
    trust = signer.trust(origin.tenant, origin.stream)
    # Of a log that was restored, what the signer saw last is gone; what was durable is not.
    newest = trust.newest if trust.newest and trust.newest.origin == origin else None
    last = [each for each in (trust.settled, newest) if each is not None]
    return [*told, *(Signed(each.size, each.root, "what the signer remembers") for each in last)]


def _checkpoint(path: Path, raw: bytes, signer: "CheckpointSigner") -> "Checkpoint":
    from infra.ed25519 import verify as is_good
    from sync.checkpoint import NoteUnreadable, read_note

    try:
        note = read_note(raw, None)
    except NoteUnreadable as why:
        raise CannotGoOn(f"{path} is no checkpoint: {why}.") from why
    if not note.signed_by(signer.publics(), is_good):
        raise CannotGoOn(f"{path} is signed by no key of this server: it is not its checkpoint, or was changed.")
    return note.checkpoint


def _verified(
    named: Named, verifier: "LogVerifier", against: "Sequence[Signed]", resume: Path | None, console: "Console"
) -> "Verified":
    with _goes_on(named, named[0], resume, console) as (begin, came_to):
        verified = verifier.verify(named[0], against=against, begin=begin, came_to=came_to)
    if resume is not None and verified.finding is not None:
        _keep(resume, named[0], None)  # what was found is looked at again, from the beginning
    return verified


def _audit_verified(
    named: Named, verifier: "AuditVerifier", against: "Sequence[Signed]", resume: Path | None, console: "Console"
) -> "AuditVerified":
    kept_as = f"{named[0]}/audit"
    with _goes_on(named, kept_as, resume, console) as (begin, came_to):
        verified = verifier.verify(named[0], against=against, begin=begin, came_to=came_to)
    if resume is not None and verified.tree.finding is not None:
        _keep(resume, kept_as, None)
    return verified


@contextmanager
def _goes_on(
    named: Named, kept_as: str, resume: Path | None, console: "Console"
) -> "Generator[tuple[CameTo, Progress]]":
    """Where a check begins, and who is told how far it is."""
    begin = _kept_at(resume, kept_as)
    with _bar(console, named[1]) as show:

        def came_to(where: "CameTo", upto: int) -> None:
            show(where, upto)
            if resume is not None:
                _keep(resume, kept_as, where)

        yield begin, came_to


def _kept_at(resume: Path | None, kept_as: str) -> "CameTo":
    from infra.postgres.log_verifier import FROM_THE_BEGINNING, CameTo

    if resume is None or not resume.exists():
        return FROM_THE_BEGINNING
    try:
        kept = json.loads(resume.read_bytes()).get(kept_as)
        where = CameTo(kept["size"], [bytes.fromhex(each) for each in kept["frontier"]]) if kept else FROM_THE_BEGINNING
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotGoOn(f"{resume} is not what `cairn verify` keeps. Remove it, or name another file.") from error
    return where


def _keep(resume: Path, kept_as: str, where: "CameTo | None") -> None:
    kept: dict[str, Any] = json.loads(resume.read_bytes()) if resume.exists() else {}
    kept[kept_as] = where and {"size": where.size, "frontier": [each.hex() for each in where.frontier]}
    writing = resume.with_name(f"{resume.name}.new")
    writing.write_text(json.dumps(kept))
    writing.replace(resume)


def _document(named: Named, log: "Verified", audit: "AuditVerified") -> dict[str, Any]:
    return {
        "tenant": named[0],
        "name": named[1],
        **_told("events", log),
        "audit": {
            **_told("entries", audit.tree),
            "erased": audit.emptied.erased,
            "without_place": audit.emptied.without_place,
        },
    }


def _told(all_of_it: str, verified: "Verified") -> dict[str, Any]:
    finding = verified.finding
    return {
        "is_whole": finding is None,
        all_of_it: verified.events,
        "head": verified.upto,
        "checkpoints": verified.checkpoints,
        "finding": finding
        and {"what": finding.what, "first": finding.first, "last": finding.last, "text": finding.text},
    }


def _sentences(document: dict[str, Any]) -> list[str]:
    who, audit = document["name"], document["audit"]
    log = f"{document['events']} events are what they were, by {document['checkpoints']} checkpoints."
    beside = f"{audit['entries']} entries of the audit are what they were, by {audit['checkpoints']} checkpoints."
    if audit["erased"]:
        beside += f" Of {audit['erased']} the address and the words were erased, as it tells itself."
    if audit["without_place"]:
        beside += f" {audit['without_place']} were noted since, and are not proven yet."
    return [_sentence(who, document["finding"], log), _sentence(who, audit["finding"], beside)]


def _sentence(who: str, finding: dict[str, Any] | None, otherwise: str) -> str:
    return f"{who}: {otherwise}" if finding is None else f"{who}: TOUCHED. {finding['text']}"


@contextmanager
def _bar(console: "Console", title: str) -> Generator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda where, upto: bar.update(task, completed=where.size, total=upto)
