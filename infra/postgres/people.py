"""People and service accounts in Postgres, as whoever administers them changes them."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.people import PersonRow, ServiceAccount
from domain.people import Role
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId

LISTED_MAX: Final = 5_000

_PEOPLE: Final[LiteralString] = """
    select person::text, name, role, email, active from person where tenant = %(tenant)s
    order by name, person limit %(limit)s
"""
_PERSON: Final[LiteralString] = """
    select person::text, name, role, email, active from person where tenant = %(tenant)s and person = %(person)s
"""
_CHANGE: Final[LiteralString] = """
    update person set name = coalesce(%(name)s, name), role = coalesce(%(role)s, role),
        active = coalesce(%(active)s, active),
        authority = authority + case
            when role is distinct from coalesce(%(role)s, role) or active is distinct from coalesce(%(active)s, active)
            then 1 else 0 end
    where tenant = %(tenant)s and person = %(person)s
    returning person::text, name, role, email, active
"""
# Devices of whoever has left are not reported lost: should they come back, what was handed in meanwhile can be told.
_DEVICES: Final[LiteralString] = """
    update device set revoked_at = case when %(active)s then null
                                        else timestamptz 'epoch' + %(now_ms)s * interval '1 ms' end
    where tenant = %(tenant)s and person = %(person)s and state = 'active'
      and (revoked_at is null) = (not %(active)s)
"""
_SESSIONS: Final[LiteralString] = """
    update session set ended_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms', end_reason = 'left'
    where tenant = %(tenant)s and person = %(person)s and ended_at is null and not %(active)s
"""
_ADD_CLIENT: Final[LiteralString] = """
    insert into service_account (tenant, client, person, secret_hash, scopes, created_at)
    values (%(tenant)s, %(client)s, %(person)s, %(secret_hash)s, %(scopes)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
_CLIENTS: Final[LiteralString] = """
    select service_account.client::text, service_account.person::text, person.name, service_account.scopes,
           (extract(epoch from service_account.created_at) * 1000)::bigint,
           (extract(epoch from service_account.revoked_at) * 1000)::bigint
    from service_account join person
        on person.tenant = service_account.tenant and person.person = service_account.person
    where service_account.tenant = %(tenant)s and (%(client)s::uuid is null or service_account.client = %(client)s)
      and (%(secret_hash)s::bytea is null
           or (service_account.secret_hash = %(secret_hash)s and service_account.revoked_at is null and person.active))
    order by service_account.created_at, service_account.client limit %(limit)s
"""
_REVOKE_CLIENT: Final[LiteralString] = """
    update service_account set revoked_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and client = %(client)s and revoked_at is null returning client
"""


class PostgresPeople:
    """`api.identity.People`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def people(self, tenant: TenantId) -> Sequence[PersonRow]:
        """Everybody, also who has left, by name."""
        return [PersonRow(*row) for row in of_tenant.rows(self._pool, _PEOPLE, {"tenant": tenant, "limit": LISTED_MAX})]

    def person(self, tenant: TenantId, person: str) -> PersonRow | None:
        """Somebody, also who has left."""
        found = of_tenant.rows(self._pool, _PERSON, {"tenant": tenant, "person": person})
        return PersonRow(*found[0]) if found else None

    def change(
        self,
        tenant: TenantId,
        person: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
        now_ms: int,
    ) -> PersonRow | None:
        """Call somebody otherwise, give them another role, let them leave or come back; None where nobody is known.

        Another role and leaving count within seconds, also for access tokens that are out.
        """
        told: dict[str, Any] = {"tenant": tenant, "person": person, "name": name, "role": role, "active": is_active}
        with of_tenant.transaction(self._pool, tenant) as connection:
            found = connection.execute(_CHANGE, told).fetchone()
            if found is not None and is_active is not None:
                connection.execute(_DEVICES, {**told, "now_ms": now_ms})
                connection.execute(_SESSIONS, {**told, "now_ms": now_ms})
        return PersonRow(*found) if found else None

    def add_service_account(self, tenant: TenantId, account: ServiceAccount, *, secret_hash: bytes) -> None:
        """Let another system sign in as a person that is there already."""
        told = {
            "tenant": tenant,
            "client": account.client,
            "person": account.person,
            "secret_hash": secret_hash,
            "scopes": list(account.scopes),
            "now_ms": account.created_at_ms,
        }
        of_tenant.rows(self._pool, _ADD_CLIENT, told)

    def service_accounts(
        self, tenant: TenantId, *, client: str | None = None, secret_hash: bytes | None = None
    ) -> Sequence[ServiceAccount]:
        """All of them, or the one of that id; with a hash only if that is its secret's and it was not revoked."""
        asked = {"tenant": tenant, "client": client, "secret_hash": secret_hash, "limit": LISTED_MAX}
        found = of_tenant.rows(self._pool, _CLIENTS, asked)
        return [ServiceAccount(row[0], row[1], row[2], tuple(row[3]), row[4], row[5]) for row in found]

    def revoke_service_account(self, tenant: TenantId, client: str, *, now_ms: int) -> bool:
        """It signs in no more, and its tokens are refused within seconds."""
        told = {"tenant": tenant, "client": client, "now_ms": now_ms}
        return bool(of_tenant.rows(self._pool, _REVOKE_CLIENT, told))
