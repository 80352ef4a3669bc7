"""What an id is settled by when it is told more than once: whichever came first, where both say the same.

A device that mends a fork writes its events anew, under another name and other numbers; its clone may have handed them
in under the old ones. All that changes is who says it and what is known of whom, so nothing else may differ: whoever
says something else under an id that is known has not been heard yet, and is set aside for a person.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import orjson

from sync.envelope import hash_of
from sync.rows import EventRow, HeldRow, QuarantinedRow, Settled

UNSETTLED: Final = frozenset({"id_taken", "dot_taken", "not_relayed"})
"""Set aside beside what settles its id: an event of that id is judged as if this had never come."""
_WRITTEN_ANEW: Final = frozenset({"replica", "seq", "prev", "clock"})


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two events of one id differ by nothing but what a fork writes anew."""
    return one == other or _said(one) == _said(other)


def settled_as_accepted(row: EventRow) -> Settled:
    return Settled("accepted", row.id, row.replica, row.seq, hash_of(row.body), row.position, body=row.body)


def settled_as_held(row: HeldRow) -> Settled:
    return Settled("held", row.id, row.replica, row.seq, hash_of(row.body), missing=row.missing, body=row.body)


def settled_as_aside(row: QuarantinedRow, decided: Mapping[str, Any] | None = None) -> Settled:
    return Settled(
        "quarantined",
        row.id,
        row.replica,
        row.seq,
        hash_of(row.body),
        code=row.code,
        detail=row.detail,
        retryable=row.retryable,
        body=row.body,
        decided=decided,
    )


def stands_in(row: HeldRow, held: Mapping[tuple[str, int], HeldRow]) -> bool:
    """Whether it waits only because an event of its id does, under the number by which that was told first."""
    first = held.get(row.missing[0]) if len(row.missing) == 1 else None
    return first is not None and first.id == row.id


def settles_its_id(settled: Settled) -> bool:
    """Whether an event of that id is known by it, also one that comes under another number."""
    return settled.code not in UNSETTLED


def _said(raw: bytes) -> Any:
    """What is said; the bytes themselves where that cannot be read, which are like no others."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw
    if not isinstance(document, dict):
        return raw
    return {name: value for name, value in cast("dict[str, Any]", document).items() if name not in _WRITTEN_ANEW}
