"""Whether an access token still speaks for somebody: what it says, beside how its person stands now."""

from typing import NamedTuple

from domain.people import Role


class Speaker(NamedTuple):
    """Whom an access token names."""

    person: str
    session: str | None
    device: str | None
    client: str | None
    """A service account."""


class Standing(NamedTuple):
    """How they stand now."""

    name: str
    role: Role
    is_active: bool
    authority: int
    """Grows with every change of what they may do."""
    session_goes_on: bool
    device_is_good: bool
    client_is_good: bool


def is_good(standing: Standing, *, role: Role, authority: int) -> bool:
    """Whether a token that was made at this role and authority still counts."""
    return (
        standing.is_active
        and standing.session_goes_on
        and standing.device_is_good
        and standing.client_is_good
        and (standing.role, standing.authority) == (role, authority)
    )
