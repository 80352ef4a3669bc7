"""What becomes of the server's own keys, in the audit of every tenant: they are no tenant's, and sign for all of them.

Nobody tells us: `cairn keys` works without a database, on the day when it must, and a new key comes into use while
nobody does anything. So every server that runs looks at the keyring now and then, and notes what is not noted yet.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from commands.people import AuditEntry
from commands.signing_keys import Happening, KeyRow, happenings
from sync.log import LogUnavailable, TenantId

if TYPE_CHECKING:
    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from infra.keyring import FileKeyring
    from infra.postgres.accounts import PostgresAccounts
    from infra.postgres.pool import Connection

LOOKED_AT_EVERY_S: Final = 5.0
STOP_S_MAX: Final = 5.0
_IN_ORDER: Final = ("key_made", "key_in_use", "key_revoked")
"""Of what happens in the same millisecond."""


class Audit(Protocol):
    """Where it is noted. Implemented by `infra.postgres.audit.PostgresAudit`."""

    def note_once(self, tenant: TenantId, entry: AuditEntry) -> None: ...


class KeyAudit:
    """Notes what has become of keys: each happening once for each tenant, however many processes see it."""

    def __init__(
        self,
        keys: Callable[[], Sequence[KeyRow]],
        audit: Audit,
        tenants: Callable[[], Sequence[TenantId]],
        now_ms: Callable[[], int],
    ) -> None:
        self._keys, self._audit, self._tenants, self._now_ms = keys, audit, tenants, now_ms
        self._noted: list[Happening] = []

    def note(self) -> None:
        """Note what is new since the last look; after a start, whatever is not noted."""
        found = happenings(self._keys(), now_ms=self._now_ms())
        new = [each for each in found if each not in self._noted]
        if new:
            for tenant in self._tenants():
                for each in new:
                    self._audit.note_once(tenant, entry_of(each))
            self._noted = found

    def follow(self, stop: threading.Event) -> None:
        """Look now and then until told to stop; while the database does not answer, nothing counts as noted."""
        while True:
            with suppress(LogUnavailable):
                self.note()
            if stop.wait(LOOKED_AT_EVERY_S):
                return


def entry_of(happening: Happening) -> AuditEntry:
    """The entry for it, whose id every process makes alike."""
    at_ms, kind, key = happening
    mark = int.from_bytes(hashlib.sha256(f"{kind} {key.kid}".encode()).digest()[:8]) >> 2
    number = at_ms << 80 | 7 << 76 | _IN_ORDER.index(kind) << 64 | 2 << 62 | mark
    since = datetime.fromtimestamp(key.current_from_ms / 1_000, UTC).isoformat(timespec="seconds")
    return AuditEntry(
        entry=str(uuid.UUID(int=number)),
        at_ms=at_ms,
        kind=kind,
        person=None,
        actor=None,
        device=None,
        session=None,
        address=None,
        detail=f"{key.use} key {key.kid}, to be used from {since}",
    )


def note_keys(
    app: "FastAPI",
    pool: "ConnectionPool[Connection]",
    keyring: "FileKeyring",
    accounts: "PostgresAccounts",
    now_ms: Callable[[], int],
) -> None:
    """Note it in the background for as long as the application runs."""
    from infra.postgres.audit import PostgresAudit

    noting = KeyAudit(keyring.rows, PostgresAudit(pool), lambda: [tenant for tenant, _ in accounts.tenants()], now_ms)
    stop = threading.Event()
    thread = threading.Thread(target=noting.follow, args=(stop,), name="key-audit", daemon=True)

    def end() -> None:
        stop.set()
        thread.join(STOP_S_MAX)

    app.router.on_startup.append(thread.start)
    app.router.on_shutdown.append(end)
