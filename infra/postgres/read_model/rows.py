"""Rows of projections on their way into their tables and out again.

A page goes into each table by one INSERT of arrays, one per column (`infra.postgres.binary_columns`): whole numbers in
binary form, everything else as text that Postgres reads as the column's type. Rows that are new are added by another
statement than rows that may be there already, by their key: looking for those costs a quarter more. Where nobody is
kept out of the table yet, because nobody may look at it, they go in by COPY, which row-level security does not allow.
Read back, a value is spelled as the projection spelled it, so that rows can be compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

import orjson
from psycopg import sql

from infra.postgres import binary_columns
from infra.postgres.pool import Connection
from projections.projection import Column, Key, OfReplicas, Row, Table
from sync.log import TenantId

ROWS_PER_FETCH: Final = 2_000

_ADD: Final = sql.SQL("""
    insert into {table} (tenant, {columns})
    select %(tenant)s, {values} from unnest({arrays}) as t({columns})
""")
_WRITE: Final = sql.SQL("{add} on conflict (tenant, {key}) do {otherwise}{where}")
_COPY: Final = sql.SQL("copy {table} (tenant, {columns}) from stdin")
_TAKE_AWAY: Final = sql.SQL("""
    delete from {table} using unnest({arrays}) as t({columns}) where {table}.tenant = %(tenant)s and {same}
