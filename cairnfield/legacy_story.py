"""Reading the whole of an old database: what its known tables tell, and what else is in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cairnfield.failure import CannotGoOn

if TYPE_CHECKING:
    from commands.legacy.history import History
    from commands.legacy.reading import Key
    from commands.legacy.row import Aside, Row
    from commands.legacy.settings import OldSettings
    from infra.legacy_sqlite import OldDatabase

EARLY_NOTES_PERCENT_MAX: Final = 1
FEWER: Final = 10
"""How many times fewer notes before their jobs make the other way of counting seconds the true one."""
Epoch = Literal["auto", "utc", "local"]
"""What numbers of seconds count from; `auto` asks the file under which of the two its notes follow their jobs."""

UNKNOWN_TABLE: Final = "is in a table that nobody knows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How this old database is to be read, as the person who imports it said."""

    now_ms: int
    source: str = "legacy"
    timezone: str | None = None
    epoch: Epoch = "auto"
    phone_country: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that was read: the events to be, and what was set aside of settings, tables and rows."""

    settings: "OldSettings"
    epoch_was_found: bool
    """Whether the file showed what its seconds count from, and not somebody who said so."""
    history: "History"
    tables: Mapping[str, Mapping[str, int]]
    asides: "tuple[Aside, ...]"
    originals: "tuple[tuple[str, Key, Row], ...]"


def read_story(old: "OldDatabase", ways: Ways) -> Story:
    """Read the whole file; raises CannotGoOn for a time zone that does not exist."""
    from commands.legacy.mapping import TABLES

    damage: dict[str, Aside] = {}
    settings, history = _told_in_time(old, ways, damage)
    strangers = [_Stranger.read(old, table, damage) for table in old.tables() if table not in TABLES]
    counts = {
        "settings": (settings.imported, len(settings.asides)),
        **{table: (history.imported.get(table, 0), history.set_aside.get(table, 0)) for table in TABLES[1:]},
        **{stranger.table: (0, len(stranger.asides)) for stranger in strangers},
    }
    return Story(
        settings=settings,
        epoch_was_found=ways.epoch == "auto",
        history=history,
        tables={
            table: {"rows": imported + aside, "imported": imported, "set_aside": aside}
            for table, (imported, aside) in counts.items()
        },
        asides=(
            *settings.asides,
            *history.asides,
            *(aside for stranger in strangers for aside in stranger.asides),
            *_missing(old),
            *_unknown_columns(old),
            *damage.values(),
        ),
        originals=(
            *settings.originals,
            *history.originals,
            *(original for stranger in strangers for original in stranger.originals),
        ),
    )


def _told_in_time(old: "OldDatabase", ways: Ways, damage: "dict[str, Aside]") -> "tuple[OldSettings, History]":
    """The history, with numbers of seconds read in the way under which things happen in order.

    Seconds since 1970 are UTC by definition, and that stands unless the file itself shows that its application counted
    them on the wall clock: nobody writes a note on a job before there is one.
    """
    settings, history = _told(old, ways, "local" if ways.epoch == "local" else "utc", damage)
    if ways.epoch == "auto" and are_many_early(history):
        other = _told(old, ways, "local", damage)
        if other[1].notes_before_opening * FEWER <= history.notes_before_opening:
            return other
    return settings, history


def _told(
    old: "OldDatabase", ways: Ways, epoch: Literal["utc", "local"], damage: "dict[str, Aside]"
) -> "tuple[OldSettings, History]":
    from commands.legacy.history import tell
    from commands.legacy.reading import SetAside
    from commands.legacy.settings import read_settings

    try:
        settings = read_settings(
            _undamaged(old, "settings", damage),
            now_ms=ways.now_ms,
            zone=ways.timezone,
            phone_country=ways.phone_country,
            epoch=epoch,
        )
    except SetAside as why:
        raise CannotGoOn(f"--timezone: {why.reason}.") from why
    return settings, tell(lambda table: _undamaged(old, table, damage), source=ways.source, reading=settings.reading)


def are_many_early(history: "History") -> bool:
    """Whether more notes are older than their job than a few clocks that were wrong would make."""
    return history.notes_before_opening * 100 > history.imported.get("notes", 0) * EARLY_NOTES_PERCENT_MAX


def _undamaged(old: "OldDatabase", table: str, damage: "dict[str, Aside]") -> "Iterator[tuple[int, Row]]":
    """The rows of a table as far as it can be read; where that ends is noted once."""
    from commands.legacy.row import Aside
    from infra.legacy_sqlite import UnreadableTable

    try:
        yield from old.rows(table)
    except UnreadableTable as why:
        damage[table] = Aside(table, None, None, str(why), "", "table")


@dataclass(frozen=True, slots=True)
class _Stranger:
    """A table that the mapping does not know: all of its rows are set aside."""

    table: str
    asides: "tuple[Aside, ...]"
    originals: "tuple[tuple[str, Key, Row], ...]"

    @classmethod
    def read(cls, old: "OldDatabase", table: str, damage: "dict[str, Aside]") -> "_Stranger":
        from commands.legacy.row import Aside

        rows = [(f"row {number}", row) for number, row in _undamaged(old, table, damage)]
        return cls(
            table,
            tuple(Aside(table, key, None, UNKNOWN_TABLE, "the whole row", "row") for key, _ in rows),
            tuple((table, key, row) for key, row in rows),
        )


def _missing(old: "OldDatabase") -> "Iterator[Aside]":
    """The tables and columns that we know and the file does not have."""
    from commands.legacy.mapping import COLUMNS, TABLES
    from commands.legacy.row import Aside

    for table in TABLES:
        found = old.columns(table)
        if not found:
            yield Aside(table, None, None, "there is no such table in the file", "", "table")
            continue
        for column in sorted(COLUMNS[table] - set(found)):
            yield Aside(table, None, column, "there is no such column in the file", "", "column")


def _unknown_columns(old: "OldDatabase") -> "Iterator[Aside]":
    """The columns of known tables that the mapping does not know. What is in them stays in the file."""
    from commands.legacy.mapping import COLUMNS, TABLES
    from commands.legacy.row import Aside

    for table in TABLES:
        for column in old.columns(table):
            if column not in COLUMNS[table]:
                yield Aside(
                    table, None, column, "is a column that nobody knows; it stays in the old file", "", "column"
                )
