"""Who gets a login, and who does not."""

from pathlib import Path

from cairnfield.sign_in import ROLES, logins
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from sync.office import OFFICE, office_of
from tests.devices import NOON


def test_the_office_for_which_the_server_speaks_signs_in_nowhere(database: str, tmp_path: Path) -> None:
    with open_pool(database, size=1) as pool:
        accounts = PostgresAccounts(pool)
        tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
        accounts.add_person(tenant, person=office_of(tenant).person, name=OFFICE, role="integration")
        found = logins(accounts, tenant, data=tmp_path, now_ms=NOON)
    assert [each.role for each in found] == list(ROLES)
    assert OFFICE not in {each.name for each in found}
