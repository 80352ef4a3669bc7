"""Accounts, in memory and in Postgres: the same promises."""

from collections.abc import Iterator

import pytest

from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from tests.devices import NOON, PERSON_1, PERSON_2, new_id

Accounts = MemoryAccounts | PostgresAccounts


@pytest.fixture(params=["memory", "postgres"])
def accounts(request: pytest.FixtureRequest) -> Iterator[Accounts]:
    if request.param == "memory":
        yield MemoryAccounts(MemoryEventLog())
        return
    with open_pool(request.getfixturevalue("embedded_database"), size=1) as pool:
        yield PostgresAccounts(pool)


def test_a_token_speaks_for_its_person_in_its_tenant(accounts: Accounts) -> None:
    tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
    accounts.add_person(tenant, person=PERSON_1, name="Ada", role="technician")
    token = accounts.issue(tenant, PERSON_1, now_ms=NOON)
    principal = accounts.principal(token, now_ms=NOON)
    assert principal is not None
    assert (principal.tenant, principal.person) == (tenant, PERSON_1)
    assert (principal.name, principal.role) == ("Ada", "technician")
    assert accounts.issue(tenant, PERSON_1, now_ms=NOON) != token
    for wrong in ("", "x", token + "x", token[:-1], token.replace(token[6:38], "0" * 32), token + "\n", "\x00"):
        assert accounts.principal(wrong, now_ms=NOON) is None


def test_d1_a_token_is_good_until_its_end(accounts: Accounts) -> None:
    tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
    accounts.add_person(tenant, person=PERSON_1, name="Ada", role="technician")
    token = accounts.issue(tenant, PERSON_1, now_ms=NOON, expires_at_ms=NOON + 10)
    assert accounts.principal(token, now_ms=NOON + 9) is not None
    assert accounts.principal(token, now_ms=NOON + 10) is None


def test_a_person_is_added_once_and_people_come_by_name(accounts: Accounts) -> None:
    tenant, other = (accounts.add_tenant(name, now_ms=NOON) for name in ("Harbour Town", "Hill Town"))
    accounts.add_person(tenant, person=PERSON_2, name="Ben", role="dispatcher")
    accounts.add_person(tenant, person=PERSON_1, name="Ada", role="technician")
    accounts.add_person(tenant, person=PERSON_1, name="Eve", role="admin")
    assert [(each.name, each.role) for each in accounts.people(tenant)] == [
        ("Ada", "technician"),
        ("Ben", "dispatcher"),
    ]
    assert accounts.people(other) == []


def test_a_tenant_may_bring_its_id(accounts: Accounts) -> None:
    wanted = new_id()
    assert accounts.add_tenant("Harbour Town", now_ms=NOON, tenant=wanted) == wanted
    assert accounts.tenants() == [(wanted, "Harbour Town")]
