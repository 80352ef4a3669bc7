"""What webhooks are signed with (https://www.standardwebhooks.com): an HMAC of a shared secret, and ed25519.

Both are made from one key of the server, the webhook's id and the number of its secret. So the database holds none of
them, and whoever reads a backup of it forges nothing; the key is a file beside the server's other keys.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from commands.webhooks import Message, Webhook
from sync.log import TenantId

KEY_FILE: Final = "webhooks.key"
_KEY_BYTES: Final = 32


class WebhookKeyUnfit(Exception):
    """The file of the key cannot be used; the message says what to do."""


class Secret(NamedTuple):
    """What a receiver is given."""

    shared: str
    """`whsec_…`, by which it checks `v1` signatures; whoever has it can make them."""
    public: str
    """`whpk_…`, by which it checks `v1a` signatures; nobody can make them with it."""


class WebhookSecrets:
    """The secrets of all webhooks that were made from one key."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == _KEY_BYTES
        self._key = key
        self.name = hashlib.sha256(b"cairnfield webhook key " + key).hexdigest()[:16]
        """Which key it is; it tells nothing of it."""

    def secret(self, tenant: TenantId, webhook: str, generation: int) -> Secret:
        """The secret of that number."""
        public = self._signer(tenant, webhook, generation).public_key().public_bytes_raw()
        return Secret("whsec_" + _text(self._shared(tenant, webhook, generation)), "whpk_" + _text(public))

    def headers(self, tenant: TenantId, webhook: Webhook, message: Message, *, now_ms: int) -> Mapping[str, str]:
        """What tells a receiver who sends this, and when: signed by every secret that holds now."""
        timestamp = str(now_ms // 1_000)
        told = b".".join((message.id.encode(), timestamp.encode(), message.body))
        signatures = [
            signature
            for generation in _generations(webhook, now_ms)
            for signature in self._signatures(tenant, webhook.webhook, generation, told)
        ]
        return {
            "content-type": "application/json",
            "user-agent": "Cairnfield",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(signatures),
        }

    def _signatures(self, tenant: TenantId, webhook: str, generation: int, told: bytes) -> Sequence[str]:
        shared = hmac.digest(self._shared(tenant, webhook, generation), told, "sha256")
        return "v1," + _text(shared), "v1a," + _text(self._signer(tenant, webhook, generation).sign(told))

    def _shared(self, tenant: TenantId, webhook: str, generation: int) -> bytes:
        return self._made("v1", tenant, webhook, generation)

    def _signer(self, tenant: TenantId, webhook: str, generation: int) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._made("v1a", tenant, webhook, generation))

    def _made(self, kind: str, tenant: TenantId, webhook: str, generation: int) -> bytes:
        told = f"cairnfield webhook {kind} {tenant} {webhook} {generation}"
        return hmac.digest(self._key, told.encode(), "sha256")


def open_secrets(folder: Path) -> WebhookSecrets:
    """The secrets of the key in that folder, which is made where there is none; raises WebhookKeyUnfit."""
    path = folder / KEY_FILE
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise WebhookKeyUnfit(f"{path} can be read by others. Run: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise WebhookKeyUnfit(f"{path} is damaged: it has {len(key)} bytes instead of {_KEY_BYTES}. Restore it.")
    return WebhookSecrets(key)


def _make(path: Path) -> None:
    """Whole or not at all; of several processes that start together, the first makes it for all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    writing = path.with_name(f"{KEY_FILE}.{os.getpid()}")
    with os.fdopen(os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(writing, path)
    except FileExistsError:
        pass
    finally:
        writing.unlink()


def _generations(webhook: Webhook, now_ms: int) -> Sequence[int]:
    """The secret, and while a receiver takes it over the one before."""
    is_overlap = webhook.generation > 1 and now_ms < webhook.overlap_until_ms
    return (webhook.generation, webhook.generation - 1) if is_overlap else (webhook.generation,)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
