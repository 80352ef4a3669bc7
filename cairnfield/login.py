"""Who may sign in to a server that `cairn up` started."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One person, the role they have, and the bearer token that speaks for them."""

    role: str
    name: str
    token: str
