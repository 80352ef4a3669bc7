"""Questions to the read model in SQL: put together from declared names alone, every value bound.

One statement in a read-only transaction of the tenant's, with a time limit of its own: a question that costs too much
ends, and holds up nobody else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

from psycopg import errors, sql
from psycopg_pool import ConnectionPool

from domain.catalogue import ON_DEVICES
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from infra.postgres.read_model.as_of import as_of, check_not_replaced
from infra.postgres.read_model.reading import ReadModel
from infra.postgres.read_model.tables import is_masked
from infra.postgres.read_model.views import IN_FULL, VIEWS
from projections.query import WAIT_S_MAX, Filter, NoReadModel, Order, Query, Shape, TooSlow
from projections.read_model import BY_NAME
from sync.log import LogUnavailable, TenantId

STATEMENT_TIMEOUT: Final[LiteralString] = "set local statement_timeout = '5s'"

_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "work_board": ("work_order_id",),
    "technician_day": ("visit_id", "person_id", "part"),
    "asset_history": ("asset_id", "position"),
    "conflict_inbox": ("entity_id", "field", "reason"),
    "quarantine": ("case_id",),
    "sync_health": ("replica",),
    "job_facts": ("work_order_id",),
    "visit_facts": ("visit_id",),
    "service_levels": ("week", "kind", "technician_id", "site_id", "currency"),
    "throughput": ("week", "kind", "technician_id", "site_id"),
}
"""What makes a row of a view the only one; a view without a line here is for SQL alone."""
_TABLES: Final = (*ON_DEVICES, "open_conflict", "audit_trail")

_OPERATORS: Final[Mapping[str, sql.SQL]] = {
    "lt": sql.SQL("<"),
    "le": sql.SQL("<="),
    "gt": sql.SQL(">"),
    "ge": sql.SQL(">="),
}
_CASTS: Final[Mapping[str, sql.SQL]] = {
    "text": sql.SQL("text"),
    "bigint": sql.SQL("bigint"),
    "numeric": sql.SQL("numeric"),
    "boolean": sql.SQL("boolean"),
    "timestamptz": sql.SQL("timestamptz"),
    "date": sql.SQL("date"),
    "text[]": sql.SQL("text"),
}
_SELECT: Final = sql.SQL("select {columns} from {view} where {conditions} order by {order} limit {limit}")
_COUNT: Final = sql.SQL("select count(*) from {view} where {conditions}")


class PostgresViews:
    """`projections.query.Views` over the views of `rpt_in_full`."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool, self._model = pool, ReadModel(pool)

    def shapes(self, *, masked: bool) -> Mapping[str, Shape]:
        tables = [(each.name, each.comment, each.columns, each.key) for each in map(BY_NAME.__getitem__, _TABLES)]
        views = [
            (each.name, each.comment, [shown.column for shown in each.columns], _KEYS[each.name])
            for each in VIEWS
            if each.name in _KEYS
        ]
        return {
            name: Shape(name, comment, [each for each in columns if not (masked and is_masked(each))], key)
            for name, comment, columns, key in (*views, *tables)
        }

    def wait_for(self, tenant: TenantId, position: int) -> int:
        try:
            return self._model.wait_for(tenant, position, at_most_s=WAIT_S_MAX).position
        except errors.UndefinedTable as missing:
            raise NoReadModel from missing

    def rows(self, tenant: TenantId, query: Query, *, scopes: Sequence[str] | None = None) -> list[dict[str, Any]]:
        wanted = [*query.fields, *(each.column for each in query.order)]
        columns = list({column.name: column for column in wanted}.values())
        told: dict[str, Any] = {"tenant": tenant, "limit": query.limit}
        conditions = [*_filtered(query, scopes, told), *_on_its_page(query, told)]
        statement = _SELECT.format(
            columns=sql.SQL(", ").join([sql.Identifier(each.name) for each in columns]),
            view=_view(query),
            conditions=sql.SQL(" and ").join(conditions),
            order=sql.SQL(", ").join([_ordered(each, is_backwards=query.is_backwards) for each in query.order]),
            limit=sql.Placeholder("limit"),
        )
        found = self._asked(tenant, query, scopes, statement, told)
        return [dict(zip([each.name for each in columns], row, strict=True)) for row in found]

    def count(self, tenant: TenantId, query: Query, *, scopes: Sequence[str] | None = None) -> int:
        told: dict[str, Any] = {"tenant": tenant}
        conditions = sql.SQL(" and ").join(_filtered(query, scopes, told))
        statement = _COUNT.format(view=_view(query), conditions=conditions)
        return int(self._asked(tenant, query, scopes, statement, told)[0][0])

    def _asked(  # what a question is, and how it is spelled
        self,
        tenant: TenantId,
        query: Query,
        scopes: Sequence[str] | None,
        statement: sql.Composed,
        told: dict[str, Any],
    ) -> list[tuple[Any, ...]]:
        """What a statement finds of the tables as they are, or as they were at the query's moment."""
        try:
            how = of_tenant.BEGIN if query.as_of is None else of_tenant.ONE_MOMENT
            with of_tenant.transaction(self._pool, tenant, opened_by=how) as connection:
                connection.execute(STATEMENT_TIMEOUT)
                if query.as_of is not None:
                    then = as_of(connection, tenant, query, scopes)
                    statement, told = then.definitions + statement, {**then.told, **told}
                found = connection.cursor(binary=True).execute(statement, told).fetchall()
                if query.as_of is not None:
                    check_not_replaced(connection, query.shape.name)
                return found
        except LogUnavailable as trouble:
            if isinstance(trouble.__cause__, errors.QueryCanceled):
                raise TooSlow from trouble
            raise
        except (errors.UndefinedTable, errors.InvalidSchemaName) as missing:
            raise NoReadModel from missing


