"""The reference pages of the log, written from the metadata of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql.base import PGDialect

from infra.postgres.schema import APP_ROLE, metadata

Rule = TypeVar("Rule")

_NOTE: Final = "<!-- Written by `cairn generate` from `infra/postgres/schema.py`: edit that, then run it. -->"


def erd() -> str:
    """The tables of the log and what refers to what, as a Mermaid diagram."""
    return "\n".join(
        [
            "# The log, drawn",
            "",
            _NOTE,
            "",
            "A solid line is a foreign key.",
            "A dotted line is kept by the append, which holds the tenant's `log_head` row; a foreign key would make",
            "each insert dearer by half.",
            "What every column means stands in [the log schema](log-schema.md).",
            "",
            "```mermaid",
            "erDiagram",
            *(f"    {line}" for table in metadata.tables.values() for line in _drawn(table)),
            "```",
            "",
        ]
    )


def _drawn(table: Table) -> Iterator[str]:
    yield f"{table.name} {{"
    for column in table.columns:
        marks = [mark for mark, columns in _marks(table) if column.name in columns]
        yield f"    {_type(column)} {column.name} {', '.join(marks)}".rstrip()
    yield "}"
    for key in _foreign_keys(table):
        yield f'{key.referred_table.name} ||--o{{ {table.name} : "{", ".join(key.column_keys)}"'
    for other in table.info.get("kept_by_append", ()):
        yield f'{other} ||..o{{ {table.name} : "kept by the append"'


def _marks(table: Table) -> Iterator[tuple[str, set[str]]]:
    yield "PK", {column.name for column in table.primary_key.columns}
    for key in table.foreign_key_constraints:
        yield "FK", set(key.column_keys) - ({"tenant"} if len(key.column_keys) > 1 else set[str]())
    # The tenant begins every key; what makes a row unique within it is the rest.
    unique = [{column.name for column in rule.columns} for rule in _of(table, UniqueConstraint)]
    yield "UK", {name for names in unique for name in names if name != "tenant"}


def log_schema() -> str:
    """Table by table: what each column means, its keys, who may do what to it, and how it is stored."""
    return "\n".join(
        [
            "# The log schema",
            "",
            _NOTE,
            "",
            "The tables that keep the log, in the schema `public`; [a drawing](erd.md) shows what refers to what.",
            'Every key begins with `tenant`, and every `text` column sorts by bytes (`COLLATE "C"`).',
            f"The server acts as the role `{APP_ROLE}`, which may do what each table grants and nothing more.",
            "Row-level security shows it, and lets it write, the rows of the tenant that its transaction names with",
            "`set_config('app.tenant', …, true)`, and nothing of any other.",
            *(line for table in metadata.tables.values() for line in _described(table)),
            "",
        ]
    )


def _described(table: Table) -> Iterator[str]:
    yield from ("", f"## `{table.name}`", "", *_sentences(table.comment), "")
    yield from ("| column | type | may be null | default | meaning |", "|---|---|---|---|---|")
    for column in table.columns:
        null = "yes" if column.nullable else ""
        yield f"| `{column.name}` | {_type(column)} | {null} | {_default(column)} | {_cell(column.comment)} |"
    yield from ("", *(f"- {fact}" for fact in _facts(table)))


def _facts(table: Table) -> Iterator[str]:
    yield f"Primary key: {_names(table.primary_key.columns.keys())}"
    for unique in sorted(_of(table, UniqueConstraint), key=lambda unique: unique.columns.keys()):
        yield f"Unique: {_names(unique.columns.keys())}"
    for index in sorted(table.indexes, key=lambda index: index.columns.keys()):
        yield f"Index: {_names(index.columns.keys())}"
    for key in _foreign_keys(table):
        yield f"Refers to `{key.referred_table.name}` by {_names(list(key.column_keys))}"
    if "kept_by_append" in table.info:
        yield f"Refers, without a foreign key, to {_names(table.info['kept_by_append'])}"
    for rule in sorted(_of(table, CheckConstraint), key=lambda rule: str(rule.sqltext)):
        yield f"Check: `{rule.sqltext}`"
    if "partitions" in table.info:
        yield f"Partitions: {table.info['partitions']}, by hash of `tenant`"
        yield "`UPDATE`, `DELETE` and `TRUNCATE` are refused to everybody by a trigger, on each partition too"
    yield f"Granted to `{APP_ROLE}`: {', '.join(table.info['grants']) or 'nothing'}"
    stored: Mapping[str, object] = {
        **(table.dialect_kwargs.get("postgresql_with") or {}),
        **table.info.get("partition_storage", {}),
    }
    if stored:
        yield "Stored with: " + ", ".join(f"`{name} = {value}`" for name, value in stored.items())
    for column in table.columns:
        if column.info:
            told, compression = f"`{column.name}`: storage {column.info['storage']}", column.info.get("compression")
            yield f"{told}, compressed by {compression} where the server has it" if compression else told


def _type(column: Column[object]) -> str:
    name = column.type.compile(dialect=PGDialect()).lower()  # type: ignore[no-untyped-call]
    return name.removesuffix(' collate "c"').replace("timestamp with time zone", "timestamptz")


def _default(column: Column[object]) -> str:
    default = column.server_default
    return f"`{getattr(default, 'arg', '')}`" if default is not None else ""


def _names(columns: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _sentences(comment: str | None) -> list[str]:
    return [] if comment is None else comment.replace(". ", ".\n").split("\n")


def _cell(comment: str | None) -> str:
    return (comment or "").replace("|", "\\|")


def _foreign_keys(table: Table) -> list[ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: list(key.column_keys))


def _of(table: Table, kind: type[Rule]) -> list[Rule]:
    return [rule for rule in table.constraints if isinstance(rule, kind)]
