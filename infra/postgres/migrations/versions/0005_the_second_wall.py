"""One tenant's rows are nobody else's, whatever a statement forgets to say; roles that read without writing."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    *("tenant", "person", "access_token", "log_head", "event", "entity", "replica", "held", "quarantine", "snapshot"),
    *("tracking", "grant_", "scope_link", "later_verdict", "sign_in", "passkey", "device", "device_replica", "session"),
    *("service_account", "audit_entry"),
    *(f"event_{number:02}" for number in range(16)),
)

ROLES = """
GRANT USAGE ON SCHEMA public TO cairn_projector, cairn_auditor;

-- Whoever works through all tenants must know which there are, and so must whoever migrates them one by one.
DROP POLICY IF EXISTS listed ON tenant;
CREATE POLICY listed ON tenant FOR SELECT TO cairn_projector, cairn_migrator USING (true);

GRANT SELECT ON tenant, log_head, event, entity TO cairn_projector;
GRANT SELECT, INSERT, UPDATE ON tracking TO cairn_projector;
GRANT SELECT, INSERT, DELETE ON snapshot TO cairn_projector;

GRANT SELECT ON tenant, person, log_head, event, entity, replica, held, quarantine, grant_, scope_link, later_verdict,
    audit_entry TO cairn_auditor;
"""


def upgrade() -> None:
    op.execute(keep_apart(*TABLES))
    op.execute(ROLES)
