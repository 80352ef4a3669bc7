"""Who signs in, by what, on which device, and what was noted of it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = r"""
ALTER TABLE person ADD COLUMN authority bigint NOT NULL DEFAULT 1;

CREATE TABLE sign_in (
    tenant uuid NOT NULL,
    person uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C",
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, person),
    UNIQUE (tenant, email),
    FOREIGN KEY (tenant, person) REFERENCES person
);

CREATE TABLE passkey (
    tenant uuid NOT NULL,
    credential bytea NOT NULL,
    person uuid NOT NULL,
    public_key bytea NOT NULL,
    uses bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    added_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant, credential),
    FOREIGN KEY (tenant, person) REFERENCES person
);
CREATE INDEX passkey_tenant_person_idx ON passkey (tenant, person);

CREATE TABLE device (
    tenant uuid NOT NULL,
    device uuid NOT NULL,
    person uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    platform text COLLATE "C",
    public_key jsonb NOT NULL,
    thumbprint text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'active'
        CONSTRAINT device_state_check CHECK (state IN ('active', 'lost', 'compromised')),
    registered_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    revoked_at timestamptz,
    late_events bigint NOT NULL DEFAULT 0,
    late_bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, device),
    UNIQUE (tenant, thumbprint),
    FOREIGN KEY (tenant, person) REFERENCES person
);
CREATE INDEX device_tenant_person_idx ON device (tenant, person);

CREATE TABLE device_replica (
    tenant uuid NOT NULL,
    replica text COLLATE "C" NOT NULL,
    device uuid NOT NULL,
    PRIMARY KEY (tenant, replica),
    FOREIGN KEY (tenant, device) REFERENCES device
);
CREATE INDEX device_replica_tenant_device_idx ON device_replica (tenant, device);

CREATE TABLE session (
    tenant uuid NOT NULL,
    session uuid NOT NULL,
    person uuid NOT NULL,
    device uuid,
    thumbprint text COLLATE "C" NOT NULL,
    refresh_key text COLLATE "C" NOT NULL,
    generation bigint NOT NULL CONSTRAINT session_generation_check CHECK (generation >= 0),
    way text COLLATE "C" NOT NULL CONSTRAINT session_way_check CHECK (way IN ('password', 'passkey')),
    signed_in_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text COLLATE "C",
    PRIMARY KEY (tenant, session),
    FOREIGN KEY (tenant, person) REFERENCES person
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX session_tenant_person_idx ON session (tenant, person);

CREATE TABLE service_account (
    tenant uuid NOT NULL,
    client uuid NOT NULL,
    person uuid NOT NULL,
    secret_hash bytea NOT NULL CONSTRAINT service_account_secret_hash_check CHECK (octet_length(secret_hash) = 32),
    scopes text[] COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (tenant, client),
    FOREIGN KEY (tenant, person) REFERENCES person
);

CREATE TABLE audit_entry (
    tenant uuid NOT NULL,
    entry uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    person uuid,
    actor uuid,
    device uuid,
    session uuid,
    address text COLLATE "C",
    detail text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, entry)
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON sign_in, device, session, service_account TO cairn_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON passkey TO cairn_api;
GRANT SELECT, INSERT ON device_replica, audit_entry TO cairn_api;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)
