"""Access tokens that we did not make, or not for this: every one is refused, on every route, alike."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api import access_token, base64url
from api.access_token import Claims
from api.policy import POLICY
from tests.api.office import problem
from tests.api.signing import DAY_MS, Companies, Company, Key
from tests.devices import new_id


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def b64(document: Any) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
    return base64url.spelled(raw)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return json.loads(base64url.read(header) or b""), json.loads(base64url.read(payload) or b""), signature


def signed_by_us(company: Company, header: dict[str, Any], claims: Any) -> str:
    """Signed with our own key: what is wrong is only what it says."""
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{base64url.spelled(company.keyring.sign(company.keyring.signer(), text.encode()))}"


def forged(company: Company, good: str) -> Iterator[tuple[str, str]]:
    """(what is wrong, token) of at least 200 tokens."""
    header, claims, signature = parts(good)
    public = base64url.read(company.keyring.published()[0]["x"]) or b""
    theirs = Ed25519PrivateKey.generate()
    their_jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": b64(theirs.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    }

    def by_them(said: dict[str, Any]) -> str:
        text = f"{b64(said)}.{b64(claims)}"
        return f"{text}.{b64(theirs.sign(text.encode()))}"

    def by_hmac(said: dict[str, Any], key: bytes, digest: str) -> str:
        text = f"{b64(said)}.{b64(claims)}"
        return f"{text}.{b64(hmac.digest(key, text.encode(), digest))}"

    for alg in (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "PS256",
        "ES256",
        "ES512",
        "ed25519",
    ):
        said = {**header, "alg": alg}
        yield f"alg {alg} unsigned", f"{b64(said)}.{b64(claims)}."
        yield f"alg {alg} with the old signature", f"{b64(said)}.{b64(claims)}.{signature}"
        yield f"alg {alg} signed by us", signed_by_us(company, said, claims)
        yield f"alg {alg} by somebody else", by_them(said)
    pem = jwt.PyJWK.from_dict(dict(company.keyring.published()[0])).key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        for name, key in (
            ("raw", public),
            ("PEM", pem),
            ("x", b64(public).encode()),
            ("nothing", b""),
            ("kid", header["kid"].encode()),
        ):
            yield f"{alg} with the public key as {name}", by_hmac({**header, "alg": alg}, key, digest)
    for name, value in (
        ("jwk", their_jwk),
        ("jku", "https://evil.example/jwks.json"),
        ("x5u", "https://evil.example/cert.pem"),
        ("x5c", ["MIIB"]),
        ("x5t", "x"),
        ("crit", ["b64"]),
        ("crit", ["exp"]),
        ("crit", []),
        ("b64", False),
        ("cty", "JWT"),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("p2c", 10**9),
        ("epk", their_jwk),
        ("nonce", "x"),
        ("unknown", 1),
    ):
        yield f"header {name} by somebody else", by_them({**header, name: value})
        yield f"header {name} signed by us", signed_by_us(company, {**header, name: value}, claims)
    kids = (
        *("", "x", "../../../../dev/null", "/dev/null", "keyring.json", "' or 1=1 --", "'; drop table person; --"),
        *("http://evil.example/key", "file:///etc/passwd", "%00", "\x00", "a" * 3_000, header["kid"].upper()),
        *(header["kid"] + " ", header["kid"][:-1], "__proto__", "0", company.keyring.mac("refresh", b"")[0]),
    )
    for kid in kids:
        yield f"kid {kid[:20]!r} by somebody else", by_them({**header, "kid": kid})
        yield f"kid {kid[:20]!r} signed by us", signed_by_us(company, {**header, "kid": kid}, claims)
    for kid in (None, 1, True, [], {}, [header["kid"]]):
        yield f"kid {kid!r}", signed_by_us(company, {**header, "kid": kid}, claims)
    for missing in ("alg", "kid", "typ"):
        less = {name: value for name, value in header.items() if name != missing}
        yield f"no {missing}", signed_by_us(company, less, claims)
    for typ in ("JWT", "jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", "secevent+jwt", "logout+jwt", "", None, 1):
        yield f"typ {typ!r}", signed_by_us(company, {**header, "typ": typ}, claims)
    yield "by somebody else", by_them(header)
    other_order = dict(reversed(header.items()))
    yield "header in another order", signed_by_us(company, other_order, claims)
    for index in range(0, len(signature), 4):
        turned = "A" if signature[index] != "A" else "B"
        yield (
            f"signature turned at {index}",
            good[: -len(signature)] + signature[:index] + turned + signature[index + 1 :],
        )
    head, payload, _ = good.split(".")
    for index in range(0, len(payload), 16):
        turned = "A" if payload[index] != "A" else "B"
        yield f"payload turned at {index}", f"{head}.{payload[:index]}{turned}{payload[index + 1 :]}.{signature}"
    yield "two parts", f"{head}.{payload}"
    yield "four parts", f"{good}.x"
    yield "five parts", f"{head}.{payload}.{signature}.x.y"
    yield "empty signature", f"{head}.{payload}."
    yield "empty payload", f"{head}..{signature}"
    yield "empty header", f".{payload}.{signature}"
    yield "only dots", ".."
    yield "padded", f"{head}.{payload}.{signature}=="
    yield "with a blank", f"{head}. {payload}.{signature}"
    yield "in plain base64", f"{head}.{payload}.{base64.b64encode(base64url.read(signature) or b'').decode()}"
    yield "too long", good + "A" * 5_000
    yield "another spelling of the last bits", good[:-1] + chr(ord(good[-1]) + 1)
    yield "nested", f"{b64(header)}.{b64(good.encode())}.{signature}"


_NO_CONFIRMATIONS: tuple[Any, ...] = ("x", {}, {"jkt": ""}, {"jkt": 1}, {"x5t#S256": "y"}, [])


def confused(company: Company, good: str) -> Iterator[tuple[str, str]]:
    """(what is wrong, token) of tokens with our own signature that say what no access token of ours says."""
    header, claims, _ = parts(good)
    wrong: list[tuple[str, dict[str, Any]]] = [
        *[(f"iss {value!r}", {"iss": value}) for value in ("", "evil", "cairnfield ", None, 1, ["cairnfield"])],
        *[(f"aud {value!r}", {"aud": value}) for value in ("", "cairnfield", "other-api", None, ["cairnfield-api"], 1)],
        *[(f"exp {value!r}", {"exp": value}) for value in (0, -1, 2**70, "9999999999", None, 1.5, claims["iat"] - 61)],
        *[(f"iat {value!r}", {"iat": value}) for value in (claims["iat"] + 3_600, None, "now", 1.5, 2**70)],
        *[(f"tid {value!r}", {"tid": value}) for value in (new_id(), None, 1, "")],
        *[(f"sub {value!r}", {"sub": value}) for value in (new_id(), None, 1, "", company.people["admin"])],
        *[(f"sid {value!r}", {"sid": value}) for value in (new_id(), 1, "")],
        *[(f"did {value!r}", {"did": value}) for value in (new_id(), 1, "")],
        *[(f"role {value!r}", {"role": value}) for value in ("admin", "root", "", None, 1, ["technician"])],
        *[(f"ver {value!r}", {"ver": value}) for value in (0, 2, -1, None, "1", 1.5, 2**70)],
        *[(f"client_id {value!r}", {"client_id": value}) for value in (new_id(), None, 1, "")],
        *[(f"cnf {told!r}", {"cnf": told}) for told in _NO_CONFIRMATIONS],
        *[
            (f"{name} added", {name: 1})
            for name in ("nbf", "nonce", "azp", "at_hash", "events", "permissions", "admin")
        ],
    ]
    for name, change in wrong:
        yield name, signed_by_us(company, header, {**claims, **change})
    for missing in ("iss", "aud", "sub", "iat", "exp", "jti", "tid", "role", "ver", "client_id"):
        yield f"no {missing}", signed_by_us(company, header, {n: v for n, v in claims.items() if n != missing})
    for said in (b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"1", b"{}", b"[" * 900):
        yield f"payload {said[:8]!r}", signed_by_us(company, header, said)


def test_d5_more_than_two_hundred_forged_tokens_are_refused(company: Company) -> None:
    good = company.session().access
    corpus = list(forged(company, good))
    assert len({token for _, token in corpus}) >= 200
    for wrong, token in corpus:
        told = company.client.get("/v1/me", headers=[(b"Authorization", b"Bearer " + token.encode())])
        assert told.status_code == 401, wrong
        assert problem(told, 401, "unauthorized")["detail"] in (
            "This bearer token is unknown, has expired, or its person has left.",
            "This request carries no bearer token.",
        ), wrong
    assert company.me(good).status_code == 200


def test_d6_a_token_for_something_else_is_none(company: Company) -> None:
    session = company.session()
    for wrong, token in confused(company, session.access):
        assert company.me(token).status_code == 401, wrong
    others = [session.refreshing, session.key.proof("GET", "/v1/me", now_ms=company.clock.ms)]
    others += [f"whsec_{b64(b'x' * 32)}", hashlib.sha256(b"x").hexdigest()]
    for token in others:
        problem(company.me(token), 401, "unauthorized")
    problem(company.refresh(session.access, session.key), 401, "session-over")


def test_d5_every_route_that_asks_who_speaks_refuses_a_forged_token(company: Company) -> None:
    good = company.session().access
    header, claims, _ = parts(good)
    said = {**header, "alg": "none"}
    token = f"{b64(said)}.{b64(claims)}."
    asked = [(method, path) for (method, path), row in POLICY.items() if row.who is not None]
    assert len(asked) > 20
    for method, path in asked:
        told = company.client.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert told.status_code == 401, (method, path)


def test_d6_a_token_of_one_company_speaks_in_no_other(server_here: Companies) -> None:
    ours, theirs = server_here.new(), server_here.new()
    _, claims, _ = parts(ours.session().access)
    moved = Claims.model_validate({**claims, "tid": theirs.tenant, "cnf": claims["cnf"]})
    assert ours.me(access_token.spell(moved, ours.keyring)).status_code == 401


def test_d8_after_a_key_was_revoked_nobody_is_signed_out(company: Company) -> None:
    session = company.session()
    leaked = company.keyring.signer()
    assert company.me(session.access).status_code == 200
    company.keyring.revoke(leaked)
    company.clock.ms += 5_001
    problem(company.me(session.access), 401, "unauthorized")
    assert leaked not in {key["kid"] for key in company.client.get("/.well-known/jwks.json").json()["keys"]}
    session = company.goes_on(session)
    assert company.me(session.access).status_code == 200


def test_d7_keys_are_rotated_three_times_under_many_clients_and_nobody_notices(company: Company) -> None:
    sessions = [company.session(key=Key()) for _ in range(20)]
    signers = set()
    for _ in range(3):
        company.keyring.rotate("access")
        company.keyring.rotate("refresh")
        company.keyring.rotate("nonce")
        for _ in range(6):  # a day and a half, so that the new keys have come and the old ones are not gone
            company.clock.ms += 6 * 60 * 60_000
            for number, session in enumerate(sessions):
                sessions[number] = company.goes_on(session)
                assert company.me(sessions[number].access).status_code == 200
            signers.add(company.keyring.signer())
        early = [each.access for each in sessions]
        company.clock.ms += 9 * 60_000
        assert {company.me(token).status_code for token in early} == {200}
    assert len(signers) == 4
    company.clock.ms += 3 * DAY_MS
    assert len(company.client.get("/.well-known/jwks.json").json()["keys"]) == 1, "the old ones are gone by now"


def test_d7_a_key_that_is_needed_at_once_signs_at_once_and_the_old_ones_still_count(company: Company) -> None:
    session = company.session()
    for _ in range(3):
        company.keyring.rotate("access", at_once=True)
        company.clock.ms += 1
        assert company.me(session.access).status_code == 200
        fresh = company.goes_on(session)
        session.refreshing = fresh.refreshing
        assert company.me(fresh.access).status_code == 200
