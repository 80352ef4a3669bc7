"""The read model: who reads it by SQL, and what stands still in it; its own tables are made by code, by version."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE analyst_login (
    tenant uuid NOT NULL,
    login text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, login),
    FOREIGN KEY (tenant) REFERENCES tenant
);

CREATE TABLE projection_parked (
    tenant uuid NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL CONSTRAINT projection_parked_position_check CHECK (position >= 1),
    parked_at timestamptz NOT NULL,
    entity uuid NOT NULL,
    why text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, version, entity)
);

GRANT USAGE ON SCHEMA public TO cairn_analyst;
GRANT SELECT ON analyst_login TO cairn_analyst;
GRANT SELECT ON projection_parked TO cairn_api, cairn_auditor;
GRANT SELECT ON tracking TO cairn_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection_parked TO cairn_projector;
GRANT DELETE ON tracking TO cairn_projector;
"""

# An analyst's login says which tenant they are of, and that they cannot change: a setting anybody can.
OWN_LOGIN = """
DROP POLICY IF EXISTS own_login ON analyst_login;
CREATE POLICY own_login ON analyst_login FOR SELECT TO cairn_analyst USING (login = session_user);
DROP POLICY IF EXISTS own_login_only ON analyst_login;
CREATE POLICY own_login_only ON analyst_login AS RESTRICTIVE FOR SELECT TO cairn_analyst USING (login = session_user);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(keep_apart("analyst_login", "projection_parked"))
    op.execute(OWN_LOGIN)
