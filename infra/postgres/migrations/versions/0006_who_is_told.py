"""Webhooks: who is told of events, how far they were told, what came of every try, and what was given up."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE webhook (
    tenant uuid NOT NULL,
    webhook uuid NOT NULL,
    owner uuid NOT NULL,
    position bigint NOT NULL CONSTRAINT webhook_position_check CHECK (position >= 0),
    version bigint NOT NULL DEFAULT 1,
    failures bigint NOT NULL DEFAULT 0 CONSTRAINT webhook_failures_check CHECK (failures >= 0),
    generation bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    overlap_until timestamptz,
    claimed_until timestamptz,
    claim uuid,
    just_buried boolean NOT NULL DEFAULT false,
    slow boolean NOT NULL DEFAULT false,
    state text COLLATE "C" NOT NULL DEFAULT 'active'
        CONSTRAINT webhook_state_check CHECK (state IN ('active', 'paused', 'disabled')),
    reason text COLLATE "C",
    name text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    facts text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, webhook),
    FOREIGN KEY (tenant, owner) REFERENCES person
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE webhook_errand (
    tenant uuid NOT NULL,
    webhook uuid NOT NULL,
    errand uuid NOT NULL,
    position bigint NOT NULL,
    to_position bigint NOT NULL,
    failures bigint NOT NULL DEFAULT 0,
    asked_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    asked_by uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CONSTRAINT webhook_errand_kind_check CHECK (kind IN ('replay', 'ping')),
    PRIMARY KEY (tenant, webhook, errand),
    FOREIGN KEY (tenant, webhook) REFERENCES webhook ON DELETE CASCADE
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE webhook_delivery (
    tenant uuid NOT NULL,
    webhook uuid NOT NULL,
    delivery uuid NOT NULL,
    position bigint,
    took_ms bigint NOT NULL,
    attempt bigint NOT NULL,
    sent_at timestamptz NOT NULL,
    status smallint,
    kind text COLLATE "C" NOT NULL,
    message text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL
        CONSTRAINT webhook_delivery_outcome_check CHECK (outcome IN ('delivered', 'failed', 'dead', 'gone')),
    error text COLLATE "C" NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (tenant, webhook, sent_at, delivery),
    FOREIGN KEY (tenant, webhook) REFERENCES webhook ON DELETE CASCADE
);
CREATE INDEX webhook_delivery_tenant_sent_at_idx ON webhook_delivery (tenant, sent_at);

CREATE TABLE webhook_dead_letter (
    tenant uuid NOT NULL,
    webhook uuid NOT NULL,
    position bigint NOT NULL,
    buried_at timestamptz NOT NULL,
    status smallint,
    message text COLLATE "C" NOT NULL,
    error text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, webhook, position),
    FOREIGN KEY (tenant, webhook) REFERENCES webhook ON DELETE CASCADE
);
"""

# People subscribe and look; whoever delivers works through the logs of all tenants, and writes what came of it.
GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook TO cairn_api;
GRANT SELECT, INSERT ON webhook_errand TO cairn_api;
GRANT SELECT ON webhook_delivery, webhook_dead_letter TO cairn_api;

GRANT SELECT ON person TO cairn_projector;
GRANT SELECT (tenant, person, revoked_at) ON service_account TO cairn_projector;
GRANT SELECT, UPDATE ON webhook TO cairn_projector;
GRANT SELECT, UPDATE, DELETE ON webhook_errand TO cairn_projector;
GRANT SELECT, INSERT, DELETE ON webhook_delivery TO cairn_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_dead_letter TO cairn_projector;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)
    op.execute(keep_apart("webhook", "webhook_errand", "webhook_delivery", "webhook_dead_letter"))
