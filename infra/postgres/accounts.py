"""Tenants, the people who may sign in, and the bearer tokens they are known by.

A token names its tenant, so that the look-up begins with the tenant like every other; only its hash is kept.
"""

import hashlib
import re
import secrets
import uuid
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.authority import Principal
from domain.people import Role
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.log import TenantId

_TOKEN: Final = re.compile(r"cairn_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
_SECRET_BYTES: Final = 32

_ADD_TENANT: Final[LiteralString] = """
    with added as (
        insert into tenant (tenant, name, created_at)
        values (%(tenant)s, %(name)s, timestamptz 'epoch' + %(now_ms)s * interval '1 ms') returning tenant)
    insert into log_head (tenant, epoch) select tenant, %(epoch)s from added
"""
_TENANTS: Final[LiteralString] = "select tenant::text, name from tenant order by created_at, tenant"
_BEGIN: Final[LiteralString] = "begin read only"
_AS_PROJECTOR: Final[LiteralString] = "set local role cairn_projector"
_COMMIT: Final[LiteralString] = "commit"
_ADD_PERSON: Final[LiteralString] = """
    insert into person (tenant, person, name, role, email)
    values (%(tenant)s, %(person)s, %(name)s, %(role)s, %(email)s) on conflict (tenant, person) do nothing
"""
_PEOPLE: Final[LiteralString] = """
    select tenant::text, person::text, name, role from person where tenant = %(tenant)s and active order by name
"""
_PERSON: Final[LiteralString] = """
    select tenant::text, person::text, name, role from person
    where tenant = %(tenant)s and person = %(person)s and active
"""
_ISSUE: Final[LiteralString] = """
    insert into access_token (tenant, token_hash, person, issued_at, expires_at)
    values (%(tenant)s, %(hash)s, %(person)s, timestamptz 'epoch' + %(now_ms)s * interval '1 ms',
            timestamptz 'epoch' + %(expires_at_ms)s::bigint * interval '1 ms')
"""
_PRINCIPAL: Final[LiteralString] = """
    select person.tenant::text, person.person::text, person.name, person.role
    from access_token join person using (tenant, person)
    where access_token.tenant = %(tenant)s and access_token.token_hash = %(hash)s and person.active
      and (access_token.expires_at is null
           or access_token.expires_at > timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""


class PostgresAccounts:
    """Accounts over the tables `tenant`, `person` and `access_token`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def add_tenant(self, name: str, *, now_ms: int, tenant: TenantId | None = None) -> TenantId:
        """Set up a tenant with an empty log; returns its id."""
        made = tenant or str(uuid.uuid4())
        told = {"tenant": made, "name": name, "epoch": str(uuid.uuid4()), "now_ms": now_ms}
        of_tenant.rows(self._pool, _ADD_TENANT, told)
        return made

    def tenants(self) -> list[tuple[TenantId, str]]:
        """(id, name) of every tenant, oldest first.

        That is the operator's to know, and a follower's, who works through them: whoever serves requests sees no more
        than the tenant they are about. Raises psycopg.errors.InsufficientPrivilege where the database's user may not
        act as that role.
        """
        with told_as_ours(), self._pool.connection() as connection:
            with connection.pipeline():
                connection.execute(_BEGIN)
                connection.execute(_AS_PROJECTOR)
                found = connection.execute(_TENANTS)
                connection.execute(_COMMIT)
            return [(tenant, name) for tenant, name in found.fetchall()]

    def add_person(self, tenant: TenantId, *, person: str, name: str, role: Role, email: str | None = None) -> None:
        """Let somebody sign in; adding the same person again changes nothing."""
        told = {"tenant": tenant, "person": person, "name": name, "role": role, "email": email}
        of_tenant.rows(self._pool, _ADD_PERSON, told)

    def people(self, tenant: TenantId) -> list[Principal]:
        """Everybody who may sign in, by name."""
        return [_principal(row) for row in of_tenant.rows(self._pool, _PEOPLE, {"tenant": tenant})]

    def person(self, tenant: TenantId, person: str) -> Principal | None:
        """Somebody who works here, or None where they are unknown or have left."""
        found = of_tenant.rows(self._pool, _PERSON, {"tenant": tenant, "person": person})
        return _principal(found[0]) if found else None

    def issue(self, tenant: TenantId, person: str, *, now_ms: int, expires_at_ms: int | None = None) -> str:
        """A new bearer token for a person, good until `expires_at_ms` (milliseconds since 1970) or for ever.

        It is returned once and kept nowhere.
        """
        token = f"cairn_{uuid.UUID(tenant).hex}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        told = {
            "tenant": tenant,
            "hash": _hash(token),
            "person": person,
            "now_ms": now_ms,
            "expires_at_ms": expires_at_ms,
        }
        of_tenant.rows(self._pool, _ISSUE, told)
        return token

    def principal(self, token: str, *, now_ms: int) -> Principal | None:
        """Whom a bearer token speaks for, or None where it is no token of ours, expired, or its person has left."""
        parts = _TOKEN.match(token)
        if parts is None:
            return None
        told = {"tenant": str(uuid.UUID(parts[1])), "hash": _hash(token), "now_ms": now_ms}
        found = of_tenant.rows(self._pool, _PRINCIPAL, told)
        return _principal(found[0]) if found else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _principal(row: tuple[Any, ...]) -> Principal:
    tenant, person, name, role = row
    return Principal(tenant=tenant, person=person, name=name, role=role)
