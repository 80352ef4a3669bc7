"""A company behind HTTP whose people sign in: keys as devices hold them, proofs, and a clock that tests set."""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import httpx
import jwt
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from api import base64url
from api.app import create_app
from api.identity import Identity, RelyingParty
from api.proof import thumbprint
from api.proof_ports import Proofs
from api.services import Services
from api.webhook_ports import Webhooks
from cairnfield.ids import uuid7
from cairnfield.wiring import new_replica
from commands.people import SignInRow
from domain.people import Role
from infra.audit_keeper import AuditKeeper
from infra.checkpoint_signer import CheckpointSigner
from infra.doorbell import ProcessDoorbell
from infra.evidence_zip import packed
from infra.keyring import FileKeyring
from infra.passwords import Argon2Passwords
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.audit import PostgresAudit
from infra.postgres.audit_places import AuditPlaces
from infra.postgres.devices import PostgresDevices
from infra.postgres.log import PostgresEventLog
from infra.postgres.people import PostgresPeople
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresAuditShelf, PostgresProofShelf
from infra.postgres.read_model.queries import PostgresViews
from infra.postgres.roles import PROJECTOR
from infra.postgres.sessions import PostgresSessions
from infra.postgres.sign_in import PostgresSignIns
from infra.postgres.webhooks import PostgresWebhooks
from infra.tree_keeper import TreeKeeper
from infra.webhook_secrets import WebhookSecrets
from tests.api.in_process import client_of
from tests.api.office import NDJSON, ROLES, Clock
from tests.devices import new_id

PASSWORD: Final = "seven herrings in a blue bucket"
ORIGIN: Final = "http://cairn"
DAY_MS: Final = 24 * 60 * 60 * 1_000


