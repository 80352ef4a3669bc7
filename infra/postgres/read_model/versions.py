"""Which versions of the read model there are, which one people see, and how another takes its place.

A version is a set of tables, its fingerprint says what rows they hold, and at most one is shown. The tables belong to
PROJECTOR, which makes and drops them; every other role may read what it is granted.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from infra.postgres.read_model.store import follower_of
from infra.postgres.read_model.tables import READERS, are_closed, close_tables, make_tables, schema_of
from infra.postgres.read_model.views import IN_FULL, RPT, show, views_fingerprint
from infra.postgres.roles import ANALYST, PROJECTOR
from infra.postgres.unfit import DatabaseUnfit
from projections.read_model import PROJECTIONS, fingerprint

STATES: Final = ("building", "shown", "kept")

_AREAS: Final = sql.SQL("""
    create schema if not exists {rpt};
    create schema if not exists {in_full};
    comment on schema {rpt} is 'The read model without what tells of a person: what has become of the log, for SQL.';
    comment on schema {in_full} is 'The read model with every column.';
    grant usage on schema {rpt} to {readers}, {analyst};
    grant usage on schema {in_full} to {readers};
    create table if not exists {versions} (
        version bigint not null primary key,
        fingerprint text collate "C" not null,
        state text collate "C" not null check (state in ('building', 'shown', 'kept')),
        made_at timestamptz not null,
        shown_at timestamptz
    );
    grant select on {versions} to {readers}, {analyst};
    comment on table {versions} is 'The versions of the read model; people see the one that is shown.';
    comment on column {versions}.version is 'Its number.';
    comment on column {versions}.fingerprint is 'What its rows depend on: equal ones hold equal rows of the same log.';
    comment on column {versions}.state is 'building: not complete yet; shown: what people see; kept: for going back.';
    comment on column {versions}.made_at is 'When its empty tables were made.';
    comment on column {versions}.shown_at is 'When people were first shown it; null: not yet.';
""")
VERSIONS: Final = (RPT, "read_model_version")

_ALL: Final[LiteralString] = """
    select version, fingerprint, state, (extract(epoch from made_at) * 1000)::bigint,
           (extract(epoch from shown_at) * 1000)::bigint
    from rpt.read_model_version order by version
"""
_LOCK: Final[LiteralString] = "lock table rpt.read_model_version in share row exclusive mode"
_ADD: Final[LiteralString] = """
    insert into rpt.read_model_version (version, fingerprint, state, made_at)
    select coalesce(max(version), 0) + 1, %(fingerprint)s, 'building',
           timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    from rpt.read_model_version returning version
