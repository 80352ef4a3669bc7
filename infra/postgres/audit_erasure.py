"""Erases what is personal in the audit of one person, and knows of every erasure that nobody announced.

What the entries said of where they came from, and in which words, goes together with the salt that its hash was made
with. The hash stays, so the leaf and every proof stay what they were. Each erasure is itself an entry, and comes first:
what was emptied without one is found by whoever checks; and a database that has none of an erasure is older than it.
"""

from collections.abc import Mapping
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg_pool import ConnectionPool

from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.log import TenantId

ERASED_KIND: Final = "audit_erased"
"""Of the entry that says whose entries were emptied: its `person`."""

_ABOUT: Final[LiteralString] = """
    tenant = %(tenant)s and sealed is null and kind <> 'audit_erased'
    and (person = %(person)s or actor = %(person)s) and at <= timestamptz 'epoch' + %(until_ms)s * interval '1 ms'
"""
_COUNT: Final[LiteralString] = f"select count(*) from audit_entry where {_ABOUT}"
_ERASES: Final[LiteralString] = "select set_config('app.erases', 'yes', true)"
_ERASE: Final[LiteralString] = f"""
    update audit_entry set address = null, detail = '', salt = null, sealed = sha256(salt || convert_to(
        concat('[', coalesce(to_json(address)::text, 'null'), ',', to_json(detail), ']'), 'UTF8'))
    where {_ABOUT} and position is not null
"""
_FORGOTTEN: Final[LiteralString] = """
    select listed.person from unnest(%(people)s::text[], %(until_ms)s::bigint[]) as listed(person, until_ms)
    left join (
        select person::text, max(at) as at from audit_entry
        where tenant = %(tenant)s and kind = 'audit_erased' group by person) as told on told.person = listed.person
    where told.at is null or told.at < timestamptz 'epoch' + listed.until_ms * interval '1 ms'
    order by listed.person
"""
_STATE: Final[LiteralString] = """
    select count(*) filter (where sealed is not null), count(*) filter (where position is null),
           min(position) filter (where sealed is not null and not exists (
               select from audit_entry as told
               where told.tenant = audit_entry.tenant and told.kind = 'audit_erased'
                     and told.person in (audit_entry.person, audit_entry.actor)
                     and coalesce(told.position, audit_entry.position + 1) > audit_entry.position))
    from audit_entry where tenant = %(tenant)s
"""


class Emptied(NamedTuple):
    """How it stands with an audit beside its tree."""

    erased: int
    """Entries whose address and words were erased."""
    without_place: int
    """Entries that were noted since places were given last."""
    unannounced: int | None
    """Position of the first that was emptied though no entry says so."""


def emptied(pool: ConnectionPool[Connection], tenant: TenantId) -> Emptied:
    """Count them."""
    return Emptied(*of_tenant.rows(pool, _STATE, {"tenant": tenant})[0])


def to_erase(pool: ConnectionPool[Connection], tenant: TenantId, person: str, *, until_ms: int) -> int:
    """How many entries up to a moment about somebody, or of what they did, still say more than that it was."""
    count: int = of_tenant.rows(pool, _COUNT, {"tenant": tenant, "person": person, "until_ms": until_ms})[0][0]
    return count


def erase(owner: psycopg.Connection[Any], tenant: TenantId, person: str, *, until_ms: int) -> int:
    """Empty them, as the role that owns the tables; returns how many. That it is done must be noted already."""
    with told_as_ours(), owner.transaction():
        of_tenant.set_tenant(owner, tenant)
        owner.execute(_ERASES)
        return owner.execute(_ERASE, {"tenant": tenant, "person": person, "until_ms": until_ms}).rowcount


def forgotten(pool: ConnectionPool[Connection], tenant: TenantId, listed: Mapping[str, int]) -> list[str]:
    """The people of a list, each with the moment up to which they were erased, of whose erasure this database knows
    nothing: it was restored from before."""
    if not listed:
        return []
    asked = {"tenant": tenant, "people": [*listed], "until_ms": [*listed.values()]}
    return [person for (person,) in of_tenant.rows(pool, _FORGOTTEN, asked)]
