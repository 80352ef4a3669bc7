"""Accounts in memory: shipped, not mocked; who may speak, gone with the process."""

import secrets
import uuid
from dataclasses import dataclass, field

from commands.authority import Principal
from domain.people import Role
from infra.memory import MemoryEventLog
from sync.log import TenantId


@dataclass(slots=True)
class _Tenant:
    name: str
    people: dict[str, Principal] = field(default_factory=dict[str, Principal])


class MemoryAccounts:
    """`api.services.Accounts`, and all that `infra.postgres.accounts.PostgresAccounts` does, in dictionaries."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self._tenants: dict[TenantId, _Tenant] = {}
        self._tokens: dict[str, tuple[TenantId, str, int | None]] = {}

    def add_tenant(self, name: str, *, now_ms: int, tenant: TenantId | None = None) -> TenantId:
        """Set up a tenant with an empty log; returns its id."""
        del now_ms
        made = tenant or str(uuid.uuid4())
        self._tenants[made] = _Tenant(name)
        self._log.add_tenant(made)
        return made

    def tenants(self) -> list[tuple[TenantId, str]]:
        """(id, name) of every tenant, oldest first."""
        return [(tenant, kept.name) for tenant, kept in self._tenants.items()]

    def add_person(self, tenant: TenantId, *, person: str, name: str, role: Role, email: str | None = None) -> None:
        """Let somebody sign in; adding the same person again changes nothing."""
        del email
        self._tenants[tenant].people.setdefault(person, Principal(tenant=tenant, person=person, name=name, role=role))

    def people(self, tenant: TenantId) -> list[Principal]:
        """Everybody who may sign in, by name."""
        return sorted(self._tenants[tenant].people.values(), key=lambda person: person.name)

    def person(self, tenant: TenantId, person: str) -> Principal | None:
        """Somebody who works here, or None where they are unknown or have left."""
        return self._tenants[tenant].people.get(person)

    def issue(self, tenant: TenantId, person: str, *, now_ms: int, expires_at_ms: int | None = None) -> str:
        """A new bearer token for a person, good until `expires_at_ms` (milliseconds since 1970) or for ever."""
        del now_ms
        token = f"cairn_{uuid.UUID(tenant).hex}_{secrets.token_urlsafe(32)}"
        self._tokens[token] = (tenant, person, expires_at_ms)
        return token

    def principal(self, token: str, *, now_ms: int) -> Principal | None:
        """Whom a bearer token speaks for, or None where it is no token of ours, expired, or its person has left."""
        tenant, person, expires_at_ms = self._tokens.get(token, ("", "", None))
        if tenant not in self._tenants or (expires_at_ms is not None and expires_at_ms <= now_ms):
            return None
        return self._tenants[tenant].people.get(person)