"""
_KEEP_OTHERS: Final[LiteralString] = "update rpt.read_model_version set state = 'kept' where state = 'shown'"
_SHOW: Final[LiteralString] = """
    update rpt.read_model_version
    set state = 'shown', shown_at = coalesce(shown_at, timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
    where version = %(version)s
"""
# Of databases from before there was such a column as well.
_WORKED_OUT: Final[LiteralString] = """
    select to_jsonb(told) ->> 'views' from rpt.read_model_version as told where state = 'shown'
"""
_NOTE_VIEWS: Final[LiteralString] = "update rpt.read_model_version set views = %(views)s where version = %(version)s"
_PLACE_FOR_VIEWS: Final[LiteralString] = "alter table rpt.read_model_version add column if not exists views text"
_REMOVE: Final[LiteralString] = "delete from rpt.read_model_version where version = %(version)s"
_FORGET_TRACKING: Final[LiteralString] = """
    delete from tracking where tenant = %(tenant)s and application = %(follower)s
"""
_FORGET_PARKED: Final[LiteralString] = """
    delete from projection_parked where tenant = %(tenant)s and version = %(version)s
"""
_CLAIM: Final[LiteralString] = """
    select from tracking where tenant = %(tenant)s and application = %(follower)s for update
"""
_TENANTS: Final[LiteralString] = "select tenant::text from tenant"


class Version(NamedTuple):
    """One version of the read model."""

    number: int
    fingerprint: str
    state: str
    """One of STATES."""
    made_at_ms: int
    shown_at_ms: int | None


class MayMakeNoSchemas(DatabaseUnfit):
    """There is no place for the read model."""


class VersionUnknown(LookupError):
    """There is no such version of the read model."""


class VersionInUse(ValueError):
    """The version is the one that people see."""


def prepare(owner: Connection, *, now_ms: int) -> None:
    """Let there be a version of this program's, shown at once where there was none before.

    Run by whoever migrates, in their turn, as an owner of the database who may act as PROJECTOR.
    Raises MayMakeNoSchemas.
    """
    _let_make_schemas(owner)
    owner.execute(sql.SQL("set role {}").format(sql.Identifier(PROJECTOR)))
    there = owner.execute("select to_regclass('rpt.read_model_version')").fetchone()
    if there != (None,) and any(each.fingerprint == fingerprint() for each in versions(owner)):
        _close_what_is_shown(owner)
        _show_anew_if_worked_out_otherwise(owner)
        return
    with owner.transaction():
        owner.execute(
            _AREAS.format(
                rpt=sql.Identifier(RPT),
                in_full=sql.Identifier(IN_FULL),
                versions=sql.Identifier(*VERSIONS),
                analyst=sql.Identifier(ANALYST),
                readers=sql.SQL(", ").join([sql.Identifier(each) for each in READERS]),
            )
        )
        owner.execute(_LOCK)
        number = _make(owner, now_ms)
        if number == 1:
            _let_see(owner, number, now_ms)


def _close_what_is_shown(owner: Connection) -> None:
    """An older program that went on beside this one shows what this one has built, and knows of no tables that are
    closed only then: people would be denied every one of them."""
    for each in versions(owner):
        is_ours = each.state == "shown" and each.fingerprint == fingerprint()
        if is_ours and not are_closed(owner, schema_of(each.number)):
            with _alone(owner):
                _hold(owner, each.number)
                close_tables(owner, schema_of(each.number), PROJECTIONS)


def _show_anew_if_worked_out_otherwise(owner: Connection) -> None:
    """Views are no rows: where only they have changed, the tables stay and the views over them are made again."""
    if owner.execute(_WORKED_OUT).fetchone() == (views_fingerprint(),):
        return
    with _alone(owner):
        for each in versions(owner):
            if each.state == "shown" and each.fingerprint == fingerprint():
                _show(owner, each.number)


def _let_make_schemas(owner: Connection) -> None:
    database = owner.execute("select current_database()").fetchone()
    assert database is not None
    asked = "select has_database_privilege(%s, current_database(), 'CREATE')"
    if owner.execute(asked, [PROJECTOR]).fetchone() == (True,):
        return
    grant = sql.SQL("grant create on database {} to {}").format(sql.Identifier(database[0]), sql.Identifier(PROJECTOR))
    with suppress(psycopg.errors.InsufficientPrivilege):
        owner.execute(grant)  # whoever may grant nothing is told so, or is only warned
    if owner.execute(asked, [PROJECTOR]).fetchone() != (True,):
        raise MayMakeNoSchemas(
            f"{PROJECTOR}, to whom the read model belongs, may make no schemas here; "
            f"the owner of the database can run: {grant.as_string(owner)};"
        )


def versions(connection: Connection) -> Sequence[Version]:
    """All of them, by number."""
    return [Version(*row) for row in connection.execute(_ALL).fetchall()]


def make(connection: Connection, *, now_ms: int) -> int:
    """Make the empty tables of a new version; its number."""
    with _alone(connection):
        return _make(connection, now_ms)


def let_see(connection: Connection, version: int, *, now_ms: int) -> None:
    """Show people this version from here on, and keep the one of before; raises VersionUnknown."""
    with _alone(connection):
        _known(connection, version)
        _let_see(connection, version, now_ms)


def drop(connection: Connection, version: int) -> None:
    """Take away a version, its tables and how far they had come; raises VersionUnknown and VersionInUse."""
    with _alone(connection):
        if _known(connection, version).state == "shown":
            raise VersionInUse(f"version {version} is the one that people see")
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema_of(version))))
        connection.execute(_REMOVE, {"version": version})
        for (tenant,) in connection.execute(_TENANTS).fetchall():
            of_tenant.set_tenant(connection, tenant)
            told: dict[str, Any] = {"tenant": tenant, "version": version, "follower": follower_of(version)}
            connection.execute(_FORGET_TRACKING, told)
            connection.execute(_FORGET_PARKED, told)


@contextmanager
def _alone(connection: Connection) -> Generator[None]:
    with connection.transaction():
        connection.execute(_LOCK)
        yield


def _known(connection: Connection, version: int) -> Version:
    found = next((each for each in versions(connection) if each.number == version), None)
    if found is None:
        raise VersionUnknown(f"there is no version {version} of the read model")
    return found


def _make(connection: Connection, now_ms: int) -> int:
    added = connection.execute(_ADD, {"fingerprint": fingerprint(), "now_ms": now_ms}).fetchone()
    assert added is not None
    make_tables(connection, schema_of(added[0]), PROJECTIONS)
    return int(added[0])


def _let_see(connection: Connection, version: int, now_ms: int) -> None:
    _hold(connection, version)
    close_tables(connection, schema_of(version), PROJECTIONS)
    _show(connection, version)
    connection.execute(_KEEP_OTHERS)
    connection.execute(_SHOW, {"version": version, "now_ms": now_ms})


def _hold(connection: Connection, version: int) -> None:
    """Keep everybody from writing the tables until the end of the transaction: else one that waits for the other, table
    by table, could wait for ever."""
    for (tenant,) in connection.execute(_TENANTS).fetchall():
        of_tenant.set_tenant(connection, tenant)
        connection.execute(_CLAIM, {"tenant": tenant, "follower": follower_of(version)})


def _show(connection: Connection, version: int) -> None:
    show(connection, schema_of(version), PROJECTIONS)
    connection.execute(_PLACE_FOR_VIEWS)
    connection.execute(_NOTE_VIEWS, {"views": views_fingerprint(), "version": version})
