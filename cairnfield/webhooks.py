"""Who is told of events: the adapters by which people subscribe, and the thread that delivers."""

import logging
import secrets
from typing import TYPE_CHECKING, Final, get_args

from cairnfield.ids import uuid7
from infra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from api.webhook_ports import Webhooks
    from infra.postgres.pool import Connection
    from sync.doorbell import Doorbell

_log = logging.getLogger("cairnfield.webhooks")

UNSAFE: Final = (
    "CAIRN_WEBHOOKS_ALLOW_LOCAL is on: whoever subscribes to webhooks lets this server call any address that it"
    " reaches, also inside this network. It is for tests and development."
)


def open_webhooks(pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]") -> "Webhooks":
    """By what people subscribe; the key of their secrets is made where there is none."""
    from api.webhook_ports import Webhooks
    from infra.postgres.webhooks import PostgresWebhooks
    from infra.webhook_secrets import open_secrets

    return Webhooks(
        book=PostgresWebhooks(pool),
        secrets=open_secrets(settings.keys),
        new_id=lambda: uuid7(now_ms(), secrets.SystemRandom()),
        allow_local=settings.webhooks_allow_local,
    )


def deliver(app: "FastAPI", dsn: str, settings: Settings, doorbell: "Doorbell", now_ms: "Callable[[], int]") -> None:
    """Deliver from when the application begins to answer until it stops.

    Over connections of their own, as the role that works through the logs of all tenants: however many receivers there
    are, they take none from those who ask.
    """
    from contextlib import ExitStack

    from commands.webhooks import may_subscribe
    from domain.people import Role
    from infra.outbound import Names, Outbound
    from infra.postgres.pool import open_pool
    from infra.postgres.roles import PROJECTOR
    from infra.postgres.webhook_lines import PostgresLines
    from infra.webhook_deliveries import DATABASE_THREADS, WebhookDeliveries
    from infra.webhook_secrets import open_secrets

    running = ExitStack()

    def start() -> None:
        if settings.webhooks_allow_local:
            _log.warning(UNSAFE)
        pool = running.enter_context(open_pool(dsn, size=DATABASE_THREADS, role=PROJECTOR))
        names = Names()
        running.callback(names.close)
        deliveries = WebhookDeliveries(
            PostgresLines(pool, [role for role in get_args(Role) if may_subscribe(role)]),
            Outbound(names, allow_local=settings.webhooks_allow_local),
            open_secrets(settings.keys),
            doorbell,
            now_ms=now_ms,
            allow_local=settings.webhooks_allow_local,
        )
        running.callback(deliveries.stop)
        deliveries.start()

    app.router.on_startup.append(start)
    app.router.on_shutdown.append(running.close)
