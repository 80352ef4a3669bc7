"""A case is found by the id of its event, and a person's replicas by the person."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX quarantine_tenant_id_idx ON quarantine (tenant, id);
CREATE INDEX replica_tenant_person_idx ON replica (tenant, person);
"""


def upgrade() -> None:
    op.execute(INDEXES)