""")
_ALL: Final = sql.SQL("select {values} from {table} where tenant = %(tenant)s order by {key}")

_AS: Final[dict[str, LiteralString]] = {
    "text": "t.{}",
    "bigint": "t.{}::bigint",
    "boolean": "t.{}::boolean",
    "numeric": "t.{}::numeric",
    "timestamptz": "t.{}::timestamptz",
    "date": "t.{}::date",
    "jsonb": "t.{}::jsonb",
    "text[]": "t.{}::text[]",
}
"""How a column is read from what was sent."""

_SPELLED: Final[dict[str, LiteralString]] = {
    "text": "{}",
    "bigint": "{}",
    "boolean": "{}",
    "numeric": "{}::text",
    "timestamptz": """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""",
    "date": "to_char({}, 'YYYY-MM-DD')",
    "jsonb": "{}",
    "text[]": "{}",
}
"""How a column is spelled again as it was in the row."""


class Writing:
    """How one table is written, in one version of the read model."""

    def __init__(self, schema: str, table: Table) -> None:
        self._columns, self._key = table.columns, table.columns[: len(table.key)]
        named = {"table": sql.Identifier(schema, table.name), "key": _names(self._key)}
        others = table.columns[len(table.key) :]
        self._add = _ADD.format(
            **named,
            columns=_names(table.columns),
            values=sql.SQL(", ").join(
                [sql.SQL(_AS[each.type]).format(sql.Identifier(each.name)) for each in table.columns]
            ),
            arrays=_arrays(table.columns),
        )
        self._copy = _COPY.format(table=named["table"], columns=_names(table.columns))
        otherwise, newer = _otherwise(others), _where(table, named["table"])
        self._write = _WRITE.format(add=self._add, key=named["key"], otherwise=otherwise, where=newer)
        same = [sql.SQL("{0}.{1} = t.{1}").format(named["table"], sql.Identifier(each.name)) for each in self._key]
        self._take_away = _TAKE_AWAY.format(
            table=named["table"], columns=_names(self._key), arrays=_arrays(self._key), same=sql.SQL(" and ").join(same)
        )
        self._all = _ALL.format(**named, values=spelled(table.columns))

    def add(self, connection: Connection, tenant: TenantId, rows: Sequence[Row]) -> None:
        """Write rows whose keys no row has yet."""
        connection.execute(self._add, {"tenant": tenant, **_sent(self._columns, rows)})

    def copy(self, connection: Connection, tenant: TenantId, rows: Sequence[Row]) -> None:
        """The same by COPY; raises psycopg.errors.FeatureNotSupported where row-level security is on."""
        with connection.cursor().copy(self._copy) as stream:
            stream.write(_copied(self._columns, tenant, rows))

    def write(self, connection: Connection, tenant: TenantId, rows: Sequence[Row]) -> None:
        """Write rows, each in place of the one with the same key; of replicas only what is newer."""
        connection.execute(self._write, {"tenant": tenant, **_sent(self._columns, rows)})

    def take_away(self, connection: Connection, tenant: TenantId, keys: Sequence[Key]) -> None:
        """Take away the rows with these keys."""
        connection.execute(self._take_away, {"tenant": tenant, **_sent(self._key, keys)})

    def all(self, connection: Connection, tenant: TenantId) -> Iterator[Row]:
        """Every row of a tenant, by its key, in the transaction that is open."""
        with connection.cursor("rows", binary=True) as cursor:  # on the server: we hold one fetch at a time
            cursor.itersize = ROWS_PER_FETCH
            yield from cursor.execute(self._all, {"tenant": tenant})


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(each.name) for each in columns])


def spelled(columns: Sequence[Column]) -> sql.Composed:
    """The columns as a projection spells them."""
    return _each(_SPELLED, columns)


def _each(spelling: Mapping[str, LiteralString], columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join([sql.SQL(spelling[each.type]).format(sql.Identifier(each.name)) for each in columns])


def _arrays(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Placeholder(each.name) for each in columns])


def _otherwise(others: Sequence[Column]) -> sql.Composable:
    if not others:
        return sql.SQL("nothing")
    new = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(each.name)) for each in others]
    return sql.SQL("update set {}").format(sql.SQL(", ").join(new))


def _where(table: Table, named: sql.Composable) -> sql.Composable:
    """When a row takes the place of the one that is there: always, or only where its event is a newer one."""
    if not isinstance(table, OfReplicas):
        return sql.SQL("")
    return sql.SQL(" where {table}.{0} < excluded.{0}").format(sql.Identifier(table.newest_by), table=named)


def _sent(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, Any]:
    return {
        column.name: _array(column, values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    }


def _array(column: Column, values: Sequence[Any]) -> Any:
    if column.type == "bigint" and None not in values:
        return binary_columns.bigints([*values])
    spell = _SPELL[column.type]
    return binary_columns.texts_or_nulls([None if value is None else spell(value) for value in values])


_SPELL: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "text": str.encode,
    "numeric": str.encode,
    "timestamptz": str.encode,
    "date": str.encode,
    "bigint": lambda value: b"%d" % value,
    "boolean": lambda value: b"t" if value else b"f",
    "jsonb": orjson.dumps,
    "text[]": lambda value: _array_literal(value).encode(),
}


def _array_literal(words: Sequence[str]) -> str:
    quoted = [word.replace("\\", "\\\\").replace('"', '\\"') for word in words]
    return '{"' + '","'.join(quoted) + '"}' if words else "{}"


def _copied(columns: Sequence[Column], tenant: TenantId, rows: Sequence[Row]) -> bytes:
    """Rows as COPY reads them as text: a line for each, with tabs between its values."""
    told = [_words(column, values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    lines = map("\t".join, zip([tenant] * len(rows), *told, strict=True))
    return ("\n".join(lines) + "\n").encode()


def _words(column: Column, values: Sequence[Any]) -> Sequence[str]:
    spell = _WORD.get(column.type)
    if None not in values:
        return _escaped(values if spell is None else [spell(value) for value in values])
    spelled = _escaped(["" if value is None else value if spell is None else spell(value) for value in values])
    return [_NULL if value is None else word for value, word in zip(values, spelled, strict=True)]


def _escaped(words: Sequence[str]) -> Sequence[str]:
    """What would end a value or a line, or begin an escape, is escaped; nearly never is there any."""
    all_of_them = "".join(words)
    if any(letter in all_of_them for letter in "\\\t\n\r"):
        return [word.translate(_ESCAPES) for word in words]
    return words


_NULL: Final = "\\N"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_WORD: Final[Mapping[str, Callable[[Any], str]]] = {
    "bigint": str,
    "boolean": lambda value: "t" if value else "f",
    "jsonb": lambda value: orjson.dumps(value).decode(),
    "text[]": _array_literal,
}
"""How a value is spelled that is no text yet."""
