"""By what people sign in: the adapters of `api.identity`, over a database and a file of keys."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from cairnfield.ids import uuid7
from infra.settings import Settings

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from api.identity import Identity, RelyingParty
    from infra.keyring import FileKeyring
    from infra.postgres.pool import Connection
    from sync.log import TenantId


def open_keyring(settings: Settings, now_ms: Callable[[], int]) -> "FileKeyring":
    """The server's own keys; made where there are none yet."""
    from infra.keyring import FileKeyring

    return FileKeyring(settings.keys, now_ms=now_ms)


def open_identity(
    pool: "ConnectionPool[Connection]",
    settings: Settings,
    keyring: "FileKeyring",
    *,
    now_ms: Callable[[], int],
    home: "TenantId | None" = None,
) -> "Identity":
    """Everything by which people, devices and other systems sign in; `home` is the tenant of who names none."""
    from api.identity import Identity
    from infra.passwords import Argon2Passwords
    from infra.postgres.audit import PostgresAudit
    from infra.postgres.devices import PostgresDevices
    from infra.postgres.people import PostgresPeople
    from infra.postgres.sessions import PostgresSessions
    from infra.postgres.sign_in import PostgresSignIns

    return Identity(
        keyring=keyring,
        passwords=Argon2Passwords(),
        sessions=PostgresSessions(pool),
        sign_ins=PostgresSignIns(pool),
        devices=PostgresDevices(pool),
        people=PostgresPeople(pool),
        audit=PostgresAudit(pool),
        new_id=lambda: uuid7(now_ms(), secrets.SystemRandom()),
        home=home,
        relying_party=_relying_party(settings),
    )


def _relying_party(settings: Settings) -> "RelyingParty":
    """For whom passkeys are made: the address at which browsers find us."""
    from urllib.parse import urlsplit

    from api.identity import RelyingParty

    origin = settings.origin or f"http://localhost:{settings.port}"
    return RelyingParty(id=urlsplit(origin).hostname or "localhost", origins=(origin,))
