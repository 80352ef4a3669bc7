"""The state of an entity as canonical bytes: what is stored beside the log, sent in snapshots and hashed.

It is what is left of each event: the values that nobody has knowingly replaced, under the write that said them. So the
state of an undisturbed entity stays close to the size of its plain values, however many replicas and edits it took:

    {"clashes":[[dot, dot], ...]?, "replicas":[[replica, last seq, write, ...], ...], "sums":{field: decimal}?,
     "type":..., "version":...}

`replicas` is the clock, by id; behind each follow, by seq, its writes of which something is left. A write is
[seq, milliseconds, values], [..., counter] or [..., counter, contested]: the seq as the difference to the write before
it of the same replica, the milliseconds of its effective stamp as the difference to the write before it in the whole
document (for the first, the seq and the milliseconds themselves), the counter of the stamp where it is not 0, and by
field the dots that contest the value. Of a set, `values` holds the elements that it added, of a map its [key, value]
pairs, each in order. A dot is [number of the replica, seq].
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from sync import canonical
from sync.hybrid_clock import counter_of, ms_of, stamp
from sync.merge import Dot, State, Write, decimal, made, millionths, watched
from sync.plan import Kind, plan_of

_REGISTER: Final = Kind.REGISTER
_Name = tuple[str, int, str]
"""A write by its dot and its effective stamp."""


def encode(state: State) -> bytes:
    """The canonical bytes of a state; equal states give equal bytes."""
    values, sums = _what_is_left(state)
    replicas = sorted(state.clock) if len(state.clock) > 1 else [*state.clock]
    contested = _contested(state, replicas) if state.watched else {}
    document: dict[str, Any] = {
        "replicas": _told(replicas, state.clock, values, contested),
        "type": state.type,
        "version": state.version,
    }
    if sums:
        document["sums"] = sums
    if state.clashes:
        document["clashes"] = [_numbered(pair, replicas) for pair in state.clashes]
    return canonical.dumps(document)


def _what_is_left(state: State) -> tuple[dict[_Name, dict[str, Any]], dict[str, str]]:
    """The values that stand, by the write that said them, and the sums."""
    left: dict[_Name, dict[str, Any]] = {}
    sums: dict[str, str] = {}
    kinds = plan_of(state.type).kinds
    teller, last_seq = "", 0
    values: dict[str, Any] = {}
    for name, cell in state.cells.items():
        kind = kinds[name]
        if kind is _REGISTER:
            for replica, seq, effective, value, _ in cell:
                if seq != last_seq or replica != teller:  # neighbours are often of one event
                    teller, last_seq, values = replica, seq, left.setdefault((replica, seq, effective), {})
                values[name] = value
        elif kind is Kind.SUM:
            sums[name] = decimal(cell)
        else:
            for key in sorted(cell):
                for write in cell[key]:
                    said_of_it = left.setdefault(write[:3], {}).setdefault(name, [])
                    said_of_it.append(key if kind is Kind.SET else [key, write.value])
    return left, sums


def _contested(state: State, replicas: list[str]) -> dict[_Name, dict[str, Any]]:
    """By write and field, who contests what it said."""
    found: dict[_Name, dict[str, Any]] = {}
    for name in state.watched:
        for write in state.cells[name]:
            if write.contested:
                found.setdefault(write[:3], {})[name] = _numbered(write.contested, replicas)
    return found


def _told(
    replicas: list[str],
    clock: Mapping[str, int],
    values: Mapping[_Name, dict[str, Any]],
    contested: Mapping[_Name, dict[str, Any]],
) -> list[list[Any]]:
    told: dict[str, list[Any]] = {replica: [replica, clock[replica]] for replica in replicas}
    teller, last_seq, last_ms = "", 0, 0
    for said in sorted(values) if len(values) > 1 else values:
        replica, seq, effective = said
        if replica != teller:
            teller, last_seq = replica, 0
        ms = ms_of(effective)
        write = [seq - last_seq, ms - last_ms, values[said]]
        if said in contested:
            write += [counter_of(effective), contested[said]]
        elif effective[12:] != "0000":
            write.append(counter_of(effective))
        told[replica].append(write)
        last_seq, last_ms = seq, ms
    return [*told.values()]


def _numbered(dots: Iterable[Dot], replicas: list[str]) -> list[list[int]]:
    return [[replicas.index(replica), seq] for replica, seq in dots]


def decode(raw: bytes) -> State:
    """The state that `encode` wrote."""
    document = orjson.loads(raw)
    plan = plan_of(document["type"])
    told = document["replicas"]
    cells, still_open = _cells(told, plan.kinds)
    cells |= {name: millionths(amount) for name, amount in document.get("sums", {}).items()}
    return State(
        document["type"],
        document["version"],
        {each[0]: each[1] for each in told},
        cells,
        frozenset(still_open),
        watched(cells, plan),
        tuple((_dot(one, told), _dot(other, told)) for one, other in document.get("clashes", ())),
    )


def _cells(told: list[Any], kinds: Mapping[str, Kind]) -> tuple[dict[str, Any], set[str]]:
    """The writes by field, and the registers that hold several."""
    cells, still_open = dict[str, Any](), set[str]()
    for said, values, contested in _writes(told):
        for name, value in values.items():
            kind = kinds[name]
            if kind is not _REGISTER:
                _put_back(cells.setdefault(name, {}), kind, said, value)
                continue
            kept: Write = made(Write, (*said, value, contested.get(name, ())))
            if name in cells:
                still_open.add(name)
                cells[name] += (kept,)
            else:
                cells[name] = (kept,)
    return cells, still_open


_NOBODY: Final[Mapping[str, tuple[Dot, ...]]] = {}


def _writes(told: list[Any]) -> Iterator[tuple[_Name, dict[str, Any], Mapping[str, tuple[Dot, ...]]]]:
    """What is left of each event, and who contests it."""
    ms = 0
    for replica, _, *writes in told:
        seq = 0
        for after_seq, after_ms, values, *rest in writes:
            seq, ms = seq + after_seq, ms + after_ms
            contested = _dots_by_field(rest[1], told) if len(rest) > 1 else _NOBODY
            yield (replica, seq, stamp(ms, rest[0] if rest else 0)), values, contested


def _put_back(cell: dict[str, tuple[Write, ...]], kind: Kind, said: _Name, left: Any) -> None:
    for key, value in ((element, None) for element in left) if kind is Kind.SET else left:
        cell[key] = (*cell.get(key, ()), Write(*said, value))


def _dots_by_field(contested: Mapping[str, Any], told: list[Any]) -> dict[str, tuple[Dot, ...]]:
    return {name: tuple(_dot(each, told) for each in dots) for name, dots in contested.items()}


def _dot(numbered: list[int], told: list[Any]) -> Dot:
    return told[numbered[0]][0], numbered[1]


def state_hash(states: Iterable[tuple[str, bytes]]) -> str:
    """One hash of many entities: SHA-256 over `<id> <SHA-256 of its state>` lines, in the order of their ids.

    Two replicas that hold the same events have the same hash; `states` gives (entity id, encoded state), in any order.
    """
    lines = sorted(f"{entity} {hashlib.sha256(state).hexdigest()}\n" for entity, state in states)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
