"""Bodies of old events may lie in files: a mark stands in the log for each, and nothing else about it may change."""

from alembic import op

from infra.postgres.row_security import keep_apart

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE cold_file (
    tenant uuid NOT NULL,
    file uuid NOT NULL,
    first_position bigint NOT NULL CONSTRAINT cold_file_first_position_check CHECK (first_position >= 1),
    last_position bigint NOT NULL,
    events bigint NOT NULL CONSTRAINT cold_file_events_check CHECK (events >= 1),
    bytes bigint NOT NULL,
    moved_at timestamptz NOT NULL,
    sha256 bytea NOT NULL CONSTRAINT cold_file_sha256_check CHECK (octet_length(sha256) = 32),
    path text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, file),
    FOREIGN KEY (tenant) REFERENCES tenant
);
GRANT SELECT ON cold_file TO cairn_api, cairn_projector, cairn_auditor;
"""

# Whoever owns the tables says so first, in the transaction; and then each row is looked at by itself.
REFUSAL = r"""
CREATE OR REPLACE FUNCTION refuse_to_rewrite_the_log() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'cairn_migrator' AND current_setting('app.moves_bodies', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% on % refused: events are added, never changed and never removed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Correct an event by appending another that refers to it.';
END $$;
"""

LET_MOVE = r"""
CREATE OR REPLACE FUNCTION let_only_bodies_move() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    was_cold constant boolean := octet_length(OLD.body) = 57 AND substr(OLD.body, 1, 5) = '\x00636f6c64'::bytea;
    is_cold constant boolean := octet_length(NEW.body) = 57 AND substr(NEW.body, 1, 5) = '\x00636f6c64'::bytea;
    told constant bytea := NEW.body;
BEGIN
    NEW.body := OLD.body;
    IF NEW IS NOT DISTINCT FROM OLD AND (
        NOT was_cold AND is_cold AND substr(told, 26) = sha256(OLD.body) AND EXISTS (
            SELECT FROM public.cold_file
            WHERE cold_file.tenant = NEW.tenant AND cold_file.file = encode(substr(told, 6, 16), 'hex')::uuid)
        OR was_cold AND NOT is_cold AND sha256(told) = substr(OLD.body, 26)
    ) THEN
        NEW.body := told;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'UPDATE on % refused: a body may move to a cold file and back, and nothing else may change',
        TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""

TRIGGER = """
CREATE OR REPLACE TRIGGER only_bodies_move BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION let_only_bodies_move();
ALTER TABLE ONLY {table} ENABLE ALWAYS TRIGGER only_bodies_move;
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(keep_apart("cold_file"))
    op.execute(REFUSAL)
    op.execute(LET_MOVE)
    for number in range(16):
        op.execute(TRIGGER.format(table=f"event_{number:02}"))
