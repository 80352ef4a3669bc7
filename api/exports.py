"""Rows as files: CSV that a spreadsheet can open without harm, NDJSON, and Parquet."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, Final, Literal

import orjson

from api.body import NDJSON
from api.view_answers import CSV, PARQUET
from projections.projection import Column

Format = Literal["csv", "ndjson", "parquet"]
MEDIA: Final[Mapping[Format, str]] = {
    "csv": f"{CSV}; charset=utf-8; header=present",
    "ndjson": NDJSON,
    "parquet": PARQUET,
}
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With what a cell begins that some spreadsheet runs, the full-width twins included."""


def exported(form: Format, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as a file of that form."""
    match form:
        case "csv":
            return _csv(columns, rows)
        case "ndjson":
            return b"".join([orjson.dumps(document(columns, row)) + b"\n" for row in rows])
        case "parquet":
            return _parquet(columns, rows)


def document(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON spells it: moments in UTC with milliseconds, decimals as text."""
    return {column.name: _json(row[column.name]) for column in columns}


def _json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return value


def _csv(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    # Every text is quoted, so that no separator of any country's spreadsheet ends a cell.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_cell(column, row[column.name]) for column in columns])
    return text.getvalue().encode()


def _cell(column: Column, value: Any) -> Any:
    told = _json(value)
    if told is None:
        return ""
    if column.type in ("bigint", "numeric"):
        return _Number(told)
    if isinstance(told, str):
        return safe(told)
    return safe(orjson.dumps(told).decode())


class _Number(float):
    """A number in its own spelling: the writer of CSV neither quotes it nor rounds it."""

    text: str

    def __new__(cls, text: object) -> "_Number":
        made = super().__new__(cls, str(text))
        made.text = str(text)
        return made

    def __repr__(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def safe(text: str) -> str:
    """The text as a spreadsheet shows it and does not run it: an apostrophe stands before what would be a formula."""
    return f"'{text}" if text.lstrip(" \u00a0\ufeff").startswith(_DANGEROUS) or text.startswith("'") else text


def _parquet(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> bytes:
    # Named here and not above: only this needs it, and it takes a tenth of a second. It brings no types of its own.
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")

    types = {
        "text": pa.string(),
        "bigint": pa.int64(),
        "numeric": pa.decimal128(38, 9),
        "boolean": pa.bool_(),
        "timestamptz": pa.timestamp("ms", tz="UTC"),
        "date": pa.date32(),
        "text[]": pa.list_(pa.string()),
        "jsonb": pa.string(),
    }
    fields = [
        pa.field(column.name, types[column.type], metadata={"comment": column.comment.encode()}) for column in columns
    ]
    values = {column.name: [_arrow(column, row[column.name]) for row in rows] for column in columns}
    table = pa.table(values, schema=pa.schema(fields))
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def _arrow(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "jsonb":
        return orjson.dumps(value).decode()
    if column.type == "numeric":
        return round(Decimal(value), 9)
    return value
