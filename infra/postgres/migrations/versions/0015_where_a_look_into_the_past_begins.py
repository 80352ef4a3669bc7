"""The states of long-lived entities after every so many of their events: where a look into their past begins."""

from alembic import op
from sqlalchemy import text

from infra.postgres.row_security import keep_apart

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE milestone (
    tenant uuid NOT NULL,
    entity uuid NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL CONSTRAINT milestone_position_check CHECK (position >= 1),
    epoch uuid NOT NULL,
    way text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    knew bytea NOT NULL,
    PRIMARY KEY (tenant, entity, version)
);

GRANT SELECT ON milestone TO cairn_api, cairn_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON milestone TO cairn_projector;
"""

COMPRESSION = "ALTER TABLE milestone ALTER state SET COMPRESSION lz4, ALTER knew SET COMPRESSION lz4"


def upgrade() -> None:
    op.execute(TABLE)
    # A server can be built without lz4, and the embedded one is; it then compresses by its own means.
    if op.get_bind().scalar(
        text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    ):
        op.execute(COMPRESSION)
    op.execute(keep_apart("milestone"))
