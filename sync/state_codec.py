"""The state of an entity as canonical bytes: what is stored beside the log, sent in snapshots and hashed.

Replicas and writes are named once and then referred to by number, so that the state of an undisturbed entity stays
close to the size of its plain values:

    {"clashes":[[dot, dot], ...]?, "clock":[[replica, seq], ...], "fields":{name: cell}, "type":..., "version":...,
     "writes":[[replica number, seq, effective], ...]}

A register is a list of [write number, value] or [write number, value, contested]; a set a list of [element, [write
number, ...]]; a map a list of [key, register]; a sum a decimal as text. A dot is [replica number, seq].
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from sync import canonical
from sync.merge import Dot, State, Write, decimal, millionths
from sync.plan import Kind, plan_of


def encode(state: State) -> bytes:
    """The canonical bytes of a state; equal states give equal bytes."""
    kinds = plan_of(state.type).kinds
    if len(state.clock) == 1 and state.version == 1:
        return _encode_first(state, kinds)
    replicas = {replica: number for number, replica in enumerate(sorted(state.clock))}
    dots = {dot: number for number, dot in enumerate(sorted(_dots(state.cells, kinds)))}
    fields: dict[str, Any] = {}
    for name, cell in state.cells.items():
        kind = kinds[name]
        if kind is Kind.REGISTER and len(cell) == 1 and not cell[0].contested:
            fields[name] = [[dots[cell[0][:3]], cell[0].value]]
        elif cell or kind is Kind.SUM:
            fields[name] = _written(kind, cell, dots, replicas)
    writes = [[replicas[replica], seq, effective] for replica, seq, effective in dots]
    return _document(state, fields, writes, replicas)


def _encode_first(state: State, kinds: Mapping[str, Kind]) -> bytes:
    """The state after one event: most entities of a day are written once and never again."""
    ((replica, seq),) = state.clock.items()
    effective, fields, dots = None, dict[str, Any](), _One()
    for name, cell in state.cells.items():
        kind = kinds[name]
        if kind is Kind.REGISTER:
            effective = cell[0].effective
            fields[name] = [[0, cell[0].value]]
        elif cell or kind is Kind.SUM:
            fields[name] = _written(kind, cell, dots, {})
    if effective is None:  # nothing but sets, maps and sums: their writes know the stamp
        effective = next((dot[2] for dot in _dots(state.cells, kinds)), None)
    return _document(state, fields, [[0, seq, effective]] if effective else [], {replica: 0})


class _One(dict[tuple[str, int, str], int]):
    """Numbers for the writes of a single event."""

    def __missing__(self, dot: tuple[str, int, str]) -> int:
        return 0


def _document(state: State, fields: dict[str, Any], writes: list[Any], replicas: Mapping[str, int]) -> bytes:
    document: dict[str, Any] = {
        "clock": [[replica, state.clock[replica]] for replica in replicas],
        "fields": fields,
        "type": state.type,
        "version": state.version,
        "writes": writes,
    }
    if state.clashes:
        document["clashes"] = [[_numbered(one, replicas), _numbered(other, replicas)] for one, other in state.clashes]
    return canonical.dumps(document)


def _dots(cells: Mapping[str, Any], kinds: Mapping[str, Kind]) -> set[tuple[str, int, str]]:
    """Every write that is kept, by its dot and stamp."""
    dots: set[tuple[str, int, str]] = set()
    for name, cell in cells.items():
        kind = kinds[name]
        if kind is Kind.REGISTER:
            for write in cell:
                dots.add(write[:3])
        elif kind is not Kind.SUM:
            dots.update(write[:3] for writes in cell.values() for write in writes)
    return dots


def _written(kind: Kind, cell: Any, dots: Mapping[tuple[str, int, str], int], replicas: Mapping[str, int]) -> Any:
    match kind:
        case Kind.REGISTER:
            return _register(cell, dots, replicas)
        case Kind.SET:
            return [[element, sorted(dots[write[:3]] for write in cell[element])] for element in sorted(cell)]
        case Kind.MAP:
            return [[key, _register(cell[key], dots, replicas)] for key in sorted(cell)]
        case Kind.SUM:
            return decimal(cell)


def _register(
    writes: tuple[Write, ...], dots: Mapping[tuple[str, int, str], int], replicas: Mapping[str, int]
) -> list[Any]:
    if len(writes) == 1 and not writes[0].contested:
        return [[dots[writes[0][:3]], writes[0].value]]
    return [_entry(write, dots, replicas) for write in sorted(writes, key=lambda write: write[:2])]


def _entry(write: Write, dots: Mapping[tuple[str, int, str], int], replicas: Mapping[str, int]) -> list[Any]:
    entry = [dots[write[:3]], write.value]
    if write.contested:
        entry.append([_numbered(dot, replicas) for dot in write.contested])
    return entry


def _numbered(dot: Dot, replicas: Mapping[str, int]) -> list[int]:
    return [replicas[dot[0]], dot[1]]


def decode(raw: bytes) -> State:
    """The state that `encode` wrote."""
    document = orjson.loads(raw)
    kinds = plan_of(document["type"]).kinds
    replicas = [replica for replica, _ in document["clock"]]
    dots = [(replicas[replica], seq, effective) for replica, seq, effective in document["writes"]]
    cells = {name: _read(kinds[name], cell, dots, replicas) for name, cell in document["fields"].items()}
    plan = plan_of(document["type"])
    watched = [name for name in ("archived", plan.status) if name and _is_watched(name, cells, plan.contested_moves)]
    clashes = [
        ((replicas[one[0]], one[1]), (replicas[other[0]], other[1])) for one, other in document.get("clashes", ())
    ]
    return State(
        document["type"],
        document["version"],
        dict(document["clock"]),
        cells,
        frozenset(name for name, cell in cells.items() if kinds[name] is Kind.REGISTER and len(cell) > 1),
        tuple(watched),
        tuple(clashes),
    )


def _is_watched(name: str, cells: Mapping[str, Any], contested_moves: frozenset[str]) -> bool:
    return any(write.value is True or write.value in contested_moves for write in cells.get(name, ()))


Dots = list[tuple[str, int, str]]
"""The writes of a state by their number: (replica, seq, effective)."""


def _read(kind: Kind, cell: Any, dots: Dots, replicas: list[str]) -> Any:
    match kind:
        case Kind.REGISTER:
            return _read_register(cell, dots, replicas)
        case Kind.SET:
            return {element: tuple(_write(dots, number, None) for number in numbers) for element, numbers in cell}
        case Kind.MAP:
            return {key: _read_register(writes, dots, replicas) for key, writes in cell}
        case Kind.SUM:
            return millionths(cell)


def _read_register(cell: Any, dots: Dots, replicas: list[str]) -> tuple[Write, ...]:
    return tuple(
        _write(dots, entry[0], entry[1], _contested(entry[2], replicas) if len(entry) > 2 else ()) for entry in cell
    )


def _contested(numbered: Any, replicas: list[str]) -> tuple[Dot, ...]:
    return tuple(_dot(replicas, replica, seq) for replica, seq in numbered)


def _dot(replicas: list[str], number: int, seq: int) -> Dot:
    return replicas[number], seq


def _write(dots: Dots, number: int, value: Any, contested: tuple[Dot, ...] = ()) -> Write:
    replica, seq, effective = dots[number]
    return Write(replica, seq, effective, value, contested)


def state_hash(states: Iterable[tuple[str, bytes]]) -> str:
    """One hash of many entities: SHA-256 over `<id> <SHA-256 of its state>` lines, in the order of their ids.

    Two replicas that hold the same events have the same hash; `states` gives (entity id, encoded state), in any order.
    """
    lines = sorted(f"{entity} {hashlib.sha256(state).hexdigest()}\n" for entity, state in states)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
