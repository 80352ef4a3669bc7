"""Short scripts of who told what knowing whom, and what people must see of it: merge cases as one reads them aloud.

`tells("ben", "Edited", {"name": "South"}, knowing="ada")` is an event of Ben's that he wrote after he had merged all
that Ada had told so far. Whoever tells anything has seen the creation, which the office told, and what they told
themselves. `values` and `conflicts` are what the author of the script says must be seen; only the encoded state and its
hash are worked out by the code, for nobody could write them by hand.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sync import merge, state_codec
from sync.envelope import parse
from sync.hybrid_clock import stamp
from tests.devices import CREATED, MINUTE, NOON, Device, replica_named
from tests.vectors.spelling import Case

ENTITY: Final = "01900000-0000-7000-8000-00000000e001"
OFFICE: Final = "office"


class Tells(NamedTuple):
    """One event of a script."""

    who: str
    event_type: str
    data: Mapping[str, Any]
    minute: int | None
    """When, in minutes after noon by the clock of who told it; by default one minute after what was told before."""
    knowing: str
    """Whose events its author had merged, besides their own: `ben` for all so far, `ben 2` for the first two."""
    effective: int | None
    """The minute as of which it counts, if the server said another than its author's clock did."""
    create_unknown: bool
    """Its author had not even seen the creation."""
    modest: bool
    """Its clock does not name its author, as a clock need not."""
    forgets: bool
    """Its clock names nobody, whoever its author had heard from."""
    lost: bool
    """It was told but is not among the events that are merged, as one that was quarantined is not."""


def tells(
    who: str,
    event_type: str,
    data: Mapping[str, Any] | None = None,
    *,
    knowing: str = "",
    minute: int | None = None,
    effective: int | None = None,
    create_unknown: bool = False,
    modest: bool = False,
    lost: bool = False,
    forgets: bool = False,
) -> Tells:
    """One event of a script, by its author."""
    return Tells(who, event_type, data or {}, minute, knowing, effective, create_unknown, modest, forgets, lost)


def edits(who: str, data: Mapping[str, Any], **circumstances: Any) -> Tells:
    """The commonest event."""
    return tells(who, "Edited", data, **circumstances)


class Asks(NamedTuple):
    """A conflict that a person must be asked about."""

    field: str
    reason: str
    sides: tuple[tuple[str, Any], ...]
    """(dot such as `ada 1`, what was written there); a side that only contests wrote nothing that counts: `...`."""
    shown: Any


def asks(field: str, reason: str, *sides: tuple[str, Any], shown: Any) -> Asks:
    """A conflict, its sides in the order of (replica, seq)."""
    return Asks(field, reason, sides, shown)


class Written(NamedTuple):
    """An event of a script, written out."""

    raw: bytes
    effective: str


def written(entity_type: str, told: Sequence[Tells], entity: str = ENTITY, first_id: int = 1) -> list[Written]:
    """The events of a script as real devices write them; each device numbers and chains its own."""
    devices: dict[str, Device] = {}
    raws: dict[str, list[bytes]] = {}
    result: list[Written] = []
    for minute, each in enumerate(told):
        device = devices.setdefault(each.who, Device(each.who))
        if raws.get(OFFICE) and not each.create_unknown:
            device.see(raws[OFFICE][0])
        device.see(*_heard(each.knowing, raws))
        device.now_ms = NOON + MINUTE * (minute if each.minute is None else each.minute) - 1
        event_id = f"01900000-0000-7000-9000-{first_id + minute:012x}"
        seen = {} if each.forgets else device.clocks.get(entity, {})
        clock = {replica: seq for replica, seq in seen.items() if not (each.modest and replica == device.replica)}
        raw = device.tell(entity_type, entity, each.event_type, each.data, clock=clock, event_id=event_id)
        raws.setdefault(each.who, []).append(raw)
        at = parse(raw).at if each.effective is None else stamp(NOON + MINUTE * each.effective)
        if not each.lost:
            result.append(Written(raw, at))
    return result


def _heard(knowing: str, raws: Mapping[str, Sequence[bytes]]) -> list[bytes]:
    heard: list[bytes] = []
    for each in filter(None, knowing.split(", ")):
        who, _, number = each.partition(" ")
        heard += raws[who][: int(number) if number else None]
    return heard


def merge_case(
    name: str,
    why: str,
    entity_type: str,
    *told: Tells,
    values: Mapping[str, Any],
    conflicts: Sequence[Asks] = (),
    created: Mapping[str, Any] | None = None,
    without_creation: bool = False,
) -> Case:
    """A script with its creation by the office in front; `values` are those that the creation did not already say.

    A field of `values` that is `...` must not be shown at all.
    """
    said = {} if without_creation else {**CREATED[entity_type], **(created or {})}
    creation = [] if without_creation else [tells(OFFICE, "Created", said)]
    events = written(entity_type, [*creation, *told])
    state = state_codec.encode(_fold(entity_type, events))
    return {
        "name": name,
        "why": why,
        "told": [{"raw": each.raw.decode(), "effective": each.effective} for each in events],
        "values": {key: value for key, value in {**said, **_status(entity_type), **values}.items() if value is not ...},
        "conflicts": [_conflict(each) for each in conflicts],
        "state": state.decode(),
        "hash": state_codec.state_hash([(ENTITY, state)]),
    }


def _status(entity_type: str) -> dict[str, str]:
    """What a creation makes of the status, as DESIGN.md draws it."""
    begins = {"work_order": "draft", "visit": "planned", "device": "active"}
    return {"status": begins[entity_type]} if entity_type in begins else {}


def _fold(entity_type: str, events: Sequence[Written]) -> merge.State:
    state = merge.empty(entity_type)
    for each in events:
        state = merge.apply(state, parse(each.raw), each.effective)
    return state


def _conflict(asked: Asks) -> dict[str, Any]:
    return {
        "field": asked.field,
        "reason": asked.reason,
        "values": [value for _, value in asked.sides if value is not ...],
        "dots": [dot(name) for name, _ in asked.sides],
        "shown": asked.shown,
    }


def dot(name: str) -> list[Any]:
    """`ada 2` as [replica, seq]."""
    who, _, seq = name.partition(" ")
    return [replica_named(who), int(seq)]
