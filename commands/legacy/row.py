"""One row read by the mapping: what it says, by event and field, and what of it was set aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from commands.legacy.mapping import MAPPING, TABLES, Column
from commands.legacy.reading import Key, Reading, SetAside, Undecodable, Value
from domain.catalogue import ENTITIES
from domain.merge_policy import AddWins

Row = Mapping[str, Value]
"""A row of the old database, by column in lower case."""

KEPT_CHARACTERS_MAX: Final = 1_000
SHOWN_CHARACTERS_MAX: Final = 200
NEVER_READ: Final = frozenset({("staff", "pw_md5")})
"""Passwords stay in the old file, whatever becomes of their row."""
_LINES: Final[Mapping[str, tuple[Column, ...]]] = {
    table: tuple(line for line in MAPPING if line.table == table and line.convert is not None) for table in TABLES
}


class Aside(NamedTuple):
    """What was set aside, and why."""

    table: str
    key: Key | None
    """None where the whole table or column is meant."""
    column: str | None
    reason: str
    value: str
    """What stood there, as Python writes it, cut where it is long."""
    what: str
    """`row`, `column` or `table`."""


@dataclass(slots=True, kw_only=True)
class Read:
    """A row while it becomes events: what it says is taken from here, and doubts are added."""

    table: str
    key: Key
    row: Row
    said: dict[tuple[str, str], Any]
    """By fact and target (`entity.field`)."""
    asides: list[Aside]

    def field(self, fact: str, target: str) -> Any:
        """What the row says of one field, or None."""
        return self.said.get((fact, target))

    def data(self, entity: str, *facts: str) -> dict[str, Any]:
        """What the row says of an entity in these events: the data of an event."""
        data: dict[str, Any] = {}
        custom: dict[str, str] = {}
        for (fact, target), value in self.said.items():
            name, _, field = target.partition(".")
            field, _, part = field.partition(".")
            if name != entity or fact not in facts or field == "at":
                continue
            if field == "custom":
                custom[part] = value
            elif part:
                data.setdefault(field, {})[part] = value
            else:
                is_set = isinstance(ENTITIES[entity].fields[field].policy, AddWins)
                data[field] = {"add": value} if is_set else value
        if custom:
            data["custom"] = [[key, custom[key]] for key in sorted(custom)]
        return data

    def unsay(self, column: str, reason: str) -> None:
        """Set a column aside that was well read, but does not go with the rest of its row."""
        for line in _LINES[self.table]:
            if line.column == column:
                self.said.pop((line.fact, line.to), None)
        self.set_aside(column, reason)

    def set_aside(self, column: str, reason: str, *, keep: bool = True) -> None:
        """Note that a column was set aside; `keep` its text with the entity, where it can be kept."""
        if any(aside.column == column for aside in self.asides):
            return
        value = self.row.get(column)
        self.asides.append(Aside(self.table, self.key, column, reason, shown(value), "column"))
        entity, fact = _HOME[self.table]
        if keep and isinstance(value, str | int | float) and not isinstance(value, bool):
            self.said[fact, f"{entity}.custom.legacy.{column}"] = _keepable(value)


def read(table: str, key: Key, row: Row, reading: Reading) -> Read:
    """Read a row, column by column; raises RowSetAside where what its entity cannot be without is missing."""
    found = Read(table=table, key=key, row=row, said={}, asides=[])
    for line in _LINES[table]:
        if (line.fact, line.to) in found.said:
            continue
        value, why = _converted(line, row, reading)
        if why is not None:
            found.set_aside(line.column, why.reason, keep=why.instead is None)
        if value is not None:
            found.said[line.fact, line.to] = value
    entity, fact = _HOME[table]
    missing = [
        name
        for name, field in ENTITIES[entity].fields.items()
        if field.required and (fact, f"{entity}.{name}") not in found.said
    ]
    if missing:
        raise RowSetAside(found, missing)
    return found


class RowSetAside(Exception):  # not an error: an answer
    """A row that lacks what its entity cannot be without; `column` is the one to blame."""

    def __init__(self, found: Read, missing: list[str]) -> None:
        entity, _ = _HOME[found.table]
        blamed = [line.column for line in _LINES[found.table] if line.to in {f"{entity}.{name}" for name in missing}]
        why = [f"{aside.column}: {aside.reason}" for aside in found.asides if aside.column in blamed]
        empty = [column for column in dict.fromkeys(blamed) if not any(a.column == column for a in found.asides)]
        super().__init__("; ".join([*why, *(f"{column}: says nothing" for column in empty)]))
        self.column = blamed[0] if blamed else None


def _converted(line: Column, row: Row, reading: Reading) -> tuple[Any, SetAside | None]:
    assert line.convert is not None
    try:
        return line.convert(row.get(line.column), reading), None
    except SetAside as why:
        return why.instead, why


def shown(value: Value) -> str:
    """A value as Python writes it, cut where it is long."""
    told = repr(value.raw if isinstance(value, Undecodable) else value)
    return told if len(told) <= SHOWN_CHARACTERS_MAX else f"{told[:SHOWN_CHARACTERS_MAX]}…"


def _keepable(value: str | int | float) -> str:
    return str(value).replace("\x00", "␀")[:KEPT_CHARACTERS_MAX]


_HOME: Final[Mapping[str, tuple[str, str]]] = {
    "staff": ("person", "Created"),
    "parts": ("part", "Created"),
    "clients": ("customer", "Created"),
    "locations": ("site", "Created"),
    "equipment": ("asset", "Created"),
    "jobs": ("work_order", "Created"),
    "visits": ("visit", "VisitPlanned"),
    "notes": ("note", "NoteWritten"),
    "part_use": ("part_use", "PartUsed"),
    "photos": ("attachment", "PhotoAttached"),
}
"""The entity that a row becomes first, and the event that brings it into being."""
