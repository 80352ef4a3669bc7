"""Who sees what: grants that follow from visits, what a job leads to, verdicts that come later, the durable mark."""

from typing import cast

import psycopg
from alembic import op

from infra.postgres.refold import refold

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = r"""
ALTER TABLE log_head ADD COLUMN durable bigint NOT NULL DEFAULT 0
    CONSTRAINT log_head_durable_check CHECK (durable >= 0);

CREATE INDEX entity_tenant_scope_entity_idx ON entity (tenant, scope, entity);

CREATE TABLE grant_ (
    tenant uuid NOT NULL,
    person uuid NOT NULL,
    scope text COLLATE "C" NOT NULL,
    via uuid NOT NULL,
    from_position bigint NOT NULL CONSTRAINT grant__from_position_check CHECK (from_position >= 1),
    to_position bigint CONSTRAINT grant__to_position_check CHECK (to_position > from_position),
    PRIMARY KEY (tenant, person, scope, via, from_position)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE scope_link (
    tenant uuid NOT NULL,
    scope text COLLATE "C" NOT NULL,
    leads_to text COLLATE "C" NOT NULL,
    position bigint NOT NULL CONSTRAINT scope_link_position_check CHECK (position >= 1),
    PRIMARY KEY (tenant, scope, leads_to)
);
CREATE INDEX scope_link_tenant_leads_to_scope_idx ON scope_link (tenant, leads_to, scope);

CREATE TABLE later_verdict (
    tenant uuid NOT NULL,
    replica text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    position bigint NOT NULL CONSTRAINT later_verdict_position_check CHECK (position >= 0),
    id uuid,
    verdict jsonb NOT NULL,
    PRIMARY KEY (tenant, replica, position, seq),
    FOREIGN KEY (tenant, replica) REFERENCES replica
);
"""

GRANTS = """
GRANT SELECT, INSERT ON scope_link TO cairn_api;
GRANT SELECT, INSERT, UPDATE ON grant_, later_verdict TO cairn_api;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)
    # States are spelled otherwise than when 0001 was new, and grants follow from events that may be there already.
    # Nobody appends meanwhile: the new column of log_head keeps that table locked until the commit.
    refold(cast("psycopg.Connection", op.get_bind().connection.driver_connection))
