"""Who looks after what was set aside, and the queue of it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

QUEUE = """
ALTER TABLE quarantine ADD COLUMN owner uuid;
ALTER TABLE quarantine DROP CONSTRAINT quarantine_state_check;
ALTER TABLE quarantine ADD CONSTRAINT quarantine_state_check
    CHECK (state IN ('open', 'retried', 'resubmitted', 'approved', 'dismissed'));
CREATE INDEX quarantine_tenant_state_recorded_at_replica_seq_idx
    ON quarantine (tenant, state, recorded_at, replica, seq);
"""


def upgrade() -> None:
    op.execute(QUEUE)
