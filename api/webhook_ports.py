"""What the routes of webhooks need of the world; `cairnfield.wiring` fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from commands.webhooks import WebhookBook
from sync.log import TenantId


class Secret(Protocol):
    """What a receiver is given."""

    @property
    def shared(self) -> str:
        """`whsec_…`, for `v1` signatures."""
        ...

    @property
    def public(self) -> str:
        """`whpk_…`, for `v1a` signatures."""
        ...


class Secrets(Protocol):
    """Implemented by `infra.webhook_secrets.WebhookSecrets`."""

    @property
    def name(self) -> str:
        """Which key of the server they come from."""
        ...

    def secret(self, tenant: TenantId, webhook: str, generation: int) -> Secret:
        """The secret of that number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Who is told of events, and by what they know that it is us."""

    book: WebhookBook
    secrets: Secrets
    new_id: Callable[[], str]
    """A UUID of version 7."""
    allow_local: bool = False
    """Whether receivers in this network are called, and without TLS: for tests and development."""
