"""The frontier of every log's Merkle tree, which an append continues."""

from typing import cast

import psycopg
from alembic import op

from infra.postgres.frontier import rebuild

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Nobody appends meanwhile, and who waits for it appends with the code that knows of the frontier.
ALONE = "LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE"


def upgrade() -> None:
    op.execute(ALONE)
    rebuild(cast("psycopg.Connection", op.get_bind().connection.driver_connection))
