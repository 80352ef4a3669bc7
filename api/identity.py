"""What signing people in needs of the world, as ports; `cairnfield.wiring` fills them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from commands.lanes import DeviceRow, DeviceState
from commands.people import AuditEntry, Passkey, PersonRow, ServiceAccount, SignInRow
from commands.sessions import Ends, GoesOn, IsOver, SessionRow
from commands.signing_keys import Use
from commands.standing import Speaker, Standing
from domain.people import Role
from sync.log import TenantId


class Keyring(Protocol):
    """The server's own keys. Implemented by `infra.keyring.FileKeyring`."""

    def signer(self) -> str:
        """Id of the key that signs access tokens now."""
        ...

    def sign(self, kid: str, data: bytes) -> bytes:
        """Ed25519 over these bytes."""
        ...

    def verifying(self, *, now: bool = False) -> Sequence[str]:
        """Ids of the keys whose access tokens are accepted; `now`: also of those that were made this second."""
        ...

    def verify(self, kid: str, signature: bytes, data: bytes) -> bool:
        """Whether that key signed these bytes."""
        ...

    def mac(self, use: Use, data: bytes) -> tuple[str, bytes]:
        """(id of the key, HMAC-SHA256) with the key that is used now."""
        ...

    def mac_by(self, kid: str, use: Use, data: bytes) -> bytes | None:
        """HMAC-SHA256 with a key of that use, None where it is not good any more."""
        ...

    def published(self) -> Sequence[Mapping[str, str]]:
        """The public keys, as JWKs."""
        ...


class Passwords(Protocol):
    """Argon2id. Implemented by `infra.passwords.Argon2Passwords`."""

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        ...

    def is_right(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; takes as long where nothing is kept."""
        ...

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with less work than is asked for today."""
        ...


class Sessions(Protocol):
    """Sessions. Implemented by `infra.postgres.sessions.PostgresSessions`."""

    def begin(self, tenant: TenantId, row: SessionRow) -> None: ...

    def refresh(
        self,
        tenant: TenantId,
        session: str,
        decide: Callable[[SessionRow], GoesOn | Ends | IsOver | None],
        *,
        now_ms: int,
    ) -> tuple[SessionRow, GoesOn | Ends | IsOver] | None:
        """Decide under the session's lock and store that; None where there is no such session or nothing decided."""
        ...

    def end(
        self,
        tenant: TenantId,
        *,
        session: str | None = None,
        person: str | None = None,
        device: str | None = None,
        reason: str,
        now_ms: int,
    ) -> int:
        """End one session, all of a person, or all on a device; returns how many went on until now."""
        ...

    def of_person(self, tenant: TenantId, person: str) -> Sequence[SessionRow]: ...

    def set_device(self, tenant: TenantId, session: str, device: str) -> None: ...

    def standing(self, tenant: TenantId, speaker: Speaker) -> Standing | None: ...


class SignIns(Protocol):
    """By what people sign in. Implemented by `infra.postgres.sign_in.PostgresSignIns`."""

    def by_email(self, tenant: TenantId, email: str) -> SignInRow | None: ...

    def of_person(self, tenant: TenantId, person: str) -> SignInRow | None: ...

    def keep(self, tenant: TenantId, row: SignInRow, *, now_ms: int) -> None: ...

    def passkey(self, tenant: TenantId, credential: bytes) -> Passkey | None: ...

    def passkeys(self, tenant: TenantId, person: str) -> Sequence[Passkey]: ...

    def add_passkey(self, tenant: TenantId, passkey: Passkey) -> None: ...

    def passkey_used(self, tenant: TenantId, credential: bytes, *, uses: int, now_ms: int) -> bool: ...

    def drop_passkey(self, tenant: TenantId, person: str, credential: bytes) -> bool: ...


class Devices(Protocol):
    """Registered devices. Implemented by `infra.postgres.devices.PostgresDevices`."""

    def device(self, tenant: TenantId, device: str) -> DeviceRow | None: ...

    def by_key(self, tenant: TenantId, thumbprint: str) -> DeviceRow | None: ...

    def devices(self, tenant: TenantId, *, person: str | None) -> Sequence[DeviceRow]: ...

    def register(self, tenant: TenantId, row: DeviceRow, *, public_key: Mapping[str, str]) -> None: ...

    def bind(self, tenant: TenantId, replica: str, device: str) -> None: ...

    def is_of(self, tenant: TenantId, replica: str, device: str | None) -> bool:
        """Whether a replica is that device's; for None, whether it is no device's."""
        ...

    def remembers(self, tenant: TenantId, replica: str, device: str | None) -> bool:
        """Whether `is_of` would say yes from memory: it asks nobody, so it may be asked where nothing may wait."""
        ...

    def rename(self, tenant: TenantId, device: str, name: str) -> None: ...

    def revoke(self, tenant: TenantId, device: str, state: DeviceState, *, now_ms: int) -> bool: ...

    def seen(self, tenant: TenantId, device: str, *, now_ms: int) -> None: ...

    def handed_in_late(self, tenant: TenantId, device: str, *, events: int, size: int, now_ms: int) -> None: ...


class People(Protocol):
    """People and other systems. Implemented by `infra.postgres.people.PostgresPeople`."""

    def people(self, tenant: TenantId) -> Sequence[PersonRow]: ...

    def person(self, tenant: TenantId, person: str) -> PersonRow | None: ...

    def change(
        self,
        tenant: TenantId,
        person: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
        now_ms: int,
    ) -> PersonRow | None: ...

    def add_service_account(self, tenant: TenantId, account: ServiceAccount, *, secret_hash: bytes) -> None: ...

    def service_accounts(
        self, tenant: TenantId, *, client: str | None = None, secret_hash: bytes | None = None
    ) -> Sequence[ServiceAccount]: ...

    def revoke_service_account(self, tenant: TenantId, client: str, *, now_ms: int) -> bool: ...


class Audit(Protocol):
    """What happened to people's access. Implemented by `infra.postgres.audit.PostgresAudit`."""

    def note(self, tenant: TenantId, entry: AuditEntry) -> None: ...

    def note_once(self, tenant: TenantId, entry: AuditEntry) -> None: ...

    def entries(
        self, tenant: TenantId, *, before: str | None, kind: str | None, person: str | None, limit: int
    ) -> Sequence[AuditEntry]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """For whom passkeys are made: browsers check both against the page that asks."""

    id: str = "localhost"
    """The domain name."""
    origins: Sequence[str] = ("http://localhost:8411",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Everything by which people, devices and other systems sign in."""

    keyring: Keyring
    passwords: Passwords
    sessions: Sessions
    sign_ins: SignIns
    devices: Devices
    people: People
    audit: Audit
    new_id: Callable[[], str]
    """A fresh UUID of version 7."""
    home: TenantId | None = None
    """The tenant of whoever signs in without naming one."""
    relying_party: RelyingParty = RelyingParty()
