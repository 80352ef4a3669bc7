"""The roles of the database: who owns the tables, and as whom each part of the program works.

None of them signs in and none passes by row-level security: whoever the URL signs in as takes on the one it needs.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from infra.postgres.schema import APP_ROLE
from infra.postgres.unfit import DatabaseUnfit

MIGRATOR: Final = "cairn_migrator"
"""Owns every table, and changes them. Even it sees the rows of one tenant at a time."""
PROJECTOR: Final = "cairn_projector"
"""Works through the logs of all tenants, one after the other: it alone may list them."""
AUDITOR: Final = "cairn_auditor"
"""Reads what a tenant's people wrote and what became of it, and writes nothing."""
ANALYST: Final = "cairn_analyst"
"""Reads the read model, without what tells of a person: for people who ask by SQL, each with a login of their own that
is a member of it and stands in `analyst_login`."""

GRANTS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    PROJECTOR: {
        **dict.fromkeys(("tenant", "person", "log_head", "event", "entity", "cold_file"), frozenset({"SELECT"})),
        "log_tile": frozenset({"SELECT", "INSERT", "UPDATE"}),
        "log_checkpoint": frozenset({"SELECT", "INSERT"}),
        "audit_entry": frozenset({"SELECT"}),  # and UPDATE of two columns, which COLUMN_GRANTS has
        "audit_head": frozenset({"SELECT", "INSERT", "UPDATE"}),
        "audit_tile": frozenset({"SELECT", "INSERT", "UPDATE"}),
        "audit_checkpoint": frozenset({"SELECT", "INSERT"}),
        "tracking": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
        "projection_parked": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
        "snapshot": frozenset({"SELECT", "INSERT", "DELETE"}),
        "milestone": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
        "webhook": frozenset({"SELECT", "UPDATE"}),
        "webhook_errand": frozenset({"SELECT", "UPDATE", "DELETE"}),
        "webhook_delivery": frozenset({"SELECT", "INSERT", "DELETE"}),
        "webhook_dead_letter": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
    },
    AUDITOR: dict.fromkeys(
        (
            *(
                "tenant",
                "person",
                "log_head",
                "event",
                "entity",
                "replica",
                "held",
                "quarantine",
                "grant_",
                "cold_file",
            ),
            *("scope_link", "later_verdict", "log_tile", "log_checkpoint"),
            *("audit_entry", "audit_head", "audit_tile", "audit_checkpoint"),
            *("projection_parked", "tracking", "milestone"),
        ),
        frozenset({"SELECT"}),
    ),
    ANALYST: {"analyst_login": frozenset({"SELECT"})},
}
"""By role, what it may do with which table; what APP_ROLE may do stands with each table in the schema."""

COLUMN_GRANTS: Final[Mapping[str, Mapping[tuple[str, str], frozenset[str]]]] = {
    PROJECTOR: {
        ("audit_entry", "UPDATE"): frozenset({"position", "salt"}),
        ("service_account", "SELECT"): frozenset({"tenant", "person", "revoked_at"}),
    },
}
"""By role, table and right, of which columns alone it has that right."""

ROLES: Final = (APP_ROLE, PROJECTOR, AUDITOR, ANALYST, MIGRATOR)

_NAME_BEFORE: Final = "cairn_app"

# What was made before there was a role to own it is handed over; what is not of this program is left alone.
_OURS_OF_OTHERS: Final[LiteralString] = """
    select format('alter table public.%%I owner to %%I', relname, %(migrator)s::text)
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and relname ~ %(ours)s and relowner <> %(migrator)s::text::regrole
    union all
    select format('alter function public.%%I() owner to %%I', proname, %(migrator)s::text)
    from pg_proc
    where pronamespace = 'public'::regnamespace and proname = 'refuse_to_rewrite_the_log'
      and proowner <> %(migrator)s::text::regrole
"""


class AppRoleMissing(DatabaseUnfit):
    """A role that the program works as does not exist, or we may not act as it."""


def prepare_roles(owner: psycopg.Connection) -> None:
    """Make the roles that are missing and let `owner` act as each; raises AppRoleMissing with all that is to be run."""
    _rename_from_before(owner)
    missing: list[str] = []
    for role in ROLES:
        try:
            prepare_role(owner, role)
        except AppRoleMissing as why:
            missing.append(str(why))
    if missing:
        raise AppRoleMissing("; ".join(missing))


def prepare_role(owner: psycopg.Connection, role: str = APP_ROLE) -> None:
    """Roles belong to the server, turns to a database: somebody else may be making the same role right now."""
    name = sql.Identifier(role)
    if not _exists(owner, role):
        try:
            with owner.transaction():
                owner.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            pass
        except psycopg.errors.InsufficientPrivilege as error:
            raise AppRoleMissing(_advice(owner, role, exists=False)) from error
    if _may_act(owner, role):
        return
    try:
        with owner.transaction():
            owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UniqueViolation,
        psycopg.errors.InternalError,
    ) as error:
        # The last two: another database's turn granted it between our two statements.
        if not _may_act(owner, role):
            raise AppRoleMissing(_advice(owner, role, exists=True)) from error


def hand_over(owner: psycopg.Connection, tables: frozenset[str]) -> None:
    """Let MIGRATOR own the schema's tables, whoever made them, and act as it from here on."""
    may_make = owner.execute("select has_schema_privilege(%s, 'public', 'CREATE')", [MIGRATOR]).fetchone()
    if may_make != (True,):
        owner.execute(sql.SQL("grant usage, create on schema public to {}").format(sql.Identifier(MIGRATOR)))
    ours = f"^({'|'.join(sorted(tables))}|event_[0-9][0-9]|alembic_version)$"
    with owner.transaction():
        for (statement,) in owner.execute(_OURS_OF_OTHERS, {"migrator": MIGRATOR, "ours": ours}).fetchall():
            owner.execute(statement)
    owner.execute(sql.SQL("set role {}").format(sql.Identifier(MIGRATOR)))


def _rename_from_before(owner: psycopg.Connection) -> None:
    """What was granted to a role stays with it, whatever it is called."""
    if _exists(owner, _NAME_BEFORE) and not _exists(owner, APP_ROLE):
        rename = sql.SQL("alter role {} rename to {}").format(sql.Identifier(_NAME_BEFORE), sql.Identifier(APP_ROLE))
        try:
            owner.execute(rename)
        except psycopg.errors.InsufficientPrivilege as error:
            raise AppRoleMissing(f"an administrator can run: {rename.as_string(owner)};") from error


def _exists(owner: psycopg.Connection, role: str) -> bool:
    return bool(owner.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchall())


def _may_act(owner: psycopg.Connection, role: str) -> bool:
    # Until 15 every member may SET ROLE; since 16 that is a right of its own.
    right = "SET" if owner.info.server_version >= 160_000 else "MEMBER"
    return owner.execute("SELECT pg_has_role(%s, %s)", [role, right]).fetchone() == (True,)


def _advice(owner: psycopg.Connection, role: str, *, exists: bool) -> str:
    row = owner.execute("SELECT quote_ident(current_user)").fetchone()
    assert row is not None
    grant = f"GRANT {role} TO {row[0]};"
    if exists:
        return f"the role {role} is not granted to {row[0]}; an administrator can run: {grant}"
    return f"the role {role} does not exist; an administrator can run: CREATE ROLE {role} NOLOGIN; {grant}"
