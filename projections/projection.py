"""What a projection is: a table whose rows follow from the log, by a function that knows no database and no clock.

A projection says which rows show one subject: an entity as it has become, an event as it was told, a replica as it was
last heard. What changes in its table when events come in follows from that (`projections.folding`), so a projection
never counts and never updates, and nothing can be counted twice. What needs several entities at once is a view over
such tables (`projections.view`), which all come from one scan of the log and are written in one transaction.

A row is a tuple in the order of the columns, of values as JSON spells them: a moment as `2026-01-01T08:00:00.000Z`, a
decimal as text, a set as a sorted list; in a `jsonb` column whatever JSON holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sync import shown
from sync.envelope import Event
from sync.merge import State
from sync.plan import Kind, plan_of
from sync.rows import EventRow

Row = tuple[Any, ...]
Key = tuple[Any, ...]
"""The values of a row's key, in the order of the table's `key`."""
Field = tuple[str, str]
"""An entity type and one of its fields."""

_REGISTER: Final = Kind.REGISTER
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, beyond which nobody writes a date; a broken clock may show a later moment."""


class Column(NamedTuple):
    """One column of a table or of a view."""

    name: str
    type: str
    """PostgreSQL's name: text, boolean, bigint, numeric, timestamptz, date, jsonb or text[]."""
    comment: str
    nullable: bool = False
    shows: Field | None = None
    """The field whose value it shows, which decides who may see it; None: it tells nothing of a person."""
    personal: bool = False
    """It may tell of a person whatever field that is from."""


class Mark(NamedTuple):
    """The event by which something came to be, or changed."""

    position: int
    version: int
    effective_ms: int
    """When it happened, in milliseconds since 1970: as its author's clock said, but never later than it arrived."""
    recorded_at_ms: int
    """When the server took it in."""
    actor: str
    """Who answers for it."""


class Subject:
    """One entity as the log has made it up to some position; treat it as a value."""

    __slots__ = ("_values", "changed", "created", "id", "scope", "state")

    def __init__(self, entity: str, scope: str, state: State, created: Mark, changed: Mark) -> None:
        self.id, self.scope, self.state = entity, scope, state
        self.created, self.changed = created, changed
        """Its first event, and the newest that is in."""
        self._values: dict[str, Any] | None = None

    @property
    def type(self) -> str:
        """What kind of thing it is, such as `work_order`."""
        return self.state.type

    @property
    def values(self) -> dict[str, Any]:
        """One value per written field, as people see it."""
        if self._values is None:
            self._values = _values(self.state)
        return self._values


class Told(NamedTuple):
    """One event of field service as the log holds it, and as it reads."""

    row: EventRow
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """What every projection's table has; `tenant` stands in front of its columns, its key and its indexes."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    def key_of(self, row: Row) -> Key:
        """What makes a row the only one of its kind."""
        return row[: len(self.key)]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        assert len(set(names)) == len(names), f"{self.name} has a column twice"
        assert tuple(names[: len(self.key)]) == self.key, f"{self.name} begins with its key"
        assert all(set(index) <= set(names) for index in self.indexes), f"{self.name} has an index of what is not there"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfEntities(Table):
    """Rows that show entities: those of an entity are what `rows` says of it now, and nothing else."""

    types: frozenset[str]
    """Of these entity types; of no other has it a row."""
    rows: Callable[[Subject], Sequence[Row]]
    has_one_row: bool = False
    """Every entity of these types has exactly one row here, whose key is the entity's id."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfEvents(Table):
    """One row for each event, for ever; the key is the event's position."""

    row: Callable[[Told], Row]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfReplicas(Table):
    """One row for each replica, which shows the newest of its events; the key is the replica."""

    row: Callable[[Told], Row]
    newest_by: str
    """The column with the event's `seq`. What was held or set aside comes in late: an older event replaces no newer."""

    def replaces(self, row: Row, there: Row | None) -> bool:
        """Whether a row takes the place of the one that is there."""
        at = next(place for place, column in enumerate(self.columns) if column.name == self.newest_by)
        return there is None or bool(row[at] > there[at])


Projection = OfEntities | OfEvents | OfReplicas
"""Every kind there is; code that decides by kind matches on this union and ends with `assert_never`."""


def _values(state: State) -> dict[str, Any]:
    """What `sync.shown` shows; nearly every field was written once and shows just that, which is found out here."""
    plan = plan_of(state.type)
    kinds, otherwise = plan.kinds, (plan.status, "archived")
    told: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, cell in state.cells.items():
        if kinds[name] is _REGISTER and len(cell) == 1 and name not in otherwise:
            told[name] = cell[0][3]
        else:
            others[name] = cell
    return told | shown.values(state._replace(cells=others)) if others else told


_MINUTES: Final = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECONDS: Final = tuple(f"{second:02d}." for second in range(60))
_THOUSANDTHS: Final = tuple(f"{thousandth:03d}Z" for thousandth in range(1_000))


@lru_cache(maxsize=4_096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).strftime("%Y-%m-%dT")


@lru_cache(maxsize=16_384)
def instant(ms: int) -> str:
    """A moment in milliseconds since 1970, as `domain.values.Instant` spells it."""
    # Of an event four are spelled or more, and most of them are the same one: when it was written is when it happened.
    seconds, thousandth = divmod(ms if ms < _LAST_MS else _LAST_MS, 1_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, 1_440)
    return _day(days) + _MINUTES[minute] + _SECONDS[second] + _THOUSANDTHS[thousandth]
