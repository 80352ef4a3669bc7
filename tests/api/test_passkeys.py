"""Passkeys: an authenticator in software makes them and signs in by them, as a browser's does."""

import hashlib
import json
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from api import base64url
from tests.api.office import problem
from tests.api.signing import Companies, Company, Key

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


class Authenticator:
    """Holds one P-256 key, counts its uses, and answers options as `navigator.credentials` does."""

    def __init__(self, *, origin: str = "http://cairn", rp_id: str = "cairn", flags: int = PRESENT | VERIFIED) -> None:
        self.private, self.id = generate_private_key(SECP256R1()), hashlib.sha256(str(id(self)).encode()).digest()
        self.origin, self.rp_id, self.flags, self.uses = origin, rp_id, flags, 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(cose)
        told = self._told(self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})
        client = self._client("webauthn.create", options)
        return self._credential({"clientDataJSON": client, "attestationObject": attestation})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        self.uses += 1
        told, client = self._told(self.flags), self._client("webauthn.get", options)
        signature = self.private.sign(told + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        return self._credential({"clientDataJSON": client, "authenticatorData": told, "signature": signature})

    def _told(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _credential(self, response: dict[str, bytes]) -> dict[str, Any]:
        named = base64url.spelled(self.id)
        spelled = {name: base64url.spelled(raw) for name, raw in response.items()}
        return {"id": named, "rawId": named, "type": "public-key", "response": spelled, "clientExtensionResults": {}}


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def added(company: Company, passkey: Authenticator, role: Any = "technician") -> Any:
    session = company.session(role)
    options = company.ask("POST", "/v1/me/passkeys/options", token=session.access).json()
    document = {"name": "My phone", "credential": passkey.create(options)}
    return company.ask("POST", "/v1/me/passkeys", document, token=session.access)


def options_of(company: Company) -> dict[str, Any]:
    told: dict[str, Any] = company.ask("POST", "/v1/sign-in/passkey/options", {"tenant": company.tenant}).json()
    return told


def signed_in(company: Company, credential: dict[str, Any], key: Key | None = None) -> Any:
    return company.ask("POST", "/v1/sign-in/passkey", {"tenant": company.tenant, "credential": credential}, key=key)


def test_a_passkey_signs_its_owner_in(company: Company) -> None:
    passkey = Authenticator()
    assert added(company, passkey).status_code == 201
    key = Key()
    told = signed_in(company, passkey.get(options_of(company)), key).json()
    assert told["person"]["id"] == company.people["technician"]
    assert company.refresh(told["refresh_token"], key).status_code == 200
    signer = company.keyring.signer()
    assert f"by passkey; signed by {signer}" in {each["detail"] for each in company.audit("signed_in")}


def test_an_answer_counts_once_for_a_while_and_for_one_purpose(company: Company) -> None:
    passkey = Authenticator()
    added(company, passkey)
    credential = passkey.get(options_of(company))
    assert signed_in(company, credential).status_code == 200
    problem(signed_in(company, credential), 401, "proof-refused")
    options = options_of(company)
    company.clock.ms += 7 * 60_000
    problem(signed_in(company, passkey.get(options)), 409, "passkey-refused")
    session = company.session()
    other = company.ask("POST", "/v1/me/passkeys/options", token=session.access).json()
    problem(signed_in(company, passkey.get(other)), 409, "passkey-refused")
    problem(signed_in(company, passkey.get({"challenge": base64url.spelled(b"made up")})), 409, "passkey-refused")


def test_a_passkey_for_another_site_or_without_its_owner_is_refused(company: Company) -> None:
    for wrong in (
        Authenticator(origin="http://evil.example"),
        Authenticator(rp_id="evil.example"),
        Authenticator(flags=PRESENT),
    ):
        problem(added(company, wrong), 409, "passkey-refused")
    passkey = Authenticator()
    added(company, passkey)
    for name, value in (("origin", "http://evil.example"), ("rp_id", "evil.example"), ("flags", PRESENT)):
        good, before = getattr(passkey, name), len(company.audit("sign_in_refused"))
        setattr(passkey, name, value)
        problem(signed_in(company, passkey.get(options_of(company))), 401, "sign-in-refused")
        setattr(passkey, name, good)
        assert len(company.audit("sign_in_refused")) == before + 1
    assert signed_in(company, passkey.get(options_of(company))).status_code == 200


def test_a_copied_passkey_is_refused(company: Company) -> None:
    passkey = Authenticator()
    added(company, passkey)
    assert signed_in(company, passkey.get(options_of(company))).status_code == 200
    passkey.uses -= 1
    problem(signed_in(company, passkey.get(options_of(company))), 401, "sign-in-refused")


def test_another_key_or_an_unknown_passkey_signs_nobody_in(company: Company) -> None:
    passkey, other = Authenticator(), Authenticator()
    added(company, passkey)
    problem(signed_in(company, other.get(options_of(company))), 401, "sign-in-refused")
    other.id = passkey.id
    problem(signed_in(company, other.get(options_of(company))), 401, "sign-in-refused")


def test_a_passkey_is_forgotten_by_its_owner_only(company: Company) -> None:
    passkey = Authenticator()
    named = added(company, passkey).json()["credential"]
    session, other = company.session(), company.session("dispatcher")
    assert company.ask("GET", "/v1/me/passkeys", token=other.access).json() == {"items": []}
    problem(company.ask("DELETE", f"/v1/me/passkeys/{named}", token=other.access), 404, "passkey-not-found")
    assert company.ask("DELETE", f"/v1/me/passkeys/{named}", token=session.access).status_code == 204
    problem(signed_in(company, passkey.get(options_of(company))), 401, "sign-in-refused")


def test_a_passkey_of_one_company_signs_in_to_no_other(server_here: Companies) -> None:
    ours, theirs = server_here.new(), server_here.new()
    passkey = Authenticator()
    added(ours, passkey)
    problem(signed_in(theirs, passkey.get(options_of(theirs))), 401, "sign-in-refused")
