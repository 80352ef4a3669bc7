"""What proves the audit: its own signed checkpoints, and its entries as they were signed for."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answer import ZIP
from api.auth import identity_of
from api.given import Ports, Speaking
from api.problem import Problem
from api.problem_types import PROBLEM_TYPES
from api.proof_ports import Proofs
from api.proving import (
    as_json,
    consistency_since,
    keys_of,
    newest_of,
    nodes_of,
    not_yet,
    page_of_checkpoints,
    proofs_of,
    text,
    texts,
)
from api.services import Services
from api.signing_in import note
from api.v1.log_proof import CHECKPOINTS_PER_PAGE_MAX, Size
from domain.values import INTEGER_MAX, UUID_PATTERN
from sync.audit_evidence import audit_evidence_of
from sync.audit_leaf import PlacedEntry, audit_leaf_of
from sync.checkpoint import Origin
from sync.evidence_frame import OLDER_MAX, EvidenceMissing
from sync.log import TenantId
from sync.merkle import inclusion_proof, leaf_hash
from sync.proof_shelf import AuditShelf

ENTRIES_PER_PAGE_MAX: Final = 500

router = APIRouter(prefix="/v1/proof/audit", tags=["proof"])


@router.get("/checkpoint", summary="The newest checkpoint of the audit", response_class=Response)
def audit_checkpoint(speaking: Speaking, services: Ports) -> Response:
    """As a signed note whose origin ends with `/audit`; keep it elsewhere, as you keep those of the log."""
    _, shelf = _proving(services)
    newest = newest_of(speaking.tenant, shelf)
    return Response(newest.note, media_type="text/plain", headers={"Cache-Control": "no-store"})


@router.get("/checkpoints", summary="Every checkpoint of the audit that was signed")
def audit_checkpoints(
    speaking: Speaking,
    services: Ports,
    after: Annotated[Size, Query(description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=CHECKPOINTS_PER_PAGE_MAX, description="How many at most.")] = 50,
) -> Response:
    """By size, of all epochs; ask on with `next` until it is null. Those of one size are never on two pages."""
    _, shelf = _proving(services)
    return as_json(page_of_checkpoints(speaking.tenant, shelf, after=after, limit=limit))


@router.get("/consistency", summary="That the audit still begins with what it was")
def audit_consistency(
    speaking: Speaking,
    services: Ports,
    since: Annotated[Size, Query(description="The size of a checkpoint that was kept; 0: none was.")] = 0,
) -> Response:
    """The newest checkpoint, and the hashes by which it is shown to continue one of `since` entries (RFC 9162)."""
    proofs, shelf = _proving(services)
    return as_json(consistency_since(speaking.tenant, proofs, shelf, since))


@router.get("/inclusion", summary="That an entry is in the audit")
def audit_inclusion(
    speaking: Speaking,
    services: Ports,
    position: Annotated[int | None, Query(ge=1, le=INTEGER_MAX, description="Its place in the audit.")] = None,
    entry: Annotated[str | None, Query(pattern=UUID_PATTERN, description="Its id, instead of its position.")] = None,
) -> Response:
    """The entry's leaf, and the hashes that lead from it to the root of the newest checkpoint, lowest first."""
    (proofs, shelf), tenant = _proving(services), speaking.tenant
    if (position is None) == (entry is None):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-request",
            "An entry is named either by its position or by its id.",
            hint="Send `position` or `entry`, and not both.",
        )
    newest = newest_of(tenant, shelf)
    placed = shelf.entry(tenant, position=position, entry=entry)
    if placed is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "entry-not-found",
            f"The audit has given no place to an entry {entry or f'at position {position}'}.",
            hint="An entry gets its place within seconds after it was noted.",
        )
    if placed.position > newest.size:
        raise not_yet(placed.position, newest, shelf)
    leaf = audit_leaf_of(tenant, placed)
    return as_json(
        {
            "position": placed.position,
            "leaf": leaf.decode(),
            "leaf_hash": text(leaf_hash(leaf)),
            "size": newest.size,
            "inclusion": texts(inclusion_proof(placed.position - 1, newest.size, nodes_of(tenant, shelf))),
            "checkpoint": newest.note.decode(),
            "keys": keys_of(Origin(tenant, newest.epoch, shelf.stream), proofs),
        }
    )


@router.get("/entries", summary="The entries of the audit as they were signed for")
def audit_entries(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    after: Annotated[Size, Query(description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=ENTRIES_PER_PAGE_MAX, description="How many at most.")] = 200,
) -> Response:
    """Oldest first, up to the newest checkpoint, to whose root they come together. That they were read is noted."""
    (_, shelf), identity, tenant = _proving(services), identity_of(services), speaking.tenant
    newest = newest_of(tenant, shelf)
    note(request, identity, tenant, "audit_read", actor=speaking.person, detail=f"after position {after}")
    found = shelf.entries(tenant, after=after, upto=newest.size, limit=limit)
    is_last = not found or found[-1].position >= newest.size
    return as_json(
        {
            "items": [_told(tenant, each) for each in found],
            "next": None if is_last else found[-1].position,
            "checkpoint": newest.note.decode(),
        }
    )


@router.get("/evidence", summary="Evidence of who had access, to be taken along", response_class=Response)
def audit_evidence(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    person: Annotated[
        str | None, Query(pattern=UUID_PATTERN, description="Only what is about them, and what they did.")
    ] = None,
    since: Annotated[
        list[Annotated[int, Field(ge=1, le=INTEGER_MAX)]] | None,
        Query(max_length=OLDER_MAX, description="Sizes of checkpoints of the audit that its reader has kept."),
    ] = None,
) -> Response:
    """A zip with the entries, a proof of each, the checkpoint, the keys, a page to read, and a program that checks it.

    It holds 2,000 entries at most, and none that came after the newest checkpoint. That it was taken is noted.
    """
    (proofs, shelf), identity, tenant = _proving(services), identity_of(services), speaking.tenant
    try:
        files = audit_evidence_of(tenant, shelf, proofs.publics(), person=person, older=since or ())
    except EvidenceMissing as why:
        kind = PROBLEM_TYPES[why.kind]
        raise Problem(kind.status, why.kind, str(why), hint=kind.remedy) from why
    note(request, identity, tenant, "evidence_taken", actor=speaking.person, person=person, detail="audit")
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="audit-evidence.zip"'}
    return Response(proofs.packed(files), media_type=ZIP, headers=headers)


def _proving(services: Services) -> tuple[Proofs, AuditShelf]:
    proofs = proofs_of(services)
    if proofs.audit is None:
        raise Problem(
            HTTPStatus.NOT_IMPLEMENTED,
            "no-proofs",
            "This server keeps no audit that is signed for.",
            hint="Run it over PostgreSQL.",
        )
    return proofs, proofs.audit


def _told(tenant: TenantId, placed: PlacedEntry) -> dict[str, Any]:
    return {
        "position": placed.position,
        "leaf": audit_leaf_of(tenant, placed).decode(),
        "address": placed.address,
        "detail": placed.detail,
        "salt": placed.salt and placed.salt.hex(),
        "is_erased": placed.sealed is not None,
    }
