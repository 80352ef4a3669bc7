"""What the routes need of the world, as ports; `cairnfield.wiring` fills them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from api.identity import Identity
from api.proof_ports import Proofs
from api.webhook_ports import Webhooks
from commands.authority import Principal
from domain.people import Role
from projections.query import Views
from sync.doorbell import Doorbell
from sync.log import EventLog, TenantId


class Accounts(Protocol):
    """Who may speak.

    Implemented by `infra.postgres.accounts.PostgresAccounts` and `infra.memory_accounts.MemoryAccounts`.
    """

    def principal(self, token: str, *, now_ms: int) -> Principal | None:
        """Whom a bearer token speaks for, or None."""
        ...

    def person(self, tenant: TenantId, person: str) -> Principal | None:
        """Somebody who works here, or None where they are unknown or have left."""
        ...

    def add_person(self, tenant: TenantId, *, person: str, name: str, role: Role) -> None:
        """Let somebody be known; adding the same person again changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that the routes are given."""

    log: EventLog
    accounts: Accounts
    doorbell: Doorbell
    """Rung by the log."""
    now_ms: Callable[[], int]
    """Milliseconds since 1970."""
    new_replica: Callable[[TenantId, str], str]
    """A fresh replica id for somebody of a tenant, as `sync.replica_id` spells it."""
    is_ready: Callable[[], bool]
    """Whether requests can be answered: the database answers and has the schema."""
    identity: Identity | None = None
    """By what people sign in; None: only bearer tokens that were given out are known."""
    views: Views | None = None
    """The tables and boards that follow from the log; None: none are kept."""
    webhooks: Webhooks | None = None
    """Who is told of events; None: nobody is."""
    proofs: Proofs | None = None
    """What proves the logs; None: nothing does."""
