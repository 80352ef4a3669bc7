"""The page of a bundle of evidence, for people: each event with both clocks, and what it says."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import orjson

from sync.checkpoint import VerifierKey
from sync.log import TenantId
from sync.proof_shelf import SignedRow
from sync.rows import EventRow

STYLE: Final = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:75em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top}"
    "td.data{font-family:monospace;white-space:pre-wrap;word-break:break-word}"
)
"""Of every page of evidence."""


class Subject(NamedTuple):
    """What a bundle is about."""

    tenant: TenantId
    title: str
    """For people, such as `work_order:<id>`."""
    events: Sequence[EventRow]
    """By position; none of them came after the checkpoint."""


def summary(subject: Subject, newest: SignedRow, keys: Sequence[VerifierKey]) -> str:
    """HTML that loads nothing from elsewhere, and in which nothing that an event says is more than text."""
    rows = "".join(_row(row) for row in subject.events)
    signing = "".join(f"<li><code>{html.escape(str(each))}</code></li>" for each in keys)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evidence: {html.escape(subject.title)}</title>'
        f"<style>{STYLE}</style><h1>Evidence: {html.escape(subject.title)}</h1>"
        f"<p>{len(subject.events)} events of tenant {html.escape(subject.tenant)}, out of a log of {newest.size} that "
        f"was signed at {time_told(newest.signed_at_ms)}.</p>"
        "<p>This page proves nothing by itself: <code>python3 verify.py</code> checks the events beside it, and says "
        "what that proves and what not.</p><h2>Events</h2><table><tr><th>Position<th>What<th>Of<th>By"
        "<th>By the device's clock<th>By the server's clock<th>What it says</tr>"
        f"{rows}</table><h2>Keys</h2><ul>{signing}</ul></html>\n"
    )


def _row(row: EventRow) -> str:
    at, data = _said(row.body)
    cells = (
        str(row.position),
        row.type,
        f"{row.entity_type} {row.entity}",
        row.actor,
        at,
        time_told(row.recorded_at_ms),
    )
    plain = "".join(f"<td>{html.escape(each)}" for each in cells)
    return f'<tr>{plain}<td class="data">{html.escape(data)}</tr>'


def _said(body: bytes) -> tuple[str, str]:
    """When its author wrote it, by their own clock, and what; empty where it is no event of field service."""
    try:
        told = orjson.loads(body)
        return time_told(int(told["at"][:12], 16)), orjson.dumps(told["data"], option=orjson.OPT_INDENT_2).decode()
    except (ValueError, KeyError, TypeError):
        return "", ""


def time_told(ms: int) -> str:
    """In UTC, or as a number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
