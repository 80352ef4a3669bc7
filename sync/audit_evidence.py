"""A bundle of evidence of the audit: entries with the proofs that they are in what was signed, checkable anywhere."""

import html
from collections.abc import Sequence
from typing import Any, Final

import orjson

from sync.audit_leaf import PlacedEntry, audit_leaf_of
from sync.checkpoint import VerifierKey
from sync.evidence_frame import EvidenceMissing, frame_of
from sync.evidence_page import STYLE, time_told
from sync.log import TenantId
from sync.proof_shelf import AuditShelf, SignedRow

ENTRIES_MAX: Final = 2_000

_README: Final = """\
Evidence from Cairnfield: who had access
========================================

summary.html      the entries, to be read by people
audit.ndjson      the same, each with its leaf and the proof that it is in the audit
checkpoint.txt    what the audit was when this was made: how many entries, and the root over them, signed
keys.txt          the keys that sign
consistency.json  proofs that the audit continues earlier checkpoints, by how many entries those are over
verify.py         checks all of it: python3 verify.py
                  better, with a checkpoint or a key that you had from elsewhere:
                  python3 verify.py --checkpoint FILE --key KEY

verify.py is a text of one page: read it, or have somebody read it whom you trust.
"""


def audit_evidence_of(
    tenant: TenantId,
    shelf: AuditShelf,
    publics: Sequence[bytes],
    *,
    person: str | None = None,
    older: Sequence[int] = (),
) -> dict[str, bytes]:
    """The files of the bundle of all entries, or of those about a person and of what they did.

    `older` are the sizes of checkpoints that its reader has kept. Raises EvidenceMissing, TenantUnknown and
    LogUnavailable.
    """
    frame = frame_of(tenant, shelf, publics, older)
    found = shelf.entries_of(tenant, person, upto=frame.newest.size, limit=ENTRIES_MAX + 1)
    if len(found) > ENTRIES_MAX:
        raise EvidenceMissing("evidence-too-large", f"A bundle holds {ENTRIES_MAX} entries at most.")
    if not found:
        raise EvidenceMissing("entry-not-found", f"Nothing of {person or 'anybody'} is in the audit that was signed.")
    lines = [_line(tenant, each, frame.inclusion(each.position)) for each in found]
    return frame.files(_README, _summary(tenant, person, found, frame.newest, frame.keys), "audit.ndjson", lines)


def _line(tenant: TenantId, placed: PlacedEntry, proof: list[str]) -> bytes:
    told: dict[str, Any] = {"position": placed.position, "leaf": audit_leaf_of(tenant, placed).decode()}
    if placed.salt is not None:
        told |= {"address": placed.address, "detail": placed.detail, "salt": placed.salt.hex()}
    return orjson.dumps({**told, "inclusion": proof}, option=orjson.OPT_APPEND_NEWLINE)


def _summary(
    tenant: TenantId,
    person: str | None,
    entries: Sequence[PlacedEntry],
    newest: SignedRow,
    keys: Sequence[VerifierKey],
) -> str:
    """HTML that loads nothing from elsewhere, and in which nothing that an entry says is more than text."""
    rows = "".join(_row(each) for each in entries)
    signing = "".join(f"<li><code>{html.escape(str(each))}</code></li>" for each in keys)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evidence: audit</title><style>{STYLE}</style>'
        f"<h1>Evidence: who had access</h1><p>{len(entries)} entries of tenant {html.escape(tenant)}"
        f"{html.escape(f', of {person}') if person else ''}, out of an audit of {newest.size} that was signed at "
        f"{time_told(newest.signed_at_ms)}.</p>"
        "<p>This page proves nothing by itself: <code>python3 verify.py</code> checks the entries beside it, and says "
        "what that proves and what not.</p><h2>Entries</h2><table><tr><th>Position<th>When<th>What<th>About<th>By"
        f"<th>From<th>Words</tr>{rows}</table><h2>Keys</h2><ul>{signing}</ul></html>\n"
    )


def _row(placed: PlacedEntry) -> str:
    when = "" if placed.at_us is None else time_told(placed.at_us // 1_000)
    words = placed.detail if placed.sealed is None else "(erased)"
    cells = (str(placed.position), when, placed.kind, placed.person or "", placed.actor or "", placed.address or "")
    return "<tr>" + "".join(f"<td>{html.escape(each)}" for each in (*cells, words)) + "</tr>"
