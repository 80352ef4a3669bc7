"""Rows as one array per column in Postgres' binary form, put together as bytes and unnested by one INSERT.

COPY would be as fast, but is not allowed into a table with row-level security; JSON takes Postgres a fifth longer. The
form of an array is that of `array_recv` in PostgreSQL's `arrayfuncs.c`: the number of dimensions, whether there
are nulls, the element's type, the length and the lower bound, then each element as its length and its bytes, all in
network order.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from sync.rows import EntityRow, EventRow

INSERT_EVENTS: Final[LiteralString] = """
    insert into event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type,
                       type, scope, effective, actor, body)
    select %(tenant)s, t.* from unnest(
        %(position)s, %(version)s, %(seq)s, %(recorded_at)s, %(id)s, %(entity)s, %(schema_version)s, %(replica)s,
        %(entity_type)s, %(type)s, %(scope)s, %(effective)s, %(actor)s, %(body)s) as t
"""

INSERT_ENTITIES: Final[LiteralString] = """
    insert into entity (tenant, entity, version, type, scope, state)
    select %(tenant)s, t.* from unnest(%(entity)s, %(version)s, %(type)s, %(scope)s, %(state)s) as t
"""

_POSTGRES_EPOCH_MS: Final = 946_684_800_000
"""2000-01-01 in milliseconds since 1970: where Postgres counts its microseconds from."""

_ARRAY: Final = struct.Struct(">iiIii")
_UUID_LENGTH: Final = (16).to_bytes(4, "big")


class _Array:
    """An array that is spelled already; its subclasses say of what."""

    element: int
    """Type id of an element, which the bytes must name."""

    __slots__ = ("raw",)

    def __init__(self, length: int, elements: bytes, *, has_nulls: bool = False) -> None:
        self.raw = _ARRAY.pack(1, has_nulls, self.element, length, 1) + elements


class _Bigints(_Array):
    element = 20


class _Smallints(_Array):
    element = 21


class _Times(_Array):
    element = 1184


class _Uuids(_Array):
    element = 2950


class _Texts(_Array):
    element = 25


class _Bytes(_Array):
    element = 17


class _AsItIs(Dumper):
    """Sends an array as the bytes that it holds."""

    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        raw: bytes = obj.raw
        return raw


_TYPE_OF_ARRAY: Final = {_Bigints: 1016, _Smallints: 1005, _Times: 1185, _Uuids: 2951, _Texts: 1009, _Bytes: 1001}


def let_connections_send_them() -> None:
    """Tell psycopg how arrays are sent. A connection copies what is known when it is made: so this comes before."""
    for kind, oid in _TYPE_OF_ARRAY.items():
        psycopg.adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (_AsItIs,), {"oid": oid}))


def events(tenant: str, rows: Sequence[EventRow], *, moved_by: int = 0) -> dict[str, Any]:
    """What INSERT_EVENTS is told, with positions that many later than the rows say."""
    spelled = _Spelled()
    return {
        "tenant": tenant,
        "position": _bigints([row.position + moved_by for row in rows]),
        "version": _bigints([row.version for row in rows]),
        "seq": _bigints([row.seq for row in rows]),
        "recorded_at": _times([row.recorded_at_ms for row in rows]),
        "id": _uuids([row.id for row in rows]),
        "entity": _uuids([row.entity for row in rows]),
        "schema_version": _smallints([row.schema_version for row in rows]),
        "replica": _texts(spelled[row.replica] for row in rows),
        "entity_type": _texts(spelled[row.entity_type] for row in rows),
        "type": _texts(spelled[row.type] for row in rows),
        "scope": _texts(spelled[row.scope] for row in rows),
        "effective": _texts(spelled[row.effective] for row in rows),
        "actor": _texts(spelled[row.actor] for row in rows),
        "body": _bytes([row.body for row in rows]),
    }


def entities(tenant: str, rows: Sequence[EntityRow]) -> dict[str, Any]:
    """What INSERT_ENTITIES is told."""
    spelled = _Spelled()
    return {
        "tenant": tenant,
        "entity": _uuids([row.entity for row in rows]),
        "version": _bigints([row.version for row in rows]),
        "type": _texts(spelled[row.type] for row in rows),
        "scope": _texts(spelled[row.scope] for row in rows),
        "state": _bytes([row.state for row in rows]),
    }


def _bigints(values: list[int]) -> _Bigints:
    return _Bigints(len(values), _numbers("iq", 8, values))


def _smallints(values: list[int]) -> _Smallints:
    return _Smallints(len(values), _numbers("ih", 2, values))


def _times(values_ms: list[int]) -> _Times:
    return _Times(len(values_ms), _numbers("iq", 8, [(each - _POSTGRES_EPOCH_MS) * 1_000 for each in values_ms]))


def _numbers(layout: str, length: int, values: list[int]) -> bytes:
    told = [length] * (2 * len(values))
    told[1::2] = values
    return struct.pack(f">{layout * len(values)}", *told)


def _uuids(values: list[str]) -> _Uuids:
    raws = [bytes.fromhex(each.replace("-", "")) for each in values]
    return _Uuids(len(raws), b"".join([part for raw in raws for part in (_UUID_LENGTH, raw)]))


def _texts(spelled: Iterable[bytes]) -> _Texts:
    parts = list(spelled)
    return _Texts(len(parts), b"".join(parts))


def _bytes(values: list[bytes]) -> _Bytes:
    return _Bytes(len(values), b"".join([part for raw in values for part in (len(raw).to_bytes(4, "big"), raw)]))


_SHORT: Final = 256
_LENGTHS: Final = [length.to_bytes(4, "big") for length in range(_SHORT)]
_NULL: Final = b"\xff\xff\xff\xff"


def bigints(values: list[int]) -> _Bigints:
    """An array of bigint."""
    return _bigints(values)


def bytes_of(values: list[bytes]) -> _Bytes:
    """An array of bytea."""
    return _bytes(values)


def texts_or_nulls(values: Iterable[bytes | None]) -> _Texts:
    """An array of text, each in UTF-8 or null."""
    parts = [
        _NULL if raw is None else (_LENGTHS[len(raw)] if len(raw) < _SHORT else len(raw).to_bytes(4, "big")) + raw
        for raw in values
    ]
    return _Texts(len(parts), b"".join(parts), has_nulls=True)


class _Spelled(dict[str, bytes]):
    """Texts as they travel; a batch repeats most of them."""

    def __missing__(self, text: str) -> bytes:
        raw = text.encode()
        field = self[text] = len(raw).to_bytes(4, "big") + raw
        return field