def _view(query: Query) -> sql.Identifier:
    """Where the rows are: what is shown now, or what `as_of` puts together under the same name."""
    return sql.Identifier(query.shape.name) if query.as_of is not None else sql.Identifier(IN_FULL, query.shape.name)


_WAYS: Final[Mapping[tuple[bool, bool], sql.SQL]] = {
    (False, False): sql.SQL("{} asc nulls last"),
    (True, False): sql.SQL("{} desc nulls last"),
    (False, True): sql.SQL("{} desc nulls first"),
    (True, True): sql.SQL("{} asc nulls first"),
}
"""By whether it falls, and whether it is read backwards: where nothing is said comes last, whichever way it falls."""


def _ordered(order: Order, *, is_backwards: bool) -> sql.Composed:
    return _WAYS[order.is_falling, is_backwards].format(sql.Identifier(order.column.name))


def _filtered(query: Query, scopes: Sequence[str] | None, told: dict[str, Any]) -> list[sql.Composable]:
    """What a row must be to be on any page."""
    conditions: list[sql.Composable] = [sql.SQL("tenant = %(tenant)s")]
    conditions += [_condition(each, f"f{number}", told) for number, each in enumerate(query.filters)]
    if scopes is not None:
        told["scopes"] = list(scopes)
        conditions.append(sql.SQL("home_scope = any(%(scopes)s::text[])"))
    return conditions


def _on_its_page(query: Query, told: dict[str, Any]) -> Iterator[sql.Composable]:
    if query.after is not None:
        yield _beyond(query.order, query.after, told, is_backwards=query.is_backwards)


def _condition(each: Filter, name: str, told: dict[str, Any]) -> sql.Composable:
    values = [value for value in each.values if value is not None]
    told[name] = values
    parts = {
        "column": sql.Identifier(each.column.name),
        "value": sql.Placeholder(name),
        "type": _CASTS[each.column.type],
    }
    empty = sql.SQL("{column} is null").format(**parts) if len(values) < len(each.values) else sql.SQL("false")
    match each.operator:
        case "eq":
            return sql.SQL("({column} = any({value}::{type}[]) or {empty})").format(**parts, empty=empty)
        case "ne":
            return sql.SQL("not coalesce({column} = any({value}::{type}[]), {default}) and not ({empty})").format(
                **parts, empty=empty, default=sql.SQL("false")
            )
        case "has":
            return sql.SQL("{column} @> {value}::text[]").format(**parts)
        case operator:
            told[name] = values[0]
            return sql.SQL("{column} {operator} {value}::{type}").format(**parts, operator=_OPERATORS[operator])


def _beyond(
    order: Sequence[Order], after: Sequence[str | None], told: dict[str, Any], *, is_backwards: bool
) -> sql.Composed:
    """Rows behind those values, or before them: equal in the first columns, and later or earlier in the next."""
    ways: list[sql.Composable] = []
    equal: list[sql.Composable] = []
    for number, (each, value) in enumerate(zip(order, after, strict=True)):
        name = f"a{number}"
        told[name] = value
        parts = {
            "column": sql.Identifier(each.column.name),
            "value": sql.Placeholder(name),
            "type": _CASTS[each.column.type],
        }
        step = sql.SQL("<" if each.is_falling != is_backwards else ">")
        further: sql.Composed | None = None
        if is_backwards and value is None:  # everything that is said comes before
            further = sql.SQL("{column} is not null").format(**parts)
        elif is_backwards:
            further = sql.SQL("{column} {step} {value}::{type}").format(**parts, step=step)
        elif value is not None:
            further = sql.SQL("({column} {step} {value}::{type} or {column} is null)").format(**parts, step=step)
        if further is not None:
            ways.append(sql.SQL("({})").format(sql.SQL(" and ").join([*equal, further])))
        equal.append(sql.SQL("{column} is not distinct from {value}::{type}").format(**parts))
    return sql.SQL("({})").format(sql.SQL(" or ").join(ways)) if ways else sql.SQL("({})").format(sql.SQL("false"))
