"""The log: tenants and their people, events and what they add up to, and what waits or was set aside."""

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = r"""
CREATE TABLE tenant (
    tenant uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE person (
    tenant uuid NOT NULL REFERENCES tenant,
    person uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL CONSTRAINT person_role_check
        CHECK (role IN ('technician', 'dispatcher', 'supervisor', 'analyst', 'auditor', 'admin', 'integration')),
    email text COLLATE "C",
    active boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, person)
);

CREATE TABLE access_token (
    tenant uuid NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT access_token_token_hash_check CHECK (octet_length(token_hash) = 32),
    person uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (tenant, token_hash),
    FOREIGN KEY (tenant, person) REFERENCES person
);

CREATE TABLE log_head (
    tenant uuid PRIMARY KEY REFERENCES tenant,
    position bigint NOT NULL DEFAULT 0 CONSTRAINT log_head_position_check CHECK (position >= 0),
    epoch uuid NOT NULL,
    frontier bytea[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE event (
    tenant uuid NOT NULL,
    position bigint NOT NULL CONSTRAINT event_position_check CHECK (position >= 1),
    version bigint NOT NULL CONSTRAINT event_version_check CHECK (version >= 0),
    seq bigint NOT NULL CONSTRAINT event_seq_check CHECK (seq >= 1),
    recorded_at timestamptz NOT NULL,
    id uuid NOT NULL,
    entity uuid NOT NULL,
    schema_version smallint NOT NULL,
    replica text COLLATE "C" NOT NULL CONSTRAINT event_replica_check
        CHECK (octet_length(replica) = 13 AND ltrim(replica, 'abcdefghijklmnopqrstuvwxyz234567') = ''),
    entity_type text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    effective text COLLATE "C" NOT NULL CONSTRAINT event_effective_check
        CHECK (octet_length(effective) = 16 AND ltrim(effective, '0123456789abcdef') = ''),
    actor text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant, position),
    UNIQUE (tenant, replica, seq),
    UNIQUE (tenant, entity, version),
    UNIQUE (tenant, id)
) PARTITION BY HASH (tenant);
CREATE INDEX event_tenant_scope_position_idx ON event (tenant, scope, position);
-- Whoever reads an event reads its body: it stays in the row, whatever its size, as long as the row fits a page.
ALTER TABLE event ALTER body SET STORAGE MAIN;

CREATE TABLE entity (
    tenant uuid NOT NULL,
    entity uuid NOT NULL,
    version bigint NOT NULL CONSTRAINT entity_version_check CHECK (version >= 0),
    type text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (tenant, entity)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
CREATE INDEX entity_tenant_type_entity_idx ON entity (tenant, type, entity);

CREATE TABLE replica (
    tenant uuid NOT NULL,
    replica text COLLATE "C" NOT NULL CONSTRAINT replica_replica_check CHECK (replica ~ '^r[a-z2-7]{12}$'),
    person uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    minted_at timestamptz NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0 CONSTRAINT replica_last_seq_check CHECK (last_seq >= 0),
    last_hash bytea CONSTRAINT replica_last_hash_check CHECK (octet_length(last_hash) = 32),
    PRIMARY KEY (tenant, replica),
    FOREIGN KEY (tenant, person) REFERENCES person
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE held (
    tenant uuid NOT NULL,
    replica text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    id uuid NOT NULL,
    entity uuid NOT NULL,
    missing jsonb NOT NULL,
    actor text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, replica, seq),
    FOREIGN KEY (tenant, replica) REFERENCES replica
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX held_tenant_entity_idx ON held (tenant, entity);

CREATE TABLE quarantine (
    tenant uuid NOT NULL,
    replica text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    id uuid,
    entity uuid,
    code text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    retryable boolean NOT NULL,
    actor text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'open' CONSTRAINT quarantine_state_check
        CHECK (state IN ('open', 'resubmitted', 'approved', 'reassigned', 'dismissed')),
    PRIMARY KEY (tenant, replica, seq),
    FOREIGN KEY (tenant, replica) REFERENCES replica
);

CREATE TABLE snapshot (
    tenant uuid NOT NULL,
    entity uuid NOT NULL,
    version bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (tenant, entity, version)
);

CREATE TABLE tracking (
    tenant uuid NOT NULL,
    application text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant, application)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
"""

COMPRESSION = """
ALTER TABLE event ALTER body SET COMPRESSION lz4;
ALTER TABLE entity ALTER state SET COMPRESSION lz4;
ALTER TABLE snapshot ALTER state SET COMPRESSION lz4;
"""

PARTITION = """
CREATE TABLE event_{number:02} PARTITION OF event FOR VALUES WITH (MODULUS 16, REMAINDER {number})
WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_freeze_min_age = 0);
"""

REFUSAL = """
CREATE FUNCTION refuse_to_rewrite_the_log() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: events are added, never changed and never removed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Correct an event by appending another that refers to it.';
END $$;
"""

# By statement, because a TRUNCATE has no rows, and so on each partition too, which a statement can name by itself.
# ALWAYS, because a superuser who sets session_replication_role = replica switches ordinary triggers off.
TRIGGER = """
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_the_log();
ALTER TABLE ONLY {table} ENABLE ALWAYS TRIGGER insert_only;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO cairn_api;
GRANT SELECT, INSERT ON event TO cairn_api;
GRANT SELECT, INSERT, DELETE ON snapshot TO cairn_api;
GRANT SELECT, INSERT, UPDATE ON tenant, person, log_head, entity, replica, quarantine, tracking TO cairn_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON access_token, held TO cairn_api;
"""


def upgrade() -> None:
    op.execute(TABLES)
    # A server can be built without lz4, and the embedded one is; it then compresses by its own means.
    if op.get_bind().scalar(
        text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    ):
        op.execute(COMPRESSION)
    op.execute(REFUSAL)
    partitions = range(16)
    for number in partitions:
        op.execute(PARTITION.format(number=number))
    for table in ("event", *(f"event_{number:02}" for number in partitions)):
        op.execute(TRIGGER.format(table=table))
    op.execute(GRANTS)
