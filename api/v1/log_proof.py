"""What proves the log: signed checkpoints, and proofs that what was shown before and any event are in them.

Every device asks for `consistency` before it pulls, so that a server which rewrites history is found out by the first
that connects. The rest is for those who check.
"""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api.answer import ZIP
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
from domain.values import INTEGER_MAX, UUID_PATTERN
from sync.checkpoint import Origin
from sync.evidence import evidence_of
from sync.evidence_frame import OLDER_MAX, EvidenceMissing
from sync.leaf import leaf_of, stamps_of
from sync.log import TenantId
from sync.merkle import inclusion_proof, leaf_hash
from sync.rows import EventRow
from sync.tiles import LEVELS_MAX, split, widths_of

CHECKPOINTS_PER_PAGE_MAX: Final = 200
EVENTS_NAMED_MAX: Final = 100
SCOPE_PATTERN: Final = r"^(catalog|office|(work_order|site|customer):" + UUID_PATTERN[1:-1] + r")$"

router = APIRouter(prefix="/v1/proof", tags=["proof"])
Size = Annotated[int, Query(ge=0, le=INTEGER_MAX)]


@router.get("/keys", summary="By which keys checkpoints are signed")
def checkpoint_keys(speaking: Speaking, services: Ports) -> Response:
    """Keep them at first contact, and let no later answer replace them: a key goes on signing until it is revoked."""
    proofs = proofs_of(services)
    origin = Origin(speaking.tenant, proofs.shelf.anchor(speaking.tenant).epoch)
    return as_json({"origin": str(origin), "keys": keys_of(origin, proofs)})


@router.get("/checkpoint", summary="The newest checkpoint", response_class=Response)
def checkpoint(speaking: Speaking, services: Ports) -> Response:
    """As a signed note (C2SP `tlog-checkpoint`): origin, size and root, and a signature for each key."""
    newest = newest_of(speaking.tenant, proofs_of(services).shelf)
    return Response(newest.note, media_type="text/plain", headers={"Cache-Control": "no-store"})


@router.get("/checkpoints", summary="Every checkpoint that was signed")
def checkpoints(
    speaking: Speaking,
    services: Ports,
    after: Annotated[Size, Query(description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=CHECKPOINTS_PER_PAGE_MAX, description="How many at most.")] = 50,
) -> Response:
    """By size, of all epochs; ask on with `next` until it is null. Those of one size are never on two pages."""
    return as_json(page_of_checkpoints(speaking.tenant, proofs_of(services).shelf, after=after, limit=limit))


@router.get("/consistency", summary="That the log still begins with what it was")
def consistency(
    speaking: Speaking,
    services: Ports,
    since: Annotated[Size, Query(description="The size of a checkpoint that was kept; 0: none was.")] = 0,
) -> Response:
    """The newest checkpoint, and the hashes by which it is shown to continue one of `since` events (RFC 9162)."""
    proofs = proofs_of(services)
    return as_json(consistency_since(speaking.tenant, proofs, proofs.shelf, since))


@router.get("/inclusion", summary="That an event is in the log")
def inclusion(
    speaking: Speaking,
    services: Ports,
    position: Annotated[int | None, Query(ge=1, le=INTEGER_MAX, description="Its place in the log.")] = None,
    event: Annotated[str | None, Query(pattern=UUID_PATTERN, description="Its id, instead of its position.")] = None,
) -> Response:
    """The hashes that lead from the event's leaf to the root of the newest checkpoint, lowest first (RFC 9162)."""
    proofs, tenant = proofs_of(services), speaking.tenant
    if (position is None) == (event is None):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-request",
            "An event is named either by its position or by its id.",
            hint="Send `position` or `event`, and not both.",
        )
    newest = newest_of(tenant, proofs.shelf)
    row = _row(tenant, position, event, services, proofs)
    if row.position > newest.size:
        raise not_yet(row.position, newest, proofs.shelf)
    hashes = inclusion_proof(row.position - 1, newest.size, nodes_of(tenant, proofs.shelf))
    return as_json(
        {
            "position": row.position,
            "event_id": row.id,
            "stamps": stamps_of(row).decode(),
            "leaf_hash": text(leaf_hash(leaf_of(row))),
            "size": newest.size,
            "inclusion": texts(hashes),
            "checkpoint": newest.note.decode(),
            "keys": keys_of(Origin(tenant, newest.epoch), proofs),
        }
    )


