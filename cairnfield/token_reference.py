"""The reference of tokens: what they say, what they are limited to, how long they live."""

from collections.abc import Iterator, Mapping
from typing import Final

from api import access_token, proof, refresh_token
from api.access_token import AUDIENCE, ISSUER, LEEWAY_S, LIFE_MS, LIFE_S_MAX, OUR_CLIENT, TYPE, Claims
from api.auth import REMEMBERED_MS
from api.policy import POLICY, SCOPES, WITHOUT_KEY
from api.proof import FRESH_MS, ProofClaims
from api.signing_in import COOKIE
from api.v1.devices import DEVICES_PER_PERSON_MAX
from commands.lanes import LATE_BYTES_MAX, LATE_EVENTS_MAX, REVOKED_HAND_IN_MS_MAX
from commands.registry import COMMANDS
from commands.sessions import DAY_MS, IDLE_MS_MAX, SESSION_MS_MAX

CLAIMS: Final[Mapping[str, str]] = {
    "iss": f"`{ISSUER}`",
    "aud": f"`{AUDIENCE}`",
    "sub": "the person, a UUID",
    "client_id": f"`{OUR_CLIENT}` for people, else the service account",
    "iat": "when it was made, in seconds since 1970",
    "exp": "when it ends",
    "jti": "its own name, a UUID",
    "tid": "the tenant",
    "role": "the person's role when it was made",
    "ver": "the person's authority when it was made; it grows with every change of what they may do",
    "did": "the registered device, if it speaks for one",
    "sid": "the session, if it follows from one",
    "scp": "what it is limited to, words with spaces between; without it, all that the role may",
    "cnf": "`{jkt}`: the RFC 7638 thumbprint of the key that it is bound to, if to one",
}
"""Every claim of an access token."""

PROOF_CLAIMS: Final[Mapping[str, str]] = {
    "jti": "a name that is used once",
    "htm": "the method",
    "htu": "the address, without query and fragment",
    "iat": "when it was made, in seconds since 1970",
    "ath": "base64url of the SHA-256 of the access token that it comes with, if it comes with one",
    "nonce": "what the `DPoP-Nonce` header of an answer told, where the device's clock is wrong",
    "bh": "base64url of the SHA-256 of the unpacked body; only for late hand-in",
}
"""Every claim of a proof that is looked at."""


def tokens() -> str:
    """The page as Markdown."""
    assert CLAIMS.keys() == Claims.model_fields.keys()
    assert PROOF_CLAIMS.keys() == ProofClaims.model_fields.keys()
    return (
        "\n".join([_BEGINNING, *_claims(CLAIMS), _PROOFS, *_claims(PROOF_CLAIMS), _SCOPES, *_scopes(), _LIMITS]) + "\n"
    )


def _claims(claims: Mapping[str, str]) -> Iterator[str]:
    yield "| claim | value |"
    yield "|---|---|"
    yield from (f"| `{name}` | {value} |" for name, value in claims.items())


def _scopes() -> Iterator[str]:
    orders = {(each.method, each.path) for each in COMMANDS}
    yield "| scope | opens |"
    yield "|---|---|"
    for scope in sorted(SCOPES):
        opened = [key for key, row in POLICY.items() if scope in row.scopes and row.scopes != SCOPES]
        told = [f"`{method} {path}`" for method, path in opened if (method, path) not in orders]
        if any(key in orders for key in opened):
            told.append("[every order](orders.md)")
        yield f"| `{scope}` | {', '.join(told)} |"


def _minutes(ms: int) -> str:
    return f"{ms // 60_000} minutes"


_BEGINNING: Final = f"""# Tokens

<!-- Written by `cairn generate` from api/access_token.py, api/proof.py and api/policy.py. -->

What access tokens, refresh tokens and proofs look like, and what each is good for.
[Sign in](../how-to/sign-in.md) shows how to use them, and [security](../explanation/security.md) why they are so.

## Access tokens

For one that is bound to a key: `Authorization: DPoP <token>`, and a proof in the header `DPoP`.
For one that is not: `Authorization: Bearer <token>`.
A JWT after RFC 9068 of at most {access_token.LENGTH_MAX:,} characters, signed with Ed25519.
Its header is `{{"alg":"EdDSA","kid":"…","typ":"{TYPE}"}}` and nothing else; `GET /.well-known/jwks.json` has the keys.
Nothing in it is personal.
Clients need not read it: the answer that brings it tells the same.
"""

_PROOFS: Final = f"""
## Proofs

A proof (DPoP, RFC 9449) is a JWT of at most {proof.LENGTH_MAX:,} characters, made anew for each request.
Its header is `{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{…}}}}` with the public key, and nothing else.
With a key on P-256 it is `"alg":"ES256"`.
"""

_SCOPES: Final = f"""
A proof counts once.
One that is more than {_minutes(FRESH_MS)} old or early is answered `proof-stale` with a nonce that takes its place.

## Refresh tokens

`cairnrt_<tenant>_<session>_<number>_<mark>`, at most {refresh_token.LENGTH_MAX} characters.
Clients keep it whole and read nothing out of it.
Pages get it as the cookie `{COOKIE}` instead.
The same one may be sent again until its successor was used.

## Scopes

A token of a service account is limited to scopes.
One of a sign-in without a key is limited to {", ".join(f"`{each}`" for each in sorted(WITHOUT_KEY))}.
Both a scope and the role must open a route.
What no scope opens is for people, whose tokens are bound to a key and limited by their role alone.
"""

_LIMITS: Final = f"""
## How long, how many

| what | how much |
|---|---|
| an access token of a person | {_minutes(LIFE_MS)} |
| an access token of a service account | {LIFE_S_MAX // 60} minutes |
| a clock that differs from ours | {LEEWAY_S} seconds |
| what was looked up of a token is believed | {REMEMBERED_MS // 1_000} seconds |
| a session that nobody refreshes | {IDLE_MS_MAX // DAY_MS} days |
| a session, however often it is refreshed | {SESSION_MS_MAX // DAY_MS} days |
| devices of a person | {DEVICES_PER_PERSON_MAX} |
| late hand-in of a device, in all | {LATE_EVENTS_MAX:,} events and {LATE_BYTES_MAX // 1024 // 1024} MiB |
| late hand-in of a device that was lost | {REVOKED_HAND_IN_MS_MAX // DAY_MS} days |"""