class QuickHasher(PasswordHasher):
    """Argon2id with little work, which counts how often it was asked whether a password is right."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # its name there
        self.verified += 1
        return super().verify(hash, password)


class Key:
    """A key pair as a device holds one: Ed25519, or P-256 where a browser has no other."""

    def __init__(self, kind: str = "EdDSA") -> None:
        self.alg = kind
        self.private: Ed25519PrivateKey | EllipticCurvePrivateKey
        if kind == "EdDSA":
            self.private = Ed25519PrivateKey.generate()
            jwk = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = generate_private_key(SECP256R1())
            jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk: dict[str, Any] = {str(name): jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
        self.thumbprint = thumbprint(self.jwk)

    def proof(
        self,
        method: str,
        path: str,
        *,
        now_ms: int,
        token: str | None = None,
        body: bytes | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A DPoP proof for one request."""
        said: dict[str, Any] = {"jti": str(uuid.uuid4()), "htm": method, "htu": ORIGIN + path, "iat": now_ms // 1_000}
        if token is not None:
            said["ath"] = _hash(token.encode())
        if body is not None:
            said["bh"] = _hash(body)
        headers = {"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})}
        return jwt.encode({**said, **claims}, self.private, algorithm=self.alg, headers=headers)


def _hash(raw: bytes) -> str:
    return base64url.spelled(hashlib.sha256(raw).digest())


@dataclass
class Session:
    """What a client keeps after a sign-in."""

    key: Key
    access: str
    refreshing: str
    device: str | None = None
    replicas: list[str] = field(default_factory=list[str])


@dataclass
class Company:
    """One tenant: somebody in each role who signs in by `<role>@harbour.example` and PASSWORD."""

    client: httpx.Client
    services: Services
    identity: Identity
    keyring: FileKeyring
    hasher: QuickHasher
    clock: Clock
    tenant: str
    people: dict[Role, str] = field(default_factory=dict[Role, str])
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    """By access token, the key that it is bound to: a client never sends one without the other."""

    def staff(self) -> "Company":
        hashed = self.identity.passwords.hash(PASSWORD)
        for role in ROLES:
            self.people[role] = person = new_id()
            self.services.accounts.add_person(self.tenant, person=person, name=f"A {role}", role=role)
            row = SignInRow(person, f"{role}@harbour.example", hashed)
            self.identity.sign_ins.keep(self.tenant, row, now_ms=self.clock.ms)
        return self

    def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        key: Key | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A request, with a proof by the key that is given, or by the one that the token is bound to."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"DPoP {token}"
            key = key or self.keys.get(token)
        if key is not None:
            sent["DPoP"] = key.proof(method, path.partition("?")[0], now_ms=self.clock.ms, token=token)
        return self.client.request(method, path, json=document, headers=sent)

    def sign_in(self, role: Role = "technician", key: Key | None = None, **said: Any) -> httpx.Response:
        document = {"email": f"{role}@harbour.example", "password": PASSWORD, "tenant": self.tenant, **said}
        return self.ask("POST", "/v1/sign-in", document, key=key)

    def session(self, role: Role = "technician", key: Key | None = None) -> Session:
        """Somebody who has signed in with a key."""
        key = key or Key()
        told = self.sign_in(role, key)
        assert told.status_code == 200, told.text
        return self._kept(key, told.json())

    def _kept(self, key: Key, document: dict[str, Any], refreshing: str = "") -> Session:
        access = document["access_token"]
        self.keys[access] = key
        refreshing = refreshing or document["refresh_token"]
        return Session(key, access, refreshing, document["device"], document["replicas"])

    def device(self, role: Role = "technician", key: Key | None = None) -> Session:
        """Somebody who has signed in and registered the device that they did it on."""
        session = self.session(role, key)
        told = self.ask("POST", "/v1/devices", {"name": "A phone"}, key=session.key, token=session.access)
        assert told.status_code in (200, 201), told.text
        return self._kept(session.key, told.json(), session.refreshing)

    def refresh(self, refreshing: str, key: Key | None) -> httpx.Response:
        return self.ask("POST", "/v1/sign-in/refresh", {"refresh_token": refreshing}, key=key)

    def goes_on(self, session: Session) -> Session:
        """The session after a refresh, which must be answered."""
        told = self.refresh(session.refreshing, session.key)
        assert told.status_code == 200, told.text
        return self._kept(session.key, told.json())

    def me(self, token: str) -> httpx.Response:
        return self.ask("GET", "/v1/me", token=token)

    def push(self, session: Session, *raws: bytes, key: Key | None = None) -> httpx.Response:
        body = b"\n".join(raws)
        proof = (key or session.key).proof("POST", "/v1/sync/push", now_ms=self.clock.ms, token=session.access)
        headers = {"Authorization": f"DPoP {session.access}", "DPoP": proof, "Content-Type": NDJSON}
        return self.client.post("/v1/sync/push", content=body, headers=headers)

    def hand_in(
        self, session: Session, *raws: bytes, key: Key | None = None, body: bytes | None = None
    ) -> httpx.Response:
        sent = b"\n".join(raws)
        proof = (key or session.key).proof(
            "POST", "/v1/sync/handin", now_ms=self.clock.ms, body=sent if body is None else body
        )
        path = f"/v1/sync/handin?tenant={self.tenant}&device={session.device}"
        return self.client.post(path, content=sent, headers={"DPoP": proof, "Content-Type": NDJSON})

    def audit(self, kind: str) -> list[dict[str, Any]]:
        entries = self.identity.audit.entries(self.tenant, before=None, kind=kind, person=None, limit=100)
        return [each._asdict() for each in entries]


@contextmanager
def companies(dsn: str, folder: Path) -> Iterator["Companies"]:
    """Makes companies on one server."""
    clock, hasher = Clock(), QuickHasher()
    with open_pool(dsn, size=8) as pool, open_pool(dsn, size=1, role=PROJECTOR) as projecting:
        doorbell = ProcessDoorbell()
        keyring = FileKeyring(folder, now_ms=lambda: clock.ms)
        signer = CheckpointSigner(keyring, folder)
        keeper = TreeKeeper(PostgresProofShelf(projecting), signer, now_ms=lambda: clock.ms)
        audits = AuditKeeper(
            AuditPlaces(projecting), TreeKeeper(PostgresAuditShelf(projecting), signer, now_ms=lambda: clock.ms)
        )
        identity = Identity(
            keyring=keyring,
            passwords=Argon2Passwords(hasher),
            sessions=PostgresSessions(pool),
            sign_ins=PostgresSignIns(pool),
            devices=PostgresDevices(pool),
            people=PostgresPeople(pool),
            audit=PostgresAudit(pool),
            new_id=lambda: uuid7(clock.ms, Random()),
            relying_party=RelyingParty(id="cairn", origins=("http://cairn",)),
        )
        services = Services(
            log=PostgresEventLog(pool, doorbell.ring),
            accounts=PostgresAccounts(pool),
            doorbell=doorbell,
            now_ms=lambda: clock.ms,
            new_replica=new_replica,
            is_ready=lambda: True,
            identity=identity,
            proofs=Proofs(
                shelf=PostgresProofShelf(pool),
                publics=signer.publics,
                packed=packed,
                audit=PostgresAuditShelf(pool),
            ),
            views=PostgresViews(pool),
            webhooks=Webhooks(book=PostgresWebhooks(pool), secrets=WebhookSecrets(b"s" * 32), new_id=new_id),
        )
        with client_of(create_app(services)) as client:
            yield Companies(client, services, identity, keyring, hasher, clock, keeper, audits)


@dataclass
class Companies:
    """One server, and as many tenants as tests want."""

    client: httpx.Client
    services: Services
    identity: Identity
    keyring: FileKeyring
    hasher: QuickHasher
    clock: Clock
    keeper: TreeKeeper
    audits: AuditKeeper

    def new(self) -> Company:
        self.clock.ms = Clock().ms
        accounts = self.services.accounts
        assert isinstance(accounts, PostgresAccounts)
        tenant = accounts.add_tenant("Harbour Town", now_ms=self.clock.ms)
        return Company(self.client, self.services, self.identity, self.keyring, self.hasher, self.clock, tenant).staff()
