"""Who may sign in to what `cairn up` started: a login for every role, with tokens that stay good from start to start.

The database keeps only hashes of tokens, so the tokens themselves are kept beside it, in a file for its owner's eyes;
`cairnfield.demo_passwords` does the same for passwords.
"""

import json
import os
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from cairnfield.login import Login

if TYPE_CHECKING:
    from collections.abc import Collection

    from commands.authority import Principal
    from domain.people import Role
    from infra.postgres.accounts import PostgresAccounts
    from sync.log import TenantId

TOKENS_FILE: Final = "logins.json"
ROLES: Final[tuple["Role", ...]] = (
    *("dispatcher", "technician", "supervisor", "analyst", "auditor", "admin", "integration"),
)
MADE_UP: Final = "harbour.example"
"""The domain of everybody whom the demo, or this command, has made up: nobody has mail there."""
LISTED_MAX: Final = 20
"""Up to so many people all get a login; of a larger tenant one for each role does."""
_TOKENS: Final = TypeAdapter(dict[str, str])


def logins(
    accounts: "PostgresAccounts",
    tenant: "TenantId",
    *,
    data: Path,
    now_ms: int,
    bearers: "Collection[Role]" = ROLES,
) -> list[Login]:
    """A login for each role at least, in the order of ROLES; people are made up for roles that nobody has.

    Tokens are given to people in the roles of `bearers`.
    """
    present = {person.role for person in _people(accounts, tenant)}
    for role in ROLES:
        if role not in present:
            email = f"{role}@{MADE_UP}"
            accounts.add_person(tenant, person=str(uuid.uuid4()), name=f"Operator ({role})", role=role, email=email)
    chosen = _chosen(_people(accounts, tenant))
    kept = kept_in(data / TOKENS_FILE)
    tokens = {
        person.person: _good(accounts, person, kept.get(person.person), now_ms)
        or accounts.issue(tenant, person.person, now_ms=now_ms)
        for person in chosen
        if person.role in bearers
    }
    if tokens.items() - kept.items():
        write_private(data / TOKENS_FILE, {**kept, **tokens})
    return [
        Login(role=person.role, name=person.name, token=tokens.get(person.person), person=person.person)
        for person in chosen
    ]


def _people(accounts: "PostgresAccounts", tenant: "TenantId") -> "list[Principal]":
    """Everybody who may sign in but the office, for which the server itself speaks."""
    from sync.office import office_of

    office = office_of(tenant).person
    return [each for each in accounts.people(tenant) if each.person != office]


def _chosen(people: "list[Principal]") -> "list[Principal]":
    listed = sorted((each for each in people if each.role in ROLES), key=lambda each: ROLES.index(each.role))
    if len(listed) <= LISTED_MAX:
        return listed
    return [next(each for each in listed if each.role == role) for role in ROLES]


def _good(accounts: "PostgresAccounts", person: "Principal", token: str | None, now_ms: int) -> str | None:
    return token if token and accounts.principal(token, now_ms=now_ms) == person else None


def kept_in(path: Path) -> dict[str, str]:
    """What the last start wrote there, such as each person's token; nothing where it is not there in one piece."""
    try:
        return _TOKENS.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def write_private(path: Path, document: object) -> None:
    """Write a JSON file whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, writing = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=2)
    Path(writing).replace(path)
