"""How fast edits are merged, beside Yjs and Automerge fed the same edits, and whether a long history makes it slower.

Two replicas write 100,000 edits of the text fields of one job; every ten edits they hear from each other, so that most
meet a concurrent one. Each system is fed its own form of these edits, one update per edit, in one order, and read back
at the end; the time is the processor's. Ours is counted twice: folding events that are in memory, and starting from the
bytes as the log keeps them.
"""

import gc
import json
import random
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from cairnfield.node import node, packages
from sync import merge, shown, state_codec
from sync.author import Author, write
from sync.envelope import Event, parse
from sync.merge import State

EDITS: Final = 100_000
HEARD_EVERY: Final = 10
FIELDS: Final = ("title", "description", "resolution", "hold_reason", "reopen_reason", "sla_id", "priority", "kind")
FEW, MANY, FURTHER, TURNS = 10, 100_000, 2_000, 25
STATE_RATIO_EVENTS = 40
_ROOT: Final = Path(__file__).parents[1]


class Edit(NamedTuple):
    """One edit as every system is told it."""

    author: int
    """0 or 1."""
    field: str
    value: str
    hears: bool
    """Before it, its author takes in all that the other has written."""


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Edits per second of each system, and two ratios of ours."""
    edits = _edits(EDITS // 5 if quick else EDITS)
    say("writing the edits as events")
    events = _as_events(edits)
    rounds = 3 if quick else 5
    say("ours, in Python")
    measured = _ours(events, rounds)
    say("pycrdt")
    measured["pycrdt_ops_per_s"] = _pycrdt(edits, rounds)
    say("a long history against a short one")
    measured["merge_history_ratio"] = _history_ratio(MANY // 5 if quick else MANY)
    measured["merge_state_ratio"] = _state_ratio()
    say("ours in TypeScript, yjs and automerge")
    return measured | _typescript(edits, events, rounds)


def _edits(count: int) -> list[Edit]:
    rnd = random.Random(7)
    values = {"priority": ["low", "normal", "high"], "kind": ["repair", "inspection", "other"]}
    edits: list[Edit] = []
    for number in range(count):
        field = rnd.choice(FIELDS)
        value = rnd.choice(values[field]) if field in values else f"{field} as of {number}"
        edits.append(Edit(number % 2, field, value, number // 2 % HEARD_EVERY == 0))
    return edits


def _as_events(edits: Sequence[Edit]) -> list[bytes]:
    """The edits as canonical bytes, in the order of the log, after the creation of the job."""
    rnd = random.Random(7)
    authors = [Author(replica="raaaaaaaaaaaa"), Author(replica="rbbbbbbbbbbbb")]
    job, now_ms = _id(rnd, 0), 1_790_000_000_000
    created = {"customer_id": job, "site_id": job, "kind": "repair", "title": "Pump"}
    authors[0], first = write(
        authors[0], id=_id(rnd, now_ms), entity_type="work_order", entity=job, type="Created", data=created, clock={},
        now_ms=now_ms,
    )  # fmt: skip
    lines, clocks = [first], [{authors[0].replica: 1}, {authors[0].replica: 1}]
    for edit in edits:
        now_ms += 1_000
        me, other = edit.author, 1 - edit.author
        if edit.hears:
            clocks[me][authors[other].replica] = authors[other].seq or clocks[me].get(authors[other].replica, 0)
            clocks[me] = {replica: seq for replica, seq in clocks[me].items() if seq}
        authors[me], raw = write(
            authors[me], id=_id(rnd, now_ms), entity_type="work_order", entity=job, type="Edited",
            data={edit.field: edit.value}, clock=clocks[me], now_ms=now_ms,
        )  # fmt: skip
        clocks[me][authors[me].replica] = authors[me].seq
        lines.append(raw)
    return lines


def _id(rnd: random.Random, ms: int) -> str:
    return str(uuid.UUID(int=(ms << 80) | (7 << 76) | (rnd.getrandbits(12) << 64) | (2 << 62) | rnd.getrandbits(62)))


def _best(work: Callable[[], Any], rounds: int) -> float:
    """Seconds of one core that the quickest round took; what others do with the core meanwhile does not count."""
    took: list[float] = []
    for _ in range(rounds):
        gc.collect()
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def _fold(events: Iterable[Event]) -> State:
    state = merge.empty("work_order")
    for event in events:
        state = merge.apply(state, event, event.at)
    return state


def _ours(lines: Sequence[bytes], rounds: int) -> dict[str, float]:
    events = [parse(line) for line in lines]
    gc.freeze()  # the collector is not to walk what only the bench keeps
    values = shown.values(_fold(events))
    assert set(FIELDS) <= set(values), values
    folded = _best(lambda: shown.values(_fold(events)), rounds)
    from_bytes = _best(lambda: shown.values(_fold(map(parse, lines))), max(2, rounds // 2))
    gc.unfreeze()
    return {
        "merge_py_events_per_s": len(lines) / folded,
        "merge_py_from_bytes_events_per_s": len(lines) / from_bytes,
    }


def _pycrdt(edits: Sequence[Edit], rounds: int) -> float:
    from pycrdt import Doc, Map, TransactionEvent  # noqa: PLC0415  # a peer, needed by nobody else

    updates: list[bytes] = []
    docs: list[Doc[Any]] = [Doc(), Doc()]
    jobs = [doc.get("job", type=Map) for doc in docs]
    unheard: list[list[bytes]] = [[], []]
    speaker: list[int] = []

    def told(event: TransactionEvent) -> None:
        if speaker:  # otherwise it is what somebody else said, heard now
            updates.append(event.update)
            unheard[1 - speaker[0]].append(event.update)

    for doc in docs:
        doc.observe(told)
    for edit in edits:
        if edit.hears:
            for update in unheard[edit.author]:
                docs[edit.author].apply_update(update)
            unheard[edit.author].clear()
        speaker[:] = [edit.author]
        jobs[edit.author][edit.field] = edit.value
        speaker.clear()
    assert len(updates) == len(edits)

    def merged() -> dict[str, Any]:
        doc: Doc[Any] = Doc()
        job = doc.get("job", type=Map)
        for update in updates:
            doc.apply_update(update)
        return dict(job.to_py() or {})

    assert set(merged()) == set(FIELDS)
    return len(updates) / _best(merged, rounds)


def _history_ratio(many: int) -> float:
    """The same edits on top of many earlier ones against on top of few, turn by turn."""
    before: dict[str, State] = {}
    further: dict[str, list[Event]] = {}
    for name, count in (("many", many), ("few", FEW)):
        lines = _as_events([*_edits(FEW), *_edits(count - FEW), *_edits(FURTHER)])
        before[name] = _fold(map(parse, lines[:-FURTHER]))
        further[name] = [parse(line) for line in lines[-FURTHER:]]

    def took(name: str) -> float:
        state, began = before[name], time.process_time()
        for event in further[name]:
            state = merge.apply(state, event, event.at)
        return time.process_time() - began

    return statistics.median(took("many") / took("few") for _ in range(TURNS))


def _state_ratio() -> float:
    """Bytes of the stored state against plain JSON of the same values, after edits that nothing is concurrent with."""
    one_after_another = [edit._replace(hears=True) for edit in _edits(STATE_RATIO_EVENTS)]
    state = _fold([parse(line) for line in _as_events(one_after_another)])
    assert not state.open
    return len(state_codec.encode(state)) / len(orjson.dumps(shown.values(state)))


def _typescript(edits: Sequence[Edit], lines: Sequence[bytes], rounds: int) -> dict[str, float]:
    script = packages(_ROOT) / "bench" / "merge.ts"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "edits.json").write_bytes(orjson.dumps([list(edit) for edit in edits]))
        (Path(folder) / "events.ndjson").write_bytes(b"\n".join(lines))
        told = subprocess.run(
            [str(node()), "--expose-gc", str(script), folder, str(rounds)], check=True, stdout=subprocess.PIPE
        )
    found: dict[str, float] = json.loads(told.stdout)
    return found
