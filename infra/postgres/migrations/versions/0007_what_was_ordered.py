"""What orders were answered, so that one that is sent again has no second effect."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE order_answer (
    tenant uuid NOT NULL,
    person uuid NOT NULL,
    answered_at timestamptz NOT NULL,
    key text COLLATE "C" NOT NULL,
    order_hash bytea NOT NULL CONSTRAINT order_answer_order_hash_check CHECK (octet_length(order_hash) = 32),
    answer bytea NOT NULL,
    PRIMARY KEY (tenant, person, key)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX order_answer_tenant_answered_at_idx ON order_answer (tenant, answered_at);

GRANT SELECT, INSERT, DELETE ON order_answer TO cairn_api;
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(keep_apart("order_answer"))
