"""People, by what they sign in, and other systems that do: rows and the rules of passwords. Pure."""

from typing import Final, NamedTuple

from domain.people import Role

PASSWORD_LENGTH_MIN: Final = 15
PASSWORD_LENGTH_MAX: Final = 256
_DIFFERENT_CHARACTERS_MIN: Final = 6
_GUESSED_FIRST: Final = ("password", "passwort", "qwerty", "123456", "letmein", "welcome", "cairnfield", "iloveyou")


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


def why_weak(password: str, *, email: str, name: str) -> str | None:
    """Why a password will not do, as a sentence; None where it will. Length counts, not kinds of characters."""
    if len(password) < PASSWORD_LENGTH_MIN:
        return f"It has fewer than {PASSWORD_LENGTH_MIN} characters: a few words with spaces are easy to keep in mind."
    if len(password) > PASSWORD_LENGTH_MAX:
        return f"It has more than {PASSWORD_LENGTH_MAX} characters."
    folded = password.lower()
    rest = folded
    for guessed in (*_GUESSED_FIRST, email.partition("@")[0].lower(), *name.lower().split()):
        rest = rest.replace(guessed, "") if len(guessed) > 2 else rest
    if len(set(folded)) < _DIFFERENT_CHARACTERS_MIN or len(rest) < PASSWORD_LENGTH_MIN // 2:
        return "It is among the first that anybody would guess."
    return None
