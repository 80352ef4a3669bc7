"""A cold file stays when its bodies were brought back, because a backup may still name it: its row says since when."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cold_file ADD COLUMN restored_at timestamptz")
