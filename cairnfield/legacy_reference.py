"""The reference page of the import, written from the mapping it describes."""

from collections.abc import Iterator, Mapping
from typing import Final

from commands.legacy.mapping import (
    CONDITIONS,
    KEYS,
    MAPPING,
    OUTCOMES,
    PRIORITIES,
    ROLES,
    STATUSES,
    TABLES,
    Column,
)

_NOTE: Final = "<!-- Written by `cairn generate` from `commands/legacy/mapping.py`: edit that, then run it. -->"
_WORDS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("staff.role", ROLES),
    ("jobs.status", STATUSES),
    ("jobs.prio", PRIORITIES),
    ("equipment.state", CONDITIONS),
    ("visits.outcome", OUTCOMES),
)


def legacy_mapping() -> str:
    """Which column of the old database becomes which field, table by table."""
    return "\n".join(
        [
            "# The mapping of the old database",
            "",
            _NOTE,
            "",
            "Each table is read in the order of this page; what its rows refer to was read before.",
            "Where two lines lead to the same field, the first that says something is taken.",
            "What stands here in words is explained in",
            "[Import an old database](../how-to/import-an-old-database.md).",
            "",
            *(line for table in TABLES for line in _table(table)),
            "## Words",
            "",
            "Looked up whatever their case, with `_` and several spaces as one space.",
            "",
            "| column | in the old database | here |",
            "| --- | --- | --- |",
            *(f"| `{column}` | {old} | {ours} |" for column, words in _WORDS for old, ours in words.items()),
            "",
        ]
    )


def _table(table: str) -> Iterator[str]:
    keys = ", ".join(f"`{column}`" for column in KEYS[table])
    yield from (f"## {table}", "", f"A row is called by {keys}.", "")
    yield from ("| column | becomes | in the event | how |", "| --- | --- | --- | --- |")
    yield from (_line(line) for line in MAPPING if line.table == table)
    yield ""


def _line(line: Column) -> str:
    becomes = f"`{line.to}`" if line.to else "–"
    fact = f"`{line.fact}`" if line.fact not in ("", "moves") else "its moves" if line.fact else "–"
    return f"| `{line.column}` | {becomes} | {fact} | {line.how} |"
