"""By what people sign in, in Postgres: e-mail and the hash of a password, and passkeys."""

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.people import Passkey, SignInRow
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId

_BY_EMAIL: Final[LiteralString] = """
    select person::text, email, password_hash from sign_in where tenant = %(tenant)s and email = %(email)s
"""
_OF_PERSON: Final[LiteralString] = """
    select person::text, email, password_hash from sign_in where tenant = %(tenant)s and person = %(person)s
"""
_SET: Final[LiteralString] = """
    insert into sign_in (tenant, person, email, password_hash, changed_at)
    values (%(tenant)s, %(person)s, %(email)s, %(password_hash)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
    on conflict (tenant, person) do update set email = excluded.email, password_hash = excluded.password_hash,
        changed_at = excluded.changed_at
"""
_PASSKEY: Final[LiteralString] = """
    select credential, person::text, public_key, uses, name, (extract(epoch from added_at) * 1000)::bigint,
           (extract(epoch from used_at) * 1000)::bigint
    from passkey where tenant = %(tenant)s and credential = %(credential)s
"""
_PASSKEYS: Final[LiteralString] = """
    select credential, person::text, public_key, uses, name, (extract(epoch from added_at) * 1000)::bigint,
           (extract(epoch from used_at) * 1000)::bigint
    from passkey where tenant = %(tenant)s and person = %(person)s order by added_at, credential
"""
_ADD_PASSKEY: Final[LiteralString] = """
    insert into passkey (tenant, credential, person, public_key, uses, name, added_at)
    values (%(tenant)s, %(credential)s, %(person)s, %(public_key)s, %(uses)s, %(name)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
_USED: Final[LiteralString] = """
    update passkey set uses = %(uses)s, used_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and credential = %(credential)s and (uses < %(uses)s or %(uses)s = 0)
    returning credential
"""
_DROP: Final[LiteralString] = """
    delete from passkey where tenant = %(tenant)s and person = %(person)s and credential = %(credential)s
    returning credential
"""


class PostgresSignIns:
    """`api.identity.SignIns`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def by_email(self, tenant: TenantId, email: str) -> SignInRow | None:
        """Who signs in by this e-mail, which is in lower case."""
        found = of_tenant.rows(self._pool, _BY_EMAIL, {"tenant": tenant, "email": email})
        return SignInRow(*found[0]) if found else None

    def of_person(self, tenant: TenantId, person: str) -> SignInRow | None:
        """By what somebody signs in, if they may."""
        found = of_tenant.rows(self._pool, _OF_PERSON, {"tenant": tenant, "person": person})
        return SignInRow(*found[0]) if found else None

    def keep(self, tenant: TenantId, row: SignInRow, *, now_ms: int) -> None:
        """Let somebody sign in by this from now on; raises Conflicting where the e-mail is somebody else's."""
        of_tenant.rows(self._pool, _SET, {"tenant": tenant, **row._asdict(), "now_ms": now_ms})

    def passkey(self, tenant: TenantId, credential: bytes) -> Passkey | None:
        """A passkey, by the id that its authenticator gave it."""
        found = of_tenant.rows(self._pool, _PASSKEY, {"tenant": tenant, "credential": credential})
        return Passkey(*found[0]) if found else None

    def passkeys(self, tenant: TenantId, person: str) -> Sequence[Passkey]:
        """Somebody's passkeys, oldest first."""
        found = of_tenant.rows(self._pool, _PASSKEYS, {"tenant": tenant, "person": person})
        return [Passkey(*row) for row in found]

    def add_passkey(self, tenant: TenantId, passkey: Passkey) -> None:
        """Keep a new passkey; raises Conflicting where there is one of that id."""
        told = passkey._asdict()
        of_tenant.rows(self._pool, _ADD_PASSKEY, {"tenant": tenant, **told, "now_ms": passkey.added_at_ms})

    def passkey_used(self, tenant: TenantId, credential: bytes, *, uses: int, now_ms: int) -> bool:
        """Note a use; False where the authenticator's count has not grown, because the passkey was copied or used
        by somebody else meanwhile."""
        told = {"tenant": tenant, "credential": credential, "uses": uses, "now_ms": now_ms}
        return bool(of_tenant.rows(self._pool, _USED, told))

    def drop_passkey(self, tenant: TenantId, person: str, credential: bytes) -> bool:
        """Forget a passkey; False where that person has none of that id."""
        told = {"tenant": tenant, "person": person, "credential": credential}
        return bool(of_tenant.rows(self._pool, _DROP, told))
