"""A bundle of evidence: events with the proofs that they are in a signed log, readable and checkable anywhere.

What somebody needs who has no account here and trusts none of us: the events, a proof of each, the checkpoint, the keys
and a page to read. `infra.evidence_zip` adds the program that checks it all with nothing but Python.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final

import orjson

from sync.checkpoint import Origin, VerifierKey
from sync.evidence_page import Subject, summary
from sync.leaf import stamps_of
from sync.log import TenantId
from sync.merkle import Nodes, consistency_proof, inclusion_proof
from sync.proof_shelf import ProofShelf, SignedRow
from sync.rows import EventRow
from sync.tiles import nodes_over

EVENTS_MAX: Final = 2_000
OLDER_MAX: Final = 20
"""Earlier checkpoints that the log is shown to continue."""

_README: Final = """\
Evidence from Cairnfield
========================

summary.html      the events, to be read by people
events.ndjson     the same, byte for byte, each with the proof that it is in the log
checkpoint.txt    what the log was when this was made: how many events, and the root over them, signed
keys.txt          the keys that sign
consistency.json  proofs that the log continues earlier checkpoints, by how many events those are over
verify.py         checks all of it: python3 verify.py
                  better, with a checkpoint or a key that you had from elsewhere:
                  python3 verify.py --checkpoint FILE --key KEY

verify.py is a text of one page: read it, or have somebody read it whom you trust.
"""


def bundle(
    subject: Subject,
    newest: SignedRow,
    *,
    older: Sequence[int],
    keys: Sequence[VerifierKey],
    nodes: Nodes,
) -> dict[str, bytes]:
    """The files, by name; `older` are the sizes of checkpoints that somebody has kept."""
    shown = {str(size): texts(consistency_proof(size, newest.size, nodes)) for size in older}
    lines = [_line(row, texts(inclusion_proof(row.position - 1, newest.size, nodes))) for row in subject.events]
    return {
        "README.txt": _README.encode(),
        "summary.html": summary(subject, newest, keys).encode(),
        "events.ndjson": b"".join(lines),
        "checkpoint.txt": newest.note,
        "keys.txt": "".join(f"{each}\n" for each in keys).encode(),
        "consistency.json": orjson.dumps(shown),
    }


def _line(row: EventRow, proof: list[str]) -> bytes:
    told: dict[str, Any] = {"position": row.position, "stamps": stamps_of(row).decode()}
    try:
        told["body"] = row.body.decode()
    except UnicodeDecodeError:
        told["body_base64"] = base64.b64encode(row.body).decode()
    return orjson.dumps({**told, "inclusion": proof}, option=orjson.OPT_APPEND_NEWLINE)


def texts(hashes: Sequence[bytes]) -> list[str]:
    """Hashes in base64."""
    return [base64.b64encode(each).decode() for each in hashes]


class EvidenceMissing(LookupError):
    """There is no such bundle; the text says why, for a person. `kind` is the problem's, where it has one."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def evidence_of(
    tenant: TenantId,
    shelf: ProofShelf,
    publics: Sequence[bytes],
    *,
    scope: str | None = None,
    ids: Sequence[str] = (),
    older: Sequence[int] = (),
) -> dict[str, bytes]:
    """The files of the bundle of what lives in a scope, or of single events.

    `older` are the sizes of checkpoints that its reader has kept. Raises EvidenceMissing, TenantUnknown and
    LogUnavailable.
    """
    newest = shelf.newest(tenant, shelf.anchor(tenant).epoch)
    if newest is None:
        raise EvidenceMissing("no-checkpoint", "No checkpoint was signed yet of this log in its epoch.")
    if scope is not None:
        rows = list(shelf.events_of_scope(tenant, scope, upto=newest.size, limit=EVENTS_MAX + 1))
    else:
        rows = [_found(tenant, shelf, each, newest) for each in dict.fromkeys(ids[: EVENTS_MAX + 1])]
    if len(rows) > EVENTS_MAX:
        raise EvidenceMissing("evidence-too-large", f"A bundle holds {EVENTS_MAX} events at most.")
    if not rows:
        raise EvidenceMissing("event-not-found", f"Nothing of {scope} is in the log up to its newest checkpoint.")
    if beyond := [each for each in older if each > newest.size]:
        text = f"The log is not known to have {beyond[0]} events: its newest checkpoint is over {newest.size}."
        raise EvidenceMissing("not-signed-yet", text)
    origin = Origin(tenant, newest.epoch)
    return bundle(
        Subject(tenant, scope or f"{len(rows)} events", sorted(rows)),
        newest,
        older=[each for each in older[:OLDER_MAX] if each],
        keys=[VerifierKey(origin, each) for each in publics],
        nodes=nodes_over(lambda level, number: shelf.tile(tenant, level, number)),
    )


def _found(tenant: TenantId, shelf: ProofShelf, name: str, newest: SignedRow) -> EventRow:
    row = shelf.event(tenant, name)
    if row is None:
        raise EvidenceMissing("event-not-found", f"The log holds no event {name}.")
    if row.position > newest.size:
        text = f"The event {name} came after the newest checkpoint; a minute later it is in one."
        raise EvidenceMissing("not-signed-yet", text)
    return row
