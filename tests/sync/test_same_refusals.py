"""The same bytes are read alike in Python and TypeScript, or refused under the same code."""

import base64
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from cairnfield.node import node
from sync.envelope import Unacceptable, Unreadable, link_of, parse
from tests.sync.spoiling import at_the_edges, spoiled, well_told

PROOF = Path(__file__).parents[2] / "pwa" / "sdk" / "proof" / "refusals.ts"
EVENTS = 5_000
CODES = {
    *("accepted", "not_json", "not_canonical", "bad_number", "bad_key", "bad_text", "too_deep", "event_too_large"),
    *("bad_envelope", "bad_clock", "bad_data", "unknown_event", "unknown_version"),
}


def in_python(raw: bytes) -> Any:
    return [_said(raw), _link(raw)]


def in_typescript(raws: Iterable[bytes]) -> list[Any]:
    lines = b"".join(base64.b64encode(raw) + b"\n" for raw in raws)
    done = subprocess.run([node(), PROOF], input=lines, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def _said(raw: bytes) -> Any:
    try:
        event = parse(raw)
    except Unacceptable as why:
        return why.code
    told = {("entityType" if name == "entity_type" else name): value for name, value in event._asdict().items()}
    del told["raw"], told["fact"]
    return {**told, "version": event.fact.version}


def _link(raw: bytes) -> Any:
    try:
        return link_of(raw)._asdict()
    except Unreadable:
        return "unreadable"


def test_what_was_well_told_is_read_alike() -> None:
    raws = well_told()
    assert in_typescript(raws) == [in_python(raw) for raw in raws]


def test_at_every_limit_both_draw_the_same_line() -> None:
    assert codes_of(list(at_the_edges())) == CODES


@pytest.mark.parametrize("seed", [1])
def test_what_was_spoiled_is_refused_under_the_same_code(seed: int) -> None:
    assert codes_of(list(spoiled(seed, EVENTS))) == CODES


def codes_of(raws: Sequence[bytes]) -> set[str]:
    """What became of them, once it has been seen that both languages say the same of each."""
    codes = set[str]()
    for raw, theirs in zip(raws, in_typescript(raws), strict=True):
        ours = in_python(raw)
        assert theirs == ours, raw
        codes.add(ours[0] if isinstance(ours[0], str) else "accepted")
    return codes
