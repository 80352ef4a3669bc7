"""A password for everybody whom `cairn up` or its demo has made up, the same for all and other on every machine.

Nobody who works here for real is given one: only people whose e-mail leads nowhere.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cairnfield.login import Login
from cairnfield.sign_in import MADE_UP, kept_in, write_private

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infra.postgres.pool import Connection
    from sync.log import TenantId

PASSWORDS_FILE: Final = "passwords.json"
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_ROLES: Final = frozenset({"dispatcher", "technician", "supervisor", "analyst", "auditor", "admin"})
"""Other systems sign in by service accounts."""


def with_passwords(
    logins: Sequence[Login], pool: "ConnectionPool[Connection]", tenant: "TenantId", *, data: Path, now_ms: int
) -> list[Login]:
    """The same logins, each with the e-mail and password that sign its person in, where they have not changed it."""
    from commands.people import SignInRow
    from infra.postgres.people import PostgresPeople
    from infra.postgres.sign_in import PostgresSignIns

    people, sign_ins = PostgresPeople(pool), PostgresSignIns(pool)
    kept = _kept(data / PASSWORDS_FILE)
    told: list[Login] = []
    for login in logins:
        person, row = people.person(tenant, login.person), sign_ins.of_person(tenant, login.person)
        is_made_up = login.role in _ROLES and person and person.email and person.email.endswith(f"@{MADE_UP}")
        if row is None and is_made_up and person and person.email:
            row = SignInRow(login.person, person.email, kept["hash"])
            sign_ins.keep(tenant, row, now_ms=now_ms)
        if row is None:
            told.append(login)
            continue
        password = kept["password"] if row.password_hash == kept["hash"] else None
        told.append(replace(login, email=row.email, password=password))
    return told


def _kept(path: Path) -> dict[str, str]:
    """The password and its hash, made at the first start."""
    from infra.passwords import Argon2Passwords

    kept = kept_in(path)
    if {"password", "hash"} <= kept.keys():
        return kept
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(_GROUPS))
    password = "-".join(groups)
    made = {"password": password, "hash": Argon2Passwords().hash(password)}
    write_private(path, made)
    return made
