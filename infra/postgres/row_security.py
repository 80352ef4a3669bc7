"""Row-level security, table by table: what a migration says so that one tenant's rows are nobody else's.

    op.execute(keep_apart("webhook", "delivery"))

Whoever reads or writes such a table says first whose rows it is about, with `infra.postgres.of_tenant`; who has not is
shown nothing and may write nothing. `tests/infra/test_row_security.py` finds every table that was forgotten.
"""

from typing import Final

POLICY: Final = "of_tenant"
OF_TENANT: Final = "tenant = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
"""The sub-select is evaluated once per statement; without it, the setting is read once per row."""

OF_ANALYST: Final = (
    "tenant = ANY (ARRAY(SELECT analyst_login.tenant FROM public.analyst_login WHERE login = session_user))"
)
"""Whoever reads by SQL is of the tenant that their login is of, whatever they set."""
_KEEP_APART: Final = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {policy} ON {table};
CREATE POLICY {policy} ON {table} USING ({of_tenant});
"""


def keep_apart(*tables: str) -> str:
    """SQL that lets everybody, the owner too, see and write only rows of the tenant that the transaction names."""
    return "".join(_KEEP_APART.format(table=table, policy=POLICY, of_tenant=OF_TENANT) for table in tables)
