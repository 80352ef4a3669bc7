"""The audit is a Merkle log of its own: each entry gets a place in it, and nothing else of it ever changes."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Entries from before have no place yet: they are given theirs like any that was just noted.
ENTRIES = """
ALTER TABLE audit_entry
    ADD COLUMN position bigint CONSTRAINT audit_entry_position_check CHECK (position >= 1),
    ADD COLUMN salt bytea CONSTRAINT audit_entry_salt_check CHECK (octet_length(salt) = 16),
    ADD COLUMN sealed bytea CONSTRAINT audit_entry_sealed_check CHECK (octet_length(sealed) = 32),
    ADD CONSTRAINT audit_entry_tenant_position_key UNIQUE (tenant, position);
CREATE INDEX audit_entry_tenant_entry_idx ON audit_entry (tenant, entry) WHERE position IS NULL;
"""

TABLES = """
CREATE TABLE audit_head (
    tenant uuid NOT NULL,
    position bigint NOT NULL CONSTRAINT audit_head_position_check CHECK (position >= 0),
    durable bigint NOT NULL DEFAULT 0 CONSTRAINT audit_head_durable_check CHECK (durable >= 0),
    frontier bytea[] NOT NULL,
    PRIMARY KEY (tenant),
    FOREIGN KEY (tenant) REFERENCES tenant
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE audit_tile (
    tenant uuid NOT NULL,
    number bigint NOT NULL,
    level smallint NOT NULL,
    hashes bytea NOT NULL CONSTRAINT audit_tile_hashes_check
        CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (tenant, level, number)
);
-- Hashes do not get smaller.
ALTER TABLE audit_tile ALTER hashes SET STORAGE EXTERNAL;

CREATE TABLE audit_checkpoint (
    tenant uuid NOT NULL,
    size bigint NOT NULL CONSTRAINT audit_checkpoint_size_check CHECK (size >= 1),
    epoch uuid NOT NULL,
    signed_at timestamptz NOT NULL,
    root bytea NOT NULL CONSTRAINT audit_checkpoint_root_check CHECK (octet_length(root) = 32),
    note bytea NOT NULL,
    PRIMARY KEY (tenant, size, epoch)
);
"""

GRANTS = """
GRANT SELECT ON audit_head, audit_tile, audit_checkpoint TO cairn_api, cairn_auditor;
GRANT SELECT, UPDATE (position, salt) ON audit_entry TO cairn_projector;
GRANT SELECT, INSERT, UPDATE ON audit_head, audit_tile TO cairn_projector;
GRANT SELECT, INSERT ON audit_checkpoint TO cairn_projector;
"""

REFUSAL = """
CREATE OR REPLACE FUNCTION refuse_to_rewrite_the_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: entries are added, never changed and never removed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

# A place is given once. What may be personal can be erased by whoever owns the tables, and says so in the transaction,
# where the hash that the leaf has is put in its stead.
LET_CHANGE = """
CREATE OR REPLACE FUNCTION let_only_places_be_given() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    given public.audit_entry := OLD;
    erased public.audit_entry := OLD;
BEGIN
    given.position := NEW.position;
    given.salt := NEW.salt;
    IF OLD.position IS NULL AND NEW.position IS NOT NULL AND NEW.salt IS NOT NULL AND NEW IS NOT DISTINCT FROM given
    THEN
        RETURN NEW;
    END IF;
    erased.address := NULL;
    erased.detail := '';
    erased.salt := NULL;
    erased.sealed := sha256(OLD.salt || convert_to(
        concat('[', coalesce(to_json(OLD.address)::text, 'null'), ',', to_json(OLD.detail), ']'), 'UTF8'));
    IF OLD.position IS NOT NULL AND OLD.sealed IS NULL AND NEW IS NOT DISTINCT FROM erased
        AND current_user = 'cairn_migrator' AND current_setting('app.erases', true) = 'yes'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'UPDATE on % refused: an entry gets its place once, and nothing else of it changes', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'What is personal is erased by `cairn audit erase`.';
END $$;
"""

TRIGGERS = """
CREATE OR REPLACE TRIGGER insert_only BEFORE DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_the_audit();
CREATE OR REPLACE TRIGGER without_a_place BEFORE INSERT ON audit_entry
    FOR EACH ROW WHEN (NEW.position IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.sealed IS NOT NULL)
    EXECUTE FUNCTION refuse_to_rewrite_the_audit();
CREATE OR REPLACE TRIGGER only_places_are_given BEFORE UPDATE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION let_only_places_be_given();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER without_a_place;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER only_places_are_given;
"""


def upgrade() -> None:
    op.execute(ENTRIES)
    op.execute(TABLES)
    op.execute(GRANTS)
    op.execute(keep_apart("audit_head", "audit_tile", "audit_checkpoint"))
    op.execute(REFUSAL)
    op.execute(LET_CHANGE)
    op.execute(TRIGGERS)
