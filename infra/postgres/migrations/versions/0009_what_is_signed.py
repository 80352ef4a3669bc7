"""The tiles of every log's Merkle tree, and the checkpoints that were signed of it."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE log_tile (
    tenant uuid NOT NULL,
    number bigint NOT NULL,
    level smallint NOT NULL,
    hashes bytea NOT NULL CONSTRAINT log_tile_hashes_check
        CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (tenant, level, number)
);
-- Hashes do not get smaller.
ALTER TABLE log_tile ALTER hashes SET STORAGE EXTERNAL;

CREATE TABLE log_checkpoint (
    tenant uuid NOT NULL,
    size bigint NOT NULL CONSTRAINT log_checkpoint_size_check CHECK (size >= 1),
    epoch uuid NOT NULL,
    signed_at timestamptz NOT NULL,
    root bytea NOT NULL CONSTRAINT log_checkpoint_root_check CHECK (octet_length(root) = 32),
    note bytea NOT NULL,
    PRIMARY KEY (tenant, size, epoch)
);
"""

GRANTS = """
GRANT SELECT ON log_tile, log_checkpoint TO cairn_api, cairn_auditor;
GRANT SELECT, INSERT, UPDATE ON log_tile TO cairn_projector;
GRANT SELECT, INSERT ON log_checkpoint TO cairn_projector;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)
    op.execute(keep_apart("log_tile", "log_checkpoint"))