@router.get("/tiles/{level}/{number}", summary="Hashes of the tree, 256 at a time")
def tile(
    level: Annotated[int, Path(description="0: hashes of leaves; 1: roots over tiles of level 0; and so on.")],
    number: Annotated[int, Path(description="Its place among those of its level, from 0.")],
    speaking: Speaking,
    services: Ports,
) -> Response:
    """A tile as C2SP `tlog-tiles` cuts them, as far as the newest checkpoint goes; one of width 256 never changes."""
    proofs = proofs_of(services)
    newest = newest_of(speaking.tenant, proofs.shelf)
    full, rest = widths_of(newest.size).get(level, (0, 0)) if 0 <= level < LEVELS_MAX else (0, 0)
    width = 256 if 0 <= number < full else rest if number == full else 0
    hashes = split(proofs.shelf.tile(speaking.tenant, level, number))[:width] if width else []
    if not hashes:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "tile-not-found",
            f"A tree of {newest.size} leaves has no tile {number} of level {level}.",
            hint="Level 0 has a tile for every 256 events, and each level above one for every 256 of those below.",
        )
    kept = "private, max-age=31536000, immutable" if width == 256 else "no-store"
    document = {"level": level, "number": number, "width": len(hashes), "hashes": text(b"".join(hashes))}
    return as_json(document, {"Cache-Control": kept})


@router.get("/evidence", summary="Evidence to be taken along", response_class=Response)
def evidence(
    *,
    request: Request,
    speaking: Speaking,
    services: Ports,
    scope: Annotated[
        str | None, Query(pattern=SCOPE_PATTERN, description="Everything that lives there, such as a job's scope.")
    ] = None,
    event: Annotated[
        list[Annotated[str, Field(pattern=UUID_PATTERN)]] | None,
        Query(max_length=EVENTS_NAMED_MAX, description="Ids of single events instead."),
    ] = None,
    since: Annotated[
        list[Annotated[int, Field(ge=1, le=INTEGER_MAX)]] | None,
        Query(max_length=OLDER_MAX, description="Sizes of checkpoints that its reader has kept."),
    ] = None,
) -> Response:
    """A zip with the events, a proof of each, the checkpoint, the keys, a page to read, and a program that checks it.

    It holds 2,000 events at most, and none that came after the newest checkpoint. That it was taken is noted.
    """
    proofs, tenant = proofs_of(services), speaking.tenant
    if (scope is None) == (not event):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-request",
            "Evidence is of a scope or of single events.",
            hint="Send `scope` or `event`, and not both.",
        )
    try:
        files = evidence_of(tenant, proofs.shelf, proofs.publics(), scope=scope, ids=event or (), older=since or ())
    except EvidenceMissing as why:
        kind = PROBLEM_TYPES[why.kind]
        raise Problem(kind.status, why.kind, str(why), hint=kind.remedy) from why
    if services.identity is not None:
        note(request, services.identity, tenant, "evidence_taken", actor=speaking.person, detail=scope or "events")
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="evidence.zip"'}
    return Response(proofs.packed(files), media_type=ZIP, headers=headers)


def _row(tenant: TenantId, position: int | None, event: str | None, services: Services, proofs: Proofs) -> EventRow:
    if position is not None:
        row = next(iter(services.log.page(tenant, after=position - 1, limit=1)), None)
    else:
        row = proofs.shelf.event(tenant, event or "")
    if row is None or position not in (None, row.position):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "event-not-found",
            f"The log holds no event {event or f'at position {position}'}.",
            hint="`/v1/sync/hello` tells the newest position; what is held or set aside is not in the log.",
        )
    return row
