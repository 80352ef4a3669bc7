"""People, by what they sign in, and other systems that do: rows and the rules of passwords. Pure."""

from typing import Final, NamedTuple

import zxcvbn

from domain.people import Role

PASSWORD_LENGTH_MIN: Final = 15
PASSWORD_LENGTH_MAX: Final = 256
GUESSES_MIN: Final = 10**10
"""How many others somebody who guesses well would have tried first; below it a password counts as known."""
_LOOKED_AT_MAX: Final = 72
"""Letters of a password that are looked at for patterns: more would take long, and only make it better."""
_OURS: Final = ("cairnfield",)


class PersonRow(NamedTuple):
    """Somebody who works here, or did."""

    person: str
    name: str
    role: Role
    email: str | None
    is_active: bool


class SignInRow(NamedTuple):
    """By what somebody signs in."""

    person: str
    email: str
    """In lower case."""
    password_hash: str | None
    """None: only by passkeys."""


class Passkey(NamedTuple):
    """A passkey. Times are milliseconds since 1970."""

    credential: bytes
    person: str
    public_key: bytes
    uses: int
    name: str
    added_at_ms: int
    used_at_ms: int | None


class ServiceAccount(NamedTuple):
    """Another system that signs in. Times are milliseconds since 1970."""

    client: str
    person: str
    name: str
    scopes: tuple[str, ...]
    created_at_ms: int
    revoked_at_ms: int | None


class AuditEntry(NamedTuple):
    """Something that happened to somebody's access."""

    entry: str
    """A UUID of version 7."""
    at_ms: int
    kind: str
    person: str | None
    actor: str | None
    device: str | None
    session: str | None
    address: str | None
    detail: str


def email_spelled(email: str) -> str:
    """An e-mail address as it is looked up."""
    return email.strip().lower()


def is_guessed_early(password: str, *, email: str, name: str) -> bool:
    """Whether whoever guesses would soon come to it: a leaked or common one, a row of keys, a name, or such things in a
    row. Length counts, not kinds of characters.

    The lists of what has leaked are zxcvbn's (D. Wheeler, USENIX Security 2016), without a request to anybody.
    """
    known = [*_OURS, email.partition("@")[0], *name.split()]
    looked_at = password[:_LOOKED_AT_MAX]
    return any(_guesses(each, known) < GUESSES_MIN for each in (looked_at, "".join(looked_at.split())) if each)


def _guesses(password: str, known: list[str]) -> int:
    told = zxcvbn.zxcvbn(password, user_inputs=known)
    return int(told["guesses"])
