"""A bundle of evidence: events with the proofs that they are in a signed log, readable and checkable anywhere.

What somebody needs who has no account here and trusts none of us: the events, a proof of each, the checkpoint, the keys
and a page to read. `infra.evidence_zip` adds the program that checks it all with nothing but Python.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final

import orjson

from sync.evidence_frame import EvidenceMissing, Frame, frame_of
from sync.evidence_page import Subject, summary
from sync.leaf import stamps_of
from sync.log import TenantId
from sync.proof_shelf import ProofShelf
from sync.rows import EventRow

EVENTS_MAX: Final = 2_000

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


def bundle(subject: Subject, frame: Frame) -> dict[str, bytes]:
    """The files, by name."""
    lines = [_line(row, frame.inclusion(row.position)) for row in subject.events]
    return frame.files(_README, summary(subject, frame.newest, frame.keys), "events.ndjson", lines)


def _line(row: EventRow, proof: list[str]) -> bytes:
    told: dict[str, Any] = {"position": row.position, "stamps": stamps_of(row).decode()}
    try:
        told["body"] = row.body.decode()
    except UnicodeDecodeError:
        told["body_base64"] = base64.b64encode(row.body).decode()
    return orjson.dumps({**told, "inclusion": proof}, option=orjson.OPT_APPEND_NEWLINE)


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
    frame = frame_of(tenant, shelf, publics, older)
    size = frame.newest.size
    if scope is not None:
        rows = list(shelf.events_of_scope(tenant, scope, upto=size, limit=EVENTS_MAX + 1))
    else:
        rows = [_found(tenant, shelf, each, size) for each in dict.fromkeys(ids[: EVENTS_MAX + 1])]
    if len(rows) > EVENTS_MAX:
        raise EvidenceMissing("evidence-too-large", f"A bundle holds {EVENTS_MAX} events at most.")
    if not rows:
        raise EvidenceMissing("event-not-found", f"Nothing of {scope} is in the log up to its newest checkpoint.")
    return bundle(Subject(tenant, scope or f"{len(rows)} events", sorted(rows)), frame)


def _found(tenant: TenantId, shelf: ProofShelf, name: str, size: int) -> EventRow:
    row = shelf.event(tenant, name)
    if row is None:
        raise EvidenceMissing("event-not-found", f"The log holds no event {name}.")
    if row.position > size:
        text = f"The event {name} came after the newest checkpoint; a minute later it is in one."
        raise EvidenceMissing("not-signed-yet", text)
    return row
