"""What an import says when it is done: on the screen, as JSON, and row by row for what was set aside."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cairnfield.legacy_story import Story, are_many_early

if TYPE_CHECKING:
    from rich.console import Console

    from commands.legacy.reading import Key, Value
    from commands.legacy.row import Aside

SHOWN_ASIDES_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of everything; `events` counts what the source has in the log, `added` what this run brought."""

    tables: Mapping[str, Mapping[str, int]]
    asides: "tuple[Aside, ...]"
    events: int
    added: int
    changed: "tuple[tuple[str, Key], ...]"
    """Rows, by table and key, that were imported before and say something else now; that was not brought in."""
    state_hash: str
    epoch: str
    """What numbers of seconds were found or said to count from: `utc` or `local`."""
    version: str | None
    notes: tuple[str, ...]
    """What somebody should look at, in sentences."""

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "tables": self.tables,
            "set_aside": [each._asdict() for each in self.asides],
            "events": self.events,
            "events_added": self.added,
            "changed": [{"table": table, "key": key} for table, key in self.changed],
            "state_hash": self.state_hash,
            "epoch": self.epoch,
            "legacy_version": self.version,
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """The report as a file."""
        return json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"


def notes_of(story: Story) -> Iterator[str]:
    """What somebody should look at, though nothing was set aside for it."""
    reading, history = story.settings.reading, story.history
    if not story.settings.zone_is_told:
        yield "The file does not say in which time zone its clocks were; UTC was taken. Say it with --timezone."
    meant = {"utc": "UTC", "local": f"the wall clock of {reading.zone_name}"}
    if reading.epoch == "local" and story.epoch_was_found:
        yield (
            f"Numbers of seconds were read on {meant['local']}, not as UTC: read as UTC they put many notes before "
            "their jobs. Say --epoch utc if they are UTC all the same."
        )
    elif are_many_early(history):
        early = history.notes_before_opening
        yield f"{early} notes are older than their job. Numbers of seconds were read as {meant[reading.epoch]}."


def originals_of(story: Story) -> str:
    """Every row of which something was set aside, as it was, one JSON object per line."""
    from commands.legacy.row import NEVER_READ

    return "".join(
        json.dumps(
            {
                "table": table,
                "key": key,
                "row": {name: _told(value) for name, value in row.items() if (table, name) not in NEVER_READ},
            },
            ensure_ascii=False,
        )
        + "\n"
        for table, key, row in story.originals
    )


def _told(value: "Value") -> Any:
    """A value in JSON that can be turned back into what it was."""
    from commands.legacy.reading import Undecodable

    match value:
        case bytes():
            return {"blob_base64": base64.b64encode(value).decode()}
        case Undecodable(raw):
            return {"text_base64": base64.b64encode(raw).decode()}
        case float() if value in (float("inf"), float("-inf")):
            return {"number": str(value)}
        case _:
            return value


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is whole or not there, and readable by us alone: it holds what people wrote."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  # a mode is set
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    writing.replace(path)


def tell_report(console: "Console", report: Report, *, dry_run: bool) -> None:
    """The report in a table, with the first of what was set aside."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("Table", "Rows", "Imported", "Set aside", box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts in report.tables.items():
        table.add_row(escape(name), *(str(counts[each]) for each in ("rows", "imported", "set_aside")))
    console.print(table)
    shown = sorted(report.asides, key=lambda aside: aside.what != "row")[:SHOWN_ASIDES_MAX]
    if shown:
        console.print(f"\nSet aside, {len(shown)} of {len(report.asides)} entries:")
    for aside in shown:
        place = " ".join(str(each) for each in (aside.table, aside.key, aside.column) if each is not None)
        console.print(escape(f"  {place}: {aside.reason}  {aside.value}"))
    if report.changed:
        rows = ", ".join(f"{table} {key}" for table, key in report.changed[:SHOWN_ASIDES_MAX])
        console.print(
            f"\n{len(report.changed)} rows say something else than when they were imported, which was not brought in: "
            f"{escape(rows)}. Edit them here. If this is another database than before, give it a name with --source."
        )
    for note in report.notes:
        console.print(f"\n{escape(note)}")
    stored = "would be stored; nothing was" if dry_run else f"in the log, {report.added} of them new"
    console.print(f"\n{report.events} events {stored}. State hash: {report.state_hash}")
