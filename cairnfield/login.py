"""Who may sign in to a server that `cairn up` started."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One person, the role they have, the bearer token that speaks for them, and by what they sign in themselves."""

    role: str
    name: str
    token: str | None
    """None where people sign in: others reach the server, and a token speaks for whoever holds it."""
    person: str
    """Their id."""
    email: str | None = None
    password: str | None = None
    """None where they have chosen one of their own."""
