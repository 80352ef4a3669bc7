"""What the routes of proofs have in common, those of logs and those of audits."""

import base64
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response

from api.problem import Problem
from api.proof_ports import Proofs
from api.services import Services
from sync.checkpoint import SAID, Origin, VerifierKey
from sync.log import TenantId
from sync.merkle import Nodes, consistency_proof
from sync.proof_shelf import SignedRow, TreeShelf
from sync.tiles import nodes_over


def proofs_of(services: Services) -> Proofs:
    """What proves the logs; raises Problem 501 where nothing does."""
    if services.proofs is None:
        raise Problem(
            HTTPStatus.NOT_IMPLEMENTED,
            "no-proofs",
            "This server signs no checkpoints.",
            hint="Run it over PostgreSQL.",
        )
    return services.proofs


def newest_of(tenant: TenantId, shelf: TreeShelf) -> SignedRow:
    """The newest checkpoint of the epoch that the log is in; raises Problem 404."""
    newest = shelf.newest(tenant, shelf.anchor(tenant).epoch)
    if newest is None:
        said = SAID[shelf.stream]
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "no-checkpoint",
            f"No checkpoint was signed yet of this {said.whole} in its epoch.",
            hint=f"One is signed within a minute of the first {said.each}. The server's own log says if something is "
            "wrong.",
            retryable=True,
        )
    return newest


def page_of_checkpoints(tenant: TenantId, shelf: TreeShelf, *, after: int, limit: int) -> dict[str, Any]:
    """Checkpoints by size, and where the next page begins."""
    rows = shelf.signed(tenant, after=after, limit=limit)
    items = [
        {"size": row.size, "epoch": row.epoch, "signed_at_ms": row.signed_at_ms, "checkpoint": row.note.decode()}
        for row in rows
    ]
    return {"items": items, "next": rows[-1].size if len(rows) >= limit else None}


def consistency_since(tenant: TenantId, proofs: Proofs, shelf: TreeShelf, since: int) -> dict[str, Any]:
    """The newest checkpoint, and the hashes by which it is shown to continue one of that size."""
    anchor, newest = shelf.anchor(tenant), newest_of(tenant, shelf)
    shown = texts(consistency_proof(since, newest.size, nodes_of(tenant, shelf))) if since <= newest.size else None
    return {
        "checkpoint": newest.note.decode(),
        "keys": keys_of(Origin(tenant, newest.epoch, shelf.stream), proofs),
        "epoch": anchor.epoch,
        "durable": anchor.durable,
        "since": since,
        "consistency": shown,
    }


def not_yet(position: int, newest: SignedRow, shelf: TreeShelf) -> Problem:
    """What came after the newest checkpoint."""
    return Problem(
        HTTPStatus.CONFLICT,
        "not-signed-yet",
        f"The {SAID[shelf.stream].each} lies at position {position}, and the newest checkpoint is over {newest.size}.",
        hint="Ask again in a minute: a checkpoint is signed at least that often.",
        retryable=True,
    )


def nodes_of(tenant: TenantId, shelf: TreeShelf) -> Nodes:
    """The complete subtrees that its tiles hold."""
    return nodes_over(lambda level, number: shelf.tile(tenant, level, number))


def keys_of(origin: Origin, proofs: Proofs) -> list[str]:
    """Verifier keys, the newest first."""
    return [str(VerifierKey(origin, public)) for public in proofs.publics()]


def text(raw: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(raw).decode()


def texts(hashes: Sequence[bytes]) -> list[str]:
    """Each in base64."""
    return [text(each) for each in hashes]


def as_json(document: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer that nobody in between keeps, unless `headers` say otherwise."""
    return Response(
        orjson.dumps(document), media_type="application/json", headers=headers or {"Cache-Control": "no-store"}
    )
