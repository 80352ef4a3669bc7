"""The data dictionary: what people who ask by SQL find in the read model, table by table and column by column."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from projections.projection import Column

_INTRODUCTION: Final = (
    "# The data dictionary",
    "",
    "<!-- Written by `cairn generate` from `projections/` and `infra/postgres/read_model/`: edit those, run it. -->",
    "",
    "What has become of the log, for people who ask by SQL; [how it follows](../explanation/projections.md) and",
    "[how to ask](../how-to/ask-by-sql.md) are told elsewhere.",
    "",
    "Everything is there twice: in the schema `rpt`, which analysts read, and in `rpt_in_full`, which has the columns",
    "marked *personal* as well and is read by the server and by auditors.",
    "Each begins with `tenant`, and nobody is shown the rows of another tenant.",
    "A moment is a `timestamptz`, an id is `text`, a set is a `text[]`, and `jsonb` holds what has members of its own.",
)


def data_dictionary() -> str:
    """Every table and view with what its columns mean."""
    from infra.postgres.read_model.views import VIEWS
    from projections.read_model import PROJECTIONS

    lines = [*_INTRODUCTION, "", "## What is asked most", ""]
    lines += [f"- [`{each.name}`](#{each.name}): {_start(each.comment)}" for each in VIEWS]
    for view in VIEWS:
        lines += _described(view.name, view.comment, [each.column for each in view.columns])
    for table in PROJECTIONS:
        lines += _described(table.name, table.comment, table.columns, table.key)
    return "\n".join([*lines, ""])


def _start(comment: str) -> str:
    return comment.partition(": ")[0].rstrip(".") + "."


def _described(name: str, comment: str, columns: Iterable[Column], key: Sequence[str] = ()) -> Iterator[str]:
    from infra.postgres.read_model.tables import is_masked

    yield from ("", f"## `{name}`", "", *comment.replace(". ", ".\n").split("\n"), "")
    yield from ("| column | type | may be null | personal | meaning |", "|---|---|---|---|---|")
    for each in columns:
        null, personal = "yes" if each.nullable else "", "yes" if is_masked(each) else ""
        yield f"| `{each.name}` | {each.type} | {null} | {personal} | {each.comment.replace('|', chr(92) + '|')} |"
    if key:
        yield from ("", f"One row for each {' and '.join(f'`{each}`' for each in key)}.")
